package it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunctionSpec;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.io.KafkaEgressMessage;
import org.apache.flink.statefun.sdk.java.message.EgressMessage;
import org.apache.flink.statefun.sdk.java.message.EgressMessageBuilder;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.types.SimpleType;
import org.apache.flink.statefun.sdk.java.types.Type;

/** The contract's types, and what every function needs to speak. */
final class Kit {
  static final String LANG = "java";
  static final String OUT_TOPIC = "it-out";
  static final TypeName KAFKA_EGRESS = TypeName.typeNameFromString("it/out");
  private static final TypeName PLAYGROUND_EGRESS = TypeName.typeNameFromString("io.statefun.playground/egress");

  private static final ObjectMapper JSON = new ObjectMapper();

  static final Type<JsonNode> COMMAND = json("it.types/command");
  static final Type<JsonNode> ENVELOPE = json("it.types/envelope");
  static final Type<JsonNode> HOP = json("it.types/hop");
  static final Type<JsonNode> DOC = json("it.types/doc");
  private static final Type<JsonNode> PLAYGROUND_RECORD = json("io.statefun.playground/EgressRecord");

  /** The custom binary type: two big-endian 32-bit integers. */
  record Point(int x, int y) {}

  static final Type<Point> POINT =
      SimpleType.simpleImmutableTypeFrom(
          TypeName.typeNameFromString("it.types/point"),
          point -> ByteBuffer.allocate(8).putInt(point.x()).putInt(point.y()).array(),
          bytes -> new Point(ByteBuffer.wrap(bytes).getInt(0), ByteBuffer.wrap(bytes).getInt(4)));

  private Kit() {}

  static Type<JsonNode> json(String typename) {
    return SimpleType.simpleTypeFrom(
        TypeName.typeNameFromString(typename), JSON::writeValueAsBytes, JSON::readTree);
  }

  static ObjectNode object() {
    return JSON.createObjectNode();
  }

  /** A function that is done when it returns. */
  interface Body {
    void apply(Context context, Message message) throws Exception;
  }

  /** A function that is done when its future is. */
  interface AsyncBody {
    CompletableFuture<Void> apply(Context context, Message message) throws Exception;
  }

  static void bind(StatefulFunctions functions, String typename, Body body, ValueSpec<?>... states) {
    bindAsync(
        functions,
        typename,
        (context, message) -> {
          body.apply(context, message);
          return context.done();
        },
        states);
  }

  static void bindAsync(StatefulFunctions functions, String typename, AsyncBody body, ValueSpec<?>... states) {
    functions.withStatefulFunction(
        StatefulFunctionSpec.builder(TypeName.typeNameFromString(typename))
            .withValueSpecs(states)
            .withSupplier(() -> body::apply)
            .build());
  }

  /** Emits one result line. */
  static void say(Context context, String text) {
    String id = context.self().id();
    String line = LANG + " " + context.self().type().name() + " " + id + " " + text;
    if ("playground".equals(System.getenv("IT_OUT"))) {
      context.send(playgroundRecord(OUT_TOPIC, line));
    } else {
      context.send(
          KafkaEgressMessage.forEgress(KAFKA_EGRESS)
              .withTopic(OUT_TOPIC)
              .withUtf8Key(id)
              .withUtf8Value(line)
              .build());
    }
  }

  static EgressMessage playgroundRecord(String topic, String payload) {
    JsonNode record = object().put("topic", topic).put("payload", payload);
    return EgressMessageBuilder.forEgress(PLAYGROUND_EGRESS).withCustomType(PLAYGROUND_RECORD, record).build();
  }

  /** Prints 1.5 as 1.5 and 3.0 as 3: the same text in every language. */
  static String number(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }

  static String text(JsonNode command, String field) {
    JsonNode value = command.get(field);
    if (value == null) {
      throw new IllegalArgumentException("no " + field + " in " + command);
    }
    return value.asText();
  }

  static IllegalArgumentException unknown(JsonNode command) {
    return new IllegalArgumentException("unknown op in " + command);
  }
}
