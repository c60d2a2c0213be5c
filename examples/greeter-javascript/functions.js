// Two stateful functions: `person` counts how often somebody was seen, `greeter` finds the words.
//
// Nothing in here knows which runtime calls it. Every instance (`person/Bob`, `person/Joe`, ...) has a state of its own,
// handed in with the call and stored with the answer.
"use strict";

const http = require("http");
const { StateFun, messageBuilder, egressMessageBuilder } = require("apache-flink-statefun");

const GREET_REQUEST = StateFun.jsonType("example/GreetRequest");
const EGRESS_RECORD = StateFun.jsonType("io.statefun.playground/EgressRecord");

const statefun = new StateFun();

statefun.bind({
  typename: "example/person",
  specs: [{ name: "visits", type: StateFun.intType() }],
  fn: (context, message) => {
    const visits = (context.storage.visits ?? 0) + 1;
    context.storage.visits = visits;

    const { name } = message.as(GREET_REQUEST);
    context.send(messageBuilder({
      typename: "example/greeter",
      id: name,
      value: { name, visits },
      valueType: GREET_REQUEST,
    }));
  },
});

statefun.bind({
  typename: "example/greeter",
  fn: async (context, message) => {
    const { name, visits } = message.as(GREET_REQUEST);
    // Stands for slow work. Other people are greeted meanwhile; for this one the messages wait in line.
    await new Promise((done) => setTimeout(done, 1000));
    context.send(egressMessageBuilder({
      typename: "io.statefun.playground/egress",
      value: { topic: "greetings", payload: greeting(name, visits) },
      valueType: EGRESS_RECORD,
    }));
  },
});

function greeting(name, visits) {
  switch (visits) {
    case 1: return `Welcome ${name}`;
    case 2: return `Nice to see you again ${name}`;
    case 3: return `Third time is a charm ${name}`;
    default: return `Nice to see you at the ${visits}-nth time ${name}!`;
  }
}

http.createServer(statefun.handler()).listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
