package it;

import static it.Kit.number;
import static it.Kit.object;
import static it.Kit.say;
import static it.Kit.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.flink.statefun.sdk.java.AddressScopedStorage;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.message.Message;

/** Counters, the order checker, and every kind of state value. */
final class State {
  private static final ValueSpec<Integer> SEEN = ValueSpec.named("seen").withIntType();
  private static final ValueSpec<Integer> LAST = ValueSpec.named("last").withIntType();
  private static final ValueSpec<Integer> WRONG = ValueSpec.named("wrong").withIntType();
  private static final ValueSpec<Integer> SENT = ValueSpec.named("sent").withIntType();

  private static final ValueSpec<String> PLAIN = ValueSpec.named("plain").withUtf8StringType();
  private static final ValueSpec<String> WRITES =
      ValueSpec.named("writes").thatExpireAfterWrite(Duration.ofMillis(2000)).withUtf8StringType();
  private static final ValueSpec<String> CALLS =
      ValueSpec.named("calls").thatExpiresAfterCall(Duration.ofMillis(2000)).withUtf8StringType();
  private static final ValueSpec<Integer> COUNT = ValueSpec.named("count").withIntType();
  private static final ValueSpec<Boolean> FLAG = ValueSpec.named("flag").withBooleanType();
  private static final ValueSpec<Float> RATIO = ValueSpec.named("ratio").withFloatType();
  private static final ValueSpec<JsonNode> DOC = ValueSpec.named("doc").withCustomType(Kit.DOC);
  private static final ValueSpec<Kit.Point> POINT = ValueSpec.named("point").withCustomType(Kit.POINT);
  private static final ValueSpec<Long> BIG = ValueSpec.named("big").withLongType();
  private static final ValueSpec<Double> EXACT = ValueSpec.named("exact").withDoubleType();
  private static final ValueSpec<?>[] STATES = {
    PLAIN, WRITES, CALLS, COUNT, FLAG, RATIO, DOC, POINT, BIG, EXACT
  };

  private State() {}

  static void bind(StatefulFunctions functions) {
    Kit.bind(functions, "it.java/counter", State::counter, SEEN);
    Kit.bind(functions, "it.java/order", State::order, LAST, WRONG);
    Kit.bind(functions, "it.java/burst", State::burst, SENT);
    Kit.bind(functions, "it.java/state", State::state, STATES);
    Kit.bind(functions, "it.shared/state", State::state, STATES);
  }

  private static void counter(Context context, Message message) {
    AddressScopedStorage storage = context.storage();
    String text = message.asUtf8String();
    if (text.equals("reset")) {
      storage.remove(SEEN);
      say(context, "reset");
      return;
    }
    int seen = storage.get(SEEN).orElse(0) + 1;
    storage.set(SEEN, seen);
    if (!text.startsWith("quiet")) {
      say(context, Integer.toString(seen));
    }
  }

  private static void order(Context context, Message message) {
    AddressScopedStorage storage = context.storage();
    int value = message.asInt();
    int last = storage.get(LAST).orElse(0);
    int wrong = storage.get(WRONG).orElse(0);
    if (value == 0) {
      say(context, "last " + last + " violations " + wrong);
      return;
    }
    if (value != last + 1) {
      storage.set(WRONG, wrong + 1);
    }
    storage.set(LAST, value);
  }

  private static void burst(Context context, Message message) {
    JsonNode command = message.as(Kit.COMMAND);
    int sent = context.storage().get(SENT).orElse(0);
    int end = sent + command.get("n").asInt();
    for (int value = sent + 1; value <= end; value++) {
      context.send(Messaging.to(text(command, "to"), text(command, "id")).withValue(value).build());
    }
    context.storage().set(SENT, end);
  }

  private static void state(Context context, Message message) {
    AddressScopedStorage storage = context.storage();
    JsonNode command = message.as(Kit.COMMAND);
    switch (text(command, "op")) {
      case "set" -> {
        int n = command.get("n").asInt();
        storage.set(PLAIN, text(command, "text"));
        storage.set(WRITES, text(command, "text"));
        storage.set(CALLS, text(command, "text"));
        storage.set(COUNT, n);
        storage.set(FLAG, n % 2 == 1);
        storage.set(RATIO, n / 2f);
        storage.set(DOC, object().put("n", n));
        storage.set(POINT, new Kit.Point(n, -n));
        storage.set(BIG, n * 4294967296L);
        storage.set(EXACT, n / 4.0);
      }
      case "get" -> say(context, show(storage));
      case "touch" -> {}
      case "delete" -> {
        for (ValueSpec<?> spec : STATES) {
          storage.remove(spec);
        }
      }
      case "replace" -> {
        storage.remove(PLAIN);
        storage.set(PLAIN, text(command, "text"));
      }
      default -> throw Kit.unknown(command);
    }
  }

  private static String show(AddressScopedStorage storage) {
    List<String> shown = new ArrayList<>();
    shown.add(show(storage, PLAIN, String::valueOf));
    shown.add(show(storage, WRITES, String::valueOf));
    shown.add(show(storage, CALLS, String::valueOf));
    shown.add(show(storage, COUNT, String::valueOf));
    shown.add(show(storage, FLAG, String::valueOf));
    shown.add(show(storage, RATIO, value -> number(value)));
    shown.add(show(storage, DOC, doc -> doc.get("n").asText()));
    shown.add(show(storage, POINT, point -> point.x() + "," + point.y()));
    shown.add(show(storage, BIG, String::valueOf));
    shown.add(show(storage, EXACT, value -> number(value)));
    return String.join(" ", shown);
  }

  private static <T> String show(AddressScopedStorage storage, ValueSpec<T> spec, Function<T, String> format) {
    return spec.name() + "=" + storage.get(spec).map(format).orElse("-");
  }
}
