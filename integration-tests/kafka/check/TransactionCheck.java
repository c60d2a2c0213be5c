import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Proves that a broker can tell exactly-once from almost: exactly-once tests on a broker that ignores transactions
 * would pass for the wrong reason.
 */
final class TransactionCheck {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  public static void main(String[] args) throws Exception {
    String servers = args[0];
    String topic = "transaction-check-" + UUID.randomUUID();
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) servers))) {
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
    }

    try (KafkaProducer<String, String> producer = transactional(servers, topic)) {
      producer.beginTransaction();
      send(producer, topic, "aborted", 10);
      producer.flush();
      producer.abortTransaction();
      producer.beginTransaction();
      send(producer, topic, "committed", 5);
      producer.commitTransaction();
    }
    expect("read_committed records after 10 aborted and 5 committed", 5, count(servers, topic, "read_committed"));
    expect("read_uncommitted records of the same", 15, count(servers, topic, "read_uncommitted"));

    boolean fenced = false;
    try (KafkaProducer<String, String> old = transactional(servers, topic)) {
      old.beginTransaction();
      send(old, topic, "fenced", 1);
      old.flush();
      try (KafkaProducer<String, String> young = transactional(servers, topic)) {
        try {
          old.commitTransaction();
        } catch (ProducerFencedException | InvalidProducerEpochException e) {
          fenced = true;
        }
        young.beginTransaction();
        send(young, topic, "young", 1);
        young.commitTransaction();
      }
    }
    expect("commits of a fenced producer that were refused", 1, fenced ? 1 : 0);
    expect("read_committed records after the fencing", 6, count(servers, topic, "read_committed"));
    System.out.println("transactions work on " + servers);
  }

  private static KafkaProducer<String, String> transactional(String servers, String id) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", servers);
    settings.put("transactional.id", id);
    KafkaProducer<String, String> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    producer.initTransactions();
    return producer;
  }

  private static void send(KafkaProducer<String, String> producer, String topic, String text, int times) {
    for (int i = 0; i < times; i++) {
      producer.send(new ProducerRecord<>(topic, text, text + " " + i));
    }
  }

  /** Reads to the end as the isolation level sees it: for read_committed that is the last stable offset. */
  private static int count(String servers, String topic, String isolation) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", servers);
    settings.put("isolation.level", isolation);
    settings.put("enable.auto.commit", "false");
    TopicPartition partition = new TopicPartition(topic, 0);
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      List<String> seen = new ArrayList<>();
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (consumer.position(partition) < end && System.nanoTime() < deadline) {
        consumer.poll(Duration.ofMillis(100)).forEach(record -> seen.add(record.value()));
      }
      return seen.size();
    }
  }

  private static void expect(String what, int expected, int actual) {
    System.out.println(what + ": " + actual);
    if (expected != actual) {
      System.err.println("expected " + expected + " " + what);
      System.exit(1);
    }
  }
}
