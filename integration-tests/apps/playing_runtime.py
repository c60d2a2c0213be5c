"""A pocket-sized runtime that plays the caller of the test applications.

It speaks the request-reply protocol with bytes encoded by hand, so that neither an SDK's protobuf classes nor
ours can hide a mistake. It is single threaded, its clock is an argument, and it keeps nothing on disk: enough
to check what an application answers, not what a runtime guarantees.
"""

import http.client
import struct
from collections import deque, namedtuple

Address = namedtuple("Address", "type id")
Value = namedtuple("Value", "typename bytes")
Record = namedtuple("Record", "egress typename bytes")
Message = namedtuple("Message", "target caller argument")

KAFKA_RECORD = "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"
PLAYGROUND_RECORD = "io.statefun.playground/EgressRecord"


# --- protobuf by hand --------------------------------------------------------------------------------

def varint(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        if not number:
            out.append(low)
            return bytes(out)
        out.append(low | 0x80)


def field(number, data):
    """A length-delimited field."""
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def flag(number, value):
    return varint(number << 3) + b"\x01" if value else b""


def parse(data):
    """All fields of one message: {number: [bytes or int, ..]}."""
    fields, at = {}, 0

    def read_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = read_varint()
        kind = tag & 7
        if kind == 0:
            value = read_varint()
        elif kind == 2:
            length = read_varint()
            value, at = data[at:at + length], at + length
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f"wire type {kind} in {data.hex()}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def text(fields, number):
    return fields.get(number, [b""])[0].decode()


def encode_address(address):
    namespace, name = address.type.rsplit("/", 1)
    out = field(1, namespace) + field(2, name)
    return out + field(3, address.id) if address.id else out


def decode_address(data):
    fields = parse(data)
    return Address(f"{text(fields, 1)}/{text(fields, 2)}", text(fields, 3))


def encode_value(value):
    return field(1, value.typename) + flag(2, True) + (field(3, value.bytes) if value.bytes else b"")


def decode_value(data):
    fields = parse(data)
    if not fields.get(2, [0])[0]:
        raise AssertionError(f"a value without has_value: {data.hex()}")
    return Value(text(fields, 1), fields.get(3, [b""])[0])


def encode_request(target, states, invocations):
    batch = field(1, encode_address(target))
    for name, value in states:
        batch += field(2, field(1, name) + (field(2, encode_value(value)) if value else b""))
    for message in invocations:
        caller = field(1, encode_address(message.caller)) if message.caller else b""
        batch += field(3, caller + field(2, encode_value(message.argument)))
    return field(100, batch)


def string(content):
    data = content.encode()
    return Value("io.statefun.types/string", field(1, data) if data else b"")


def integer(number):
    return Value("io.statefun.types/int", b"\x0d" + struct.pack("<i", number) if number else b"")


# --- the runtime -------------------------------------------------------------------------------------

class Failed(Exception):
    """An invocation was not answered as success; its messages are still first in line."""


class World:
    """State, mail and time of a few addresses."""

    def __init__(self, endpoints):
        self.endpoints = dict(endpoints)  # namespace -> port
        self.specs = {}                   # function type -> {state: (typename, mode, millis)}
        self.state = {}                   # address -> {state: [value, alive since]}
        self.mail = deque()
        self.delayed = []                 # [due, order, token, sender, message]
        self.records = []
        self.mutations = []               # (address, name, value or None), the last response's
        self.now = 0
        self.calls = 0
        self.rounds = []                  # what each HTTP exchange was: "incomplete" or "result"

    # Sends from outside, as an ingress does.
    def send(self, function_type, id, argument):
        self.mail.append(Message(Address(function_type, id), None, argument))

    def run(self):
        """Delivers until nothing is left, and returns the records that came out meanwhile."""
        start = len(self.records)
        while self.mail:
            self.step()
        return self.records[start:]

    def advance(self, millis):
        """Lets time pass, fires what is due, delivers it."""
        start = len(self.records)
        until = self.now + millis
        while due := sorted(entry for entry in self.delayed if entry[0] <= until):
            self.delayed.remove(due[0])
            self.now = max(self.now, due[0][0])
            self.mail.append(due[0][4])
            self.run()
        self.now = until
        return self.records[start:]

    def restart(self):
        """Forgets the registered state specs, as every runtime start does."""
        self.specs.clear()

    def step(self):
        """One batch: everything that waits for the address of the oldest message."""
        target = self.mail[0].target
        batch = [message for message in self.mail if message.target == target]
        reply = self.call(target, batch)
        for message in batch:
            self.mail.remove(message)
        self.apply(target, reply)

    def call(self, target, batch):
        for _ in range(3):
            reply = parse(self.post(target, encode_request(target, self.attach(target), batch)))
            if 101 not in reply:
                self.rounds.append("result")
                return parse(reply[100][0]) if 100 in reply else {}
            self.rounds.append("incomplete")
            self.register(target.type, parse(reply[101][0]))
        raise AssertionError(f"{target} asks for state again and again")

    def attach(self, target):
        out = []
        for name, (typename, mode, millis) in self.specs.get(target.type, {}).items():
            held = self.state.get(target, {}).get(name)
            if held and mode and self.now - held[1] >= millis:
                del self.state[target][name]
                held = None
            if held and mode == 2:
                held[1] = self.now
            out.append((name, held[0] if held else None))
        return out

    def register(self, function_type, missing):
        for data in missing[1]:
            spec = parse(data)
            expiration = parse(spec.get(2, [b""])[0])
            self.specs.setdefault(function_type, {})[text(spec, 1)] = (
                text(spec, 3), expiration.get(1, [0])[0], expiration.get(2, [0])[0])

    def post(self, target, body):
        self.calls += 1
        port = self.endpoints[target.type.rsplit("/", 1)[0]]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", "/statefun", body, {
                "content-type": "application/octet-stream", "accept": "application/octet-stream"})
            response = connection.getresponse()
            data = response.read()
            if response.status != 200 or response.getheader("content-type") != "application/octet-stream":
                raise Failed(f"{target}: HTTP {response.status} {data[:200]!r}")
            return data
        finally:
            connection.close()

    def apply(self, sender, result):
        for data in result.get(2, []):
            fields = parse(data)
            self.mail.append(Message(decode_address(fields[1][0]), sender, decode_value(fields[2][0])))
        for data in result.get(3, []):
            self.apply_delayed(sender, parse(data))
        for data in result.get(4, []):
            fields = parse(data)
            value = decode_value(fields[3][0])
            self.records.append(Record(f"{text(fields, 1)}/{text(fields, 2)}", value.typename, value.bytes))
        self.mutations = []
        for data in result.get(1, []):
            fields = parse(data)
            name = text(fields, 2)
            if not fields.get(1, [0])[0]:
                self.mutations.append((sender, name, None))
                self.state.get(sender, {}).pop(name, None)
                continue
            value = decode_value(fields[3][0])
            if value.typename != self.specs[sender.type][name][0]:
                raise AssertionError(f"{sender} writes {value.typename} to {name}")
            self.mutations.append((sender, name, value))
            self.state.setdefault(sender, {})[name] = [value, self.now]

    def apply_delayed(self, sender, fields):
        token = text(fields, 11)
        if fields.get(10, [0])[0]:
            self.delayed = [entry for entry in self.delayed if (entry[3].id, entry[2]) != (sender.id, token)]
            return
        message = Message(decode_address(fields[2][0]), sender, decode_value(fields[3][0]))
        self.delayed.append((self.now + fields.get(1, [0])[0], self.calls * 1000 + len(self.delayed), token, sender,
                             message))
