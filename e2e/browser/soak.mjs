/**
 * What a page costs that stays open for a working day, in minutes: `node soak.mjs PROGRAM [--hours 8] [--web-dir DIR] [--only WORD]`.
 * Not part of the gate. The page is joined to a simulated monitor; once it is live its socket is answered from here, with rows of
 * one probe a second and target, sums, events and the clock, as fast as the page takes them. Also measures what one update of the
 * live chart and one zoom cost.
 * Output: heap after a collection, nodes and listeners, once warm and at the end; milliseconds. The growth of the heap is asserted.
 */

import { startDemo } from "./demo.mjs";
import { expect, launch, openLive, option, pageModule, runAll } from "./harness.mjs";

/** UI.md section 9. */
const GROWTH_MB_MAX = 10;
const UPDATE_MS_MAX = 3;
const ZOOM_MS_MAX = 16;
/** For busy machines. */
const SLACK = 3;
const HOURS = Number(option("--hours") ?? 8);
/** Rings and lists are full after this. */
const WARM_S = 600;
/** Simulated seconds between two frames of the page. */
const CHUNK_S = 60;

const program = process.argv[2] ?? "";
const monitor = await startDemo(program, "", { webDir: option("--web-dir") });
const browser = await launch(monitor.url);

/** @param {import("playwright-core").CDPSession} session */
async function weigh(session) {
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (/** @type {string} */ name) => metrics.find((one) => one.name === name)?.value ?? 0;
  return { mb: of("JSHeapUsedSize") / 1_048_576, nodes: of("Nodes"), listeners: of("JSEventListeners") };
}

/**
 * What a monitor says in one second: rows, sums, now and then an event, and its clock.
 * @param {{ targets: { key: number, id: string, name: string }[], run: number, now: number, seq: number }} from @param {number} second
 */
function secondOf({ targets, run, now, seq }, second) {
  const at = now + second * 1000;
  const number = seq + 1 + second * 4;
  const isLost = (/** @type {number} */ key) => (second * 7 + key * 13) % 61 === 0;
  const rtt = (/** @type {number} */ key) => 20_000 + key * 5000 + ((second * 37 + key * 101) % 1500);
  const messages = [
    { t: "b", seq: number, base: at, d: targets.map(({ key }) => (isLost(key) ? [key, 1_000_000 + second, 0, 3, null, null, 0] : [key, 1_000_000 + second, key * 1000, 0, rtt(key), rtt(key) + 90, 0])) },
    { t: "sum", seq: number + 1, d: targets.map(({ key }) => [key, second % 300 < 20 && key === 1 ? "bad" : "ok", second % 120 < 60 ? "good" : "excellent", rtt(key), rtt(key) + 800, 700 + (second % 90), (second % 50) * 100, second % 9, 999_000, null]) },
  ];
  if (second % 5 === 0) messages.push({ t: "hb", seq: number + 2, now: at });
  const target = targets[second % targets.length];
  if (second % 30 === 0 && target) {
    messages.push({ t: "ev", seq: number + 3, e: { id: `${run}-${900_000 + second}`, at, until: at + 1000, type: "packet_loss", severity: "info", target: target.id, target_name: target.name, message: "1 probe lost", figures: { lost_probes: 1 } } });
  }
  return messages;
}

/** @type {[string, () => Promise<void>][]} */
const tests = [];

for (const path of ["", "t/tokyo", "hud/tokyo"]) {
  tests.push([`/${path} for ${HOURS} h grows by less than ${GROWTH_MB_MAX} MB`, async () => {
    await browser.page(async (page, context) => {
      /** @type {import("playwright-core").WebSocketRoute | null} */
      let socket = null;
      /** @type {any} */
      let welcome = null;
      await page.routeWebSocket(/\/api\/v1\/live$/, (route) => {
        socket = route;
        const server = route.connectToServer();
        route.onMessage((message) => { if (welcome === null) server.send(message); });
        server.onMessage((message) => {
          if (welcome !== null) return;
          const parsed = JSON.parse(String(message));
          if (parsed.t === "welcome") welcome = parsed;
          route.send(message);
        });
      });
      await openLive(page, `${monitor.url}/${path}`);
      await page.waitForTimeout(3000);
      const session = await context.newCDPSession(page);
      await session.send("Performance.enable");
      const startedAt = Date.now();
      let warm = { mb: 0, nodes: 0, listeners: 0 };
      for (let second = 0; second < HOURS * 3600; second += CHUNK_S) {
        for (let i = 0; i < CHUNK_S; i += 1) for (const message of secondOf(welcome, second + i)) socket?.send(JSON.stringify(message));
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
        if (second === WARM_S) warm = await weigh(session);
      }
      const shown = await page.evaluate(`${pageModule("store.js")}.then(({ store }) => store.now())`);
      expect(Number(shown) - welcome.now > HOURS * 3_500_000, `the page's clock went on by ${((Number(shown) - welcome.now) / 3_600_000).toFixed(2)} h only`);
      const end = await weigh(session);
      const rows = welcome.targets.length * HOURS * 3600;
      console.log(`  ${HOURS} h in ${((Date.now() - startedAt) / 1000).toFixed(0)} s, ${rows} rows: heap ${warm.mb.toFixed(2)} -> ${end.mb.toFixed(2)} MB, nodes ${warm.nodes} -> ${end.nodes}, listeners ${warm.listeners} -> ${end.listeners}`);
      expect(end.mb - warm.mb < GROWTH_MB_MAX, `${(end.mb - warm.mb).toFixed(1)} MB`);
    }, { allowErrors: /status of 4|WebSocket/ });
  }]);
}

