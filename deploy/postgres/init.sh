#!/bin/sh
# Run once, by an empty PostgreSQL: a database for each service, which no other may read.
set -eu

make_database() { # NAME PASSWORD
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set name="$1" --set password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

make_database auth "$AUTH_DATABASE_PASSWORD"
make_database events "$EVENT_DATABASE_PASSWORD"
make_database notifications "$NOTIFICATION_DATABASE_PASSWORD"
