#!/bin/sh
# Asks the gateway as a browser does, by the name of the site (job "gateway" of prometheus.yml), and for its certificate (job "certificate").
# Whether the certificate is one that browsers trust is not looked at, only when it ends; and that only where it is made for months: the
# gateway's own authority (TLS=internal) makes one for hours again and again. With TLS=off nobody listens there, so there is no such module,
# and Prometheus hears nothing of that job.
set -eu
file=${CONFIGURATION:-/tmp/blackbox.yml}
cat >"$file" <<END
modules:
  site:
    prober: http
    timeout: 4s
    http:
      headers: {Host: "$PUBLIC_HOST"}
      # With TLS it leads to HTTPS, which the other job asks.
      follow_redirects: false
      valid_status_codes: [200, 308]
END
case ${TLS:-automatic} in
  off) ;;
  internal)
    cat >>"$file" <<END
  tls: {prober: tcp, timeout: 4s}
END
    ;;
  *)
    cat >>"$file" <<END
  tls:
    prober: tcp
    timeout: 4s
    tcp:
      tls: true
      tls_config: {server_name: "$PUBLIC_HOST", insecure_skip_verify: true}
END
    ;;
esac
[ "${1:-}" = --only-write ] || exec "${BLACKBOX:-/bin/blackbox_exporter}" --config.file="$file" "$@"
