#!/bin/sh
# Starts Redis with the password of secrets/redis_password; arguments go to redis-server. The password is given
# as a hash, in a configuration from standard input: it is in no argument, no variable and no file.
set -eu
hash=$(printf %s "$(cat /run/secrets/redis_password)" | sha256sum | cut -d ' ' -f 1)
# The image's own entrypoint gives up root. No pipe: Redis is to be the process that gets the signals.
exec docker-entrypoint.sh redis-server - "$@" <<CONFIGURATION
user default on #$hash ~* &* +@all
CONFIGURATION
