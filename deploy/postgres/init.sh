#!/bin/sh
# Run once, by an empty PostgreSQL: a database for each service, which no other may read.
set -eu

# The password is read from the environment of psql: arguments are shown in the machine's list of processes. And
# a statement that takes long is not written to the log with it.
make_database() { # NAME PASSWORD
  PARTERRE_PASSWORD=$2 psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set name="$1" <<'SQL'
\getenv password PARTERRE_PASSWORD
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

make_database auth "$AUTH_DATABASE_PASSWORD"
make_database events "$EVENT_DATABASE_PASSWORD"
make_database notifications "$NOTIFICATION_DATABASE_PASSWORD"
