// Agent Chat UI and Agent Inbox in a browser: two questions at once, answered one after the other. See README.md.
import puppeteer from "puppeteer-core";

const GATEWAY = process.env.GATEWAY ?? "http://127.0.0.1:2024";
const CHAT = process.env.CHAT ?? "http://127.0.0.1:3000";
const INBOX = process.env.INBOX ?? "http://127.0.0.1:3001";

const browser = await puppeteer.launch({
  executablePath: process.env.CHROME ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const failures = [];

async function open(url) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => failures.push(`${url}: ${error.message}`));
  page.on("response", (response) => {
    if (response.url().startsWith(GATEWAY) && response.status() >= 400)
      failures.push(`${response.status()} of ${response.url()}`);
  });
  await page.goto(url, { waitUntil: "networkidle2", timeout: 60_000 });
  return page;
}

async function until(page, found, wanted, ...given) {
  try {
    await page.waitForFunction(found, { timeout: 15_000 }, ...given);
  } catch {
    throw new Error(`${wanted} is not shown, but: ${await page.evaluate(() => document.body.innerText)}`);
  }
}

async function shows(page, ...words) {
  await until(page, (all) => all.every((one) => document.body.innerText.includes(one)), words, words);
}

async function click(page, label) {
  const press = (text) => {
    const buttons = [...document.querySelectorAll("button")];
    const button = buttons.find((one) => one.textContent.trim() === text && !one.disabled);
    button?.click();
    return Boolean(button);
  };
  await until(page, press, `a button '${label}'`, label);
}

async function call(path, body) {
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return (await fetch(GATEWAY + path, options)).json();
}

async function decided(thread) {
  const { records } = await (await fetch(`${GATEWAY}/v1/executions/${thread}/records`)).json();
  return records.filter((one) => one.kind === "approval.decided").map((one) => `${one.path} ${one.data.decision}`);
}

async function expect(thread, wanted) {
  const found = await decided(thread);
  if (String(found) !== String(wanted)) failures.push(`decided: ${found}, and not ${wanted}`);
}

async function chat() {
  const page = await open(`${CHAT}/?apiUrl=${GATEWAY}&assistantId=two`);
  await page.type("textarea", "please do it");
  await page.keyboard.press("Enter");
  await shows(page, "mail", "Approve", "Reject");
  const thread = new URL(page.url()).searchParams.get("threadId");
  await click(page, "Approve");
  await shows(page, "refund", "Approve");
  await expect(thread, ["mail approved"]);
  await page.reload({ waitUntil: "networkidle2" });
  await shows(page, "refund", "Approve");
  await click(page, "Approve");
  await shows(page, "two.done");
  await expect(thread, ["mail approved", "refund approved"]);
}

async function talk() {
  const page = await open(`${CHAT}/?apiUrl=${GATEWAY}&assistantId=agent`);
  await page.type("textarea", "hello");
  await page.keyboard.press("Enter");
  await shows(page, "You said: hello");
}

async function inbox() {
  const { thread_id: thread } = await call("/threads", {});
  await call(`/threads/${thread}/runs/wait`, { assistant_id: "two", input: {} });
  const page = await open(INBOX);
  const box = { id: "b", graphId: "two", deploymentUrl: GATEWAY, name: "two", selected: true, createdAt: new Date() };
  await page.evaluate((one) => localStorage.setItem("inbox:agent_inboxes", JSON.stringify([one])), box);
  const place = `${INBOX}/?agent_inbox=b&inbox=interrupted&limit=10&offset=0&view_state_thread_id=${thread}`;
  await page.goto(place, { waitUntil: "networkidle2" });
  await shows(page, "Send the mail?");
  await click(page, "Accept");
  await shows(page, "Refund 12?");
  await expect(thread, ["mail approved"]);
  await (await page.$$("textarea")).at(-1).type("not today");
  await click(page, "Send Response");
  await page.waitForFunction((id) => !location.href.includes(id), { timeout: 15_000 }, thread);
  await expect(thread, ["mail approved", "refund rejected"]);
}

try {
  for (const check of [chat, talk, inbox]) await check();
} catch (error) {
  failures.push(error.message);
}
await browser.close();
console.log(failures.length ? failures.join("\n") : "all well");
process.exit(failures.length ? 1 : 0);
