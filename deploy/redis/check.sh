#!/bin/sh
# The health check: Redis answers to who knows the password.
REDISCLI_AUTH=$(cat /run/secrets/redis_password)
export REDISCLI_AUTH
redis-cli ping | grep -q PONG
