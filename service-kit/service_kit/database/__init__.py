"""PostgreSQL: engine and sessions (the one place that commits), tables, errors by SQLSTATE, migrations.

It stands on the modules beside it only."""