/** Middle and worst of some durations. @param {number[]} list */
function spread(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return { middle: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted[Math.floor(sorted.length * 0.95)] ?? 0 };
}

/** @param {string} what @param {number[]} list @param {number} most */
function tell(what, list, most) {
  const { middle, most: worst } = spread(list);
  console.log(`  ${what}: median ${middle.toFixed(2)} ms, 95 % within ${worst.toFixed(2)} ms (budget ${most} ms)`);
  expect(middle <= SLACK * most, `${middle.toFixed(1)} ms`);
}

tests.push(["one update of the live chart", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${monitor.url}/t/tokyo`);
    await page.locator(".uplot canvas").first().waitFor();
    const list = await page.evaluate(`Promise.all([${pageModule("store.js")}, ${pageModule("charts/live.js")}]).then(async ([{ store }, { liveChart }]) => {
      const row = store.byId("tokyo");
      const chart = liveChart(row, () => {});
      document.querySelector("main").prepend(chart.element);
      await chart.drawn;
      const context = chart.element.querySelector("canvas").getContext("2d");
      const times = [];
      const base = row.ring.newestAt / 1000;
      for (let i = 1; i <= 200; i += 1) {
        row.ring.merge(9999, base + i * 1000, [row.o.key, i, 0, i % 50 === 0 ? 3 : 0, i % 50 === 0 ? null : 80000 + (i * 977) % 9000, i % 50 === 0 ? null : 80500 + (i * 977) % 9000, 0]);
        const at = performance.now();
        chart.update();
        await Promise.resolve();
        // Asking for a pixel makes the browser finish what was drawn.
        context.getImageData(0, 0, 1, 1);
        times.push(performance.now() - at);
        await new Promise(requestAnimationFrame);
      }
      chart.dispose();
      return times;
    })`);
    tell("an update of the live chart", /** @type {number[]} */ (list), UPDATE_MS_MAX);
  });
}]);

tests.push(["one zoom into 100,000 points", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${monitor.url}/t/tokyo`);
    await page.locator(".history-chart canvas").waitFor();
    const list = await page.evaluate(`Promise.all([${pageModule("charts/buckets.js")}, ${pageModule("charts/smoke.js")}]).then(async ([{ buckets, holes, limits }, { drawSmoke, drawLossBars, drawHoles, lossTop }]) => {
      const canvas = document.createElement("canvas");
      canvas.width = 1300;
      canvas.height = 340;
      const context = canvas.getContext("2d");
      // What the server makes of 100,000 samples for a chart of this width.
      const n = 433;
      const smoke = Array.from({ length: 9 }, (_, k) => Array.from({ length: n }, (_, i) => 80 + k * k * 0.6 + ((i * 7919) % 97) / 20));
      const series = { target: "x", key: 1, from: 0, to: n * 231000, bucket_seconds: 231, t: Array.from({ length: n }, (_, i) => i * 231000), sent: Array(n).fill(231), lost: Array.from({ length: n }, (_, i) => (i % 9 === 0 ? 3 : 0)), p50: smoke[4], p95: smoke[7], p99: smoke[8], smoke, gaps: [], marks: [] };
      const times = [];
      for (let i = 0; i < 60; i += 1) {
        const at = performance.now();
        const list = buckets(series);
        const axis = limits(list, false);
        const box = { left: 62, top: 10, width: 1226, height: 240 };
        const [from, to] = [i * 40000, series.to - i * 40000];
        const sheet = { context, box, scale: 1, ...axis, px: (when) => box.left + ((when - from) / (to - from)) * box.width, py: (ms) => box.top + box.height - ((ms - axis.low) / (axis.high - axis.low)) * box.height };
        context.clearRect(0, 0, 1300, 340);
        drawHoles(sheet, holes(series, list));
        drawSmoke(sheet, list);
        drawLossBars({ ...sheet, box: { ...box, top: 266, height: 60 } }, list, lossTop(list), "12px sans-serif");
        context.getImageData(0, 0, 1, 1);
        times.push(performance.now() - at);
        await new Promise(requestAnimationFrame);
      }
      return times;
    })`);
    tell("a zoom, from answer to pixels", /** @type {number[]} */ (list), ZOOM_MS_MAX);
  });
}]);

await runAll(tests);
await browser.close();
await monitor.stop();
