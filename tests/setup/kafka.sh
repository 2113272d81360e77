#!/bin/sh
# The Apache Kafka broker of the tests: its jars from Maven Central into target/peers/kafka/libs.
# Does nothing when they are there. Needs the packages default-jre-headless and maven.
set -eu
cd "$(dirname "$0")/../.."

pom=tests/setup/kafka/pom.xml
peer=target/peers/kafka
mkdir -p "$peer"

# Two test processes may come here at once.
exec 9>"$peer/lock"
flock 9

if cmp -s "$pom" "$peer/done.xml"; then
    exit 0
fi
missing=
command -v java >/dev/null || missing="$missing default-jre-headless"
command -v mvn >/dev/null || missing="$missing maven"
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of packages
    tests/setup/apt.sh $missing
fi
rm -rf "$peer/libs"
mvn -q -B -f "$pom" dependency:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$PWD/$peer/libs" >&2
cp "$pom" "$peer/done.xml"
