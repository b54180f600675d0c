#!/bin/sh
# Starts PgBouncer with the passwords of the secrets: in a file in memory, in no argument and no variable.
set -eu
umask 077
folder=${SECRETS_FOLDER:-/run/secrets}
users=${USERS_FILE:-/tmp/users.txt}
: >"$users"
for pair in auth:auth events:event notifications:notification; do
  password=$(sed 's/"/""/g' "$folder/${pair#*:}_database_password")
  printf '"%s" "%s"\n' "${pair%%:*}" "$password" >>"$users"
done
exec pgbouncer "${1:-/deploy/pgbouncer.ini}"
