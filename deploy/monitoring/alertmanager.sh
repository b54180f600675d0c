#!/bin/sh
# Alerts go by mail to ALERT_EMAIL, through the mail server of Parterre itself; without an address they are only seen in Prometheus.
# Port 465 speaks TLS from the start, whatever is said here; so does SMTP_SECURITY=tls with its usual port.
set -eu
file=${CONFIGURATION:-/tmp/alertmanager.yml}
# For YAML, in which a quote within quotes is written twice.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }
case ${SMTP_SECURITY:-starttls} in
  none) tls=false port=25 ;;
  tls) tls=true port=465 ;;
  *) tls=true port=587 ;;
esac
{
  echo "route: {receiver: operators, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h}"
  echo "receivers:"
  if [ -n "${ALERT_EMAIL:-}" ] && [ -n "${SMTP_HOST:-}" ]; then
    cat <<END
  - name: operators
    email_configs:
      - to: $(quoted "$ALERT_EMAIL")
        from: $(quoted "$MAIL_FROM")
        smarthost: $(quoted "$SMTP_HOST:${SMTP_PORT:-$port}")
        require_tls: $tls
        send_resolved: true
        headers: {Subject: 'Parterre: {{ .CommonLabels.alertname }} ({{ .Status }})'}
        html: ''
        text: |
          {{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}
          {{ .Annotations.runbook }}

          {{ end }}
END
    if [ -n "${SMTP_USER:-}" ]; then
      echo "        auth_username: $(quoted "$SMTP_USER")"
      echo "        auth_password_file: /run/secrets/smtp_password"
    fi
  else
    echo "  - name: operators"
  fi
} >"$file"
[ "${1:-}" = --only-write ] || exec "${ALERTMANAGER:-/bin/alertmanager}" --config.file="$file" --storage.path=/tmp/alertmanager "$@"
