#!/usr/bin/env python3
"""Records golden wire vectors: exact bytes that a published SDK answers to given request bytes.

    record.py SDK PORT VECTORS.json     adds or replaces the entries of SDK in the file

The application on PORT must serve the functions `test/stateless`, `test/counter`, `test/effects` and `test/types`
at /statefun; ours in Go and Java do. The requests are the ones already recorded for Python, so the SDKs can be
compared with each other. Run it with the Python of the test applications, whose SDK knows the message classes:

    ~/.cache/statefun-tests/python/bin/python record.py go 8003 wire-vectors.json

The order of repeated states is map order in Go and Java, hence arbitrary: compare those as sets.
"""

import http.client
import json
import sys

from google.protobuf import text_format
from statefun.request_reply_pb2 import FromFunction, ToFunction

EXPLANATIONS = {
    ("go", "unknown_function_type_http_error"):
        "Function type not bound in the SDK: HTTP error with the reason as text, retried until the call budget is "
        "used up.",
    ("go", "argument_type_mismatch_or_user_exception"):
        "Go does not compare state typenames; here the stored byte is not a valid LongWrapper, so deserialization "
        "panics with an error, which the SDK turns into an HTTP error with the reason as text.",
}

NOTES = {
    "go": "Published Go module v3.3.0; repeated-field order of states is map order.",
    "java": "Published JAR 3.3.0; repeated-field order of states is map order.",
}


def decoded(cls, data):
    message = cls()
    message.ParseFromString(data)
    return text_format.MessageToString(message, as_one_line=True).strip()


def ask(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/statefun", body, {"content-type": "application/octet-stream",
                                                       "accept": "application/octet-stream"})
        response = connection.getresponse()
        # The date says when, not what.
        headers = {name.lower(): value for name, value in response.getheaders() if name.lower() not in ("date", "server")}
        return response.status, headers, response.read()
    finally:
        connection.close()


def record(sdk, port, template):
    status, headers, body = ask(port, bytes.fromhex(template["request_hex"]))
    entry = {
        "name": template["name"],
        "sdk": sdk,
        "request_hex": template["request_hex"],
        # An error's body is prose, not part of the protocol.
        "response_hex": body.hex() if status == 200 else "",
        "explanation": EXPLANATIONS.get((sdk, template["name"]), template["explanation"]),
        "http_status": status,
        "response_headers": headers,
        "request_decoded": template["request_decoded"],
    }
    if status == 200:
        entry["response_decoded"] = decoded(FromFunction, body)
    if sdk in NOTES:
        entry["note"] = NOTES[sdk]
    return entry


def main():
    sdk, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    templates = [vector for vector in vectors if vector["sdk"] == "python"]
    for template in templates:
        # The decoder used here and the one of the recorded entries must be the same notion of the message.
        assert decoded(ToFunction, bytes.fromhex(template["request_hex"])) == template["request_decoded"]
    entries = [record(sdk, port, template) for template in templates]
    with open(path, "w", encoding="utf-8") as file:
        json.dump([vector for vector in vectors if vector["sdk"] != sdk] + entries, file, indent=1)
    print(f"{len(entries)} vectors recorded for {sdk}")


if __name__ == "__main__":
    main()
