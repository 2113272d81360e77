#!/bin/sh
# One broker in the folder $1 on three ports ($2 plain, $3 SASL, $4 TLS with SASL) and a controller
# port ($5), ordered about on standard input: `start`, `kill`,
# `freeze` (it keeps its connections and answers nothing). When that ends, however its writer
# ended, the broker is killed and the folder removed.
set -eu
dir=$1 plain=$2 sasl=$3 tls=$4 control=$5
libs="$(cd "$(dirname "$0")/../../.." && pwd)/target/peers/kafka/libs"
export CLASSPATH="$libs/*"
broker=

stop() {
    if [ -n "$broker" ]; then
        kill -9 "$broker" 2>/dev/null || true
        wait "$broker" 2>/dev/null || true
        broker=
    fi
}

# A server certificate of our own for 127.0.0.1, and the PEM that clients trust.
keytool -genkeypair -alias broker -keyalg EC -groupname secp256r1 -dname CN=127.0.0.1 \
    -ext SAN=ip:127.0.0.1 -validity 3650 -storetype PKCS12 -storepass changeit \
    -keystore "$dir/broker.p12" >"$dir/keytool.log" 2>&1
keytool -exportcert -rfc -alias broker -storepass changeit -keystore "$dir/broker.p12" \
    >"$dir/ca.pem" 2>>"$dir/keytool.log"

scram='org.apache.kafka.common.security.scram.ScramLoginModule required'
login='org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="broker" user_broker="broker" user_vigie="open sesame"'
cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$control
listeners=PLAINTEXT://127.0.0.1:$plain,SASL_PLAINTEXT://127.0.0.1:$sasl,SASL_SSL://127.0.0.1:$tls,CONTROLLER://127.0.0.1:$control
advertised.listeners=PLAINTEXT://127.0.0.1:$plain,SASL_PLAINTEXT://127.0.0.1:$sasl,SASL_SSL://127.0.0.1:$tls
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_plaintext.plain.sasl.jaas.config=$login;
listener.name.sasl_ssl.plain.sasl.jaas.config=$login;
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=$scram;
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=$scram;
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$scram;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$scram;
ssl.keystore.type=PKCS12
ssl.keystore.location=$dir/broker.p12
ssl.keystore.password=changeit
log.dirs=$dir/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
message.max.bytes=33554432
auto.create.topics.enable=false
END
java kafka.tools.StorageTool format -t vigieTestsVigieTests00 -c "$dir/server.properties" \
    --add-scram 'SCRAM-SHA-512=[name=vigie,password=open sesame]' \
    --add-scram 'SCRAM-SHA-256=[name=vigie,password=open sesame]' >"$dir/format.log" 2>&1

echo ready
while read -r order; do
    if [ "$order" = freeze ]; then
        kill -STOP "$broker"
    else
        stop
    fi
    if [ "$order" = start ]; then
        # Not its standard input: that is ours.
        java -Xms128m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
            kafka.Kafka "$dir/server.properties" </dev/null >"$dir/broker.log" 2>&1 &
        broker=$!
    fi
    echo "$order"
done
stop
rm -rf "$dir"
