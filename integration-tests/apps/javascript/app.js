// The test application in JavaScript. What it promises is written in ../CONTRACT.md.
"use strict";

const http = require("http");
const { StateFun, messageBuilder, egressMessageBuilder, kafkaEgressMessage, kinesisEgressMessage } =
  require("apache-flink-statefun");

const LANG = "javascript";
const KAFKA_EGRESS = "it/out";
const PLAYGROUND_EGRESS = "io.statefun.playground/egress";
const OUT_TOPIC = "it-out";

const INT = StateFun.intType();
const STRING = StateFun.stringType();
const BOOLEAN = StateFun.booleanType();
const FLOAT = StateFun.floatType();
const COMMAND = StateFun.jsonType("it.types/command");
const ENVELOPE = StateFun.jsonType("it.types/envelope");
const HOP = StateFun.jsonType("it.types/hop");
const DOC = StateFun.jsonType("it.types/doc");
const POINT = StateFun.customType("it.types/point", ([x, y]) => {
  const buffer = Buffer.alloc(8);
  buffer.writeInt32BE(x, 0);
  buffer.writeInt32BE(y, 4);
  return buffer;
}, (buffer) => [buffer.readInt32BE(0), buffer.readInt32BE(4)]);
const PLAYGROUND_RECORD = StateFun.jsonType("io.statefun.playground/EgressRecord");

const statefun = new StateFun();

// The SDK answers a failed invocation without a word; the reason is worth a line on stderr.
function bind(typename, fn, specs = []) {
  statefun.bind({
    typename,
    specs,
    fn: async (context, message) => {
      try {
        await fn(context, message);
      } catch (error) {
        console.error(error);
        throw error;
      }
    },
  });
}

function playgroundRecord(text) {
  return egressMessageBuilder({
    typename: PLAYGROUND_EGRESS,
    value: { topic: OUT_TOPIC, payload: text },
    valueType: PLAYGROUND_RECORD,
  });
}

// Emits one result line.
function say(context, text) {
  const { name, id } = context.self;
  const line = `${LANG} ${name} ${id} ${text}`;
  if (process.env.IT_OUT === "playground") {
    context.send(playgroundRecord(line));
  } else {
    context.send(kafkaEgressMessage({ typename: KAFKA_EGRESS, topic: OUT_TOPIC, key: id, value: line }));
  }
}

function sendString(context, typename, id, value) {
  context.send(messageBuilder({ typename, id, value, valueType: STRING }));
}

function unknown(command) {
  return new Error(`unknown op in ${JSON.stringify(command)}`);
}

// --- messages and types -----------------------------------------------------------------------------

bind("it.javascript/dispatch", (context, message) => {
  const { to, id, command, text, int } = message.as(ENVELOPE);
  if (command !== undefined) {
    context.send(messageBuilder({ typename: to, id, value: command, valueType: COMMAND }));
  } else if (text !== undefined) {
    sendString(context, to, id, text);
  } else {
    context.send(messageBuilder({ typename: to, id, value: int, valueType: INT }));
  }
});

bind("it.javascript/echo", (context, message) => {
  say(context, `${message.valueTypeName} ${message.rawValueBytes.toString("hex")}`.trimEnd());
});

bind("it.javascript/describe", (context, message) => {
  let text = `unknown ${message.valueTypeName}`;
  if (message.isBoolean()) text = `bool ${message.asBoolean()}`;
  else if (message.isInt()) text = `int ${message.asInt()}`;
  else if (message.isFloat()) text = `float ${message.asFloat()}`;
  else if (message.isString()) text = `string ${message.asString()}`;
  else if (message.is(DOC)) text = `doc ${message.as(DOC).n}`;
  else if (message.is(POINT)) text = `point ${message.as(POINT).join(" ")}`;
  say(context, text);
});

bind("it.javascript/types", (context, message) => {
  const { to } = message.as(COMMAND);
  const values = [[true, BOOLEAN], [false, BOOLEAN], [-2, INT], [0, INT], [1.5, FLOAT], ["héllo", STRING],
    ["", STRING], [{ n: 7 }, DOC], [[3, -4], POINT]];
  for (const [value, valueType] of values) {
    context.send(messageBuilder({ typename: to, id: context.self.id, value, valueType }));
  }
});

bind("it.javascript/ask", (context, message) => {
  if (message.isString()) {
    say(context, `${message.asString()} from ${context.caller.typename}/${context.caller.id}`);
  } else {
    const { to, id, text } = message.as(COMMAND);
    sendString(context, to, id, text);
  }
});

bind("it.javascript/answer", (context, message) => {
  const text = message.asString();
  if (context.caller === null) {
    say(context, `no caller ${text}`);
  } else {
    sendString(context, context.caller.typename, context.caller.id, `${LANG} heard ${text}`);
  }
});

bind("it.javascript/hop", (context, message) => {
  const { path: [next, ...path], seen: before } = message.as(HOP);
  const seen = [...before, LANG];
  if (next === undefined) {
    say(context, seen.join(">"));
  } else {
    context.send(messageBuilder({ typename: next, id: context.self.id, value: { path, seen }, valueType: HOP }));
  }
});

// --- state ------------------------------------------------------------------------------------------

bind("it.javascript/counter", (context, message) => {
  const text = message.asString();
  const { storage } = context;
  if (text === "reset") {
    storage.seen = null; // null is how this SDK deletes
    say(context, "reset");
    return;
  }
  storage.seen = (storage.seen ?? 0) + 1;
  if (!text.startsWith("quiet")) say(context, `${storage.seen}`);
}, [{ name: "seen", type: INT }]);

