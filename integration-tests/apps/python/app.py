"""The test application in Python. What it promises is written in ../CONTRACT.md."""

import asyncio
import os
import struct
import sys
import traceback
from collections import Counter
from datetime import timedelta

from aiohttp import web
from statefun import (BoolType, DoubleType, FloatType, IntType, LongType, RequestReplyHandler, StatefulFunctions,
                      StringType, ValueSpec, egress_message_builder, kafka_egress_message, kinesis_egress_message,
                      make_json_type, message_builder, simple_type)

LANG = "python"
KAFKA_EGRESS = "it/out"
PLAYGROUND_EGRESS = "io.statefun.playground/egress"
OUT_TOPIC = "it-out"

COMMAND = make_json_type("it.types/command")
ENVELOPE = make_json_type("it.types/envelope")
HOP = make_json_type("it.types/hop")
DOC = make_json_type("it.types/doc")
POINT = simple_type("it.types/point",
                    serialize_fn=lambda point: struct.pack(">ii", *point),
                    deserialize_fn=lambda data: struct.unpack(">ii", data))
PLAYGROUND_RECORD = make_json_type("io.statefun.playground/EgressRecord")

functions = StatefulFunctions()


def number(value):
    """1.5 stays 1.5, 3.0 becomes 3: the same text in every language."""
    return str(int(value)) if value == int(value) else repr(value)


def truth(value):
    return "true" if value else "false"


def playground_record(text):
    return egress_message_builder(target_typename=PLAYGROUND_EGRESS,
                                  value={"topic": OUT_TOPIC, "payload": text},
                                  value_type=PLAYGROUND_RECORD)


def say(context, text):
    """Emits one result line."""
    line = f"{LANG} {context.address.name} {context.address.id} {text}"
    if os.environ.get("IT_OUT", "kafka") == "playground":
        context.send_egress(playground_record(line))
    else:
        context.send_egress(kafka_egress_message(typename=KAFKA_EGRESS, topic=OUT_TOPIC,
                                                 key=context.address.id, value=line))


def unknown(command):
    return ValueError(f"unknown op in {command}")


# --- messages and types ------------------------------------------------------------------------------

@functions.bind("it.python/dispatch")
def dispatch(context, message):
    envelope = message.as_type(ENVELOPE)
    to, target_id = envelope["to"], envelope["id"]
    if "command" in envelope:
        out = message_builder(target_typename=to, target_id=target_id, value=envelope["command"], value_type=COMMAND)
    elif "text" in envelope:
        out = message_builder(target_typename=to, target_id=target_id, str_value=envelope["text"])
    else:
        out = message_builder(target_typename=to, target_id=target_id, int_value=envelope["int"])
    context.send(out)


@functions.bind("it.python/echo")
def echo(context, message):
    say(context, f"{message.value_typename()} {(message.raw_value() or b'').hex()}".rstrip())


@functions.bind("it.python/describe")
def describe(context, message):
    if message.is_bool():
        text = f"bool {truth(message.as_bool())}"
    elif message.is_int():
        text = f"int {message.as_int()}"
    elif message.is_float():
        text = f"float {number(message.as_float())}"
    elif message.is_string():
        text = f"string {message.as_string()}"
    elif message.is_long():
        text = f"long {message.as_long()}"
    elif message.is_double():
        text = f"double {number(message.as_double())}"
    elif message.is_type(DOC):
        text = f"doc {message.as_type(DOC)['n']}"
    elif message.is_type(POINT):
        x, y = message.as_type(POINT)
        text = f"point {x} {y}"
    else:
        text = f"unknown {message.value_typename()}"
    say(context, text)


@functions.bind("it.python/types")
def types(context, message):
    to, own_id = message.as_type(COMMAND)["to"], context.address.id
    for value in ({"bool_value": True}, {"bool_value": False}, {"int_value": -2}, {"int_value": 0},
                  {"float_value": 1.5}, {"str_value": "héllo"}, {"str_value": ""},
                  {"value": {"n": 7}, "value_type": DOC}, {"value": (3, -4), "value_type": POINT},
                  {"long_value": -3}, {"double_value": -2.5}):
        context.send(message_builder(target_typename=to, target_id=own_id, **value))


