#!/usr/bin/env bash
# Runs one Debian server as if it were installed, in a mount namespace of its own: the machine's own
# files, users, spool and services are neither seen changed nor used.
#
#   isolated.sh ROOT FOLDER COMMAND…
#
# ROOT    the unpacked packages (etc/, usr/, var/)
# FOLDER  the server's private folder: inbox/, log/, spool/ and conf/ are mounted where the server expects them
#
# To be run by `unshare --mount --pid --fork --kill-child --mount-proc`. Ends, and with it every process
# of the namespace, as soon as its standard input ends or COMMAND does.
set -euo pipefail
exec 3<&0
root=$1 folder=$2
shift 2

mount --make-rprivate /
mount --bind "$folder" /mnt
mkdir -p /mnt/{inbox/{new,cur,tmp},log,spool/empty,conf}
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/etc /run/work
mount -t overlay -o "lowerdir=$root/usr:/usr" overlay /usr
mount -t overlay -o "lowerdir=$root/etc:/etc,upperdir=/run/etc,workdir=/run/work" overlay /etc
mount -t overlay -o "lowerdir=$root/var/lib:/var/lib" overlay /var/lib
mount --bind /mnt/spool /var/spool
mount --bind /mnt/log /var/log
chmod 755 /mnt /mnt/spool /mnt/spool/empty

account() { # NAME ID
  getent group "$1" >/dev/null || echo "$1:x:$2:" >>/etc/group
  getent passwd "$1" >/dev/null || echo "$1:x:$2:$2::/var/spool/empty:/usr/sbin/nologin" >>/etc/passwd
}
account postfix 64101
account postdrop 64102
account opensmtpd 64103
account opensmtpq 64104
account courier 64105
account postgres 64106
chown -R courier:courier /mnt/inbox

cat <&3 >/dev/null &
"$@" </dev/null &
wait -n
