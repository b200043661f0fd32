#!/bin/sh
# The keeper of one agent: starts the CLI, holds its input open, waits for it and writes down how it ended.
#
#   sh keeper.sh FOLDER ORPHAN_MINUTES TICK_SECONDS PROGRAM [ARGUMENT…]
#
# FOLDER   in (FIFO), out and err (append only), keeper, holder and pid (process ids), exit (the exit status), lease, closed.
# Claim    `keeper` is made only if it does not exist (O_EXCL): whoever makes it first decides whether this agent ever
#          starts. A service that finds no keeper makes it itself and so knows that the CLI never ran.
# Holder   a child that does nothing but hold the write end of `in`. While it lives the CLI sees no end of file. It
#          leaves when told to (SIGTERM to it or to the keeper; so it can be told though the keeper was killed), when the
#          CLI has gone, or when nobody has touched `lease` for ORPHAN_MINUTES; then the CLI finishes its turn and leaves
#          (the end of file cancels nothing).
# pid      is written by the process that becomes the CLI, before it becomes it: no CLI runs without its pid on disk.
set -u
umask 077
dir=$1
orphan_minutes=$2
tick_seconds=$3
shift 3

# Every program that is started here is started before the CLI and waited for by a person: so these are builtins.
(set -C && printf '%s\n' "$$" >"$dir/keeper") 2>/dev/null || exit 0

mkfifo "$dir/in" || exit 1
# Opening for write alone would wait for a reader, so a reader (4) is there for the moment of opening. Keeping a
# read end open would be wrong: writing to a dead agent must be an error.
exec 4<>"$dir/in"
exec 3>"$dir/in"
exec 4<&-

# Without its folder nobody can ever find this agent again.
is_stale() {
  [ ! -e "$dir/lease" ] || [ -n "$(find "$dir/lease" -mmin "+$orphan_minutes" 2>/dev/null)" ]
}

# Not `:`, for which a failed redirection ends the whole shell.
mark_closed() {
  printf '' >"$dir/closed" 2>/dev/null
}

(
  nap=
  trap 'mark_closed; [ -z "$nap" ] || kill "$nap" 2>/dev/null; exit 0' TERM
  while :; do
    sleep "$tick_seconds" 3>&- &
    nap=$!
    wait "$nap"
    nap=
    if is_stale; then
      # `closed` first, a second look after it: a service that has just come back touches the lease first and
      # looks for `closed` after it, so that one of the two always sees the other.
      mark_closed
      is_stale && exit 0
      rm -f "$dir/closed"
    fi
  done
) &
holder=$!
exec 3>&-
printf '%s\n' "$holder" >"$dir/holder"

release() {
  # A holder that left by itself may have been reaped already and its number given to a stranger.
  [ -e "$dir/closed" ] && return
  mark_closed
  kill "$holder" 2>/dev/null
}
trap release TERM

# The ids of one process are passed on by exec, so the pid written here is the CLI's.
sh -c 'printf "%s\n" "$$" >"$1/pid" && shift && exec "$@"' \
  sh "$dir" "$@" <"$dir/in" >>"$dir/out" 2>>"$dir/err" &
cli=$!

# A trapped signal ends `wait` early; the CLI is then still there (or an unreaped zombie) and is waited for again.
while :; do
  wait "$cli"
  status=$?
  kill -0 "$cli" 2>/dev/null || break
done

release
printf '%s\n' "$status" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
