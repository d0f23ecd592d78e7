/**
 * The browser suite against a live fleet: `node run.mjs PROGRAM|http://127.0.0.1:5000 [--web-dir DIR] [--shots DIR] [--only WORD]
 * [--quick]`. A program is started as `demo`, an address is of one that runs (or LINEWATCH_URL). The suite adds, stops, renames and removes targets of its own: run it against a monitor made for tests,
 * with at least one target that answers (a first start is first-run.mjs's). `--quick` cuts the socket for 8 s instead of 30 s.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { startDemo } from "./demo.mjs";
import { historyTests } from "./history.mjs";
import { languageTests } from "./languages.mjs";
import { Skip, expect, launch, openLive, option, pageModule, runAll, shot, until } from "./harness.mjs";
import { pageTests } from "./pages.mjs";
import { reportTests } from "./report.mjs";
import { compare, cuttable } from "./rows.mjs";
import { settingsTests } from "./settings.mjs";
import { viewTests } from "./views.mjs";
import { watchingTests } from "./watching.mjs";

const args = process.argv.slice(2);
const running = args[0]?.startsWith("http") ? args[0] : process.env.LINEWATCH_URL;
const monitor = running || !args[0] ? null : await startDemo(args[0], "", { webDir: option("--web-dir") });
const base = (monitor?.url ?? running ?? "http://127.0.0.1:5000").replace(/\/$/, "");
const cutMs = args.includes("--quick") ? 8000 : 30_000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Loopback: a probe of the suite never leaves the machine. */
const OWN = ["127.0.0.31", "127.0.0.32", "127.0.0.34"];

const browser = await launch(base);
/** @type {[string, () => Promise<void>][]} */
const tests = [];
/** @param {string} name @param {() => Promise<void>} run */
const test = (name, run) => tests.push([name, run]);

/** @param {string} path @param {RequestInit} [init] */
async function api(path, init = {}) {
  const headers = init.body ? { "Content-Type": "application/json" } : {};
  const response = await fetch(`${base}/api/v1/${path}`, { ...init, headers });
  const text = await response.text();
  return { status: response.status, data: text === "" ? null : JSON.parse(text) };
}

/** A target of the suite, made if it is not there. @param {string} address @param {object} [more] */
async function own(address, more = {}) {
  const { data } = await api("overview?limit=200");
  const known = data.targets.find((row) => row.address === address);
  if (known) return known.id;
  const made = await api("targets", { method: "POST", body: JSON.stringify({ address, probe: "icmp", ...more }) });
  expect(made.status < 300, `POST ${address}: ${made.status} ${JSON.stringify(made.data)}`);
  return made.data.target.id;
}

