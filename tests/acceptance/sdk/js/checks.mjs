// Every method of the JS client against a running gateway: node --experimental-websocket checks.mjs URL
// Writes one line of JSON for each check, and one with all methods there are.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Client } from "@langchain/langgraph-sdk";

const NOBODY = "5d0c1b9e-0000-4000-8000-000000000000";
const url = process.argv[2];
const client = new Client({ apiUrl: url, apiKey: null, callerOptions: { maxRetries: 0 } });
const { assistants, threads, runs, store, crons } = client;
const HELLO = { messages: [{ role: "user", content: "hello" }] };
const checks = {};

const newThread = async (payload) => (await threads.create(payload)).thread_id;
const all = async (stream) => {
  const found = [];
  for await (const part of stream) found.push(part);
  return found;
};
const refused = (promise, status) => assert.rejects(promise, (error) => (error.status ?? error.statusCode) === status);
const underWay = async (thread) => {
  const run = await runs.create(thread, "slow", { input: { text: "60" }, streamMode: "updates" });
  for await (const part of runs.joinStream(thread, run.run_id, { lastEventId: "-1" })) {
    if (part.event === "updates") break;
  }
  return run;
};

// -- assistants ---------------------------------------------------------------------------------------------------

checks["assistants.get"] = async () => {
  const found = await assistants.get("echo");
  assert.equal(found.assistant_id, "046b5dc7-2108-582c-9c6c-31d556d138f0");
  await refused(assistants.get(NOBODY), 404);
};
checks["assistants.getGraph"] = async () => {
  const drawn = await assistants.getGraph("nested", { xray: true });
  assert.ok(drawn.nodes.some((node) => node.id === "child:inner"));
};
checks["assistants.getSchemas"] = async () => {
  const found = await assistants.getSchemas("echo");
  assert.deepEqual(Object.keys(found.input_schema.properties).sort(), ["said", "text"]);
};
checks["assistants.getSubgraphs"] = async () => {
  assert.deepEqual(Object.keys(await assistants.getSubgraphs("nested", { recurse: true })), ["child"]);
};
checks["assistants.create"] = async () => {
  const assistantId = randomUUID();
  const made = await assistants.create({ graphId: "echo", assistantId, name: "Mine", metadata: { a: 1 } });
  assert.deepEqual([made.assistant_id, made.name, made.version], [assistantId, "Mine", 1]);
  await refused(assistants.create({ graphId: "echo", assistantId }), 409);
  await assistants.create({ graphId: "echo", assistantId, ifExists: "do_nothing" });
};
checks["assistants.update"] = async () => {
  const made = await assistants.create({ graphId: "echo", metadata: { a: 1 } });
  const changed = await assistants.update(made.assistant_id, { metadata: { b: 2 }, name: "Other" });
  assert.deepEqual([changed.version, changed.metadata, changed.name], [2, { a: 1, b: 2 }, "Other"]);
};
checks["assistants.delete"] = async () => {
  const made = await assistants.create({ graphId: "echo" });
  await assistants.delete(made.assistant_id);
  await refused(assistants.get(made.assistant_id), 404);
};
checks["assistants.search"] = async () => {
  const team = randomUUID();
  for (const name of ["a", "b"]) await assistants.create({ graphId: "echo", name, metadata: { team } });
  const query = { metadata: { team }, sortBy: "name", sortOrder: "asc", limit: 1 };
  assert.deepEqual((await assistants.search(query)).map((each) => each.name), ["a"]);
  const page = await assistants.search({ ...query, includePagination: true });
  assert.deepEqual([page.assistants.length, page.next], [1, "1"]);
};
checks["assistants.count"] = async () => {
  const team = randomUUID();
  await assistants.create({ graphId: "echo", metadata: { team } });
  assert.equal(await assistants.count({ metadata: { team } }), 1);
};
checks["assistants.getVersions"] = checks["assistants.setLatest"] = async () => {
  const made = await assistants.create({ graphId: "echo", name: "one" });
  await assistants.update(made.assistant_id, { name: "two" });
  assert.deepEqual((await assistants.getVersions(made.assistant_id)).map((each) => each.version), [2, 1]);
  assert.equal((await assistants.setLatest(made.assistant_id, 1)).name, "one");
};

// -- threads ------------------------------------------------------------------------------------------------------

