/**
 * Starts the installed Chromium and gives each test a fresh page that notes console errors and foreign requests; runs the
 * tests of a suite and says how each ended.
 * Input: the address of a running linewatch. Nothing is downloaded and nothing but that address is opened.
 */

import { mkdir } from "node:fs/promises";

import { chromium } from "playwright-core";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const HEIGHTS = { phone: 844, desk: 900 };

/** @param {string} base */
export async function launch(base) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  const host = new URL(base).host;
  return {
    close: () => browser.close(),
    /**
     * @param {(page: import("playwright-core").Page, context: import("playwright-core").BrowserContext, seen: { errors: string[], foreign: string[], requests: string[] }) => Promise<void>} run
     * @param {{ width?: number, theme?: "dark" | "light", allowErrors?: RegExp, init?: () => void, zone?: string, isTouch?: boolean }} [options]
     */
    async page(run, { width = 1440, theme = "dark", allowErrors, init, zone, isTouch } = {}) {
      const isPhone = width < 720;
      const context = await browser.newContext({
        viewport: { width, height: isPhone ? HEIGHTS.phone : HEIGHTS.desk }, colorScheme: theme, deviceScaleFactor: isPhone ? 2 : 1, reducedMotion: "reduce",
        ...(zone ? { timezoneId: zone } : {}), ...(isTouch ? { hasTouch: true } : {}),
      });
      const seen = { errors: /** @type {string[]} */ ([]), foreign: /** @type {string[]} */ ([]), requests: /** @type {string[]} */ ([]) };
      if (init) await context.addInitScript(init);
      const page = await context.newPage();
      page.on("console", (message) => { if (message.type() === "error") seen.errors.push(message.text()); });
      page.on("pageerror", (error) => seen.errors.push(String(error.stack ?? error)));
      page.on("request", (request) => {
        seen.requests.push(request.url());
        if (new URL(request.url()).host !== host) seen.foreign.push(request.url());
      });
      try {
        await run(page, context, seen);
        const errors = seen.errors.filter((text) => !allowErrors?.test(text));
        if (errors.length > 0) throw new Error(`console: ${errors.join("\n")}`);
        if (seen.foreign.length > 0) throw new Error(`requests left the host: ${seen.foreign.join(" ")}`);
      } finally {
        await context.close();
      }
    },
  };
}

/** Waits until live rows arrive. @param {import("playwright-core").Page} page @param {string} url */
export async function openLive(page, url) {
  await page.goto(url);
  await page.locator('[data-phase="live"]').waitFor({ timeout: 8000 });
}

/** A promise of a module of the page, the very one that the page uses: packed or from a folder. @param {string} path Under app/. */
export function pageModule(path) {
  const start = "document.querySelector('script[type=\"module\"]').src";
  const scope = `app$${path.replace(/\.js$/, "").replaceAll("/", "$")}`;
  return `import(${start}).then((pack) => pack[${JSON.stringify(scope)}] ?? import(new URL(${JSON.stringify(path)}, ${start}).href))`;
}

/** @param {boolean} condition @param {string} text */
export function expect(condition, text) {
  if (!condition) throw new Error(text);
}

/**
 * The id of a target that answers, of those that were there before the suite: one with some losses, if there is one.
 * @param {string} base
 */
export async function answering(base) {
  let id = "";
  const isThere = await until(async () => {
    const { targets } = await (await fetch(`${base}/api/v1/overview?limit=200`)).json();
    const well = targets.filter((/** @type {any} */ row) => row.p50_ms !== null && row.state !== "paused" && !row.address.startsWith("127.0.0.3"));
    id = (well.find((/** @type {any} */ row) => row.loss_ppm > 0 && row.loss_ppm < 300_000) ?? well[0])?.id ?? "";
    return id !== "";
  }, 30_000);
  expect(isThere, "no target answers");
  return id;
}

/** Whether it came true within this time: asked twice a second, and once at least. @param {() => Promise<boolean>} ask @param {number} ms */
export async function until(ask, ms) {
  const end = performance.now() + ms;
  while (!(await ask())) {
    if (performance.now() >= end) return false;
    await new Promise((done) => { setTimeout(done, 500); });
  }
  return true;
}

/** The value behind an option of the command line. @param {string} name */
export function option(name) {
  const args = process.argv.slice(2);
  return args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
}

/** A picture of the whole page, if pictures were asked for. @param {import("playwright-core").Page} page @param {string} name */
export async function shot(page, name) {
  const shots = option("--shots") ?? process.env.LINEWATCH_SHOTS;
  if (!shots) return;
  await mkdir(shots, { recursive: true });
  // What is out of sight is not drawn: walk down once.
  for (let y = 0; y < 8; y += 1) {
    await page.evaluate((part) => scrollTo(0, (document.documentElement.scrollHeight * part) / 8), y);
    await page.waitForTimeout(60);
  }
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
}

/** Pages that are open at a time: their waiting costs nothing, their drawing does. */
const AT_ONCE = 3;

/**
 * Runs something for each item, a few at a time; every failure is told, not only the first.
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => Promise<void>} run
 */
export async function pool(items, run) {
  const queue = [...items];
  /** @type {string[]} */
  const failed = [];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await run(item);
      } catch (error) {
        const { name = "" } = /** @type {{ name?: string }} */ (item);
        failed.push(`${name} ${error instanceof Error ? error.message.split("\n").slice(0, 4).join(" ") : error}`.trim());
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failed.length > 0) throw new Error(failed.join("\n"));
}

/** A test that had nothing to look at: told apart from one that passed. */
export class Skip extends Error {}

/**
 * Runs the tests one after the other; the exit code of the process says whether all passed. A real browser on a shared computer
 * may stand still for seconds: what failed is tried once more, and both are told.
 * @param {[string, () => Promise<void>][]} tests
 */
export async function runAll(tests) {
  const only = option("--only");
  for (const [name, run] of tests) {
    if (only && !name.includes(only)) continue;
    try {
      await run().catch(async (error) => {
        if (error instanceof Skip) throw error;
        console.log(`again ${name}: ${told(error)}`);
        await run();
      });
      console.log(`ok    ${name}`);
    } catch (error) {
      if (error instanceof Skip) {
        console.log(`skip  ${name}: ${error.message}`);
        continue;
      }
      process.exitCode = 1;
      console.log(`FAIL  ${name}\n      ${told(error)}`);
    }
  }
}

/** @param {unknown} error */
function told(error) {
  return String(error instanceof Error ? error.message : error).replaceAll("\n", "\n      ");
}
