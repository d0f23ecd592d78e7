/**
 * The 17 acceptance checks of the interface: `node acceptance.mjs PROGRAM [--web-dir DIR] [--only WORD] [--shots DIR]`.
 * Input: the program; each test starts a simulated network of its own, so no probe leaves the process; the restart is of a real
 * `serve` on loopback, so that one is skipped where there is more than loopback. Times are printed, bytes and counts asserted. Where
 * another suite proves a check already, COVERED names its tests, and they must exist.
 */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";

import { startDemo } from "./demo.mjs";
import { Skip, expect, launch, openLive, option, pageModule, runAll, until } from "./harness.mjs";
import { compare } from "./rows.mjs";
import { scaleTests } from "./scale.mjs";
import { startServe } from "./serve.mjs";

const program = process.argv[2] ?? "";
const webDir = option("--web-dir");
const isPacked = webDir === undefined;

const WEB_TESTS = "../../crates/linewatch-web/web/test";
/** Check, file, beginning of the name of a test in it. */
const COVERED = /** @type {const} */ ([
  [1, "first-run.mjs", "the first own target turns live, and the built-in lines leave with undo"],
  [2, "../../crates/linewatch/src/term/tests.rs", "a_line_is_not_joined_over_a_loss"],
  [4, `${WEB_TESTS}/history.test.js`, "a field holds local time to the minute and gives it back"],
  [5, "run.mjs", "a socket cut for"],
  [9, "history.mjs", "a drag zooms, a double click and 0 reset, keys move the cursor"],
  [9, "history.mjs", "two fingers zoom and a tap resets, and the cursor stands in every chart of the history"],
  [10, "pages.mjs", "names with markup, other scripts and emoji are text on every page"],
  [11, "pages.mjs", "axe finds nothing on every page, in both themes, at 1440 and 390 px"],
  [11, "pages.mjs", "no page scrolls sideways at six widths"],
  [11, "pages.mjs", "every page holds at 200 % zoom and in forced colours"],
  [12, "languages.mjs", "in Indonesian nothing English is left on any page, and nothing is cut"],
  [12, "languages.mjs", "the dialogs of the page are Indonesian too"],
  [13, "report.mjs", "the file opens without network, runs nothing, has no violation, and prints without a cut row on A4 and Letter"],
  [14, "run.mjs", "a target is stopped, started and changed by keyboard alone"],
  [15, "harness.mjs", ""],
  [17, `${WEB_TESTS}/format.test.js`, "numbers are written as the Rust twin writes them"],
]);
/** One line that is well, one with losses, one with an answer of 3 s every 12 s. */
const FLEET = `seed 7
net rtt 20ms +-1ms bell
target steady 192.0.2.1 icmp every 200ms timeout 400ms
target lossy 192.0.2.2 icmp every 200ms timeout 400ms
target spiky 192.0.2.3 icmp every 200ms timeout 4s
label steady name "Steady" country JP
label lossy name "Lossy" country DE
label spiky name "Spiky" country ID
net lossy loss 25%
net spiky delays 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 3s 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms 20ms
`;

/** @type {[string, () => Promise<void>][]} */
const tests = [];
/** @param {string} name @param {() => Promise<void>} run */
const test = (name, run) => tests.push([name, run]);

/**
 * One monitor, one browser.
 * @param {(base: string, browser: Awaited<ReturnType<typeof launch>>) => Promise<void>} run
 */
async function withFleet(run) {
  const monitor = await startDemo(program, FLEET, { webDir });
  const browser = await launch(monitor.url);
  try {
    await run(monitor.url, browser);
  } finally {
    await browser.close();
    await monitor.stop();
  }
}

/** Pixels of a colour token in a canvas of the page. @param {import("playwright-core").Page} page @param {string} selector @param {string} token */
const pixels = (page, selector, token) => page.evaluate(([where, name]) => {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector(where ?? ""));
  const context = canvas?.getContext("2d");
  const seen = { count: 0, middle: 0 };
  if (!canvas || !context || canvas.width === 0) return seen;
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!probe) return seen;
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] !== red || data[i + 1] !== green || data[i + 2] !== blue || (data[i + 3] ?? 0) < 200) continue;
    seen.count += 1;
    seen.middle += Math.floor(i / 4 / canvas.width) / canvas.height;
  }
  return { count: seen.count, middle: seen.middle / Math.max(1, seen.count) };
}, [selector, token]);

test("checks 1, 4, 5, 9 to 14 and 17 are proved by the tests that are named here", async () => {
  for (const [check, suite, name] of COVERED) {
    const text = readFileSync(new URL(suite, import.meta.url), "utf8");
    const isThere = suite.endsWith(".rs") ? text.includes(`fn ${name}(`) : name === "" ? text.includes("requests left the host") : text.includes(`test("${name}`) || text.includes(`test(\`${name}`);
    expect(isThere, `check ${check}: ${suite} has no test "${name}…"`);
    console.log(`  check ${check}: ${suite.split("/").pop()}, ${name === "" ? "every page of every test" : `"${name}…"`}`);
  }
});

