"""From a transaction to the queue and back: outbox, relay, periodic jobs, Celery, clients of other services.

It stands on ``database`` and ``observability``."""
