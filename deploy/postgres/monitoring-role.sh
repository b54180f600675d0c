#!/bin/sh
# Before postgres-exporter starts, each time: its role, which reads statistics and no service's database. In init.sh
# it would be there only in a PostgreSQL that began with this release.
set -eu
secrets=${SECRETS_FOLDER:-/run/secrets}
# As in init.sh: no password in a list of processes or in a log.
PGPASSWORD=$(cat "$secrets/postgres_password")
PARTERRE_PASSWORD=$(cat "$secrets/monitoring_database_password")
export PGPASSWORD PARTERRE_PASSWORD
exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
\getenv password PARTERRE_PASSWORD
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET client_min_messages = 'warning';
SELECT 'CREATE ROLE monitoring' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'monitoring') \gexec
ALTER ROLE monitoring LOGIN CONNECTION LIMIT 5 PASSWORD :'password';
GRANT pg_monitor TO monitoring;
SQL