/** @param {import("playwright-core").Page} page */
async function violations(page) {
  // The page's own policy forbids inline scripts: axe enters through the debugger, as a person's tool would.
  await page.evaluate(axe);
  const result = await page.evaluate("axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })");
  return result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

test("the page is live within seconds, without errors and without leaving the host", async () => {
  await browser.page(async (page, _context, seen) => {
    const startedAt = Date.now();
    await openLive(page, `${base}/`);
    await page.locator(".row-link").first().waitFor();
    console.log(`  live after ${Date.now() - startedAt} ms, ${seen.requests.length} requests`);
    const rows = await page.evaluate(`${pageModule("store.js")}.then(({ store }) => [...store.rows.values()].reduce((sum, row) => sum + row.ring.length, 0))`);
    await page.waitForTimeout(2500);
    const later = await page.evaluate(`${pageModule("store.js")}.then(({ store }) => [...store.rows.values()].reduce((sum, row) => sum + row.ring.length, 0))`);
    expect(later > rows, `no new rows: ${rows} then ${later}`);
  });
});

test("a target is stopped, started and changed by keyboard alone", async () => {
  const id = await own(OWN[0]);
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/${id}`);
    const stop = page.getByRole("button", { name: /^Stop measuring/ });
    await stop.waitFor();
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: /^Start measuring/ }).waitFor();
    await page.locator(".badge", { hasText: "Paused" }).waitFor({ timeout: 5000 });
    await page.getByRole("button", { name: /^Start measuring/ }).focus();
    await page.keyboard.press("Enter");
    await stop.waitFor();
    await page.locator(".badge", { hasText: "Paused" }).waitFor({ state: "detached", timeout: 8000 });
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.body.focus());
    await page.locator("h1").click();
    await page.locator(".chart").first().focus();
    await page.keyboard.press("ArrowLeft");
    expect((await page.locator(".readout").first().textContent()) !== "", "the cursor of the chart says nothing");
    await page.keyboard.press("t");
    await page.getByRole("dialog").getByRole("combobox").waitFor();
    const field = page.getByRole("dialog").getByRole("textbox", { name: "Address to watch" });
    for (let i = 0; i < 12 && !(await field.evaluate((one) => one === document.activeElement)); i += 1) await page.keyboard.press("Tab");
    await page.keyboard.type(OWN[2] ?? "");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => !url.pathname.endsWith(`/${id}`));
    await page.getByRole("heading", { name: OWN[2], level: 1 }).waitFor();
  });
  await api(`targets/${await own(OWN[2] ?? "")}`, { method: "DELETE" });
});

test("a refused start is taken back and said", async () => {
  const id = await own(OWN[0]);
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/${id}`);
    await page.route("**/stop", (route) => route.fulfill({ status: 403, contentType: "application/json", body: '{"error":{"code":"forbidden","message":"changes are allowed on this computer only","field":null}}' }));
    await page.getByRole("button", { name: /^Stop measuring/ }).click();
    await page.getByText("changes are allowed on this computer only").waitFor();
    await page.getByRole("button", { name: /^Stop measuring/ }).waitFor();
  }, { allowErrors: /403/ });
});

test("the button of an advice changes the target, the advice leaves, and undo brings everything back", async () => {
  const id = await own(OWN[0]);
  const timeout = async () => (await api(`targets/${id}`)).data.target.timeout;
  const before = await timeout();
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/${id}`);
    // What the server would send of a line with late replies; it stays until the targets are fetched again.
    await page.evaluate(`${pageModule("store.js")}.then(({ store }) => {
      const advice = { code: "raise_timeout", command: null, action: { patch: { timeout: "2s" } },
        figures: { share_ppm: 710000, lost: 64, late: 46, within_ms: 1400, from_ms: 1000, to_ms: 2000 } };
      Object.defineProperty(store.byId("${id}").o, "advice", { get: () => advice, set: () => {}, configurable: true });
    })`);
    await page.getByText("71% of lost replies came within 1.4 s.").waitFor({ timeout: 5000 });
    await page.getByRole("button", { name: "Raise timeout 1 → 2 s" }).click();
    await page.getByText("Saved.").waitFor();
    expect((await timeout()) === "2s", `the time-out is ${await timeout()}`);
    await page.getByText("71% of lost replies").waitFor({ state: "hidden", timeout: 5000 });
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Changed back.").waitFor();
    expect((await timeout()) === before, `the time-out is ${await timeout()}, was ${before}`);
  });
});

test("lost packets show in the table, the line and the figures", async () => {
  /** @type {any} */
  let lossy;
  await until(async () => {
    const { data } = await api("overview?limit=200");
    lossy = data.targets.find((row) => row.loss_ppm > 0 && row.loss_ppm < 1_000_000) ?? data.targets.find((row) => row.loss_ppm > 0);
    return lossy !== undefined;
  }, monitor ? 90_000 : 0);
  if (!lossy) {
    // The simulated network loses packets by itself.
    expect(monitor === null, "no target of the demonstration loses packets");
    throw new Skip("no target of this monitor loses packets");
  }
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/${lossy.id}`);
    await page.waitForTimeout(1200);
    expect(/[1-9]/.test((await page.locator(".hud-loss .hud-value").textContent()) ?? ""), "the loss cell shows none");
    const marks = await page.evaluate(() => {
      const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector(".uplot canvas"));
      const context = canvas?.getContext("2d");
      if (!canvas || !context) return -1;
      const want = getComputedStyle(document.documentElement).getPropertyValue("--critical").trim();
      const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(want.slice(at, at + 2), 16));
      const { data: pixels } = context.getImageData(0, canvas.height * 0.6, canvas.width * 0.97, canvas.height * 0.4);
      let count = 0;
      for (let i = 0; i < pixels.length; i += 4) if (pixels[i] === red && pixels[i + 1] === green && pixels[i + 2] === blue) count += 1;
      return count;
    });
    expect(marks >= 4 * 14, `${marks} pixels of loss in the chart`);
    await shot(page, "target-lossy-1440-dark");
  });
});

