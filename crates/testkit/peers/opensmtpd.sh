#!/usr/bin/env bash
# Within the namespace of isolated.sh: conf/ holds smtpd.conf, accounts (USER TAB SECRET a line), chain.pem, key.pem.
set -euo pipefail
: >/run/accounts
while IFS=$'\t' read -r user secret; do
  printf '%s\t%s\n' "$user" "$(printf '%s' "$secret" | openssl passwd -6 -stdin)" >>/run/accounts
done </mnt/conf/accounts
chgrp opensmtpd /run/accounts
chmod 640 /run/accounts
chgrp opensmtpq /usr/sbin/smtpctl 2>/dev/null || true
for pem in chain key; do
  [ -f "/mnt/conf/$pem.pem" ] && install -m 600 "/mnt/conf/$pem.pem" "/run/$pem.pem"
done
exec /usr/sbin/smtpd -d -f /mnt/conf/smtpd.conf