@functions.bind("it.python/ask")
def ask(context, message):
    if message.is_string():
        say(context, f"{message.as_string()} from {context.caller.typename}/{context.caller.id}")
    else:
        command = message.as_type(COMMAND)
        context.send(message_builder(target_typename=command["to"], target_id=command["id"],
                                     str_value=command["text"]))


@functions.bind("it.python/answer")
def answer(context, message):
    text = message.as_string()
    if context.caller is None:
        say(context, f"no caller {text}")
    else:
        context.send(message_builder(target_typename=context.caller.typename, target_id=context.caller.id,
                                     str_value=f"{LANG} heard {text}"))


@functions.bind("it.python/hop")
def hop(context, message):
    value = message.as_type(HOP)
    path, seen = value["path"], value["seen"] + [LANG]
    if not path:
        say(context, ">".join(seen))
    else:
        context.send(message_builder(target_typename=path[0], target_id=context.address.id,
                                     value={"path": path[1:], "seen": seen}, value_type=HOP))


# --- state -------------------------------------------------------------------------------------------

@functions.bind("it.python/counter", specs=[ValueSpec("seen", IntType)])
def counter(context, message):
    text = message.as_string()
    if text == "reset":
        del context.storage.seen
        say(context, "reset")
        return
    context.storage.seen = (context.storage.seen or 0) + 1
    if not text.startswith("quiet"):
        say(context, str(context.storage.seen))


@functions.bind("it.python/order", specs=[ValueSpec("last", IntType), ValueSpec("wrong", IntType)])
def order(context, message):
    storage, value = context.storage, message.as_int()
    last, wrong = storage.last or 0, storage.wrong or 0
    if value == 0:
        say(context, f"last {last} violations {wrong}")
        return
    if value != last + 1:
        storage.wrong = wrong + 1
    storage.last = value


@functions.bind("it.python/burst", specs=[ValueSpec("sent", IntType)])
def burst(context, message):
    command = message.as_type(COMMAND)
    sent = context.storage.sent or 0
    for value in range(sent + 1, sent + command["n"] + 1):
        context.send(message_builder(target_typename=command["to"], target_id=command["id"], int_value=value))
    context.storage.sent = sent + command["n"]


STATES = [ValueSpec("plain", StringType),
          ValueSpec("writes", StringType, expire_after_write=timedelta(milliseconds=2000)),
          ValueSpec("calls", StringType, expire_after_call=timedelta(milliseconds=2000)),
          ValueSpec("count", IntType),
          ValueSpec("flag", BoolType),
          ValueSpec("ratio", FloatType),
          ValueSpec("doc", DOC),
          ValueSpec("point", POINT),
          ValueSpec("big", LongType),
          ValueSpec("exact", DoubleType)]

SHOW = {"flag": truth, "ratio": number, "exact": number,
        "doc": lambda doc: str(doc["n"]), "point": lambda point: f"{point[0]},{point[1]}"}


@functions.bind("it.python/state", specs=STATES)
@functions.bind("it.shared/state", specs=STATES)
def state(context, message):
    command, storage = message.as_type(COMMAND), context.storage
    op = command["op"]
    if op == "set":
        n = command["n"]
        storage.plain = storage.writes = storage.calls = command["text"]
        storage.count = n
        storage.flag = n % 2 == 1
        storage.ratio = n / 2
        storage.doc = {"n": n}
        storage.point = (n, -n)
        storage.big = n * 4294967296
        storage.exact = n / 4
    elif op == "get":
        shown = []
        for spec in STATES:
            value = getattr(storage, spec.name)
            text = "-" if value is None else SHOW.get(spec.name, str)(value)
            shown.append(f"{spec.name}={text}")
        say(context, " ".join(shown))
    elif op == "delete":
        for spec in STATES:
            delattr(storage, spec.name)
    elif op == "replace":
        del storage.plain
        storage.plain = command["text"]
    elif op != "touch":
        raise unknown(command)