test("check 2: a lost packet is seen within a second in figures, line, sparkline, strip, table and HUD", async () => {
  await withFleet(async (base, browser) => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      const row = page.locator("tr", { has: page.getByRole("link", { name: "Lossy" }) });
      await row.locator(".tint", { hasText: "%" }).waitFor({ timeout: 15_000 });
      await page.waitForTimeout(1000);
      const key = await row.getAttribute("data-key");
      expect((await pixels(page, `tr[data-key="${key}"] .spark`, "critical")).count >= 8, "the sparkline shows no loss");
      // A quarter is lost: the half hour that goes on is critical at once, whatever the history said last.
      const codes = await page.evaluate(`${pageModule("store.js")}.then(({ store }) => ${pageModule("past.js")}.then(({ past }) => past.day(store.byId("lossy").o.key)?.strip_24h ?? null))`);
      expect(codes !== null, "the day is not known");
      expect((await pixels(page, `tr[data-key="${key}"] .strip`, "critical")).count >= 8, `the strip shows no loss, the history has ${JSON.stringify(codes)}`);
      await openLive(page, `${base}/t/lossy`);
      await page.locator(".uplot canvas").first().waitFor();
      // How long from the deadline of a lost probe until the page has it, and then until it is drawn: one frame.
      const lags = await page.evaluate(`${pageModule("store.js")}.then(({ store }) => new Promise((resolve) => {
        const { ring, o } = store.byId("lossy");
        const known = new Set(Array.from({ length: ring.length }, (_, i) => ring.seq[i]));
        const lags = [];
        const end = store.subscribe(() => {
          for (let i = 0; i < ring.length; i += 1) {
            if (known.has(ring.seq[i])) continue;
            known.add(ring.seq[i]);
            if (ring.outcome[i] === 3) lags.push(store.now() - ring.at[i] / 1000 - o.timeout_ms);
          }
          if (lags.length >= 5) { end(); resolve(lags); }
        });
      }))`);
      console.log(`  lost packets came ${Math.round(Math.max(...lags))} ms after their time-out at the latest`);
      expect(Math.max(...lags) <= 1000, `lost packets came after ${lags.map(Math.round).join(", ")} ms`);
      expect((await pixels(page, ".uplot canvas", "critical")).count >= 4 * 14, "the chart shows no loss");
      expect(/[1-9]/.test((await page.locator(".hud-loss .hud-value").textContent()) ?? ""), "the figure shows no loss");
      await openLive(page, `${base}/hud/lossy`);
      await page.waitForTimeout(1500);
      expect((await pixels(page, ".hudp-graph", "critical")).count >= 40, "the net-graph shows no loss");
      expect(/[1-9]/.test((await page.locator(".hudp-loss").textContent()) ?? ""), "the HUD's figure shows no loss");
    });
  });
});

test("check 3: two countries and seven days survive a reload", async () => {
  await withFleet(async (base, browser) => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.locator(".menu-country summary").click();
      for (const country of ["DE", "ID"]) await page.locator(`.menu-country input[value="${country}"]`).check();
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "7d", exact: true }).click();
      const names = async () => (await page.locator(".row-link").allTextContents()).sort().join();
      await page.waitForFunction(() => document.querySelectorAll(".row-link").length === 2);
      const before = [new URL(page.url()).search, await names()].join(" ");
      expect(before.includes("country=DE,ID") && before.includes("range=7d") && before.includes("Lossy,Spiky"), before);
      await page.reload();
      await page.waitForFunction(() => document.querySelectorAll(".row-link").length === 2);
      expect([new URL(page.url()).search, await names()].join(" ") === before, "the view changed");
      expect(await page.getByRole("button", { name: "7d", exact: true }).getAttribute("aria-pressed") === "true", "the range is forgotten");
    });
  });
});

