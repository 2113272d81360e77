#!/bin/sh
# What the tests of deploy/ run: Prometheus with promtool, Alertmanager with amtool, systemd-analyze
# and a YAML parser, all from Debian. Does nothing when they are there.
set -eu
missing=""
need() { # command or file, package
    [ -e "$1" ] || missing="$missing $2"
}
need /usr/bin/prometheus prometheus
need /usr/bin/promtool prometheus
need /usr/bin/amtool prometheus-alertmanager
need /usr/bin/systemd-analyze systemd
need /usr/bin/python3 python3
/usr/bin/python3 -c 'import yaml' 2>/dev/null || missing="$missing python3-yaml"
[ -z "$missing" ] && exit 0
# shellcheck disable=SC2086 # a list of packages
exec "$(dirname "$0")/apt.sh" $missing
