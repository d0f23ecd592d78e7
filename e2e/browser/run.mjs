/**
 * The browser suite against a running linewatch: `node run.mjs http://127.0.0.1:5000 [--shots DIR] [--only WORD] [--quick]`
 * (or LINEWATCH_URL). It adds, stops, renames and removes targets of its own: run it against a monitor made for tests,
 * with at least one target that answers (a first start is first-run.mjs's). `--quick` cuts the socket for 8 s instead of 30 s.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { historyTests } from "./history.mjs";
import { languageTests } from "./languages.mjs";
import { Skip, expect, launch, openLive, pageModule, runAll, shot } from "./harness.mjs";
import { reportTests } from "./report.mjs";
import { settingsTests } from "./settings.mjs";
import { watchingTests } from "./watching.mjs";

const args = process.argv.slice(2);
const base = (args[0]?.startsWith("http") ? args[0] : process.env.LINEWATCH_URL ?? "http://127.0.0.1:5000").replace(/\/$/, "");
const cutMs = args.includes("--quick") ? 8000 : 30_000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [320, 390, 768, 834, 1024, 1440];
const THEMES = /** @type {const} */ (["dark", "light"]);
/** Loopback: a probe of the suite never leaves the machine. */
const OWN = ["127.0.0.31", "127.0.0.32"];
const HOSTILE = "<img src=x onerror=document.title='pwned'>";

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

test("axe finds nothing on Overview and Target, two widths, both themes", async () => {
  const id = await own(OWN[0]);
  for (const width of [1440, 390]) {
    for (const theme of THEMES) {
      for (const [name, path] of [["overview", "/"], ["target", `/t/${id}`]]) {
        await browser.page(async (page) => {
          await openLive(page, base + path);
          await page.waitForTimeout(1500);
          await shot(page, `${name}-${width}-${theme}`);
          const found = await violations(page);
          expect(found.length === 0, `${name} ${width} ${theme}: ${found.join("\n")}`);
        }, { width, theme });
      }
    }
  }
});

test("no page scrolls sideways and no press target is under 24 px", async () => {
  const id = await own(OWN[0]);
  for (const width of WIDTHS) {
    for (const path of ["/", `/t/${id}`]) {
      await browser.page(async (page) => {
        await openLive(page, base + path);
        await page.waitForTimeout(600);
        const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect(wide <= 0, `${path} at ${width}: ${wide} px too wide`);
        const small = await page.evaluate(() => [...document.querySelectorAll("button, summary, input:not([type=radio]):not([type=checkbox])")]
          .filter((one) => one.getClientRects().length > 0).map((one) => ({ box: one.getBoundingClientRect(), text: one.textContent }))
          .filter(({ box }) => box.height < 24 || box.width < 24).map(({ box, text }) => `${text} ${Math.round(box.width)}x${Math.round(box.height)}`));
        expect(small.length === 0, `${path} at ${width}: ${small.join(", ")}`);
      }, { width });
    }
  }
});

test("a target is stopped and started by keyboard alone", async () => {
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
    await page.keyboard.press("t");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".chart").first().focus();
    await page.keyboard.press("ArrowLeft");
    expect((await page.locator(".readout").first().textContent()) !== "", "the cursor of the chart says nothing");
  });
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

test("a hostile name is shown as text", async () => {
  const id = await own(OWN[1]);
  const before = (await api(`targets/${id}`)).data.target.name;
  await api(`targets/${id}`, { method: "PATCH", body: JSON.stringify({ name: HOSTILE }) });
  try {
    for (const path of ["/", `/t/${id}`]) {
      await browser.page(async (page) => {
        await openLive(page, base + path);
        await page.getByText(HOSTILE).first().waitFor();
        await page.keyboard.press("/");
        await page.getByRole("combobox").fill("<img");
        await page.locator(".picker-label", { hasText: HOSTILE }).waitFor();
        expect((await page.locator("#app img, dialog img").count()) === 0, "the name became an element");
        expect((await page.title()) !== "pwned", "the name ran");
      });
    }
  } finally {
    await api(`targets/${id}`, { method: "PATCH", body: JSON.stringify({ name: before }) });
  }
});

test("lost packets show in the table, the line and the figures", async () => {
  const { data } = await api("overview?limit=200");
  const lossy = data.targets.find((row) => row.loss_ppm > 0 && row.loss_ppm < 1_000_000) ?? data.targets.find((row) => row.loss_ppm > 0);
  if (!lossy) {
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
    const wrong = await page.evaluate(`${pageModule("store.js")}.then(async ({ store }) => (${compare})(store))`);
    expect(wrong.length === 0, wrong.join("\n"));
  }, { allowErrors: /WebSocket|ERR_/, init: cuttable });
});

/** Replaces WebSocket by one that a test can cut: open ones close, new ones fail. Runs in the page. */
function cuttable() {
  const Real = WebSocket;
  let isCut = false;
  /** @type {Set<WebSocket>} */
  const open = new Set();
  // @ts-expect-error a constructor in place of a class
  window.WebSocket = function (url, protocols) {
    const socket = new Real(isCut ? new URL("/api/v1/no-such-socket", url) : url, protocols);
    open.add(socket);
    return socket;
  };
  Object.assign(window.WebSocket, { OPEN: Real.OPEN, CONNECTING: Real.CONNECTING, CLOSING: Real.CLOSING, CLOSED: Real.CLOSED });
  // @ts-expect-error for the test only
  window.cutSockets = (cut) => {
    isCut = cut;
    if (cut) for (const socket of open) socket.close();
  };
}

/** Compares the page's arrays with the server's rows over the last minute that both must have. Runs in the page. */
async function compare(store) {
  const wrong = [];
  const to = Date.now() - 5000;
  for (const { o, ring, bins } of store.rows.values()) {
    if (bins.length > 0 || ring.length === 0) continue;
    const from = Math.ceil(Math.max(ring.at[0] / 1000, to - 50_000));
    const answer = await (await fetch(`/api/v1/samples?target=${encodeURIComponent(o.id)}&from=${from}&to=${to}`)).json();
    const server = new Map();
    for (const { run, base, d } of answer.segments) {
      for (const [, seq, dt, outcome, rtt, host, flags] of d) {
        if ((flags & 6) === 0) server.set(`${run}/${seq}`, [base * 1000 + dt, outcome, rtt, host].join(" "));
      }
    }
    const page = new Map();
    for (let i = 0; i < ring.length; i += 1) {
      if (ring.at[i] < from * 1000 || ring.at[i] > to * 1000) continue;
      const value = (us) => (us === 0xffffffff ? null : us);
      page.set(`${ring.run[i]}/${ring.seq[i]}`, [ring.at[i], ring.outcome[i], value(ring.rtt[i]), value(ring.host[i])].join(" "));
    }
    for (const [key, row] of server) if (page.get(key) !== row) wrong.push(`${o.id} ${key}: server ${row}, page ${page.get(key)}`);
    for (const key of page.keys()) if (!server.has(key)) wrong.push(`${o.id} ${key}: only on the page`);
  }
  return wrong.slice(0, 20);
}

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

historyTests({ test, browser, base });
watchingTests({ test, browser, base, violations });
languageTests({ test, browser, base, violations });
settingsTests({ test, browser, base, violations });
reportTests({ test, browser, base, violations });
await runAll(tests);
await browser.close();