test("check 4: a period across a clock change is an hour longer or shorter, and its link shows the same anywhere", async () => {
  await withFleet(async (base, browser) => {
    for (const [from, to, hours, begin] of /** @type {const} */ ([
      ["2026-10-24T12:00", "2026-10-25T12:00", 25, "2026-10-24T10:00:00Z"],
      ["2026-03-28T12:00", "2026-03-29T12:00", 23, "2026-03-28T11:00:00Z"],
    ])) {
      let link = "";
      await browser.page(async (page) => {
        await openLive(page, `${base}/`);
        await page.locator("main").focus();
        await page.keyboard.press("5");
        const form = page.getByRole("dialog", { name: "Own period" });
        await form.getByLabel("From").fill(from);
        await form.getByLabel("To").fill(to);
        await page.keyboard.press("Enter");
        await page.waitForURL(/range=custom/);
        const { searchParams } = new URL(page.url());
        const length = (Date.parse(searchParams.get("to") ?? "") - Date.parse(searchParams.get("from") ?? "")) / 3_600_000;
        expect(length === hours && searchParams.get("from") === begin, `${from} to ${to}: ${page.url()}`);
        const line = page.getByText(/^Figures from/);
        await line.filter({ hasText: "GMT+1" }).or(line.filter({ hasText: "CET" })).first().waitFor();
        const words = (await line.textContent()) ?? "";
        // Both ends stand at 12:00; only the offsets tell that they are not 24 h apart.
        expect(words.split("12:00:00").length === 3 && /CEST|GMT\+2/.test(words) && /CET|GMT\+1/.test(words), words);
        link = page.url();
        await page.reload();
        await line.waitFor();
        await page.locator("main").focus();
        await page.keyboard.press("5");
        expect((await form.getByLabel("From").inputValue()) === from && (await form.getByLabel("To").inputValue()) === to, "a reload shows other hours");
      }, { zone: "Europe/Berlin" });
      await browser.page(async (page) => {
        await page.goto(link);
        const line = page.getByText(/^Figures from/);
        await line.waitFor();
        const words = (await line.textContent()) ?? "";
        const [h1, h2] = hours === 25 ? ["17:00:00", "18:00:00"] : ["18:00:00", "17:00:00"];
        expect(words.includes(h1) && words.includes(h2), `in Jakarta: ${words}`);
      }, { zone: "Asia/Jakarta" });
    }
  });
});

test("check 6: `serve` starts anew, the page goes on by itself, and of both runs no point is doubled or missing", async () => {
  if (Object.keys(networkInterfaces()).some((name) => name !== "lo")) throw new Skip("a real `serve` probes: only where there is loopback alone");
  const dir = await mkdtemp(join(tmpdir(), "linewatch-restart-"));
  const first = await startServe(program, dir, { webDir });
  const browser = await launch(first.url);
  /** @type {{ stop: () => Promise<void> } | null} */
  let second = null;
  try {
    const made = await fetch(`${first.url}/api/v1/targets`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ address: "127.0.0.1", probe: "icmp", interval: "200ms" }) });
    expect(made.ok, `${made.status} ${await made.text()}`);
    await browser.page(async (page) => {
      /** @type {string[]} */
      const epochs = [];
      page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => {
        const epoch = /^\{"t":"welcome".*?"epoch":"([^"]+)"/.exec(String(payload))?.[1];
        if (epoch) epochs.push(epoch);
      }));
      await openLive(page, `${first.url}/`);
      await page.waitForTimeout(4000);
      await first.stop();
      await page.locator('html[data-link="lost"]').waitFor({ timeout: 8000 });
      second = await startServe(program, dir, { webDir, listen: new URL(first.url).host });
      await page.locator('[data-phase="live"]').waitFor({ timeout: 20_000 });
      await page.waitForTimeout(8000);
      expect(epochs.length === 2 && epochs[0] !== epochs[1], `epochs: ${epochs.join(", ")}`);
      const rings = await page.evaluate(`${pageModule("store.js")}.then(({ store }) => [...store.rows.values()].map(({ ring }) => {
        const list = (name) => Array.from({ length: ring.length }, (_, i) => ring[name][i]);
        return { names: list("run").map((run, i) => run + "/" + list("seq")[i]), times: list("at"), runs: new Set(list("run")).size };
      }))`);
      for (const { names, times, runs } of rings) {
        expect(names.length > 30 && runs === 2, `${names.length} rows of ${runs} runs`);
        expect(new Set(names).size === names.length && new Set(times).size === times.length, "a point is there twice");
        expect(times.every((/** @type {number} */ at, /** @type {number} */ i) => i === 0 || at >= times[i - 1]), "the points are out of order");
      }
      const { wrong, compared } = await page.evaluate(`${pageModule("store.js")}.then(async ({ store }) => (${compare})(store, 20))`);
      console.log(`  epochs ${epochs.join(" and ")}; ${compared} rows of both runs compared with the server's`);
      expect(wrong.length === 0 && compared > 20, `${compared} rows: ${wrong.join("\n")}`);
    }, { allowErrors: /WebSocket|ERR_|Failed to load/ });
  } finally {
    await browser.close();
    await /** @type {{ stop: () => Promise<void> } | null} */ (second)?.stop();
    await first.stop();
    await rm(dir, { recursive: true, force: true });
  }
});

scaleTests({ test, program, webDir });

