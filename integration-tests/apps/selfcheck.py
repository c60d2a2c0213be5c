#!/usr/bin/env python3
"""Checks the test applications against CONTRACT.md, without any runtime but a pocket-sized one.

    selfcheck.py [LANG ...]       default: python javascript go java

Starts each application on a free loopback port, plays every part of the contract with it, then sends one
message on a round trip through all the languages given. Needs nothing but Python's standard library.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from playing_runtime import (KAFKA_RECORD, PLAYGROUND_RECORD, Address, Failed, Value, World, field, integer, parse,
                             string, text)

HERE = Path(__file__).resolve().parent
LANGUAGES = ["python", "javascript", "go", "java"]
NO_64_BIT = {"javascript"}


def command(**fields):
    return Value("it.types/command", json.dumps(fields).encode())


def lines(records):
    """The texts of result lines, after checking that they left through the right door with the right key."""
    out = []
    for record in records:
        assert (record.egress, record.typename) == ("it/out", KAFKA_RECORD), record
        fields = parse(record.bytes)
        assert text(fields, 3) == "it-out", record
        line = text(fields, 2)
        assert line.split(" ")[2] == text(fields, 1), f"key {text(fields, 1)} of line {line}"
        out.append(line)
    return out


def expect(actual, *expected):
    assert list(actual) == list(expected), f"\n  expected {list(expected)}\n  but saw  {list(actual)}"


class Check:
    """The scenarios for one language; every method named check_... is one."""

    def __init__(self, lang, port):
        self.lang, self.ns = lang, f"it.{lang}"
        self.port = port

    def world(self):
        return World({self.ns: self.port, "it.shared": self.port})

    def say(self, name, id, *texts):
        return [f"{self.lang} {name} {id} {text}".rstrip() for text in texts]

    def tell(self, world, name, id, argument):
        world.send(f"{self.ns}/{name}", id, argument)
        return lines(world.run())

    def check_a_stateless_function_is_answered_in_one_round(self):
        world = self.world()
        expect(self.tell(world, "echo", "a", string("hi")),
               *self.say("echo", "a", "io.statefun.types/string 0a026869"))
        expect(world.rounds, "result")
        expect(self.tell(world, "echo", "a", string("")), *self.say("echo", "a", "io.statefun.types/string"))

    def check_states_are_asked_for_once_and_again_after_a_restart(self):
        world = self.world()
        expect(self.tell(world, "counter", "a", string("x")), *self.say("counter", "a", "1"))
        expect(self.tell(world, "counter", "a", string("x")), *self.say("counter", "a", "2"))
        expect(world.rounds, "incomplete", "result", "result")
        world.restart()
        expect(self.tell(world, "counter", "a", string("x")), *self.say("counter", "a", "3"))
        expect(world.rounds[3:], "incomplete", "result")

    def check_expirations_are_declared_as_written(self):
        world = self.world()
        self.tell(world, "state", "a", command(op="touch"))
        expected = {"plain": ("io.statefun.types/string", 0, 0), "writes": ("io.statefun.types/string", 1, 2000),
                    "calls": ("io.statefun.types/string", 2, 2000), "count": ("io.statefun.types/int", 0, 0),
                    "flag": ("io.statefun.types/bool", 0, 0), "ratio": ("io.statefun.types/float", 0, 0),
                    "doc": ("it.types/doc", 0, 0), "point": ("it.types/point", 0, 0)}
        if self.lang not in NO_64_BIT:
            expected |= {"big": ("io.statefun.types/long", 0, 0), "exact": ("io.statefun.types/double", 0, 0)}
        assert world.specs[f"{self.ns}/state"] == expected, world.specs

    def check_dispatch_forwards_commands_texts_and_integers(self):
        world, to = self.world(), f"{self.ns}/describe"
        for rest in ({"text": "t"}, {"int": 5}, {"command": {"op": "x"}}):
            envelope = Value("it.types/envelope", json.dumps({"to": to, "id": "b", **rest}).encode())
            world.send(f"{self.ns}/dispatch", "a", envelope)
        expect(lines(world.run()), *self.say("describe", "b", "string t", "int 5", "unknown it.types/command"))

    def check_all_types_are_written_and_read(self):
        expected = ["bool true", "bool false", "int -2", "int 0", "float 1.5", "string héllo", "string ", "doc 7",
                    "point 3 -4"]
        if self.lang not in NO_64_BIT:
            expected += ["long -3", "double -2.5"]
        seen = self.tell(self.world(), "types", "a", command(to=f"{self.ns}/describe"))
        expect([line.rstrip() for line in seen], *self.say("describe", "a", *expected))

    def check_built_in_types_have_the_agreed_bytes(self):
        seen = self.tell(self.world(), "types", "a", command(to=f"{self.ns}/echo"))
        expected = ["bool 0801", "bool", "int 0dfeffffff", "int", "float 0d0000c03f", "string 0a0668c3a96c6c6f",
                    "string"]
        if self.lang not in NO_64_BIT:
            expected += ["long 09fdffffffffffffff", "double 0900000000000004c0"]
        built_in = [line for line in seen if " it.types/" not in line]
        expect(built_in, *self.say("echo", "a", *("io.statefun.types/" + end for end in expected)))
        assert f"{self.lang} echo a it.types/point 00000003fffffffc" in seen, seen

    def check_a_counter_counts_within_a_batch_and_resets(self):
        world = self.world()
        for word in ("quiet", "x", "x", "reset", "x"):
            world.send(f"{self.ns}/counter", "a", string(word))
        expect(lines(world.run()), *self.say("counter", "a", "2", "3", "reset", "1"))
        expect(world.rounds, "incomplete", "result")
        expect(world.mutations, (Address(f"{self.ns}/counter", "a"), "seen", integer(1)))
        self.tell(world, "counter", "a", string("reset"))
        expect(world.mutations, (Address(f"{self.ns}/counter", "a"), "seen", None))

    def check_bursts_arrive_in_order_and_gaps_are_noticed(self):
        world, order = self.world(), f"{self.ns}/order"
        for _ in range(2):
            world.send(f"{self.ns}/burst", "a", command(to=order, id="b", n=50))
            world.run()
        expect(self.tell(world, "order", "b", integer(0)), *self.say("order", "b", "last 100 violations 0"))
        for value in (103, 103, 104, 0):
            world.send(order, "b", integer(value))
        expect(lines(world.run()), *self.say("order", "b", "last 104 violations 2"))

    def values(self, shown):
        names = "plain writes calls count flag ratio doc point big exact".split()
        pairs = [f"{name}={value}" for name, value in zip(names, shown.split())]
        return " ".join(pairs[:8] if self.lang in NO_64_BIT else pairs)

    def check_every_kind_of_state_is_kept_and_deleted(self, function="state"):
        world = self.world()
        get, absent = command(op="get"), self.values("- - - - - - - - - -")
        expect(self.tell(world, "state", "a", get), *self.say("state", "a", absent))
        self.tell(world, "state", "a", command(op="set", text="t", n=3))
        expect(self.tell(world, "state", "a", get),
               *self.say("state", "a", self.values("t t t 3 true 1.5 3 3,-3 12884901888 0.75")))
        self.tell(world, "state", "a", command(op="set", text="", n=0))
        assert all(value is not None for _, _, value in world.mutations), "an empty value is still a value"
        seen = self.tell(world, "state", "a", get)[0]
        assert "plain= writes= calls= count=0 flag=false ratio=0 doc=0 point=0,0" in seen, seen
        self.tell(world, "state", "a", command(op="delete"))
        assert world.mutations and all(value is None for _, _, value in world.mutations), world.mutations
        expect(self.tell(world, "state", "a", get), *self.say("state", "a", absent))

    def check_expired_values_are_gone(self):
        world = self.world()
        self.tell(world, "state", "a", command(op="set", text="t", n=4))
        world.advance(1500)
        self.tell(world, "state", "a", command(op="touch"))
        world.advance(1000)
        expect(self.tell(world, "state", "a", command(op="get")),
               *self.say("state", "a", self.values("t - t 4 false 2 4 4,-4 17179869184 1")))

    def check_a_value_replaced_in_one_call_is_one_mutation(self):
        world = self.world()
        self.tell(world, "state", "a", command(op="set", text="t", n=1))
        self.tell(world, "state", "a", command(op="replace", text="u"))
        expect(world.mutations, (Address(f"{self.ns}/state", "a"), "plain", string("u")))

    def check_the_shared_state_function_is_the_same(self):
        world = self.world()
        world.send("it.shared/state", "a", command(op="set", text="t", n=2))
        world.send("it.shared/state", "a", command(op="get"))
        assert lines(world.run())[0].startswith(f"{self.lang} state a plain=t")

    def check_a_caller_is_answered(self):
        world = self.world()
        expect(self.tell(world, "ask", "a", command(to=f"{self.ns}/answer", id="b", text="hi")),
               *self.say("ask", "a", f"{self.lang} heard hi from {self.ns}/answer/b"))
        expect(self.tell(world, "answer", "b", string("hi")), *self.say("answer", "b", "no caller hi"))

    def check_delayed_messages_fire_and_can_be_cancelled(self):
        world = self.world()
        me = f"from {self.ns}/delay/a"
        for fields in ({"op": "send", "ms": 500, "text": "plain"},
                       {"op": "send", "ms": 400, "text": "kept", "token": "t1"},
                       {"op": "send", "ms": 600, "text": "cancelled", "token": "t2"},
                       {"op": "send-cancel", "ms": 100, "text": "never", "token": "t3"},
                       {"op": "send", "ms": 0, "text": "now"},
                       {"op": "send", "ms": 700, "text": "away", "to": f"{self.ns}/delay", "id": "b"}):
            expect(self.tell(world, "delay", "a", command(**fields)))
        expect(self.tell(world, "delay", "a", command(op="cancel", token="t2")))
        expect(lines(world.advance(550)), *self.say("delay", "a", f"fired now {me}", f"fired kept {me}",
                                                    f"fired plain {me}"))
        expect(lines(world.advance(1000)), *self.say("delay", "b", f"fired away {me}"))

    def check_failures_leave_nothing_behind(self):
        world = self.world()
        salt = str(time.time_ns())
        world.send(f"{self.ns}/fail", "a", command(op="once", text="first" + salt))
        self.fails(world, 1)
        expect(lines(world.run()), *self.say("fail", "a", "recovered first" + salt))
        world.send(f"{self.ns}/fail", "a", command(op="times", n=3, text="more" + salt))
        self.fails(world, 3)
        expect(lines(world.run()), *self.say("fail", "a", "recovered more" + salt))
        expect(self.tell(world, "fail", "a", command(op="ok")), *self.say("fail", "a", "ok 1"))
        world.send(f"{self.ns}/fail", "a", command(op="always"))
        self.fails(world, 3)
        world.mail.clear()
        expect(self.tell(world, "fail", "a", command(op="ok")), *self.say("fail", "a", "ok 2"))

    def fails(self, world, times):
        for _ in range(times):
            try:
                world.run()
            except Failed:
                continue
            raise AssertionError("the invocation was expected to fail")

    def check_unknown_targets_are_sent_as_asked(self):
        world = self.world()
        expect(world.records)
        self.tell_raw(world, "fail", command(op="unknown-egress"))
        expect([record.egress for record in world.records], "it/nowhere")
        world.send(f"{self.ns}/fail", "a", command(op="unknown-function"))
        world.step()
        expect([message.target for message in world.mail], Address("it.nowhere/nobody", "a"))

    def check_unknown_functions_operations_and_wrong_state_types_fail(self):
        world = self.world()
        world.send(f"{self.ns}/nobody", "a", string("x"))
        self.fails(world, 1)
        world = self.world()
        world.send(f"{self.ns}/state", "a", command(op="nonsense"))
        self.fails(world, 1)

    def check_a_slow_function_answers_late(self):
        start = time.monotonic()
        expect(self.tell(self.world(), "slow", "a", command(ms=150, text="t")), *self.say("slow", "a", "done t"))
        assert time.monotonic() - start >= 0.15

    def tell_raw(self, world, name, argument):
        world.send(f"{self.ns}/{name}", "a", argument)
        world.run()

    def check_kafka_records_carry_what_was_asked(self):
        integer_bytes = b"258" if self.lang == "java" else struct.pack(">i", 258)
        for fields, key, topic, value in (
                ({"op": "text", "text": "é"}, "a", "it-raw", "é".encode()),
                ({"op": "typed", "text": "hi"}, "a", "it-raw", field(1, "hi")),
                ({"op": "int", "n": 258}, "a", "it-raw", integer_bytes),
                ({"op": "bytes"}, "a", "it-raw", b"\x00\x01\xfe\xff"),
                ({"op": "nokey", "text": "t"}, "", "it-raw", b"t"),
                ({"op": "topic", "topic": "it-other", "text": "t"}, "a", "it-other", b"t"),
                ({"op": "doc", "n": 9}, "a", "it-raw", {"n": 9})):
            world = self.world()
            self.tell_raw(world, "egress", command(**fields))
            (record,) = world.records
            assert (record.egress, record.typename) == ("it/out", KAFKA_RECORD), record
            parts = parse(record.bytes)
            found = parts.get(2, [b""])[0]
            found = json.loads(found) if isinstance(value, dict) else found
            assert (text(parts, 1), text(parts, 3), found) == (key, topic, value), (fields, parts)

    def check_generic_and_kinesis_records(self):
        world = self.world()
        self.tell_raw(world, "egress", command(op="playground", text="é"))
        self.tell_raw(world, "egress", command(op="kinesis", text="t"))
        playground, kinesis = world.records
        assert (playground.egress, playground.typename) == ("io.statefun.playground/egress", PLAYGROUND_RECORD)
        assert json.loads(playground.bytes) == {"topic": "it-out", "payload": "é"}
        assert kinesis.egress == "it/stream"
        assert kinesis.typename == "type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord"
        parts = parse(kinesis.bytes)
        assert (text(parts, 1), text(parts, 2), text(parts, 3)) == ("a", "t", "it-stream"), parts

    def check_a_hop_home_is_spoken(self):
        hop = Value("it.types/hop", json.dumps({"path": [f"{self.ns}/hop"], "seen": []}).encode())
        expect(self.tell(self.world(), "hop", "a", hop), *self.say("hop", "a", f"{self.lang}>{self.lang}"))


def round_trip(ports):
    """One message through every language and home again; every type from each to each; state across SDKs."""
    namespaces = {f"it.{lang}": port for lang, port in ports.items()}
    langs = list(ports)
    world = World(namespaces)
    path = [f"it.{lang}/hop" for lang in langs[1:] + langs[:1]]
    world.send(f"it.{langs[0]}/hop", "trip", Value("it.types/hop", json.dumps({"path": path, "seen": []}).encode()))
    expect(lines(world.run()), f"{langs[0]} hop trip " + ">".join(langs + langs[:1]))

    for sender in langs:
        for reader in langs:
            world.send(f"it.{sender}/types", "t", command(to=f"it.{reader}/describe"))
            seen = [line.split(" ", 3)[3].rstrip() for line in lines(world.run())]
            expected = ["bool true", "bool false", "int -2", "int 0", "float 1.5", "string héllo", "string", "doc 7",
                        "point 3 -4"]
            if sender not in NO_64_BIT:
                expected += (["unknown io.statefun.types/long", "unknown io.statefun.types/double"]
                             if reader in NO_64_BIT else ["long -3", "double -2.5"])
            expect(seen, *expected)

    for writer in langs:
        for reader in langs:
            shared = World({"it.shared": ports[writer]})
            shared.send("it.shared/state", "a", command(op="set", text="t", n=5))
            shared.run()
            shared.endpoints["it.shared"] = ports[reader]
            shared.restart()
            shared.send("it.shared/state", "a", command(op="get"))
            shown = lines(shared.run())[0].split(" ")[3:11]
            expect(shown, "plain=t", "writes=t", "calls=t", "count=5", "flag=true", "ratio=2.5", "doc=5",
                   "point=5,-5")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(lang):
    port = free_port()
    process = subprocess.Popen([HERE / lang / "run.sh", str(port)], stdout=subprocess.PIPE,
                               stderr=open(f"/tmp/selfcheck-{lang}.log", "w"), text=True,
                               env={**os.environ, "IT_OUT": "kafka"})
    began = time.monotonic()
    line = process.stdout.readline().strip()
    if line != "ready":
        raise SystemExit(f"{lang} said {line!r} instead of ready, see /tmp/selfcheck-{lang}.log")
    print(f"{lang}: ready after {time.monotonic() - began:.1f} s on port {port}")
    return process, port


def main():
    langs = sys.argv[1:] or LANGUAGES
    processes, ports, failures = [], {}, 0
    try:
        for lang in langs:
            process, ports[lang] = start(lang)
            processes.append(process)
        for lang in langs:
            check = Check(lang, ports[lang])
            names = [name for name in dir(check) if name.startswith("check_")]
            passed = 0
            for name in names:
                try:
                    getattr(check, name)()
                    passed += 1
                except (AssertionError, Failed, KeyError, ValueError) as error:
                    print(f"{lang}: {name[6:].replace('_', ' ')}: {type(error).__name__} {error}")
            failures += len(names) - passed
            print(f"{lang}: {passed} of {len(names)} checks passed")
        if len(langs) > 1:
            round_trip(ports)
            print(f"round trip through {', '.join(langs)}: passed")
    finally:
        for process in processes:
            process.terminate()
            process.wait()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
