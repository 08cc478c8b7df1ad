#!/usr/bin/env bash
# Within the namespace of isolated.sh: conf/ holds postgresql.conf, pg_hba.conf, password, chain.pem and key.pem.
# The server refuses to run as root, and its small piece of shared memory must not outlive the namespace.
set -euo pipefail
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -n 1)
mkdir -p /mnt/data /mnt/socket
chown -R postgres /mnt/data /mnt/socket /mnt/conf
chmod 700 /mnt/conf /mnt/data
chmod 600 /mnt/conf/key.pem
cd /mnt/data
as_postgres=(setpriv --reuid=postgres --regid=nogroup --clear-groups)
# Not synced: only what the tests write has to last.
"${as_postgres[@]}" "$bin/initdb" -D /mnt/data -U hikyaku -E UTF8 --no-locale -A scram-sha-256 \
  --pwfile=/mnt/conf/password --no-sync --no-instructions >/mnt/log/initdb
exec unshare --ipc "${as_postgres[@]}" "$bin/postgres" -D /mnt/data -c config_file=/mnt/conf/postgresql.conf \
  -c hba_file=/mnt/conf/pg_hba.conf