test("check 8: one answer of 3,000 ms leaves the base of 20 ms readable", async () => {
  await withFleet(async (base, browser) => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/t/spiky`);
      await page.locator(".uplot canvas").first().waitFor();
      // A promise is not waited for by waitForFunction: it is true as it stands.
      const isSpiked = () => page.evaluate(`${pageModule("store.js")}.then(({ store }) => { const { ring } = store.byId("spiky"); return Array.from({ length: ring.length }, (_, i) => ring.rtt[i]).some((us) => us > 2_900_000 && us < 0xffffffff); })`);
      expect(await until(async () => Boolean(await isSpiked()), 30_000), "no answer of 3,000 ms came");
      await page.waitForTimeout(1500);
      const { count, middle } = await pixels(page, ".uplot canvas", "accent");
      console.log(`  the line of 20 ms lies at ${Math.round(middle * 100)} % of the height`);
      expect(count > 50, "no line is drawn");
      // On an axis up to 3,000 ms it would lie on the ground, at 87 %.
      expect(middle < 0.8, `the base lies at ${Math.round(middle * 100)} % of the height`);
    });
  });
});

test("tiles show every target, hold the filters and the address, and a wall has no frame", async () => {
  await withFleet(async (base, browser) => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/?country=DE,JP`);
      await page.getByRole("button", { name: "Tiles", exact: true }).click();
      await page.waitForURL(/country=DE,JP&view=tiles/);
      await page.reload();
      await page.waitForFunction(() => document.querySelectorAll(".tile").length === 2);
      await page.goto(`${base}/?view=tiles&kiosk=1`);
      await page.waitForFunction(() => document.querySelectorAll(".tile").length === 3);
      expect(!(await page.locator("header.top").isVisible()) && !(await page.locator(".tools").isVisible()), "the frame is still there");
    });
  });
});

test("check 11: Tab goes from top to bottom", async () => {
  await withFleet(async (base, browser) => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.locator("body").focus();
      const places = [];
      for (let i = 0; i < 25; i += 1) {
        await page.keyboard.press("Tab");
        places.push(await page.evaluate(() => { const box = document.activeElement?.getBoundingClientRect(); return box ? Math.round(box.top + scrollY) : 0; }));
      }
      const header = places.findIndex((y) => y > 60);
      const body = places.slice(header).filter((y) => y > 60);
      const steps = body.filter((y, i) => i > 0 && y < (body[i - 1] ?? 0) - 40);
      expect(steps.length <= 1, `Tab goes up again: ${places.join(" ")}`);
    });
  });
});

test("check 15: no request leaves the host, and check 16: the first load is packed into 8 requests and 100 KB", async () => {
  await withFleet(async (base, browser) => {
    for (const path of ["/", "/t/steady"]) {
      await browser.page(async (page) => {
        await openLive(page, base + path);
        await page.waitForTimeout(1500);
        const seen = await page.evaluate(() => ({ at: Number(document.documentElement.dataset["liveAt"] ?? 0),
          files: performance.getEntriesByType("resource").map((one) => ({ name: new URL(one.name).pathname, at: one.startTime })) }));
        const first = seen.files.filter((one) => one.at <= seen.at).map((one) => one.name);
        // The page itself, its icon and the socket are not among the resources.
        const requests = new Set(first.filter((name) => !name.endsWith("/icon.svg"))).size + 3;
        const wire = async (/** @type {string} */ name) => {
          const answer = await page.context().request.get(base + name, { headers: { "accept-encoding": "gzip" } });
          expect(name.includes("/icon") || answer.headers()["content-encoding"] === "gzip", `${name} is not compressed`);
          return Number(answer.headers()["content-length"]);
        };
        const bytes = { js: 0, css: 0, all: await wire(path) };
        for (const name of new Set(first)) {
          if (!name.startsWith("/a/")) continue;
          const size = await wire(name);
          bytes.all += size;
          if (name.endsWith(".js")) bytes.js += size;
          if (name.endsWith(".css")) bytes.css += size;
        }
        console.log(`  ${path}: ${requests} requests, ${bytes.all} bytes: JS ${bytes.js}, CSS ${bytes.css}`);
        expect(requests <= 8, `${path}: ${requests} requests: ${first.join(" ")}`);
        expect(bytes.js <= 75_000 && bytes.css <= 12_000 && bytes.all <= 100_000, JSON.stringify(bytes));
        expect(first.some((name) => name.endsWith("/pack/main.js")), "the page is not packed");
      }, { init: () => {
        // The welcome is the live picture: everything it needs has been asked for by then.
        const Real = WebSocket;
        window.WebSocket = class extends Real {
          /** @param {string | URL} url @param {string | string[]} [protocols] */
          constructor(url, protocols) {
            super(url, protocols);
            this.addEventListener("message", () => { document.documentElement.dataset["liveAt"] ??= String(performance.now()); }, { once: true });
          }
        };
      } });
    }
  });
});

await runAll(isPacked ? tests : tests.filter(([name]) => !name.includes("check 16")));