checks["threads.create"] = checks["threads.get"] = async () => {
  const threadId = randomUUID();
  const made = await threads.create({ threadId, metadata: { a: 1 }, graphId: "echo", ttl: 5 });
  assert.deepEqual([made.thread_id, made.metadata], [threadId, { a: 1, graph_id: "echo" }]);
  assert.equal((await threads.get(threadId)).status, "idle");
  await refused(threads.create({ threadId }), 409);
  await refused(threads.get(NOBODY), 404);
  const steps = [["__input__", { text: "a" }], ["__start__", { text: "a" }], ["first", { said: ["one"] }]];
  const supersteps = steps.map(([asNode, values]) => ({ updates: [{ values, asNode }] }));
  const thread = await newThread({ graphId: "slow", supersteps });
  assert.deepEqual((await threads.getState(thread)).values, { text: "a", said: ["one"] });
};
checks["threads.copy"] = async () => {
  const thread = await newThread();
  await runs.wait(thread, "echo", { input: { text: "a" } });
  const other = await threads.copy(thread);
  assert.notEqual(other.thread_id, thread);
  assert.deepEqual((await threads.getState(other.thread_id)).values.said, ["echo: a"]);
};
checks["threads.update"] = async () => {
  const thread = await newThread({ metadata: { a: 1 } });
  assert.deepEqual((await threads.update(thread, { metadata: { b: 2 } })).metadata, { a: 1, b: 2 });
};
checks["threads.delete"] = async () => {
  const thread = await newThread();
  await threads.delete(thread);
  await refused(threads.get(thread), 404);
};
checks["threads.prune"] = async () => {
  const thread = await newThread();
  await runs.wait(thread, "slow", { input: { text: "0" } });
  assert.equal((await threads.prune([thread], { strategy: "keep_latest" })).pruned_count, 1);
  assert.equal((await threads.getHistory(thread)).length, 1);
};
checks["threads.search"] = checks["threads.count"] = async () => {
  const mark = randomUUID();
  const thread = await newThread({ metadata: { mark } });
  await runs.wait(thread, "ask", { input: { text: mark } });
  const [found] = await threads.search({ metadata: { mark }, status: "interrupted", values: { text: mark } });
  assert.equal(found.thread_id, thread);
  assert.equal(Object.values(found.interrupts)[0][0].value.question, `Send '${mark}'?`);
  assert.equal(await threads.count({ metadata: { mark } }), 1);
};
checks["threads.getState"] = checks["threads.getHistory"] = checks["threads.updateState"] = async () => {
  const thread = await newThread();
  await runs.wait(thread, "slow", { input: { text: "0" } });
  const states = await threads.getHistory(thread, { limit: 10 });
  assert.deepEqual(states.map((state) => state.next), [[], ["wait"], ["first"], ["__start__"]]);
  const { checkpoint } = states[1];
  assert.deepEqual((await threads.getHistory(thread, { before: { configurable: checkpoint } })).length, 2);
  assert.deepEqual((await threads.getState(thread, checkpoint)).next, ["wait"]);
  assert.deepEqual((await threads.getState(thread, checkpoint.checkpoint_id)).next, ["wait"]);
  const changed = await threads.updateState(thread, { values: { said: ["edited"] }, asNode: "first", checkpoint });
  const left = await runs.wait(thread, "slow", { input: null, checkpoint: changed.checkpoint });
  assert.deepEqual(left.said, ["after", "edited", "waited"]);
};
checks["threads.patchState"] = async () => {
  const thread = await newThread();
  await runs.wait(thread, "echo", { input: { text: "a" } });
  await threads.patchState(thread, { b: 2 });
  assert.equal((await threads.get(thread)).metadata.b, 2);
};
checks["threads.joinStream"] = async () => {
  const thread = await newThread();
  const opened = new AbortController();
  const said = [];
  const following = (async () => {
    for await (const part of threads.joinStream(thread, { streamMode: ["lifecycle"], signal: opened.signal })) {
      said.push(part.event);
      if (part.event === "run_done") return;
    }
  })();
  while (said.length === 0) await runs.wait(thread, "echo", { input: { text: "a" } });
  await following;
  assert.equal(said.at(-1), "run_done");
};

// -- threads.stream -----------------------------------------------------------------------------------------------

