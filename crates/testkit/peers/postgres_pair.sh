#!/usr/bin/env bash
# Within the namespace of isolated.sh: one server of a pair. conf/ holds postgresql.conf, pg_hba.conf and password;
# where it also holds `primary` (HOST PORT), this server begins as a standby, from a copy of that one.
#
# Orders come through the pipe /mnt/orders, one a line, and are answered in /mnt/answers:
#   promote         it is the primary from now on
#   await KIND      a standby streams from it, and is of this kind (`sync` or `async`)
set -euo pipefail
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -n 1)
mkdir -p /mnt/data /mnt/socket
chown -R postgres /mnt/data /mnt/socket /mnt/conf
chmod 700 /mnt/conf /mnt/data
cd /mnt/data
as_postgres=(setpriv --reuid=postgres --regid=nogroup --clear-groups)
PGPASSWORD=$(cat /mnt/conf/password)
export PGPASSWORD

# Not synced: a killed server loses nothing that the kernel has.
if [ -e /mnt/conf/primary ]; then
  read -r host port </mnt/conf/primary
  "${as_postgres[@]}" "$bin/pg_basebackup" -h "$host" -p "$port" -U hikyaku -D /mnt/data \
    --checkpoint=fast --wal-method=stream --no-sync --no-manifest >/mnt/log/basebackup 2>&1
  "${as_postgres[@]}" touch /mnt/data/standby.signal
else
  "${as_postgres[@]}" "$bin/initdb" -D /mnt/data -U hikyaku -E UTF8 --no-locale -A scram-sha-256 \
    --pwfile=/mnt/conf/password --no-sync --no-instructions >/mnt/log/initdb
fi

streaming() { # KIND
  psql -h /mnt/socket -p "$(sed -n 's/^port = //p' /mnt/conf/postgresql.conf)" -U hikyaku -d postgres -Atc \
    "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '$1'"
}

follow_orders() {
  while read -r order kind; do
    case $order in
      promote) "${as_postgres[@]}" "$bin/pg_ctl" promote -D /mnt/data -w -t 60 >/mnt/log/promote && echo promoted ;;
      await)
        until [ "$(streaming "$kind")" = 1 ]; do sleep 0.05; done
        echo "$kind"
        ;;
    esac >>/mnt/answers
  done <>/mnt/orders
}

mkfifo /mnt/orders
follow_orders &
unshare --ipc "${as_postgres[@]}" "$bin/postgres" -D /mnt/data -c config_file=/mnt/conf/postgresql.conf \
  -c hba_file=/mnt/conf/pg_hba.conf &
wait -n
