/**
 * The page on an address that other computers reach: `node login.mjs BINARY [--shots DIR] [--only WORD]` starts BINARY with an empty
 * directory, reads the password of the first start, and signs in and out as a person would. The tests go on from each other.
 * To be run in a network namespace of its own with loopback only (`cargo xtask browser` does): no probe finds a way out.
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { expect, launch, openLive, runAll, shot } from "./harness.mjs";

const binary = process.argv[2] ?? "";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** A monitor that is not ready by then never will be. */
const START_MS = 15_000;
/** The browser's own words about an answer of 401 or 429. */
const REFUSED = /status of (401|429)|WebSocket connection/;

for (const name of Object.keys(networkInterfaces())) {
  if (name !== "lo") throw new Error(`there is a way out by ${name}: this suite runs where there is loopback only`);
}

/** Starts the program for everybody who reaches this namespace, which is nobody but us. @param {string} config */
async function start(config) {
  const dir = await mkdtemp(join(tmpdir(), "linewatch-login-"));
  await writeFile(join(dir, "linewatch.toml"), config);
  const child = spawn(binary, ["serve", "--listen", "0.0.0.0:0", "--data-dir", join(dir, "data"), "127.0.0.1"], {
    cwd: dir, env: { HOME: dir, PATH: process.env.PATH }, stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), START_MS);
    await ended;
    clearTimeout(late);
    await rm(dir, { recursive: true, force: true });
  };
  const late = setTimeout(() => child.kill("SIGKILL"), START_MS);
  let url = "";
  let password = "";
  for await (const line of createInterface({ input: child.stdout })) {
    url ||= /^Running on (http:\S+)/.exec(line)?.[1]?.replace("0.0.0.0", "127.0.0.1") ?? "";
    password ||= /^Admin password: (\S+)/.exec(line)?.[1] ?? "";
    if (line === "Monitoring ready") break;
  }
  clearTimeout(late);
  child.stdout.resume();
  expect(url !== "" && password !== "", `${binary} printed no address or no password`);
  return { url, password, stop };
}

/** @param {import("playwright-core").Page} page */
async function violations(page) {
  await page.evaluate(axe);
  const result = await page.evaluate("axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })");
  return result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** @type {[string, () => Promise<void>][]} */
const tests = [];
/** @param {string} name @param {() => Promise<void>} run */
const test = (name, run) => tests.push([name, run]);

const open = await start("");
const closed = await start("[server]\npublic_read = false\n");
const browser = await launch(open.url);
const behind = await launch(closed.url);

/** @param {import("playwright-core").Page} page @param {string} password */
async function type(page, password) {
  await page.locator("#login-password").fill(password);
  await page.keyboard.press("Enter");
}

test("a stranger looks, and a change opens the card and is made once he has signed in", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${open.url}/`);
    await page.keyboard.press("n");
    const form = page.locator("dialog .add-form");
    await form.locator("input.field").fill("127.0.0.9");
    await page.keyboard.press("Enter");
    await page.locator("dialog.login").waitFor();
    await type(page, "wrong");
    await page.getByText("9 tries left this minute").waitFor();
    await type(page, open.password);
    await page.locator("dialog.login").waitFor({ state: "detached" });
    await page.waitForURL(/\/t\//);
    const { targets } = await (await page.request.get(`${open.url}/api/v1/overview?limit=10`)).json();
    expect(targets.some((/** @type {any} */ row) => row.address === "127.0.0.9"), "the change was repeated");
    await page.locator("#account button", { hasText: "Admin" }).waitFor();
    await page.locator("#account button").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.locator("#account button", { hasText: "Sign in" }).waitFor();
    const { role } = await (await page.request.get(`${open.url}/api/v1/session`)).json();
    expect(role === "viewer", `still ${role}`);
  }, { allowErrors: REFUSED });
});

test("who only looks gets back to the page, and the change is refused in words", async () => {
  await browser.page(async (page) => {
    await openLive(page, `${open.url}/`);
    await page.locator("#account button").click();
    await page.getByRole("button", { name: "Look only" }).click();
    await page.locator("dialog.login").waitFor({ state: "detached" });
    await page.locator("#account button").click();
    // The card asks the server first whether there is a password.
    await page.locator("dialog.login").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog.login").waitFor({ state: "detached" });
  }, { allowErrors: REFUSED });
});

test("the card fits every width, with axe silent, in both themes", async () => {
  for (const width of [320, 390, 768, 1440]) {
    for (const theme of /** @type {const} */ (["dark", "light"])) {
      await browser.page(async (page) => {
        await openLive(page, `${open.url}/`);
        await page.locator("#account button").click();
        await page.locator("dialog.login").waitFor();
        await shot(page, `login-${width}-${theme}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(over <= 0, `${width} ${theme}: ${over} px too wide`);
        const found = await violations(page);
        expect(found.length === 0, `${width} ${theme}: ${found.join("\n")}`);
      }, { width, theme, allowErrors: REFUSED });
    }
  }
});

test("where strangers may not look the card is all there is, until the password", async () => {
  await behind.page(async (page) => {
    await page.goto(`${closed.url}/`);
    await page.locator("dialog.login").waitFor();
    expect((await page.getByRole("button", { name: "Look only" }).count()) === 0, "nothing to look at");
    await page.keyboard.press("Escape");
    expect(await page.locator("dialog.login").isVisible(), "no way round");
    await shot(page, "login-closed");
    await type(page, closed.password);
    await page.locator("dialog.login").waitFor({ state: "detached" });
    await page.locator('[data-phase="live"]').waitFor({ timeout: 8000 });
  }, { allowErrors: REFUSED });
});

try {
  await runAll(tests);
} finally {
  await browser.close();
  await behind.close();
  await open.stop();
  await closed.stop();
}
