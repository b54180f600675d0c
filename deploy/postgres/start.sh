#!/bin/sh
# Starts PostgreSQL. Only root can read the secrets, and init.sh runs as postgres: for the first start, when
# there is no database yet, they are handed over in the environment of this one process.
set -eu
if [ ! -s "${PGDATA:-/var/lib/postgresql/data}/PG_VERSION" ]; then
  for name in postgres auth_database event_database notification_database; do
    variable=$(printf %s "${name}_password" | tr '[:lower:]' '[:upper:]')
    export "$variable=$(cat "/run/secrets/${name}_password")"
  done
fi
exec docker-entrypoint.sh "$@"
