#!/bin/sh
# Runs one program for one step of a report: within limits, with files as its input and output, as nobody's child. The
# service may end and come back while it works.
#
#   sh run.sh FOLDER NONCE CPU_S ADDRESS_KB COMMAND [ARGUMENT ...]
#
# runner   is made only if it does not exist (O_EXCL): whoever makes it first decides whether the program ever starts.
# in       its standard input, there before we start; out, err: what it writes, at most 64 MB each.
# pid      its process id; exit: its exit status, written when it has ended.
set -u
umask 077
dir=$1
nonce=$2
cpu=$3
address=$4
shift 4

(set -C && printf '%s\n' "$$" >"$dir/runner") 2>/dev/null || exit 0
trap ':' TERM HUP INT

(
  trap - TERM HUP INT
  ulimit -c 0
  ulimit -t "$cpu"
  # Blocks of 512 bytes. Not every system can limit addresses (macOS): there resident memory is watched alone.
  ulimit -f 131072
  [ "$address" -gt 0 ] && ulimit -v "$address" 2>/dev/null
  SWITCHBOARD_REPORT=$nonce
  export SWITCHBOARD_REPORT
  exec "$@" <"$dir/in" >"$dir/out" 2>"$dir/err"
) &
job=$!
printf '%s\n' "$job" >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid"

# A trapped signal ends `wait` early; the program is then still there (or an unreaped zombie) and is waited for again.
while :; do
  wait "$job"
  status=$?
  kill -0 "$job" 2>/dev/null || break
done

# A full disk is emptied some day. For a folder that is gone nobody waits.
until printf '%s\n' "$status" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"; do
  [ -d "$dir" ] || exit 0
  sleep 1
done
