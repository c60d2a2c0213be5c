package it;

import static it.Kit.say;
import static it.Kit.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.flink.statefun.sdk.java.Address;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.io.KafkaEgressMessage;
import org.apache.flink.statefun.sdk.java.io.KinesisEgressMessage;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.types.Types;

/** Time, failures and egress records. */
final class Effects {
  private static final ValueSpec<Integer> DONE = ValueSpec.named("done").withIntType();

  /** Attempts by (id, text). Memory of the process on purpose: a failed invocation leaves no state behind. */
  private static final Map<List<String>, Integer> ATTEMPTS = new ConcurrentHashMap<>();

  private Effects() {}

  static void bind(StatefulFunctions functions) {
    Kit.bind(functions, "it.java/delay", Effects::delay);
    Kit.bindAsync(functions, "it.java/slow", Effects::slow);
    Kit.bind(functions, "it.java/fail", Effects::fail, DONE);
    Kit.bind(functions, "it.java/egress", Effects::egress);
  }

  private static void delay(Context context, Message message) {
    if (message.isUtf8String()) {
      say(context, "fired " + message.asUtf8String() + " from " + Messaging.caller(context));
      return;
    }
    JsonNode command = message.as(Kit.COMMAND);
    switch (text(command, "op")) {
      case "send" -> sendLater(context, command);
      case "cancel" -> context.cancelDelayedMessage(text(command, "token"));
      case "send-cancel" -> {
        sendLater(context, command);
        context.cancelDelayedMessage(text(command, "token"));
      }
      default -> throw Kit.unknown(command);
    }
  }

  private static void sendLater(Context context, JsonNode command) {
    Address self = context.self();
    Message out =
        Messaging.to(
                command.path("to").asText(self.type().asTypeNameString()), command.path("id").asText(self.id()))
            .withValue(text(command, "text"))
            .build();
    Duration pause = Duration.ofMillis(command.get("ms").asLong());
    if (command.has("token")) {
      context.sendAfter(pause, text(command, "token"), out);
    } else {
      context.sendAfter(pause, out);
    }
  }

  private static CompletableFuture<Void> slow(Context context, Message message) {
    JsonNode command = message.as(Kit.COMMAND);
    return CompletableFuture.runAsync(
        () -> say(context, "done " + text(command, "text")),
        CompletableFuture.delayedExecutor(command.get("ms").asLong(), TimeUnit.MILLISECONDS));
  }

  private static void fail(Context context, Message message) {
    JsonNode command = message.as(Kit.COMMAND);
    switch (text(command, "op")) {
      case "once", "times" -> {
        int attempt = ATTEMPTS.merge(List.of(context.self().id(), text(command, "text")), 1, Integer::sum);
        if (attempt <= command.path("n").asInt(1)) {
          throw new IllegalStateException("failure " + attempt + " as told by " + command);
        }
        say(context, "recovered " + text(command, "text"));
      }
      case "always" -> {
        context.storage().set(DONE, -1);
        throw new IllegalStateException("failure as told by " + command);
      }
      case "ok" -> {
        int done = context.storage().get(DONE).orElse(0) + 1;
        context.storage().set(DONE, done);
        say(context, "ok " + done);
      }
      case "unknown-function" ->
          context.send(Messaging.to("it.nowhere/nobody", context.self().id()).withValue("lost").build());
      case "unknown-egress" ->
          context.send(
              KafkaEgressMessage.forEgress(TypeName.typeNameFromString("it/nowhere"))
                  .withTopic(Kit.OUT_TOPIC)
                  .withUtf8Key(context.self().id())
                  .withUtf8Value("lost")
                  .build());
      default -> throw Kit.unknown(command);
    }
  }

  private static void egress(Context context, Message message) {
    JsonNode command = message.as(Kit.COMMAND);
    String key = context.self().id();
    KafkaEgressMessage.Builder record = KafkaEgressMessage.forEgress(Kit.KAFKA_EGRESS).withTopic("it-raw");
    switch (text(command, "op")) {
      case "text" -> record.withUtf8Key(key).withUtf8Value(text(command, "text"));
      case "typed" -> record.withUtf8Key(key).withValue(Types.stringType(), text(command, "text"));
      case "int" -> record.withUtf8Key(key).withUtf8Value(text(command, "n"));
      case "bytes" -> record.withUtf8Key(key).withValue(new byte[] {0x00, 0x01, (byte) 0xfe, (byte) 0xff});
      case "doc" -> record.withUtf8Key(key).withValue(Kit.DOC, Kit.object().set("n", command.get("n")));
      case "nokey" -> record.withUtf8Value(text(command, "text"));
      case "topic" ->
          record.withTopic(text(command, "topic")).withUtf8Key(key).withUtf8Value(text(command, "text"));
      case "playground" -> {
        context.send(Kit.playgroundRecord(Kit.OUT_TOPIC, text(command, "text")));
        return;
      }
      case "kinesis" -> {
        context.send(
            KinesisEgressMessage.forEgress(TypeName.typeNameFromString("it/stream"))
                .withStream("it-stream")
                .withUtf8PartitionKey(key)
                .withUtf8Value(text(command, "text"))
                .build());
        return;
      }
      default -> throw Kit.unknown(command);
    }
    context.send(record.build());
  }
}
