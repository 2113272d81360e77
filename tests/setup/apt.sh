#!/bin/sh
# Installs Debian packages, one caller at a time: tests of several areas may come here at once.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p target/peers
exec 8>target/peers/apt.lock
flock 8
[ "$(id -u)" = 0 ] || { echo "to be installed by root: apt-get install $*" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends "$@" >&2 || {
    echo "the tests need the packages $*; install them and try again" >&2
    exit 1
}
