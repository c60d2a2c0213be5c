package it;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.io.KafkaEgressMessage;
import org.apache.flink.statefun.sdk.java.io.KinesisEgressMessage;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.types.Type;

/** The functions behind the golden wire vectors: small, with every effect in a fixed order. */
final class Vectors {
  private static final ValueSpec<Integer> SEEN = ValueSpec.named("seen").withIntType();
  private static final ValueSpec<String> LAST =
      ValueSpec.named("last").thatExpireAfterWrite(Duration.ofSeconds(60)).withUtf8StringType();
  private static final ValueSpec<Long> SESS =
      ValueSpec.named("sess").thatExpiresAfterCall(Duration.ofMillis(1500)).withLongType();
  private static final ValueSpec<Long> N = ValueSpec.named("n").withLongType();
  private static final Type<JsonNode> REQUEST = Kit.json("test/Req");

  private Vectors() {}

  static void bind(StatefulFunctions functions) {
    Kit.bind(functions, "test/stateless", (context, message) -> {});
    Kit.bind(functions, "test/counter", Vectors::counter, SEEN, LAST, SESS);
    Kit.bind(functions, "test/effects", Vectors::effects, N);
    Kit.bind(functions, "test/types", Vectors::types);
  }

  private static void counter(Context context, Message message) {
    String text = message.asUtf8String();
    if (text.equals("reset")) {
      context.storage().remove(SEEN);
      context.storage().remove(SESS);
    } else {
      context.storage().set(SEEN, context.storage().get(SEEN).orElse(0) + 1);
    }
    context.storage().set(LAST, text);
  }

  private static void effects(Context context, Message message) {
    context.storage().set(N, context.storage().get(N).orElse(0L) + message.asInt());
    context.send(Messaging.to("test/counter", "b").withValue("hi").build());
    context.send(Messaging.to("test/effects", "c").withCustomType(REQUEST, Kit.object().put("k", 1)).build());
    Message later = Messaging.to("test/counter", "d").withValue("later").build();
    Message later2 = Messaging.to("test/counter", "d").withValue("later2").build();
    context.sendAfter(Duration.ofSeconds(5), later);
    context.sendAfter(Duration.ofSeconds(60), "tok-1", later2);
    context.cancelDelayedMessage("tok-0");
    context.send(
        KafkaEgressMessage.forEgress(TypeName.typeNameFromString("test/kafka-out"))
            .withTopic("out")
            .withUtf8Key("k1")
            .withUtf8Value("v1")
            .build());
    context.send(
        KinesisEgressMessage.forEgress(TypeName.typeNameFromString("test/kinesis-out"))
            .withStream("s")
            .withUtf8PartitionKey("pk")
            .withUtf8ExplicitHashKey("7")
            .withValue(new byte[] {1, 2})
            .build());
    context.send(Kit.playgroundRecord("t", "p"));
  }

  private static void types(Context context, Message message) {
    context.send(Messaging.to("test/sink", "bool").withValue(true).build());
    context.send(Messaging.to("test/sink", "boolf").withValue(false).build());
    context.send(Messaging.to("test/sink", "int").withValue(-2).build());
    context.send(Messaging.to("test/sink", "int0").withValue(0).build());
    context.send(Messaging.to("test/sink", "long").withValue(-3L).build());
    context.send(Messaging.to("test/sink", "float").withValue(1.5f).build());
    context.send(Messaging.to("test/sink", "double").withValue(-2.5).build());
    context.send(Messaging.to("test/sink", "str").withValue("héllo").build());
    context.send(Messaging.to("test/sink", "str0").withValue("").build());
  }
}
