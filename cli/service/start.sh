#!/bin/sh
# Begins Switchboard for the service manager of the system: start.sh <node> <checkout>.
#
# <node> is the Node.js that the service was installed with. Where that is gone (an upgrade, another version chosen), the newest
# that is found takes its place. What was compiled for another one, also where that was replaced in its place, is compiled anew.
set -u
node=$1
root=$2
gone=

if [ ! -x "$node" ]; then
  gone=$node
  node=
  for candidate in /usr/bin/node /usr/local/bin/node /opt/homebrew/bin/node \
    "$HOME"/.volta/bin/node "$HOME"/.local/bin/node "$HOME"/.asdf/shims/node \
    "$HOME"/.nvm/versions/node/*/bin/node "$HOME"/.local/share/fnm/node-versions/*/installation/bin/node "$(command -v node)"; do
    # The last that is new enough wins; setup refuses the others.
    if [ -x "$candidate" ] && "$candidate" "$root/cli/switchboard.mjs" help >/dev/null 2>&1; then node=$candidate; fi
  done
  if [ -z "$node" ]; then
    echo "Switchboard: $gone is gone, and no other Node.js was found. Install one, then: npx switchboard service install" >&2
    exit 1
  fi
  echo "Switchboard: $gone is gone, $node takes its place"
fi

# What the services start (agents, jobs) finds the same Node.js.
PATH="$(dirname "$node"):$PATH"
export PATH
loads() { (cd "$root" && "$node" -e 'new (require("better-sqlite3"))(":memory:").close()' 2>/dev/null); }
if [ -n "$gone" ] || [ ! -e "$root/dist/cli/main.js" ] || [ ! -d "$root/node_modules" ] || ! loads; then
  "$node" "$root/cli/switchboard.mjs" build || exit 1
fi
# Nobody else runs in this home, and what `ecosystem.config.js` reads of the settings.
environment=$("$node" "$root/cli/switchboard.mjs" service environment) || { echo "$environment" >&2; exit 1; }
eval "$environment"
# In the place of this shell, so that the manager's signals reach PM2 itself. It stays also while every service is being
# restarted. What it prints stands in the logs of the services already.
exec "$node" "$root/node_modules/pm2/bin/pm2-runtime" start "$root/ecosystem.config.js" --no-auto-exit >/dev/null