for (const transport of ["sse", "websocket"]) {
  checks[`threads.stream: values, ${transport}`] = async () => {
    const thread = threads.stream({ assistantId: "slow", transport });
    await thread.run.start({ input: { text: "0.1" } });
    assert.deepEqual((await thread.output).said, ["after", "waited"]);
    await thread.close();
  };
  checks[`threads.stream: messages, ${transport}`] = async () => {
    const thread = threads.stream(await newThread(), { assistantId: "chat", transport });
    const reading = (async () => {
      for await (const message of thread.messages) return await message.text;
    })();
    await thread.run.start({ input: HELLO });
    assert.equal(await reading, "You said hello.");
    await thread.close();
  };
  checks[`threads.stream: a question answered, ${transport}`] = async () => {
    const thread = threads.stream({ assistantId: "ask", transport });
    const asked = new Promise((resolve) => {
      thread.onEvent((event) => event.method === "input.requested" && resolve(event.params.data));
    });
    await thread.run.start({ input: { text: "it" } });
    const question = await asked;
    assert.deepEqual(question.payload, { question: "Send 'it'?" });
    const done = new Promise((resolve) => {
      thread.onEvent((event) => event.params.data?.event === "completed" && resolve());
    });
    await thread.input.respond({ namespace: [], interrupt_id: question.interrupt_id, response: "yes" });
    await done;
    assert.deepEqual((await threads.getState(thread.threadId)).values.said, ["answered: yes", "after"]);
    await thread.close();
  };
  checks[`threads.stream: subscribe, ${transport}`] = async () => {
    const thread = threads.stream({ assistantId: "slow", transport });
    await thread.run.start({ input: { text: "0.2" } });
    const subscription = await thread.subscribe({ channels: ["lifecycle"] });
    for await (const event of subscription) if (event.params.data.event === "completed") break;
    await thread.close();
  };
  checks[`threads.stream: agent.getTree, ${transport}`] = async () => {
    const thread = threads.stream({ assistantId: "slow", transport });
    await thread.run.start({ input: { text: "0" } });
    const found = await thread.agent.getTree();
    assert.deepEqual(found.nodes.map((node) => node.id), ["__start__", "first", "wait", "__end__"]);
    await thread.close();
  };
}
checks["threads.stream"] = checks["threads.stream: values, sse"];

// -- runs ---------------------------------------------------------------------------------------------------------

checks["runs.create"] = checks["runs.get"] = checks["runs.list"] = checks["runs.join"] = async () => {
  const thread = await newThread();
  let created;
  const run = await runs.create(thread, "slow", { input: { text: "0.1" }, onRunCreated: (facts) => (created = facts) });
  assert.deepEqual([run.status, created.run_id], ["pending", run.run_id]);
  assert.deepEqual((await runs.join(thread, run.run_id)).said, ["after", "waited"]);
  assert.equal((await runs.get(thread, run.run_id)).status, "success");
  assert.deepEqual((await runs.list(thread, { limit: 5, status: "success" })).map((each) => each.run_id), [run.run_id]);
  assert.deepEqual(await runs.list(thread, { select: ["run_id", "status"] }), [{ run_id: run.run_id, status: "success" }]);
  await refused(runs.get(thread, NOBODY), 404);
};
checks["runs.createBatch"] = async () => {
  const wanted = ["a", "b"].map((text) => ({ assistantId: "echo", input: { text }, on_completion: "keep" }));
  const made = await runs.createBatch(wanted);
  for (const run of made) await runs.join(run.thread_id, run.run_id);
  assert.equal(made.length, 2);
};
checks["runs.wait"] = async () => {
  const thread = await newThread();
  assert.deepEqual(await runs.wait(thread, "echo", { input: { text: "a" } }), { text: "a", said: ["echo: a"] });
  const asked = await runs.wait(thread, "ask", { input: { text: "it" } });
  assert.deepEqual(asked.__interrupt__[0].value, { question: "Send 'it'?" });
  assert.deepEqual((await runs.wait(thread, "ask", { command: { resume: "yes" } })).said.slice(-2), ["answered: yes", "after"]);
  await assert.rejects(runs.wait(null, "failing", { input: { text: "x" } }), /no good: x/);
  const both = await runs.wait(await newThread(), "ask_both", { input: { text: "it" } });
  assert.equal(both.__interrupt__.length, 2);
};
checks["runs.stream"] = async () => {
  const said = await all(runs.stream(null, "echo", { input: { text: "a" }, streamMode: ["values", "updates", "custom"] }));
  assert.deepEqual(said.map((part) => part.event), ["metadata", "values", "custom", "updates", "values"]);
  const tokens = await all(runs.stream(null, "chat", { input: HELLO, streamMode: "messages-tuple" }));
  assert.equal(tokens.slice(1).map((part) => part.data[0].content).join(""), "You said hello.");
  const whole = await all(runs.stream(null, "tools", { input: HELLO, streamMode: "messages" }));
  assert.ok(whole.some((part) => part.event === "messages/partial" || part.event === "messages/complete"));
  const inner = await all(runs.stream(null, "nested", { input: { text: "a" }, streamMode: "updates", streamSubgraphs: true }));
  assert.ok(inner.some((part) => part.event.startsWith("updates|child:")));
  const failed = await all(runs.stream(null, "failing", { input: { text: "x" } }));
  assert.deepEqual(failed.at(-1).data, { error: "ValueError", message: "no good: x" });
};
checks["runs.joinStream"] = async () => {
  const thread = await newThread();
  const run = await runs.create(thread, "slow", { input: { text: "0.1" }, streamMode: ["updates"], streamResumable: true });
  const whole = await all(runs.joinStream(thread, run.run_id, { lastEventId: "-1" }));
  assert.deepEqual(whole.map((part) => part.event), ["metadata", "updates", "updates"]);
  const rest = await all(runs.joinStream(thread, run.run_id, { lastEventId: whole[1].id }));
  assert.deepEqual(rest, whole.slice(2));
};
checks["runs.cancel"] = async () => {
  const thread = await newThread();
  const run = await underWay(thread);
  await runs.cancel(thread, run.run_id, true, "interrupt");
  assert.equal((await runs.get(thread, run.run_id)).status, "interrupted");
};
checks["runs.cancelMany"] = async () => {
  const thread = await newThread();
  const run = await underWay(thread);
  await runs.cancelMany({ threadId: thread, runIds: [run.run_id], action: "interrupt" });
  await runs.join(thread, run.run_id);
  assert.equal((await runs.get(thread, run.run_id)).status, "interrupted");
};
checks["runs.delete"] = async () => {
  const thread = await newThread();
  await runs.wait(thread, "echo", { input: { text: "a" } });
  const [run] = await runs.list(thread);
  await runs.delete(thread, run.run_id);
  await refused(runs.get(thread, run.run_id), 404);
};

