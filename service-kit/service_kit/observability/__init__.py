"""What operators see: JSON logs, gauges, the health check of a container; ``service_kit.sentry`` beside it.

It stands on ``database`` only."""
