"""Told of cards that are being tested, counts how often, and blocks those that are tested again.

It knows nothing of windows or patterns: a suspicion is a message like any other.
"""

import json
import os

from aiohttp import web
from statefun import (IntType, RequestReplyHandler, StatefulFunctions, StringType, ValueSpec, egress_message_builder,
                      simple_type)

SUSPICION = simple_type(typename="cards/Suspicion", serialize_fn=lambda it: json.dumps(it).encode(),
                        deserialize_fn=json.loads)

functions = StatefulFunctions()


@functions.bind(typename="cards/alerts", specs=[ValueSpec(name="suspicions", type=IntType)])
async def alerts(context, message):
    suspicion = message.as_type(SUSPICION)
    times = (context.storage.suspicions or 0) + 1
    context.storage.suspicions = times

    small, large = suspicion["match"]["small"], suspicion["match"]["large"][0]
    said = f"{context.address.id} tested {len(small)} times before {large['draw'] % 1000}, suspicion {times}"
    context.send_egress(egress_message_builder(target_typename="cards/blocked", value=said, value_type=StringType))


handler = RequestReplyHandler(functions)


async def serve(request):
    reply = await handler.handle_async(await request.read())
    return web.Response(body=reply, content_type="application/octet-stream")


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/statefun", serve)])
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