// -- store and crons ----------------------------------------------------------------------------------------------

checks["store.putItem"] = checks["store.getItem"] = checks["store.deleteItem"] = async () => {
  const space = ["users", randomUUID()];
  await store.putItem(space, "k", { a: 1 }, { ttl: 60 });
  assert.deepEqual((await store.getItem(space, "k")).value, { a: 1 });
  await store.deleteItem(space, "k");
  assert.equal(await store.getItem(space, "k"), null);
};
checks["store.searchItems"] = checks["store.listNamespaces"] = async () => {
  const root = randomUUID();
  await store.putItem([root, "x"], "k", { n: 1 });
  const found = await store.searchItems([root], { filter: { n: 1 } });
  assert.deepEqual(found.items.map((item) => item.value), [{ n: 1 }]);
  assert.deepEqual((await store.listNamespaces({ prefix: [root] })).namespaces, [[root, "x"]]);
};
checks["crons.create"] = checks["crons.createForThread"] = checks["crons.update"] = async () => {
  const made = await crons.create("echo", { schedule: "0 9 * * 1-5", input: { text: "a" }, timezone: "Europe/Berlin" });
  const thread = await newThread();
  const other = await crons.createForThread(thread, "echo", { schedule: "*/5 * * * *", enabled: false });
  assert.deepEqual([other.thread_id, other.enabled], [thread, false]);
  assert.equal((await crons.update(made.cron_id, { schedule: "30 10 * * *" })).schedule, "30 10 * * *");
};
checks["crons.search"] = checks["crons.count"] = checks["crons.delete"] = async () => {
  const metadata = { mark: randomUUID() };
  const made = await crons.create("echo", { schedule: "0 9 * * *", metadata });
  assert.equal(await crons.count({ metadata }), 1);
  assert.ok((await crons.search({ limit: 100 })).some((cron) => cron.cron_id === made.cron_id));
  await crons.delete(made.cron_id);
  assert.equal(await crons.count({ metadata }), 0);
};

// -- all of them --------------------------------------------------------------------------------------------------

const within = (promise, seconds) => {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`not done in ${seconds} s`)), seconds * 1000).unref());
  return Promise.race([promise, late]);
};
for (const [name, check] of Object.entries(checks)) {
  let error = null;
  try {
    await within(check(), 60);
  } catch (thrown) {
    error = thrown.stack ?? String(thrown);
  }
  console.log(JSON.stringify({ name, error }));
}
const methods = Object.entries({ assistants, threads, runs, store, crons }).flatMap(([part, object]) =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(object))
    .filter((name) => name !== "constructor")
    .map((name) => `${part}.${name}`),
);
console.log(JSON.stringify({ methods }));
process.exit(0);
