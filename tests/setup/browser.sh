#!/bin/sh
# The browser of the tests: Chromium and Node from the system's packages, playwright-core and
# axe-core from npm into target/peers/browser. Does nothing when they are there.
set -eu
cd "$(dirname "$0")/../.."
peer=target/peers/browser
mkdir -p "$peer"

# Two test processes may come here at once.
exec 9>"$peer/lock"
flock 9

missing=
command -v chromium >/dev/null || missing="$missing chromium"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of packages
    tests/setup/apt.sh $missing
fi
wanted='{"private": true, "dependencies": {"axe-core": "4.14.1", "playwright-core": "1.65.1"}}'
if [ -d "$peer/node_modules/axe-core" ] && [ -d "$peer/node_modules/playwright-core" ] &&
    [ "$(cat "$peer/package.json" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
printf '%s' "$wanted" >"$peer/package.json"
(cd "$peer" && npm install --no-audit --no-fund --no-package-lock --silent >&2)
printf '%s' "$wanted" >"$peer/package.json"
