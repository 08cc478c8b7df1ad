#!/usr/bin/env bash
# Within the namespace of isolated.sh: conf/ holds main.cf, master.cf and accounts (USER TAB SECRET a line).
set -euo pipefail
cd /var/spool
mkdir -p data postfix
chmod 755 postfix
for queue in active bounce corrupt defer deferred flush hold incoming private saved trace; do
  mkdir -p "postfix/$queue"
done
mkdir -p postfix/{maildrop,public,pid}
chown -R postfix postfix data
chown root postfix postfix/pid
chgrp postdrop postfix/{maildrop,public}
chmod 700 postfix/{active,bounce,corrupt,defer,deferred,flush,hold,incoming,private,saved,trace} data
chmod 730 postfix/maildrop
chmod 710 postfix/public

if [ -s /mnt/conf/accounts ]; then
  while IFS=$'\t' read -r user secret; do
    printf '%s' "$secret" | saslpasswd2 -p -c -f /run/accounts.db -u relay.test "$user"
  done </mnt/conf/accounts
  chown postfix /run/accounts.db
fi
exec /usr/lib/postfix/sbin/master -d -c /mnt/conf
