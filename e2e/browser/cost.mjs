/**
 * What the page costs a browser's main thread, and where: `node cost.mjs PROGRAM --web-dir DIR [--against DIR,DIR] [--targets 200]
 * [--rounds 5] [--seconds 8] [--path t/t3] [--profile]`. Not part of the gate.
 * Folders of the page are looked at in turns, so that what else a computer does meets them alike. Output: medians over the
 * rounds of the milliseconds a second by kind; with `--profile` also the functions that ran longest, and the browser's own kinds of work.
 */

import { fleetScenario, startDemo } from "./demo.mjs";
import { launch, openLive, option } from "./harness.mjs";
import { perSecond } from "./scale.mjs";

const program = process.argv[2] ?? "";
const targets = Number(option("--targets") ?? 200);
const rounds = Number(option("--rounds") ?? 5);
const seconds = Number(option("--seconds") ?? 8);
const path = option("--path") ?? "";
/** A minute of samples is what a sparkline draws: half of it is in the page by then. */
const WARM_MS = 30_000;
/** Until the first paint, the catalogue and the day are in. */
const SETTLE_MS = 4000;
const SHOWN = 28;

/** @param {number[]} list */
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

/** Functions by their own time, ms a second. @param {import("playwright-core").Page} page */
async function profile(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Profiler.enable");
  await session.send("Profiler.setSamplingInterval", { interval: 100 });
  await session.send("Profiler.start");
  await page.waitForTimeout(seconds * 1000);
  const { profile: { nodes, samples = [], timeDeltas = [] } } = await session.send("Profiler.stop");
  const names = new Map(nodes.map(({ id, callFrame }) => [id, `${callFrame.functionName || "(unnamed)"} ${callFrame.url.split("/").pop()}:${callFrame.lineNumber + 1}`]));
  /** @type {Map<string, number>} */
  const own = new Map();
  samples.forEach((id, i) => {
    const name = names.get(id) ?? "";
    own.set(name, (own.get(name) ?? 0) + (timeDeltas[i] ?? 0) / 1000 / seconds);
  });
  const list = [...own].filter(([name]) => !/^\((idle|root)\)/.test(name)).sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
  for (const [name, ms] of list) console.log(`    ${ms.toFixed(2).padStart(6)} ms/s  ${name}`);
}

/** Kinds of work of the main thread by their own time, ms a second. @param {import("playwright-core").Page} page */
async function trace(page) {
  const session = await page.context().newCDPSession(page);
  /** @type {any[]} */
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const done = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["devtools.timeline", "toplevel", "blink", "cc", "v8", "disabled-by-default-devtools.timeline"] } });
  await page.waitForTimeout(seconds * 1000);
  await session.send("Tracing.end");
  await done;
  const main = events.find((event) => event.name === "thread_name" && event.args?.name === "CrRendererMain" && events.some((other) => other.name === "FireAnimationFrame" && other.pid === event.pid));
  const list = events.filter((event) => event.ph === "X" && event.pid === main?.pid && event.tid === main?.tid && event.dur !== undefined).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  /** @type {Map<string, { own: number, count: number }>} */
  const own = new Map();
  /** @type {any[]} */
  const stack = [];
  for (const event of list) {
    while (stack.length > 0 && stack[stack.length - 1].ts + stack[stack.length - 1].dur <= event.ts) stack.pop();
    const time = event.tdur ?? event.dur;
    const parent = stack[stack.length - 1];
    if (parent) /** @type {any} */ (own.get(parent.name)).own -= time;
    const sum = own.get(event.name) ?? { own: 0, count: 0 };
    sum.own += time;
    sum.count += 1;
    own.set(event.name, sum);
    stack.push(event);
  }
  const kinds = [...own].sort((a, b) => b[1].own - a[1].own).slice(0, SHOWN);
  for (const [name, sum] of kinds) console.log(`    ${(sum.own / 1000 / seconds).toFixed(2).padStart(6)} ms/s  ${(sum.count / seconds).toFixed(1).padStart(6)} times  ${name}`);
}

/** @type {[string, string][]} */
const dirs = [["page", option("--web-dir") ?? ""]];
for (const dir of option("--against")?.split(",") ?? []) dirs.push([dir, dir]);
const sides = await Promise.all(dirs.map(async ([name, webDir]) => {
  const monitor = await startDemo(program, fleetScenario(targets), { webDir });
  return { name, monitor, browser: await launch(monitor.url), costs: /** @type {Awaited<ReturnType<typeof perSecond>>[]} */ ([]) };
}));
await new Promise((resolve) => { setTimeout(resolve, WARM_MS); });
for (let round = 0; round < rounds; round += 1) {
  for (const { name, monitor, browser, costs } of round % 2 === 0 ? sides : [...sides].reverse()) {
    // On a busy computer a page may not come in time: that round has no figure of this side.
    await browser.page(async (page) => {
      await openLive(page, `${monitor.url}/${path}`);
      await page.waitForTimeout(SETTLE_MS);
      costs.push(await perSecond(page, seconds));
    }).catch((error) => console.log(`  ${name}: ${String(error).split("\n")[0]}`));
  }
}
for (const { name, monitor, browser, costs } of sides) {
  const kinds = /** @type {(keyof Awaited<ReturnType<typeof perSecond>>)[]} */ (["task", "script", "style", "layout"]);
  const tasks = costs.map((cost) => cost.task);
  console.log(`${name}: ${kinds.map((kind) => `${kind} ${middle(costs.map((cost) => cost[kind])).toFixed(1)}`).join(", ")} ms a second (median of ${costs.length}; task ${Math.min(...tasks).toFixed(1)} to ${Math.max(...tasks).toFixed(1)})`);
  if (process.argv.includes("--profile")) {
    await browser.page(async (page) => {
      await openLive(page, `${monitor.url}/${path}`);
      await page.waitForTimeout(SETTLE_MS);
      await trace(page);
      console.log("");
      await profile(page);
    });
  }
  await browser.close();
  await monitor.stop();
}
