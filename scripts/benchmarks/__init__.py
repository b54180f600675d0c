"""``scripts/bench``: how fast Parterre is, each figure against another measured in the same run.

``servers.py`` starts what is measured, also of another revision (``revisions.py``); ``load.py`` and
``pgbench.py`` load it; each subject has a file, and its SQL is in ``statements.sql``.
"""
