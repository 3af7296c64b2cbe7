// What applications in browsers are made of, against a running gateway: node hooks.mjs URL
// The real hooks of @langchain/langgraph-sdk/react (Agent Chat UI) and @langchain/react, in a page of jsdom.
// Writes one line of JSON for each check.

import assert from "node:assert/strict";
import { JSDOM } from "jsdom";

const url = process.argv[2];
const page = new JSDOM("<main></main>", { url: "http://localhost:3000/", pretendToBeVisual: true });
for (const name of ["window", "document", "navigator", "sessionStorage"]) {
  Object.defineProperty(globalThis, name, { value: page.window[name], configurable: true });
}

const { createElement, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");
const { Client } = await import("@langchain/langgraph-sdk");
const { useStream: useStreamOfChatUi } = await import("@langchain/langgraph-sdk/react");
const { useStream, useMessageMetadata } = await import("@langchain/react");

const client = new Client({ apiUrl: url, apiKey: null });
const PATIENCE = 60_000;
const checks = {};

// A component that uses a hook, and what it rendered last.
function mounted(hook) {
  const root = createRoot(document.createElement("div"));
  const seen = [];
  function Component() {
    seen.push(hook());
    return null;
  }
  root.render(createElement(StrictMode, null, createElement(Component)));
  const now = () => seen.at(-1);
  const until = async (what, condition) => {
    const over = Date.now() + PATIENCE;
    let looked = Math.max(0, seen.length - 1);
    while (Date.now() < over) {
      // All that was rendered meanwhile: words go by faster than we look.
      for (; looked < seen.length; looked++) if (condition(seen[looked])) return;
      if (now() !== undefined && condition(now())) return; // not everything there is to see renders anew
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`${what}: not within ${PATIENCE} ms; ${shown(now())}`);
  };
  return { now, seen, until, unmount: () => root.unmount() };
}

const shown = (stream) =>
  JSON.stringify({ values: stream?.values, error: String(stream?.error), loading: stream?.isLoading, interrupts: stream?.interrupts });
const human = (content) => ({ messages: [{ type: "human", content }] });
const texts = (messages) => messages.map((message) => message.text ?? message.content);
const stopped = async (threadId) => {
  const over = Date.now() + PATIENCE;
  while ((await client.runs.list(threadId))[0].status !== "interrupted") assert.ok(Date.now() < over, "the run goes on");
};
const words = (stream) => texts(stream.messages).join("|");

// -- the hook of Agent Chat UI ---------------------------------------------------------------------------------------

const inChatUi = (assistantId, more = {}) =>
  mounted(() => useStreamOfChatUi({ apiUrl: url, assistantId, fetchStateHistory: true, ...more }));

checks["chat ui: tokens"] = async () => {
  let threadId;
  const ui = inChatUi("talking", { onThreadId: (id) => (threadId = id) });
  await ui.until("it is there", (stream) => !stream.isLoading);
  ui.now().submit(human("hi"), { streamMode: ["values"], streamSubgraphs: true, streamResumable: true });
  await ui.until("a part of the words", (stream) => stream.messages.at(-1)?.content === "You ");
  await ui.until("the end", (stream) => !stream.isLoading && stream.messages.length === 4);
  const states = new Set(ui.seen.map(words));
  assert.ok(states.size > 6, `only ${states.size} states were rendered`);
  assert.deepEqual(texts(ui.now().messages)[1], "You said hi.");
  assert.equal((await client.threads.getState(threadId)).values.messages.length, 4);
  assert.equal(ui.now().error, undefined);
  ui.unmount();
};

checks["chat ui: an interrupt, its answer, and the history"] = async () => {
  const ui = inChatUi("ask");
  await ui.until("it is there", (stream) => !stream.isLoading);
  ui.now().submit({ text: "the letter" });
  await ui.until("a question", (stream) => !stream.isLoading && stream.interrupt?.value !== undefined);
  assert.deepEqual(ui.now().interrupt.value, { question: "Send 'the letter'?" });
  ui.now().submit(undefined, { command: { resume: "yes" } });
  await ui.until("the end", (stream) => !stream.isLoading && stream.values.said?.length === 2);
  assert.deepEqual(ui.now().values.said, ["answered: yes", "after"]);
  assert.equal(ui.now().interrupt, undefined);
  await ui.until("the history", (stream) => stream.history.length >= 4);
  ui.unmount();
};

checks["chat ui: branches"] = async () => {
  const ui = inChatUi("chat");
  await ui.until("it is there", (stream) => !stream.isLoading);
  ui.now().submit(human("one"));
  await ui.until("an answer", (stream) => !stream.isLoading && words(stream) === "one|You said one.");
  await ui.until("its history", (stream) => stream.getMessagesMetadata(stream.messages[0])?.firstSeenState !== undefined);
  const { firstSeenState } = ui.now().getMessagesMetadata(ui.now().messages[0]);
  assert.ok(firstSeenState.parent_checkpoint, "the first state has no parent to go back to");
  ui.now().submit(human("two"), { checkpoint: firstSeenState.parent_checkpoint });
  await ui.until("another answer", (stream) => !stream.isLoading && words(stream) === "two|You said two.");
  await ui.until("both branches", (stream) => stream.getMessagesMetadata(stream.messages[0])?.branchOptions?.length === 2);
  const { branch, branchOptions } = ui.now().getMessagesMetadata(ui.now().messages[0]);
  ui.now().setBranch(branchOptions.find((each) => each !== branch));
  await ui.until("the first branch", (stream) => words(stream) === "one|You said one.");
  ui.unmount();
};

checks["chat ui: a page that is loaded again goes on with the run"] = async () => {
  const { thread_id: threadId } = await client.threads.create();
  const options = { threadId, reconnectOnMount: true };
  const before = inChatUi("talking", options);
  await before.until("it is there", (stream) => !stream.isLoading && stream.history !== undefined);
  before.now().submit(human("hi"), { streamResumable: true });
  await before.until("some words", (stream) => stream.messages.length >= 2);
  before.unmount();
  const after = inChatUi("talking", options);
  await after.until("the run again", (stream) => stream.isLoading);
  await after.until("the end", (stream) => !stream.isLoading && stream.messages.length === 4);
  assert.equal((await client.runs.list(threadId)).length, 1);
  after.unmount();
};

// One that may come back asks for the end; of one that may not, the connection is cut, which stands for it.
for (const reconnectOnMount of [true, false]) {
  checks[`chat ui: stop of a page that ${reconnectOnMount ? "may" : "may not"} come back`] = async () => {
    const { thread_id: threadId } = await client.threads.create();
    const ui = inChatUi("slow", { threadId, reconnectOnMount });
    await ui.until("it is there", (stream) => !stream.isLoading);
    ui.now().submit({ text: "60" });
    await ui.until("its first step", (stream) => stream.values.said?.length === 1);
    await ui.now().stop();
    await ui.until("the stop", (stream) => !stream.isLoading);
    await stopped(threadId);
    ui.unmount();
  };
}

checks["chat ui: an error is shown"] = async () => {
  const ui = inChatUi("failing");
  await ui.until("it is there", (stream) => !stream.isLoading);
  ui.now().submit({ text: "x" });
  await ui.until("the error", (stream) => String(stream.error).includes("no good: x"));
  ui.unmount();
};

// -- the hook of @langchain/react ------------------------------------------------------------------------------------

const transports = ["sse", "websocket"];
const inReact = (assistantId, more = {}) => mounted(() => useStream({ apiUrl: url, assistantId, ...more }));

for (const transport of transports) {
  const of = (what) => `@langchain/react over ${transport}: ${what}`;

  checks[of("tokens, then another message")] = async () => {
    const ui = inReact("talking", { transport });
    await ui.until("it is there", (stream) => !stream.isThreadLoading);
    ui.now().submit(human("hi"));
    await ui.until("a part of the words", (stream) => /You( said)?\s*$/.test(words(stream)));
    await ui.until("the end", (stream) => !stream.isLoading && stream.messages.length === 4);
    assert.equal(texts(ui.now().messages)[1], "You said hi.");
    ui.now().submit(human("again"));
    await ui.until("the second end", (stream) => !stream.isLoading && stream.messages.length === 8);
    assert.equal(texts(ui.now().messages)[5], "You said again.");
    assert.equal(ui.now().error, undefined);
    ui.unmount();
  };

  checks[of("an interrupt and its answer")] = async () => {
    const ui = inReact("ask", { transport });
    await ui.until("it is there", (stream) => !stream.isThreadLoading);
    ui.now().submit({ text: "the letter" });
    await ui.until("a question", (stream) => stream.interrupt !== undefined);
    assert.deepEqual(ui.now().interrupt.value, { question: "Send 'the letter'?" });
    await ui.now().respond("yes");
    await ui.until("the end", (stream) => !stream.isLoading && stream.values.said?.length === 2);
    assert.deepEqual(ui.now().values.said, ["answered: yes", "after"]);
    assert.equal(ui.now().interrupts.length, 0);
    ui.unmount();
  };

  checks[of("two questions answered at once")] = async () => {
    const ui = inReact("ask_both", { transport });
    await ui.until("it is there", (stream) => !stream.isThreadLoading);
    ui.now().submit({ text: "x" });
    await ui.until("both questions", (stream) => stream.interrupts.length === 2 && !stream.isLoading);
    await ui.now().respondAll(Object.fromEntries(ui.now().interrupts.map(({ id, value }) => [id, `to ${value}`])));
    await ui.until("the end", (stream) => !stream.isLoading && stream.values.said?.length === 2);
    assert.deepEqual([...ui.now().values.said].sort(), ["left: to left?", "right: to right?"]);
    ui.unmount();
  };

  checks[of("a page that is loaded again")] = async () => {
    const { thread_id: threadId } = await client.threads.create();
    const before = inReact("talking", { transport, threadId });
    await before.until("it is there", (stream) => !stream.isThreadLoading);
    before.now().submit(human("hi"));
    await before.until("some words", (stream) => stream.messages.length >= 2);
    await before.now().disconnect();
    before.unmount();
    const after = inReact("talking", { transport, threadId });
    await after.until("the end", (stream) => !stream.isThreadLoading && !stream.isLoading && stream.messages.length === 4);
    assert.equal((await client.runs.list(threadId)).length, 1);
    after.unmount();
  };

  checks[of("a question that was asked before the page was loaded")] = async () => {
    const { thread_id: threadId } = await client.threads.create();
    await client.runs.wait(threadId, "ask", { input: { text: "the letter" } });
    const ui = inReact("ask", { transport, threadId });
    await ui.until("the question", (stream) => !stream.isThreadLoading && stream.interrupt !== undefined);
    await ui.until("its event", (stream) => stream.getThread()?.interrupts.length === 1);
    await ui.now().respond("yes");
    await ui.until("the end", (stream) => !stream.isLoading && stream.values.said?.length === 2);
    ui.unmount();
  };

  checks[of("a fork from an earlier message")] = async () => {
    const seen = {};
    const ui = mounted(() => {
      const stream = useStream({ apiUrl: url, assistantId: "chat", transport });
      seen.metadata = useMessageMetadata(stream, stream.messages[0]?.id);
      return stream;
    });
    await ui.until("it is there", (stream) => !stream.isThreadLoading);
    ui.now().submit(human("one"));
    await ui.until("an answer", (stream) => !stream.isLoading && words(stream) === "one|You said one.");
    await ui.until("where it was said", () => seen.metadata?.parentCheckpointId !== undefined);
    ui.now().submit(human("two"), { forkFrom: seen.metadata.parentCheckpointId });
    await ui.until("another answer", (stream) => !stream.isLoading && words(stream) === "two|You said two.");
    ui.unmount();
  };

  checks[of("stop")] = async () => {
    const { thread_id: threadId } = await client.threads.create();
    const ui = inReact("slow", { transport, threadId });
    await ui.until("it is there", (stream) => !stream.isThreadLoading);
    ui.now().submit({ text: "60" });
    await ui.until("its first step", (stream) => stream.values.said?.length === 1);
    await ui.now().stop();
    await ui.until("the stop", (stream) => !stream.isLoading);
    await stopped(threadId);
    ui.unmount();
  };

  checks[of("an error is shown")] = async () => {
    const ui = inReact("failing", { transport });
    await ui.until("it is there", (stream) => !stream.isThreadLoading);
    ui.now().submit({ text: "x" });
    await ui.until("the error", (stream) => stream.error !== undefined && !stream.isLoading);
    assert.match(String(ui.now().error), /no good: x/);
    ui.unmount();
  };
}

const wanted = process.argv[3];
const named = Object.entries(checks).filter(([name]) => wanted === undefined || name.includes(wanted));
await Promise.all(
  named.map(async ([name, check]) => {
    let error = null;
    try {
      await check();
    } catch (failure) {
      error = failure.stack ?? String(failure);
    }
    console.log(JSON.stringify({ name, error }));
  }),
);
process.exit(0);