bind("it.javascript/order", (context, message) => {
  const value = message.asInt();
  const { storage } = context;
  const last = storage.last ?? 0;
  const wrong = storage.wrong ?? 0;
  if (value === 0) {
    say(context, `last ${last} violations ${wrong}`);
    return;
  }
  if (value !== last + 1) storage.wrong = wrong + 1;
  storage.last = value;
}, [{ name: "last", type: INT }, { name: "wrong", type: INT }]);

bind("it.javascript/burst", (context, message) => {
  const { to, id, n } = message.as(COMMAND);
  const sent = context.storage.sent ?? 0;
  for (let value = sent + 1; value <= sent + n; value++) {
    context.send(messageBuilder({ typename: to, id, value, valueType: INT }));
  }
  context.storage.sent = sent + n;
}, [{ name: "sent", type: INT }]);

// No 64-bit numbers in this SDK, so `big` and `exact` are missing here.
const STATES = [
  { name: "plain", type: STRING },
  { name: "writes", type: STRING, expireAfterWrite: 2000 },
  { name: "calls", type: STRING, expireAfterCall: 2000 },
  { name: "count", type: INT },
  { name: "flag", type: BOOLEAN },
  { name: "ratio", type: FLOAT },
  { name: "doc", type: DOC },
  { name: "point", type: POINT },
];

const SHOW = { doc: (doc) => doc.n, point: ([x, y]) => `${x},${y}` };

function state(context, message) {
  const command = message.as(COMMAND);
  const { storage } = context;
  switch (command.op) {
    case "set":
      storage.plain = command.text;
      storage.writes = command.text;
      storage.calls = command.text;
      storage.count = command.n;
      storage.flag = command.n % 2 === 1;
      storage.ratio = command.n / 2;
      storage.doc = { n: command.n };
      storage.point = [command.n, -command.n];
      break;
    case "get":
      say(context, STATES.map(({ name }) => {
        const value = storage[name];
        const show = SHOW[name] ?? String;
        return `${name}=${value === null ? "-" : show(value)}`;
      }).join(" "));
      break;
    case "touch":
      break;
    case "delete":
      for (const { name } of STATES) storage[name] = null;
      break;
    case "replace":
      storage.plain = null;
      storage.plain = command.text;
      break;
    default:
      throw unknown(command);
  }
}
bind("it.javascript/state", state, STATES);
bind("it.shared/state", state, STATES);

// --- time -------------------------------------------------------------------------------------------

bind("it.javascript/delay", (context, message) => {
  if (message.isString()) {
    say(context, `fired ${message.asString()} from ${context.caller.typename}/${context.caller.id}`);
    return;
  }
  const command = message.as(COMMAND);
  const { op, ms, text, token, to = context.self.typename, id = context.self.id } = command;
  if (!["send", "cancel", "send-cancel"].includes(op)) throw unknown(command);
  if (op !== "cancel") {
    context.sendAfter(ms, messageBuilder({ typename: to, id, value: text, valueType: STRING }), token);
  }
  if (op !== "send") context.cancelDelayedMessage(token);
});

bind("it.javascript/slow", async (context, message) => {
  const { ms, text } = message.as(COMMAND);
  await new Promise((done) => setTimeout(done, ms));
  say(context, `done ${text}`);
});

// --- failures ---------------------------------------------------------------------------------------

const attempts = new Map();

bind("it.javascript/fail", (context, message) => {
  const command = message.as(COMMAND);
  const { op, text, n = 1 } = command;
  const { id } = context.self;
  switch (op) {
    case "once":
    case "times": {
      const key = JSON.stringify([id, text]);
      const attempt = (attempts.get(key) ?? 0) + 1;
      attempts.set(key, attempt);
      if (attempt <= n) throw new Error(`failure ${attempt} as told by ${JSON.stringify(command)}`);
      say(context, `recovered ${text}`);
      break;
    }
    case "always":
      context.storage.done = -1;
      throw new Error(`failure as told by ${JSON.stringify(command)}`);
    case "ok":
      context.storage.done = (context.storage.done ?? 0) + 1;
      say(context, `ok ${context.storage.done}`);
      break;
    case "unknown-function":
      sendString(context, "it.nowhere/nobody", id, "lost");
      break;
    case "unknown-egress":
      context.send(kafkaEgressMessage({ typename: "it/nowhere", topic: OUT_TOPIC, key: id, value: "lost" }));
      break;
    default:
      throw unknown(command);
  }
}, [{ name: "done", type: INT }]);

// --- egress -----------------------------------------------------------------------------------------

bind("it.javascript/egress", (context, message) => {
  const command = message.as(COMMAND);
  const { op, text, n } = command;
  const key = context.self.id;
  const record = (fields) =>
    context.send(kafkaEgressMessage({ typename: KAFKA_EGRESS, topic: "it-raw", key, ...fields }));
  switch (op) {
    case "text": record({ value: text }); break;
    case "typed": record({ value: text, valueType: STRING }); break;
    case "int": record({ value: n }); break;
    case "bytes": record({ value: Buffer.from([0x00, 0x01, 0xfe, 0xff]) }); break;
    case "doc": record({ value: { n }, valueType: DOC }); break;
    case "nokey": record({ value: text, key: "" }); break;
    case "topic": record({ value: text, topic: command.topic }); break;
    case "playground": context.send(playgroundRecord(text)); break;
    case "kinesis":
      context.send(kinesisEgressMessage(
        { typename: "it/stream", stream: "it-stream", partitionKey: key, value: text }));
      break;
    default: throw unknown(command);
  }
});

// --- server -----------------------------------------------------------------------------------------

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
