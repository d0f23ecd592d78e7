/**
 * What large fleets cost a browser: `node scale.mjs PROGRAM [--web-dir DIR] [--shots DIR]` (part of acceptance.mjs).
 * Input: simulated fleets. Output: bytes and counts are asserted, milliseconds are printed (asserted with three times the
 * budget, for busy machines).
 */

import { fleetScenario, startDemo } from "./demo.mjs";
import { expect, launch, openLive, shot } from "./harness.mjs";

/** UI.md section 9. */
const BUDGET = { firstRowsMs: 1000, tickMs: 16, memoryMb: 120 };
const SLACK = 3;
const WATCHED_S = 10;
/** Rows near the viewport: a screen of them, and as many above and below. */
const ROWS_MAX = 100;

/** @param {import("playwright-core").CDPSession} session */
async function metrics(session) {
  const { metrics: list } = await session.send("Performance.getMetrics");
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

/** Main thread time a second of watching, in ms, by kind. @param {import("playwright-core").Page} page */
export async function perSecond(page, seconds = WATCHED_S) {
  const session = await page.context().newCDPSession(page);
  // Time the thread really ran: other programs of this computer are not the page's fault.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const before = await metrics(session);
  await page.waitForTimeout(seconds * 1000);
  const after = await metrics(session);
  const ms = (/** @type {string} */ name) => (((after[name] ?? 0) - (before[name] ?? 0)) * 1000) / seconds;
  return { task: ms("TaskDuration"), script: ms("ScriptDuration"), style: ms("RecalcStyleDuration"), layout: ms("LayoutDuration") };
}

/** Heap after a collection, MB. @param {import("playwright-core").Page} page */
export async function heapMb(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.send("Performance.enable");
  return ((await metrics(session)).JSHeapUsedSize ?? 0) / 1_048_576;
}

/** @param {Record<string, number>} figures */
const words = (figures) => Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(1)}`).join(", ");

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, program: string, webDir?: string }} suite
 */
export function scaleTests({ test, program, webDir }) {
  for (const n of [200, 1000, 2000]) {
    test(`check 7: ${n} targets: first rows at once, few rows in the page, little work a second`, async () => {
      const monitor = await startDemo(program, fleetScenario(n), { webDir });
      const browser = await launch(monitor.url);
      try {
        await browser.page(async (page) => {
          // The sparklines of a whole minute are the expensive case; half of one is enough to compare.
          await page.waitForTimeout(n === 200 ? 20_000 : 4000);
          const startedAt = Date.now();
          await page.goto(`${monitor.url}/`);
          await page.locator(".row-link").first().waitFor();
          const firstMs = Date.now() - startedAt;
          await page.locator('[data-phase="live"]').waitFor({ timeout: 20_000 });
          await page.locator(`[aria-rowcount="${n + 1}"]`).waitFor({ timeout: 20_000 });
          await page.waitForTimeout(3000);
          const rows = await page.locator(".fleet-table tbody:not([aria-hidden]) tr[data-key]").count();
          const cost = await perSecond(page, n === 200 ? WATCHED_S : WATCHED_S / 2);
          const memory = await heapMb(page);
          const scroll = await page.evaluate(async () => {
            const frames = [];
            for (let i = 0; i < 40; i += 1) {
              const at = performance.now();
              scrollBy(0, 700);
              await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
              frames.push(performance.now() - at);
            }
            return frames.sort((a, b) => a - b)[Math.floor(frames.length * 0.95)] ?? 0;
          });
          const shown = await page.locator(".fleet-table tbody:not([aria-hidden]) tr[data-key]").evaluateAll((list) => list.filter((one) => one.getBoundingClientRect().bottom > 0 && one.getBoundingClientRect().top < innerHeight).length);
          console.log(`  ${n} targets: first rows after ${firstMs} ms, ${rows} rows in the page; a second costs ${words(cost)} ms; heap ${memory.toFixed(1)} MB; 95 % of scrolled frames within ${scroll.toFixed(0)} ms`);
          await shot(page, `fleet-${n}`);
          expect(rows <= Math.min(n, ROWS_MAX), `${rows} rows are in the page`);
          expect(shown > 5, `after scrolling ${shown} rows are in sight`);
          expect(firstMs <= SLACK * BUDGET.firstRowsMs, `first rows after ${firstMs} ms`);
          expect(memory <= BUDGET.memoryMb, `${memory.toFixed(0)} MB`);
          if (n === 200) expect(cost.task <= SLACK * BUDGET.tickMs, `${cost.task.toFixed(1)} ms of main thread a second`);
        });
      } finally {
        await browser.close();
        await monitor.stop();
      }
    });
  }
}
