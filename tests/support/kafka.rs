//! A real Apache Kafka broker as a process, and what tests do to it as a client.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::{PATIENCE, wait_for};

/// The password of account `vigie`, for PLAIN and SCRAM alike.
pub(crate) const PASSWORD: &str = "open sesame";

/// A broker that is killed, and its data removed, when the test or the test process ends.
pub(crate) struct Broker {
    script: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
    /// Plain, SASL, TLS with SASL.
    ports: [u16; 3],
}

/// The broker for tests that leave it alone. It ends with the process.
pub(crate) fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(Broker::start)
}

/// A name that no other test of this process uses.
pub(crate) fn fresh(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Broker {
    /// Fetches Kafka when it is not there, starts a broker of its own and waits until it serves.
    pub(crate) fn start() -> Broker {
        let setup = super::tests("setup/kafka.sh");
        let done = Command::new(&setup).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{} cannot fetch Kafka: {said}", setup.display());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "{}-{}",
            fresh("broker"),
            std::process::id()
        ));
        std::fs::create_dir_all(&folder).unwrap();
        let [plain, sasl, tls, control] = free_ports();
        let mut script = Command::new(super::tests("setup/kafka/broker.sh"))
            .arg(&folder)
            .args([plain, sasl, tls, control].map(|port| port.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = script.stdin.take();
        let answers = BufReader::new(script.stdout.take().unwrap());
        let ports = [plain, sasl, tls];
        let mut broker = Broker { script, orders, answers, folder, ports };
        broker.answer("ready");
        broker.restart();
        broker
    }

    /// Kills it; its data stays.
    pub(crate) fn kill(&mut self) {
        self.order("kill");
    }

    /// Lets it keep its connections and answer nothing, until it is killed.
    pub(crate) fn freeze(&mut self) {
        self.order("freeze");
    }

    /// Kills it when it runs, starts it with the data it had and waits until it serves.
    pub(crate) fn restart(&mut self) {
        self.order("start");
        let log = self.folder.join("broker.log");
        wait_for("the Kafka broker to start", || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            text.contains("Kafka Server started").then_some(())
        });
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders.as_ref().unwrap(), "{order}").unwrap();
        self.answer(order);
    }

    fn answer(&mut self, wanted: &str) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let log = |name| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let logs = || ["keytool.log", "format.log"].map(log).concat();
        assert_eq!(line.trim(), wanted, "the broker's script ended: {}", logs());
    }

    /// Where it listens without any security.
    pub(crate) fn plain(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// Where it asks for a login.
    pub(crate) fn sasl(&self) -> String {
        format!("127.0.0.1:{}", self.ports[1])
    }

    /// Where it asks for TLS and a login.
    #[cfg(feature = "kafka-tls")]
    pub(crate) fn tls(&self) -> String {
        format!("127.0.0.1:{}", self.ports[2])
    }

    /// The authority behind its certificate.
    #[cfg(feature = "kafka-tls")]
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.plain());
        config
    }

    /// Makes a topic that is ready for use.
    pub(crate) fn create_topic(&self, topic: &str, partitions: u32) {
        self.create_topic_with(topic, partitions, &[]);
    }

    /// The same with settings of the topic.
    pub(crate) fn create_topic_with(&self, topic: &str, partitions: u32, more: &[(&str, &str)]) {
        let plain = NewTopic::new(topic, partitions.cast_signed(), TopicReplication::Fixed(1))
            .set("max.message.bytes", "33554432");
        let wanted = more.iter().fold(plain, |topic, (key, value)| topic.set(key, value));
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let made = block_on(admin.create_topics([&wanted], &AdminOptions::new())).unwrap();
        assert_eq!(made, [Ok(topic.to_owned())]);
        wait_for("the new topic's leaders", || {
            let metadata = admin.inner().fetch_metadata(Some(topic), PATIENCE).ok()?;
            let parts = metadata.topics()[0].partitions();
            let led = parts.iter().filter(|p| p.error().is_none() && p.leader() >= 0).count();
            (led == partitions as usize).then_some(())
        });
    }

    /// Writes records of partition, key and payload and waits until all are there.
    pub(crate) fn produce<'a>(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = (u32, Option<&'a str>, Option<&'a [u8]>)>,
    ) {
        let mut config = self.client();
        config.set("linger.ms", "5").set("message.max.bytes", "33554432");
        let producer: BaseProducer = config.create().unwrap();
        for (partition, key, payload) in records {
            let mut record: BaseRecord<'_, str, [u8]> =
                BaseRecord::to(topic).partition(partition.cast_signed());
            (record.key, record.payload) = (key, payload);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Every record of a topic, partition after partition: key and payload.
    pub(crate) fn records(&self, topic: &str, partitions: u32) -> Vec<(String, Vec<u8>)> {
        let consumer: BaseConsumer = self.client().set("group.id", "reader").create().unwrap();
        let mut found = Vec::new();
        for partition in 0..partitions.cast_signed() {
            let (low, end) = consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap();
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, partition, Offset::Offset(low)).unwrap();
            consumer.assign(&list).unwrap();
            let mut next = low;
            while next < end {
                let poll = || consumer.poll(std::time::Duration::from_millis(100));
                let record = wait_for("a record", poll).unwrap();
                next = record.offset() + 1;
                let key = String::from_utf8(record.key().unwrap_or_default().to_vec()).unwrap();
                found.push((key, record.payload().unwrap_or_default().to_vec()));
            }
        }
        found
    }

    /// Deletes a partition's records below an offset.
    pub(crate) fn delete_records(&self, topic: &str, partition: u32, below: u64) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let mut list = TopicPartitionList::new();
        let offset = Offset::Offset(below.cast_signed());
        list.add_partition_offset(topic, partition.cast_signed(), offset).unwrap();
        block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
    }

    /// What a group has committed of a partition.
    pub(crate) fn committed(&self, group: &str, topic: &str, partition: u32) -> Option<u64> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition.cast_signed());
        let list = consumer.committed_offsets(list, PATIENCE).unwrap();
        match list.elements()[0].offset() {
            Offset::Offset(offset) => Some(offset.cast_unsigned()),
            _ => None,
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The script kills the broker and tidies up when nobody can order any more.
        self.orders = None;
        let _ = self.script.wait();
    }
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known, so that no two are the same.
    let listeners: Vec<TcpListener> =
        (0..N).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    std::array::from_fn(|i| listeners[i].local_addr().unwrap().port())
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