# --- time --------------------------------------------------------------------------------------------

@functions.bind("it.python/delay")
def delay(context, message):
    if message.is_string():
        say(context, f"fired {message.as_string()} from {context.caller.typename}/{context.caller.id}")
        return
    command = message.as_type(COMMAND)
    op = command["op"]
    if op in ("send", "send-cancel"):
        out = message_builder(target_typename=command.get("to", context.address.typename),
                              target_id=command.get("id", context.address.id), str_value=command["text"])
        pause = timedelta(milliseconds=command["ms"])
        if "token" in command:
            context.send_after(pause, out, cancellation_token=command["token"])
        else:
            context.send_after(pause, out)
    if op in ("cancel", "send-cancel"):
        context.cancel_delayed_message(command["token"])
    if op not in ("send", "cancel", "send-cancel"):
        raise unknown(command)


@functions.bind("it.python/slow")
async def slow(context, message):
    command = message.as_type(COMMAND)
    await asyncio.sleep(command["ms"] / 1000)
    say(context, f"done {command['text']}")


# --- failures ----------------------------------------------------------------------------------------

attempts = Counter()


@functions.bind("it.python/fail", specs=[ValueSpec("done", IntType)])
def fail(context, message):
    command = message.as_type(COMMAND)
    op = command["op"]
    if op in ("once", "times"):
        key = (context.address.id, command["text"])
        attempts[key] += 1
        if attempts[key] <= command.get("n", 1):
            raise RuntimeError(f"failure {attempts[key]} as told by {command}")
        say(context, f"recovered {command['text']}")
    elif op == "always":
        context.storage.done = -1
        raise RuntimeError(f"failure as told by {command}")
    elif op == "ok":
        context.storage.done = (context.storage.done or 0) + 1
        say(context, f"ok {context.storage.done}")
    elif op == "unknown-function":
        context.send(message_builder(target_typename="it.nowhere/nobody", target_id=context.address.id,
                                     str_value="lost"))
    elif op == "unknown-egress":
        context.send_egress(kafka_egress_message(typename="it/nowhere", topic=OUT_TOPIC, key=context.address.id,
                                                 value="lost"))
    else:
        raise unknown(command)


# --- egress ------------------------------------------------------------------------------------------

@functions.bind("it.python/egress")
def egress(context, message):
    command, key = message.as_type(COMMAND), context.address.id
    op = command["op"]

    def record(value, topic="it-raw", **options):
        context.send_egress(kafka_egress_message(typename=KAFKA_EGRESS, topic=topic, value=value, **options))

    if op == "text":
        record(command["text"], key=key)
    elif op == "typed":
        record(command["text"], key=key, value_type=StringType)
    elif op == "int":
        record(command["n"], key=key)
    elif op == "bytes":
        record(b"\x00\x01\xfe\xff", key=key)
    elif op == "doc":
        record({"n": command["n"]}, key=key, value_type=DOC)
    elif op == "nokey":
        record(command["text"])
    elif op == "topic":
        record(command["text"], topic=command["topic"], key=key)
    elif op == "playground":
        context.send_egress(playground_record(command["text"]))
    elif op == "kinesis":
        context.send_egress(kinesis_egress_message(typename="it/stream", stream="it-stream", partition_key=key,
                                                   value=command["text"]))
    else:
        raise unknown(command)


# --- server ------------------------------------------------------------------------------------------

handler = RequestReplyHandler(functions)


async def serve(request):
    try:
        reply = await handler.handle_async(await request.read())
    except web.HTTPException:
        # aiohttp's own answers, first of all 413 for a body above its limit.
        raise
    except Exception:
        traceback.print_exc()
        return web.Response(status=500, text=traceback.format_exc(limit=0))
    return web.Response(body=reply, content_type="application/octet-stream")


async def main(port):
    # aiohttp's default body limit of 1 MiB stays on purpose: published Python applications have it too.
    app = web.Application()
    app.add_routes([web.post("/statefun", serve)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1])))
    except KeyboardInterrupt:
        pass
