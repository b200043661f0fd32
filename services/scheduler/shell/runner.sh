#!/bin/sh
# The runner of one shell job: starts the command, keeps what it writes within bounds, waits, and writes down how it ended.
# It is nobody's child and needs nobody: the scheduler may end and come back while the command runs.
#
#   sh runner.sh FOLDER BYTES NONCE COMMAND
#
# runner   is made only if it does not exist (O_EXCL): whoever makes it first decides whether the command ever starts. A
#          scheduler that finds none makes it itself and so knows that the command never ran.
# pid      is written by the process that becomes the command, before it becomes it.
# out, err the first BYTES of each stream and a little more, as they come; out.end and err.end the last BYTES of what lies
#          behind them, when the stream has ended.
# *.done   the stream was read to its end. A process that the command left behind may hold it open for long.
# exit     the exit status, written when the command itself has ended.
#
# SIGTERM is sent to the whole process group. This shell and the readers stay: they have the last words to write down.
set -u
umask 077
dir=$1
bytes=$2
nonce=$3
command=$4

(set -C && printf '%s\n' "$$" >"$dir/runner") 2>/dev/null || exit 0
# Not an ignored signal, which the command would inherit.
trap ':' TERM HUP INT

# Not `head -c`, which keeps back what it has read until it ends: a running job could not be watched. Each of these reads
# is written at once, and no dd takes more than 128 KiB.
keep() {
  size=0
  while [ "$size" -lt "$bytes" ]; do
    dd bs=4096 count=32 2>/dev/null >>"$1"
    now=$(($(wc -c <"$1")))
    [ "$now" -gt "$size" ] || return
    size=$now
  done
  tail -c "$bytes" >"$1.end"
}

# Both ends are held open while the readers and the command open theirs: should this shell be killed in the middle, nobody
# waits for ever for the other side.
mkfifo "$dir/out.in" "$dir/err.in" || exit 1
exec 5<>"$dir/out.in" 6<>"$dir/err.in"

for stream in out err; do
  (
    trap '' TERM HUP INT
    exec <"$dir/$stream.in" 5>&- 6>&-
    keep "$dir/$stream"
    # What the disk has no room for is lost, and the command is not ended by it.
    cat >/dev/null
    printf '' >"$dir/$stream.done"
  ) &
done

# What the command makes is not ours to hide: the usual umask, and not that of our own files.
(
  umask 022
  exec sh -c 'printf "%s\n" "$$" >"$1/pid.new" && mv "$1/pid.new" "$1/pid" && SWITCHBOARD_RUN=$2 exec /bin/sh -c "$3"' \
    sh "$dir" "$nonce" "$command" </dev/null >"$dir/out.in" 2>"$dir/err.in" 5>&- 6>&-
) &
job=$!
exec 5>&- 6>&-

# A trapped signal ends `wait` early; the command is then still there (or an unreaped zombie) and is waited for again.
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
