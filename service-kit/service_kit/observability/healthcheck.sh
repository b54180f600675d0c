#!/bin/bash
# Whether a server in this container answers 200: healthcheck.sh [PORT PATH], by default the API. Bash itself asks: the
# images have no curl, and to start Python costs more than all else that an idle process does.
exec 3<>"/dev/tcp/127.0.0.1/${1:-${PORT:-8000}}" || exit 1
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "${2:-/health/live}" >&3
read -r -t 2 _ status _ <&3 && [ "$status" = 200 ]
