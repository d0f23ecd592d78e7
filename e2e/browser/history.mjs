/**
 * The tests of everything that looks back: the range of the overview, the history of a target, its outages.
 * Part of run.mjs: they run against the same monitor, whose history may be only minutes long.
 */

import { readFile } from "node:fs/promises";

import { answering, expect, openLive, shot, until } from "./harness.mjs";

/** @param {import("playwright-core").Page} page Pixels of the history that are neither background, grid nor text. */
const coloured = (page) => page.evaluate(() => {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector(".history-chart canvas"));
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return -1;
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0] = [data[i], data[i + 1], data[i + 2]];
    if ((data[i + 3] ?? 0) > 30 && Math.max(red, green, blue) - Math.min(red, green, blue) > 50) count += 1;
  }
  return count;
});

/** @param {import("playwright-core").Page} page */
const drawn = async (page) => {
  await page.waitForFunction(() => document.querySelector(".history .card-title .note")?.textContent !== "");
  await page.locator(".history-chart canvas").waitFor();
  await page.waitForTimeout(300);
};

/** Waits for a drawing: a monitor that has only begun has few buckets, and looks again every ten seconds. @param {import("playwright-core").Page} page @param {string} what */
const untilColoured = async (page, what) => {
  expect(await until(async () => (await coloured(page)) > 20, 40_000), `hardly a coloured pixel: no ${what}`);
};

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<import("./harness.mjs").launch>>, base: string }} suite
 */
