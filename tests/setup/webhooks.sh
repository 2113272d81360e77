#!/bin/sh
# A webhook receiver that is not ours: the Python library of Standard Webhooks.
set -eu
cd "$(dirname "$0")/../.."
peer=target/peers/webhooks
if ! command -v openssl >/dev/null; then
    tests/setup/apt.sh openssl
fi
if ! "$peer/bin/python3" -c 'import standardwebhooks' 2>/dev/null; then
    mkdir -p target/peers
    python3 -m venv "$peer" || { tests/setup/apt.sh python3-venv; python3 -m venv "$peer"; }
    "$peer/bin/pip" install -q standardwebhooks
fi
if [ ! -f "$peer/server.pem" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
        -keyout "$peer/server.key" -out "$peer/server.tmp" 2>/dev/null
    mv "$peer/server.tmp" "$peer/server.pem"
fi
