package it;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.handler.RequestReplyHandler;
import org.apache.flink.statefun.sdk.java.slice.Slice;
import org.apache.flink.statefun.sdk.java.slice.Slices;

/** The test application in Java. What it promises is written in ../../../CONTRACT.md. */
final class Main {
  private Main() {}

  public static void main(String[] arguments) throws IOException {
    StatefulFunctions functions = new StatefulFunctions();
    Messaging.bind(functions);
    State.bind(functions);
    Effects.bind(functions);
    Vectors.bind(functions);
    RequestReplyHandler handler = functions.requestReplyHandler();

    InetAddress loopback = InetAddress.getLoopbackAddress();
    HttpServer server = HttpServer.create(new InetSocketAddress(loopback, Integer.parseInt(arguments[0])), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/statefun", exchange -> serve(handler, exchange));
    server.start();
    System.out.println("ready");
  }

  private static void serve(RequestReplyHandler handler, HttpExchange exchange) throws IOException {
    Slice request = Slices.wrap(exchange.getRequestBody().readAllBytes());
    handler
        .handle(request)
        .whenComplete(
            (reply, error) -> {
              if (error != null) {
                error.printStackTrace();
                answer(exchange, 500, new byte[0]);
              } else {
                answer(exchange, 200, reply.toByteArray());
              }
            });
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) {
    try (exchange) {
      exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
      // For this server a length of 0 means chunked and -1 means no body.
      exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
      exchange.getResponseBody().write(body);
    } catch (IOException e) {
      e.printStackTrace();
    }
  }
}