export function historyTests({ test, browser, base }) {
  test("the range of the overview moves the figures, stands in the address and survives a reload", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.getByRole("button", { name: "24h", exact: true }).click();
      await page.getByText(/^Figures from/).waitFor();
      expect(new URL(page.url()).search === "?range=24h", page.url());
      await page.locator(".kpi-loss .kpi-note", { hasText: /^24\sh/ }).waitFor();
      const shown = await page.evaluate(() => [...document.querySelectorAll("tbody tr")].map((row) => [row.getAttribute("data-key"), row.querySelector(".c-p50")?.textContent ?? ""]));
      const { targets } = await (await fetch(`${base}/api/v1/overview?range=24h&limit=200`)).json();
      const known = shown.filter(([key, text]) => text !== "—" && targets.some((/** @type {any} */ row) => String(row.key) === key && row.p50_ms !== null));
      expect(known.length > 0, "no row shows a median of the day");
      await shot(page, "overview-24h-1440-dark");
      await page.reload();
      await page.getByText(/^Figures from/).waitFor();
      expect((await page.getByRole("button", { name: "24h", exact: true }).getAttribute("aria-pressed")) === "true", "the range is forgotten");
      await page.locator("main").focus();
      await page.keyboard.press("1");
      await page.waitForURL((url) => !url.search.includes("range"));
      expect(!(await page.getByText(/^Figures from/).isVisible()), "live still tells a period");
    });
  });

  test("an own period is refused in words beside its field, or kept", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.locator("main").focus();
      await page.keyboard.press("5");
      const form = page.getByRole("dialog", { name: "Own period" });
      await form.getByLabel("From").fill("2026-01-02T00:00");
      await form.getByLabel("To").fill("2026-01-01T00:00");
      await page.keyboard.press("Enter");
      await form.getByText("The end must be after the begin.").waitFor();
      expect((await form.getByLabel("To").getAttribute("aria-invalid")) === "true", "the field is not marked");
      await form.getByRole("button", { name: "Last hour" }).click();
      await page.waitForURL(/range=custom&from=.*&to=/);
      await page.getByText(/^Figures from/).waitFor();
      await page.reload();
      await page.getByText(/^Figures from/).waitFor();
      expect((await page.getByRole("button", { name: "Custom", exact: true }).getAttribute("aria-pressed")) === "true", "the period is forgotten");
    });
  });

  test("the history draws smoke, percentiles and heat, and a reload shows the same", async () => {
    const id = await answering(base);
    for (const width of [1440, 390]) {
      await browser.page(async (page) => {
        await openLive(page, `${base}/t/${id}?range=1h`);
        await drawn(page);
        await page.locator(".history").scrollIntoViewIfNeeded();
        await page.waitForTimeout(300);
        await untilColoured(page, `smoke at ${width}`);
        await page.getByRole("button", { name: "Percentiles" }).click();
        await page.getByRole("button", { name: "Log", exact: true }).click();
        await page.waitForURL(/chart=pct&y=log/);
        await page.reload();
        await drawn(page);
        expect((await page.getByRole("button", { name: "Percentiles" }).getAttribute("aria-pressed")) === "true", "the chart is forgotten");
        await untilColoured(page, `lines at ${width}`);
        await shot(page, `history-pct-${width}-dark`);
        await page.getByRole("button", { name: "Heatmap" }).click();
        await page.waitForURL(/chart=heat/);
        await page.getByText("View as table").last().click();
        await page.locator(".history .data-table tbody tr").first().waitFor();
      }, { width });
    }
  });

  test("a logarithmic history that comes late is drawn when it comes", async () => {
    const id = await answering(base);
    await browser.page(async (page) => {
      await page.route("**/api/v1/series?**", async (route) => {
        await new Promise((done) => { setTimeout(done, 2500); });
        await route.continue();
      });
      await page.goto(`${base}/t/${id}?range=1h&y=log`);
      await page.locator(".history").waitFor();
      // A new theme draws every chart anew, those without data too.
      await page.emulateMedia({ colorScheme: "light" });
      await drawn(page);
    });
  });

  test("a drag zooms, a double click and 0 reset, keys move the cursor", async () => {
    const id = await answering(base);
    await browser.page(async (page) => {
      await openLive(page, `${base}/t/${id}?range=1h`);
      await drawn(page);
      const over = page.locator(".history-chart .u-over");
      await over.scrollIntoViewIfNeeded();
      const drag = async () => {
        const box = await over.boundingBox();
        if (!box) throw new Error("no chart");
        await page.mouse.move(box.x + box.width * 0.6, box.y + 60);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.95, box.y + 70, { steps: 5 });
        await page.mouse.up();
        await page.waitForURL(/range=custom/);
      };
      await drag();
      await page.getByRole("button", { name: "Reset zoom" }).waitFor();
      await over.dblclick();
      await page.waitForURL(/range=1h/);
      await drag();
      await page.locator(".history-chart").focus();
      await page.keyboard.press("0");
      await page.waitForURL(/range=1h/);
      await drawn(page);
      await page.waitForTimeout(500);
      await page.locator(".history-chart").focus();
      await page.keyboard.press("ArrowLeft");
      const text = (await page.locator(".history .readout").textContent()) ?? "";
      expect(/median|no answer/.test(text) && /loss/.test(text), `the cursor says "${text}"`);
    });
  });

  test("two fingers zoom and a tap resets, and the cursor stands in every chart of the history", async () => {
    const id = await answering(base);
    await browser.page(async (page, context) => {
      await openLive(page, `${base}/t/${id}?range=1h`);
      await drawn(page);
      const over = page.locator(".history-chart .u-over");
      await over.scrollIntoViewIfNeeded();
      await page.waitForTimeout(300);
      const box = await over.boundingBox();
      if (!box) throw new Error("no chart");
      const bars = () => page.locator(".loss-bars").evaluate((one) => /** @type {HTMLCanvasElement} */ (one).toDataURL());
      const before = await bars();
      await page.mouse.move(box.x + box.width * 0.9, box.y + 50);
      await page.waitForTimeout(100);
      expect((await bars()) !== before, "the cursor is not in the bars of loss");
      expect(((await page.locator(".history .readout").textContent()) ?? "") !== "", "the cursor says nothing");
      const session = await context.newCDPSession(page);
      // Something above may have come or gone since.
      const place = (await over.boundingBox()) ?? box;
      const fingers = (/** @type {number[]} */ ...at) => at.map((share, number) => ({ x: place.x + place.width * share, y: place.y + 60, id: number }));
      await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: fingers(0.7, 0.8) });
      for (const [left, right] of [[0.6, 0.85], [0.5, 0.9]]) await session.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: fingers(left ?? 0, right ?? 0) });
      await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
      await page.waitForURL(/range=custom/);
      const { searchParams } = new URL(page.url());
      const minutes = (Date.parse(searchParams.get("to") ?? "") - Date.parse(searchParams.get("from") ?? "")) / 60_000;
      // Four times as far apart: a quarter of the hour, less what would lie in the future.
      expect(minutes > 2 && minutes < 20, `${minutes} minutes are shown`);
      await page.getByRole("button", { name: "Reset zoom" }).tap();
      await page.waitForURL(/range=1h/);
    }, { isTouch: true });
  });

  test("a history that cannot be read says so and is tried again", async () => {
    const id = await answering(base);
    await browser.page(async (page) => {
      await page.route("**/api/v1/series?**", (route) => route.fulfill({ status: 503, contentType: "application/json", body: '{"error":{"code":"unavailable","message":"the history is busy","field":null}}' }));
      await openLive(page, `${base}/t/${id}`);
      await page.getByText("The history could not be read: the history is busy").waitFor();
      await page.unroute("**/api/v1/series?**");
      await page.locator(".chart-message").getByRole("button", { name: "Retry now" }).click();
      await drawn(page);
      await page.route("**/api/v1/series?**", async (route) => {
        const answer = await (await route.fetch()).json();
        for (const [name, value] of Object.entries(answer)) if (Array.isArray(value)) answer[name] = name === "smoke" ? Array.from({ length: 9 }, () => []) : [];
        await route.fulfill({ json: answer });
      });
      await page.getByRole("button", { name: "7d", exact: true }).click();
      await page.getByText("No data in this period.").waitFor();
      await page.getByRole("button", { name: "Show 30 days" }).waitFor();
    }, { allowErrors: /503/ });
  });

  test("outages are exported as a table that runs nothing", async () => {
    const id = await answering(base);
    const now = Date.now();
    await browser.page(async (page) => {
      await page.route("**/api/v1/outages?**", (route) => route.fulfill({ json: { next: null, rows: [{
        id: "1-1", target: "=cmd()", target_name: "x", from: now - 600_000, to: now - 500_000, duration_ms: 100_000, opened_by: "run", sent: 100, received: 40, lost: 60, uncertainty_ms: 1000,
      }] } }));
      await openLive(page, `${base}/t/${id}?range=1h`);
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export CSV" }).click()]);
      const lines = (await readFile(await file.path(), "utf8")).split("\r\n");
      expect(lines[0] === "number,target,from,to,duration_ms,sent,received,lost,loss_percent,opened_by", lines[0] ?? "");
      expect(/^1,'=cmd\(\),\d{4}-.*,100000,100,40,60,60,run$/.test(lines[1] ?? ""), lines[1] ?? "");
    });
  });

  test("an outage opens to its evidence, closes again, and a link goes there", async () => {
    const id = await answering(base);
    const now = Date.now();
    const outage = { id: "1-1", target: id, target_name: "x", from: now - 600_000, to: now - 580_000, duration_ms: 20_000, opened_by: "run", sent: 20, received: 0, lost: 20, uncertainty_ms: 1000 };
    const probes = Array.from({ length: 80 }, (_, i) => [1, i, i * 1_000_000, i >= 30 && i < 50 ? 3 : 0, i >= 30 && i < 50 ? null : 20_000 + i * 10, null, 0]);
    const seconds = probes.map((one, i) => [Math.floor(outage.from / 1000) - 30 + i, 1, one[3] === 3 ? 1 : 0, 9_000]);
    const line = (name, isGateway) => ({ target: name, target_name: name, is_gateway: isGateway, sent: 80, lost: 20, d: seconds });
    const evidence = {
      outage, key: 1,
      verdict: { code: "near", figures: { sent: 20, lost: 20, unsent: 0, unmeasured: 0, late: 0, late_min_ms: null, late_max_ms: null, gateway: { sent: 20, lost: 20 }, others: 8, others_failing: 8, is_link_lost: false, process_p95_ms: 0.1, lateness_p95_ms: 0.1 } },
      parts: [{ part: "whole", from: outage.from - 30_000, to: outage.to + 30_000, segments: [{ run: 1, base: outage.from - 30_000, d: probes }], left_out: 0, faults: [],
        lines: [line("Router", true), ...Array.from({ length: 8 }, (_, i) => line(`Other ${i}`, false))] }],
    };
    await browser.page(async (page) => {
      await page.route("**/api/v1/outages?**", (route) => route.fulfill({ json: { next: null, rows: [outage] } }));
      await page.route("**/api/v1/outages/1-1/evidence", (route) => route.fulfill({ json: evidence }));
      await openLive(page, `${base}/t/${id}?range=1h`);
      const opener = page.getByRole("button", { name: "Evidence of outage 1" });
      await opener.focus();
      await page.keyboard.press("Enter");
      await page.getByText("The fault was likely near this computer.").waitFor();
      await page.getByText("8 of 8 other targets lost packets too.").waitFor();
      expect(await opener.getAttribute("aria-expanded") === "true", "the row says that it is open");
      expect(await opener.evaluate((one) => one === document.activeElement), "the focus stays");
      expect(new URL(page.url()).searchParams.get("outage") === "1-1", page.url());
      expect(await page.locator(".evidence-line").count() === 6, "the gateway, four others and the rest as one");
      for (const [width, height] of [[390, 844], [1440, 900]]) {
        await page.setViewportSize({ width, height });
        await page.locator(".evidence").scrollIntoViewIfNeeded();
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `no sideways scrolling at ${width}`);
        await shot(page, `evidence-${width}`);
      }
      await page.keyboard.press("Enter");
      await page.locator(".evidence").waitFor({ state: "detached" });
      expect(!page.url().includes("outage="), page.url());
      await openLive(page, `${base}/t/${id}?range=1h&outage=1-1`);
      await page.getByText("The fault was likely near this computer.").waitFor();
      await page.getByRole("button", { name: "Show in history" }).click();
      await page.waitForURL(/range=custom.*outage=1-1/);
      await page.locator(".evidence").waitFor();
    });
  });
}