test("filters stand in the address and survive a reload", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${base}/`);
    await page.locator(".row-link").first().waitFor();
    const first = (await page.locator(".row-link").first().textContent()) ?? "";
    await page.getByRole("searchbox", { name: "Filter targets..." }).fill(first);
    await page.locator(".legend-item:visible").first().click();
    await page.waitForURL(/q=.*/);
    const search = new URL(page.url()).search;
    expect(/status=\w+/.test(search), `no status in ${search}`);
    await page.reload();
    await page.locator('[data-phase="live"]').waitFor();
    expect((await page.getByRole("searchbox", { name: "Filter targets..." }).inputValue()) === first, "the text is gone");
    expect(new URL(page.url()).search === search, "the address changed");
    await page.goto(`${base}/?q=there-is-no-such-target`);
    await page.getByText("No target matches.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.locator(".row-link").first().waitFor();
  });
});

test(`a socket cut for ${cutMs / 1000} s looks cut within 5 s and leaves no gap`, async () => {
  await browser.page(async (page) => {
    await openLive(page, `${base}/`);
    await page.waitForTimeout(2500);
    await page.evaluate("window.cutSockets(true)");
    await page.locator('html[data-link="lost"]').waitFor({ timeout: 5000 });
    await page.getByText(/Live view interrupted at/).first().waitFor({ timeout: 8000 });
    await shot(page, "overview-stale-1440-dark");
    await page.waitForTimeout(Math.max(0, cutMs - 6000));
    await page.evaluate("window.cutSockets(false)");
    await page.locator('[data-phase="live"]').waitFor({ timeout: 15_000 });
    await page.waitForTimeout(3000);
    const { wrong, compared } = await page.evaluate(`${pageModule("store.js")}.then(async ({ store }) => (${compare})(store))`);
    console.log(`  ${compared} rows of the server compared with the page's`);
    expect(wrong.length === 0 && compared > 50, `${compared} rows: ${wrong.join("\n")}`);
  }, { allowErrors: /WebSocket|ERR_/, init: cuttable });
});

test("the theme is kept and the list of keys opens", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${base}/?q=`);
    await page.locator("main").focus();
    await page.keyboard.press("d");
    await page.keyboard.press("d");
    expect((await page.locator("html").getAttribute("data-theme")) === "light", "d does not change the theme");
    await page.reload();
    expect((await page.locator("html").getAttribute("data-theme")) === "light", "the theme is forgotten");
    await page.locator('[data-phase="live"]').waitFor();
    await page.locator("main").focus();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".live-pill").click();
    await page.getByText("Round trip to the monitor").waitFor();
  });
});

test("a removed target comes back with undo", async () => {
  const id = await own(OWN[1]);
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/${id}`);
    await page.getByRole("button", { name: "Remove target" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.locator(`a.row-link[href$="/t/${id}"]`).waitFor();
  });
});

pageTests({ test, browser, base, violations, own, api });
historyTests({ test, browser, base });
watchingTests({ test, browser, base });
languageTests({ test, browser, base });
settingsTests({ test, browser, base });
reportTests({ test, browser, base, violations });
viewTests({ test, browser, base, violations, api });
await runAll(tests);
await browser.close();
await monitor?.stop();
