#!/usr/bin/env bash
# Within the namespace of isolated.sh: conf/ holds knot.conf with its zone files, zones (their names), and unbound.conf.
# Knot signs the zones; Unbound believes their keys, and validates.
set -euo pipefail
mkdir -p /mnt/keys /mnt/rundir
/usr/sbin/knotd -c /mnt/conf/knot.conf &
: >/mnt/conf/anchors
while read -r zone; do
  until anchor=$(/usr/sbin/keymgr -c /mnt/conf/knot.conf "$zone" ds 2>/dev/null | grep ' 13 2 '); do sleep 0.05; done
  echo "trust-anchor: \"$anchor\"" >>/mnt/conf/anchors
done </mnt/conf/zones
exec /usr/sbin/unbound -d -c /mnt/conf/unbound.conf
