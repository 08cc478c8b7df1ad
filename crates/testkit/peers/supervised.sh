#!/usr/bin/env bash
# Runs COMMAND in the process group that the caller made for it, and ends the whole group as soon as standard
# input ends (the caller stopped it, or died) or COMMAND does.
set -uo pipefail
exec 3<&0
cat <&3 >/dev/null &
"$@" </dev/null &
wait -n
kill -KILL 0
