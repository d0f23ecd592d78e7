/**
 * The first minutes with linewatch: `node first-run.mjs BINARY [--shots DIR] [--only WORD]` starts BINARY in an empty
 * directory and drives its page as a person would who has configured nothing. The tests go on from each other.
 * To be run in a network namespace of its own with loopback only (`cargo xtask browser` does): no probe finds a way out.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, launch, openLive, runAll, shot } from "./harness.mjs";
import { startServe } from "./serve.mjs";

const binary = process.argv[2] ?? "";
const HEADING = "What should linewatch watch?";
/** Watched after the change; loopback too. */
const OTHER = "127.0.0.2";
/** @type {[string, () => Promise<void>][]} */
const tests = [];
/** @param {string} name @param {() => Promise<void>} run */
const test = (name, run) => tests.push([name, run]);

const dir = await mkdtemp(join(tmpdir(), "linewatch-first-"));
const monitor = await startServe(binary, dir);
const base = monitor.url;
const browser = await launch(base);

/** @param {import("playwright-core").Page} page @param {string} name */
const rowOf = (page, name) => page.locator(".fleet-table tbody:not([aria-hidden]) tr", { has: page.getByRole("link", { name, exact: true }) });
/** @param {import("playwright-core").Page} page */
const lit = (page) => page.evaluate(() => {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector(".uplot canvas"));
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return 0;
  // The right half is the last 30 s: enough for a line that has just begun. Grid and text are grey, lines are not.
  const { data } = context.getImageData(canvas.width / 2, 0, canvas.width / 2, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0] = [data[i], data[i + 1], data[i + 2]];
    if ((data[i + 3] ?? 0) > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) count += 1;
  }
  return count;
});

test("nothing is configured: this computer is live, what has no route says so, and nothing is lost", async () => {
  for (const width of [1440, 390]) {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.getByRole("heading", { name: HEADING }).waitFor();
      await page.getByText("no route").first().waitFor({ timeout: 10_000 });
      await page.locator(".level-word:visible", { hasText: "Excellent" }).first().waitFor({ timeout: 10_000 });
      await shot(page, `first-run-${width}-dark`);
    }, { width });
  }
  const { targets } = await (await fetch(`${base}/api/v1/overview`)).json();
  const states = targets.map((/** @type {any} */ row) => `${row.id} ${row.error?.kind ?? row.state}`).sort().join(", ");
  expect(states === "resolver-cloudflare no_route, resolver-google no_route, this-computer ok", states);
  expect(targets.every((/** @type {any} */ row) => row.rto === 0), "a probe without a way out was counted lost");
});

test("what cannot be watched is refused beside the field, in words", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${base}/`);
    const field = page.getByRole("textbox", { name: "Address to watch" }).first();
    const error = page.locator(".field-error").first();
    for (const [typed, words] of [
      ["", "A name or an address; with a port it is measured by TCP."],
      ["tcp://127.0.0.1", "TCP and UDP need a port: write HOST:PORT."],
      ["udp://127.0.0.1", "TCP and UDP need a port: write HOST:PORT."],
      ["224.0.0.1", "multicast"],
    ]) {
      await field.fill(typed ?? "");
      await page.keyboard.press("Enter");
      await error.filter({ hasText: words ?? "" }).waitFor();
      expect((await field.getAttribute("aria-invalid")) === "true", `"${typed}" is not marked`);
      expect(await field.evaluate((element) => element === document.activeElement), `"${typed}": the field lost the focus`);
    }
    await shot(page, "first-run-refused-1440-dark");
  }, { allowErrors: /422/ });
});

test("the first own target turns live, and the built-in lines leave with undo", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${base}/`);
    await page.getByRole("textbox", { name: "Address to watch" }).first().waitFor();
    await page.keyboard.type("127.0.0.1");
    await page.keyboard.press("Enter");
    const row = rowOf(page, "127.0.0.1");
    await row.waitFor();
    await row.locator(".level-word", { hasText: "Excellent" }).waitFor({ timeout: 10_000 });
    expect((await page.locator(".fleet-table tbody:not([aria-hidden]) tr").count()) === 1, "the built-in lines are still there");
    await shot(page, "first-target-1440-dark");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.locator(".fleet-table tbody:not([aria-hidden]) tr").nth(3).waitFor();
  });
});

test("its page draws the chart, and STOP and START are seen", async () => {
  for (const width of [1440, 390]) {
    await browser.page(async (page) => {
      await openLive(page, `${base}/t/127-0-0-1`);
      await page.locator(".uplot canvas").first().waitFor();
      await page.waitForFunction(() => document.querySelector(".hud-loss .hud-value")?.textContent?.includes("0"));
      await page.waitForTimeout(2500);
      const pixels = await lit(page);
      expect(pixels > 100, `${pixels} coloured pixels at ${width}: no line is drawn`);
      await shot(page, `target-first-${width}-dark`);
    }, { width });
  }
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/127-0-0-1`);
    await page.getByRole("button", { name: /^Stop measuring/ }).click();
    await page.locator(".badge", { hasText: "Paused" }).waitFor({ timeout: 5000 });
    await page.getByText("stopped: it is not probed until it is started again").first().waitFor();
    await shot(page, "target-stopped-1440-dark");
    await page.getByRole("button", { name: /^Start measuring/ }).click();
    await page.locator(".badge", { hasText: "Paused" }).waitFor({ state: "detached", timeout: 8000 });
    await page.getByRole("button", { name: /^Stop measuring/ }).waitFor();
  });
});

test("an interval of 0 is refused beside its field and changes nothing", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/127-0-0-1`);
    await page.getByRole("button", { name: "Edit" }).first().click();
    const field = page.getByRole("dialog").getByLabel("Interval", { exact: true });
    await field.fill("0s");
    await page.getByRole("dialog").getByRole("button", { name: "Save 1 change" }).click();
    await page.getByRole("dialog").locator(".setting .field-error", { hasText: "1ms" }).waitFor();
    expect((await field.getAttribute("aria-invalid")) === "true", "the field is not marked");
    await shot(page, "edit-refused-1440-dark");
    await page.keyboard.press("Escape");
  }, { allowErrors: /422/ });
  const { target } = await (await fetch(`${base}/api/v1/targets/127-0-0-1`)).json();
  expect(target.interval === "1s", `the interval is ${target.interval}`);
});

test("Change target leads to a new line", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${base}/t/127-0-0-1`);
    await page.getByRole("button", { name: "Change target" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Address to watch" }).fill(OTHER);
    await shot(page, "change-target-1440-dark");
    await dialog.getByRole("button", { name: "Measure" }).click();
    await page.waitForURL(/\/t\/127-0-0-2$/);
    await page.getByRole("heading", { name: OTHER }).waitFor();
    await page.locator(".badge", { hasText: "Excellent" }).first().waitFor({ timeout: 10_000 });
  });
});

try {
  await runAll(tests);
} finally {
  await browser.close();
  await monitor.stop();
  await rm(dir, { recursive: true, force: true });
}
