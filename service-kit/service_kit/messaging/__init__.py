"""From a transaction to the queue and back: outbox, relay, Celery, and clients of other services.

It stands on ``database`` and ``observability``."""
