"""What operators see: JSON logs, Sentry, gauges, the health check of a container.

It stands on ``database`` only."""
