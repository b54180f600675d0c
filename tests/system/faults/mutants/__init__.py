"""Workers that lack one guard, for ``celery -A``, and one that is only less patient."""
