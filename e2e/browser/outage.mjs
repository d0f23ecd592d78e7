/**
 * A real outage as people see it: `node outage.mjs PROGRAM [--web-dir DIR] [--shots DIR]` starts `serve`, measures three addresses
 * behind a pair of cables, cuts two of them with the kernel's packet filter, and looks at Overview, Target, HUD, Events and Report
 * while it lasts and afterwards. Needs root in a network namespace of its own with loopback only, `ip`, `nft` and `nsenter`.
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, launch, openLive, option, runAll, shot } from "./harness.mjs";
import { expectNoWayOut, startServe } from "./serve.mjs";

const program = process.argv[2] ?? "";
const CABLE = "lw0";
/** Documentation addresses (RFC 5737), all in the namespace at the other end. */
const LINES = /** @type {const} */ ([["gate", "Gateway", "192.0.2.10"], ["jakarta", "SIP trunk Jakarta", "192.0.2.11"], ["tokyo", "Tokyo gateway", "192.0.2.12"]]);
const CUT = ["192.0.2.11", "192.0.2.12"];
const INTERVAL_MS = 500;
const OUTAGE_MS = 12_000;
/** Three lost probes open an outage: their slots, the time-out of the third, one round of the page, and a busy computer. */
const SEEN_MS_MAX = 3 * INTERVAL_MS + 1000 + 1000 + 4000;

expectNoWayOut();
/** @param {string} command @param {...string} args */
const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "pipe", "pipe"] }).toString();

/** The namespace at the other end; it leaves with the process that holds it. */
async function farEnd() {
  const holder = spawn("unshare", ["--net", "--", "sh", "-c", "ip link set lo up && echo ready && exec sleep 600"], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve, reject) => {
    holder.stdout.once("data", resolve);
    holder.once("exit", () => reject(new Error("no namespace for the far end")));
  });
  const pid = String(holder.pid);
  const there = (/** @type {string[]} */ ...args) => run("nsenter", "--target", pid, "--net", "--", ...args);
  run("ip", "link", "add", CABLE, "type", "veth", "peer", "name", "far0", "netns", pid);
  run("ip", "address", "add", "192.0.2.1/24", "dev", CABLE);
  run("ip", "link", "set", CABLE, "up");
  for (const [, , address] of LINES) there("ip", "address", "add", `${address}/24`, "dev", "far0");
  there("ip", "link", "set", "far0", "up");
  return {
    cut() {
      there("nft", "add table inet cut; add chain inet cut in { type filter hook prerouting priority -300; }; "
        + `add rule inet cut in ip daddr { ${CUT.join(", ")} } icmp type echo-request drop`);
    },
    mend: () => there("nft", "delete table inet cut"),
    end: () => holder.kill("SIGTERM"),
  };
}

const dir = await mkdtemp(join(tmpdir(), "linewatch-outage-"));
const far = await farEnd();
const monitor = await startServe(program, dir, { webDir: option("--web-dir"), own: [CABLE] });
const base = monitor.url;
const browser = await launch(base);

/** @param {string} path @param {RequestInit} [init] */
const api = async (path, init) => (await fetch(`${base}/api/v1/${path}`, { ...init, headers: { "Content-Type": "application/json" } })).json();

/** Loss in the newest part of the live chart. @param {import("playwright-core").Page} page */
const lossMarks = (page) => page.evaluate(() => {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector(".uplot canvas"));
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return -1;
  const want = getComputedStyle(document.documentElement).getPropertyValue("--critical").trim();
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(want.slice(at, at + 2), 16));
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] === red && data[i + 1] === green && data[i + 2] === blue) count += 1;
  return count;
});

/** The pages, each of them open from before the outage until after it. */
const PAGES = /** @type {const} */ ([["overview", "/"], ["target", "/t/jakarta?range=1h"], ["hud", "/hud/jakarta"], ["events", "/events"]]);

/** @param {string} when @param {number} width @param {import("playwright-core").Page} page @param {string} name */
const picture = (when, width, page, name) => shot(page, `outage-${when}-${name}-${width}`);

