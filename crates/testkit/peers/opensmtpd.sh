#!/usr/bin/env bash
# Within the namespace of isolated.sh: conf/ holds smtpd.conf.
set -euo pipefail
exec /usr/sbin/smtpd -d -f /mnt/conf/smtpd.conf
