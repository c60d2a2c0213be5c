package it;

import static it.Kit.LANG;
import static it.Kit.number;
import static it.Kit.object;
import static it.Kit.say;
import static it.Kit.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HexFormat;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.apache.flink.statefun.sdk.java.Address;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.message.MessageBuilder;

/** Messages, their types, and who sent them. */
final class Messaging {
  private Messaging() {}

  static void bind(StatefulFunctions functions) {
    Kit.bind(functions, "it.java/dispatch", Messaging::dispatch);
    Kit.bind(functions, "it.java/echo", Messaging::echo);
    Kit.bind(functions, "it.java/describe", Messaging::describe);
    Kit.bind(functions, "it.java/types", Messaging::types);
    Kit.bind(functions, "it.java/ask", Messaging::ask);
    Kit.bind(functions, "it.java/answer", Messaging::answer);
    Kit.bind(functions, "it.java/hop", Messaging::hop);
  }

  static MessageBuilder to(String typename, String id) {
    return MessageBuilder.forAddress(TypeName.typeNameFromString(typename), id);
  }

  private static void dispatch(Context context, Message message) {
    JsonNode envelope = message.as(Kit.ENVELOPE);
    MessageBuilder out = to(text(envelope, "to"), text(envelope, "id"));
    if (envelope.has("command")) {
      out.withCustomType(Kit.COMMAND, envelope.get("command"));
    } else if (envelope.has("text")) {
      out.withValue(text(envelope, "text"));
    } else {
      out.withValue(envelope.get("int").asInt());
    }
    context.send(out.build());
  }

  private static void echo(Context context, Message message) {
    String hex = HexFormat.of().formatHex(message.rawValue().toByteArray());
    say(context, (message.valueTypeName().asTypeNameString() + " " + hex).stripTrailing());
  }

  private static void describe(Context context, Message message) {
    String text;
    if (message.isBoolean()) {
      text = "bool " + message.asBoolean();
    } else if (message.isInt()) {
      text = "int " + message.asInt();
    } else if (message.isFloat()) {
      text = "float " + number(message.asFloat());
    } else if (message.isUtf8String()) {
      text = "string " + message.asUtf8String();
    } else if (message.isLong()) {
      text = "long " + message.asLong();
    } else if (message.isDouble()) {
      text = "double " + number(message.asDouble());
    } else if (message.is(Kit.DOC)) {
      text = "doc " + message.as(Kit.DOC).get("n").asInt();
    } else if (message.is(Kit.POINT)) {
      Kit.Point point = message.as(Kit.POINT);
      text = "point " + point.x() + " " + point.y();
    } else {
      text = "unknown " + message.valueTypeName().asTypeNameString();
    }
    say(context, text);
  }

  private static void types(Context context, Message message) {
    String target = text(message.as(Kit.COMMAND), "to");
    Supplier<MessageBuilder> one = () -> to(target, context.self().id());
    context.send(one.get().withValue(true).build());
    context.send(one.get().withValue(false).build());
    context.send(one.get().withValue(-2).build());
    context.send(one.get().withValue(0).build());
    context.send(one.get().withValue(1.5f).build());
    context.send(one.get().withValue("héllo").build());
    context.send(one.get().withValue("").build());
    context.send(one.get().withCustomType(Kit.DOC, object().put("n", 7)).build());
    context.send(one.get().withCustomType(Kit.POINT, new Kit.Point(3, -4)).build());
    context.send(one.get().withValue(-3L).build());
    context.send(one.get().withValue(-2.5).build());
  }

  static String caller(Context context) {
    Address caller = context.caller().orElseThrow();
    return caller.type().asTypeNameString() + "/" + caller.id();
  }

  private static void ask(Context context, Message message) {
    if (message.isUtf8String()) {
      say(context, message.asUtf8String() + " from " + caller(context));
      return;
    }
    JsonNode command = message.as(Kit.COMMAND);
    context.send(to(text(command, "to"), text(command, "id")).withValue(text(command, "text")).build());
  }

  private static void answer(Context context, Message message) {
    String text = message.asUtf8String();
    context
        .caller()
        .ifPresentOrElse(
            caller ->
                context.send(MessageBuilder.forAddress(caller).withValue(LANG + " heard " + text).build()),
            () -> say(context, "no caller " + text));
  }

  private static void hop(Context context, Message message) {
    ObjectNode value = (ObjectNode) message.as(Kit.HOP);
    ArrayNode path = value.withArray("path");
    ArrayNode seen = value.withArray("seen").add(LANG);
    if (path.isEmpty()) {
      say(
          context,
          StreamSupport.stream(seen.spliterator(), false).map(JsonNode::asText).collect(Collectors.joining(">")));
      return;
    }
    String next = path.remove(0).asText();
    context.send(to(next, context.self().id()).withCustomType(Kit.HOP, value).build());
  }
}
