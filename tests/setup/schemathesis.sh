#!/bin/sh
# Schemathesis, which asks an API whatever its description allows. Does nothing when it is there.
set -eu
cd "$(dirname "$0")/../.."
peer=target/peers/schemathesis
mkdir -p "$peer"

# Two test processes may come here at once.
exec 9>"$peer/lock"
flock 9

wanted=4.32.5
if [ "$(cat "$peer/version" 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv "$peer" || { apt-get install -y -q python3-venv; python3 -m venv "$peer"; }
    "$peer/bin/pip" install -q "schemathesis==$wanted"
    echo "$wanted" >"$peer/version"
fi