runAll([["a real outage is seen on Overview, Target, HUD, Events and Report while it lasts and afterwards", async () => {
  for (const [id, name, address] of LINES) {
    const made = await api("targets", { method: "POST", body: JSON.stringify({ id, name, address, probe: "icmp", interval: `${INTERVAL_MS}ms`, timeout: "1s" }) });
    expect(made.target?.id === id, JSON.stringify(made));
  }
  await browser.page(async (overview, context) => {
    /** @type {Map<string, import("playwright-core").Page>} */
    const pages = new Map([["overview", overview]]);
    for (const [name, path] of PAGES) {
      const page = pages.get(name) ?? await context.newPage();
      pages.set(name, page);
      await openLive(page, base + path);
    }
    const page = (/** @type {string} */ name) => /** @type {import("playwright-core").Page} */ (pages.get(name));
    const row = (/** @type {string} */ name) => overview.locator("tr[data-key]", { has: overview.getByRole("link", { name, exact: true }) });
    await row("SIP trunk Jakarta").locator(".level-word", { hasText: "Excellent" }).waitFor({ timeout: 15_000 });
    await overview.waitForTimeout(6000);

    far.cut();
    const cutAt = Date.now();
    await row("SIP trunk Jakarta").locator(".now", { hasText: "timeout" }).waitFor({ timeout: 8000 });
    const lostMs = Date.now() - cutAt;
    await row("SIP trunk Jakarta").locator(".level-word", { hasText: "Down" }).waitFor({ timeout: 15_000 });
    const downMs = Date.now() - cutAt;
    console.log(`  after the cut the first loss was on the page within ${lostMs} ms, the outage within ${downMs} ms`);
    expect(downMs <= SEEN_MS_MAX, `the outage was seen after ${downMs} ms`);
    await row("Tokyo gateway").locator(".level-word", { hasText: "Down" }).waitFor({ timeout: 5000 });
    expect((await row("Gateway").locator(".level-word").textContent()) !== "Down", "a line that answers is called down");
    await overview.waitForTimeout(Math.max(0, OUTAGE_MS - (Date.now() - cutAt)));

    const target = page("target");
    await target.bringToFront();
    await target.locator(".badge", { hasText: "Down" }).first().waitFor();
    await target.locator(".outage-row, .outages tbody tr").first().waitFor({ timeout: 15_000 });
    expect((await lossMarks(target)) >= 10 * 14, "the live chart does not show the losses");
    const hud = page("hud");
    await hud.bringToFront();
    await hud.locator(".hudp-status", { hasText: "DOWN" }).waitFor();
    await hud.locator(".hudp-rtt", { hasText: "timeout" }).waitFor();
    const events = page("events");
    await events.bringToFront();
    await events.getByText(/SIP trunk Jakarta/).first().waitFor();
    const report = await context.newPage();
    pages.set("report", report);
    await report.goto(`${base}/report/jakarta?range=24h`);
    await report.locator('.report-desk[data-state="ready"]').waitFor({ timeout: 15_000 });
    await overview.bringToFront();
    await overview.locator(".banner", { hasText: /need attention|needs attention/ }).waitFor();
    for (const [name, one] of pages) {
      await one.bringToFront();
      await picture("during", 1440, one, name);
    }

    far.mend();
    const mendedAt = Date.now();
    await overview.bringToFront();
    await row("SIP trunk Jakarta").locator(".level-word", { hasText: "Excellent" }).waitFor({ timeout: 20_000 });
    console.log(`  after the end the line was well on the page within ${Date.now() - mendedAt} ms`);
    await overview.waitForTimeout(5000);
    const { rows } = await api("outages?target=jakarta&limit=5");
    const length = mendedAt - cutAt;
    expect(rows.length === 1 && rows[0].to !== null && Math.abs(rows[0].duration_ms - length) < 4000, `of ${length} ms: ${JSON.stringify(rows)}`);
    await report.reload();
    await report.locator('.report-desk[data-state="ready"]').waitFor({ timeout: 15_000 });
    const paper = report.frames().find((frame) => frame.url().includes("/api/v1/report"));
    const text = (await paper?.evaluate(() => document.body.innerText)) ?? "";
    expect(/in the outage|1 outage/i.test(text), `the report says: ${text.slice(0, 400)}`);
    await hud.bringToFront();
    await hud.locator(".hudp-status", { hasText: "DOWN" }).waitFor({ state: "detached", timeout: 10_000 });
    await target.bringToFront();
    await target.locator(".badge", { hasText: "Down" }).waitFor({ state: "detached", timeout: 10_000 });
    for (const [name, one] of pages) {
      await one.bringToFront();
      await one.waitForTimeout(500);
      await picture("after", 1440, one, name);
    }
  });
}]]).finally(async () => {
  await browser.close();
  await monitor.stop();
  far.end();
  await rm(dir, { recursive: true, force: true });
});
