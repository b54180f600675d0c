"""Sends the mails: ``service.py`` calls the four steps claim, prepare, send and record, each in a file of its
own. Each returns what the next one needs, or an ``Outcome``; ``consumer.py`` takes messages from the queue,
``sweep.py`` puts due mails on it."""
