"""Two stateful functions: `person` counts how often somebody was seen, `greeter` finds the words.

Nothing in here knows which runtime calls it. Every instance (`person/Bob`, `person/Joe`, ...) has a state of its own,
handed in with the call and stored with the answer.
"""

import asyncio
import os

from aiohttp import web
from statefun import (IntType, RequestReplyHandler, StatefulFunctions, ValueSpec, egress_message_builder,
                      make_json_type, message_builder)

GREET_REQUEST = make_json_type("example/GreetRequest")
EGRESS_RECORD = make_json_type("io.statefun.playground/EgressRecord")

functions = StatefulFunctions()


@functions.bind(typename="example/person", specs=[ValueSpec(name="visits", type=IntType)])
async def person(context, message):
    visits = (context.storage.visits or 0) + 1
    context.storage.visits = visits

    request = message.as_type(GREET_REQUEST)
    context.send(message_builder(target_typename="example/greeter",
                                 target_id=request["name"],
                                 value={"name": request["name"], "visits": visits},
                                 value_type=GREET_REQUEST))


@functions.bind(typename="example/greeter")
async def greeter(context, message):
    request = message.as_type(GREET_REQUEST)
    # Stands for slow work. Other people are greeted meanwhile; for this one the messages wait in line.
    await asyncio.sleep(1)
    context.send_egress(egress_message_builder(target_typename="io.statefun.playground/egress",
                                               value={"topic": "greetings", "payload": greeting(**request)},
                                               value_type=EGRESS_RECORD))


def greeting(name, visits):
    if visits == 1:
        return f"Welcome {name}"
    if visits == 2:
        return f"Nice to see you again {name}"
    if visits == 3:
        return f"Third time is a charm {name}"
    return f"Nice to see you at the {visits}-nth time {name}!"


handler = RequestReplyHandler(functions)


async def serve(request):
    reply = await handler.handle_async(await request.read())
    # This content type is what tells the runtime that the call succeeded.
    return web.Response(body=reply, content_type="application/octet-stream")


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/statefun", serve)])
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
