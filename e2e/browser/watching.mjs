/**
 * The tests of the pages people watch trouble on: navigation, events with acknowledgement and silences, logs, the HUD.
 * Part of run.mjs: they run against the same monitor; what it has not lived through is put into the page's store.
 */

import { readFile } from "node:fs/promises";

import { answering, expect, openLive, pageModule, shot } from "./harness.mjs";

/** An event as the socket would bring it. @param {string} id @param {object} more */
const event = (id, more) => ({
  id, type: "outage", severity: "critical", target: null, target_name: null, at: Date.now() - 2000, until: null, count: 3, count_of: "lost_probes", message: "is down: 3 probes in a row lost", ...more,
});

/** @param {import("playwright-core").Page} page @param {object[]} events */
const bring = (page, events) => page.evaluate(`${pageModule("store.js")}.then(({ store }) => store.applyEvents(${JSON.stringify(events)}))`);

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<import("./harness.mjs").launch>>, base: string }} suite
 */
export function watchingTests({ test, browser, base }) {
  const targets = async () => (await (await fetch(`${base}/api/v1/overview?limit=200`)).json()).targets;

  test("every page is one key, one link and one place in the bar away", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      for (const [key, path, name] of /** @type {const} */ ([["e", "/events", "Events"], ["l", "/logs", "Logs"], ["h", "/hud", "HUD"], ["o", "/", "Overview"]])) {
        await page.locator("main").focus();
        await page.keyboard.press("g");
        await page.keyboard.press(key);
        await page.waitForURL(`${base}${path}`);
        await page.locator(".top-nav [aria-current=page]", { hasText: name }).waitFor();
        expect((await page.locator(".top-nav [aria-current]").count()) === 1, "two pages are current");
      }
    });
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      expect((await page.locator(".bottom-bar a").count()) === 5, "the bar has not five places");
      await page.locator(".bottom-bar a", { hasText: "Logs" }).click();
      await page.getByRole("heading", { name: "Logs", level: 1 }).waitFor();
      await page.getByRole("button", { name: "More" }).click();
      for (const name of ["Search targets", "Add a target", "Report", "Language", "Keys"]) await page.getByRole("dialog").getByRole("button", { name, exact: true }).waitFor();
    }, { width: 390 });
  });

  test("three outages that begin together are one card with one button, and the tab says it", async () => {
    const some = (await targets()).filter((/** @type {any} */ row) => row.state !== "down" && row.state !== "paused").slice(0, 3);
    expect(some.length === 3, "the monitor has no three targets that are up");
    await browser.page(async (page) => {
      /** @type {string[]} */
      const asked = [];
      await page.route("**/api/v1/events/*/ack", (route) => {
        asked.push(new URL(route.request().url()).pathname.split("/").at(-2) ?? "");
        return route.fulfill({ status: 200, contentType: "application/json", body: "{}" });
      });
      await openLive(page, `${base}/events?state=active`);
      await page.waitForTimeout(1800);
      await bring(page, some.map((/** @type {any} */ row, /** @type {number} */ i) => event(`900-${i}`, { target: row.id, target_name: row.name })));
      const card = page.locator(".cause");
      // An outage of the monitor's own may have begun in the same seconds.
      await card.getByRole("heading", { name: /^(All )?[3-9] / }).waitFor();
      await card.getByText(/^\d+ events folded: .*outage ×[3-9]/).click();
      await card.locator(".event-row").nth(2).waitFor();
      await page.locator(".top-nav .nav-count", { hasText: /\d/ }).waitFor();
      await shot(page, "events-cause-1440-dark");
      await card.getByRole("button", { name: /^Acknowledge all [3-9]/ }).click();
      await page.getByText(/^[3-9] acknowledged\.$/).waitFor();
      expect(asked.filter((id) => id.startsWith("900-")).sort().join() === "900-0,900-1,900-2", `asked: ${asked.join()}`);
      await page.waitForURL(/state=active/);
    });
  });

  test("the tab says in title and icon how many targets are down, and stops when they are back", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/logs`);
      await page.evaluate(`${pageModule("store.js")}.then(({ store }) => {
        window.isDown = true;
        for (const { o } of store.rows.values()) Object.defineProperty(o, "state", { get: () => (window.isDown ? "down" : "paused"), set() {}, configurable: true });
      })`);
      const n = (await targets()).length;
      await page.waitForFunction((title) => document.title === title, `✖ ${n} · Logs · linewatch`, { timeout: 8000 });
      expect((await page.locator('link[rel="icon"]').getAttribute("href"))?.startsWith("data:image/png") === true, "the icon is the plain one");
      await page.evaluate("window.isDown = false");
      await page.waitForFunction(() => document.title === "Logs · linewatch", null, { timeout: 8000 });
      expect((await page.locator('link[rel="icon"]').getAttribute("href"))?.endsWith("icon.svg") === true, "the icon still warns");
    });
  });

  test("new events wait behind a chip while somebody reads, and the filters stand in the address", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/events`);
      await page.locator(".event-row").first().waitFor();
      await page.locator(".event-row summary").first().focus();
      await bring(page, [event("901-1", { type: "packet_loss", severity: "warning", until: Date.now() - 1000, message: "1 probe lost", at: Date.now() - 1500 })]);
      await page.getByRole("button", { name: /^\d+ new/ }).click();
      await page.locator('.event-row[data-id="901-1"]').waitFor();
      await page.getByRole("button", { name: "History", exact: true }).click();
      await page.waitForURL(/state=closed/);
      await page.locator("summary", { hasText: "Severity" }).click();
      await page.getByRole("checkbox", { name: /critical/ }).check();
      await page.waitForURL(/state=closed&sev=critical/);
      await page.reload();
      await page.locator("summary.filter-button.on", { hasText: "Severity" }).waitFor();
      expect((await page.getByRole("button", { name: "History", exact: true }).getAttribute("aria-pressed")) === "true", "the state is forgotten");
    });
  });

  test("an event is acknowledged with a note, which stands beside it and in the file", async () => {
    const { rows } = await (await fetch(`${base}/api/v1/events?limit=50`)).json();
    const known = rows.find((/** @type {any} */ row) => row.until !== null);
    expect(known !== undefined, "nothing has happened yet");
    await browser.page(async (page) => {
      await openLive(page, `${base}/events?state=closed`);
      const row = page.locator(`.event-row[data-id="${known.id}"]`);
      if ((await row.count()) === 0) return;
      await row.locator("summary").click();
      await row.getByRole("button", { name: "Note…" }).click();
      const form = page.getByRole("dialog");
      await form.getByRole("textbox", { name: "Your name" }).fill("ana");
      await form.getByRole("button", { name: /Acknowledge|Save the note/ }).click();
      await form.getByText("Write what the others should know.").waitFor();
      await form.getByRole("textbox", { name: "Note", exact: true }).fill("<b>provider told</b>");
      await page.keyboard.press("Enter");
      await row.getByText("“<b>provider told</b>”").waitFor();
      const { acks } = await (await fetch(`${base}/api/v1/alerts/notices`)).json();
      expect(acks.some((/** @type {any} */ ack) => ack.event === known.id && ack.note === "<b>provider told</b>"), JSON.stringify(acks));
      const waiting = page.waitForEvent("download");
      await page.getByRole("button", { name: "Export CSV" }).click();
      const text = await readFile(await (await waiting).path(), "utf8");
      expect(text.includes("<b>provider told</b>"), "the note is not in the file");
    });
  });

  test("a silence is made with a length, shown, and ended with a way back", async () => {
    const [first] = await targets();
    await browser.page(async (page) => {
      await openLive(page, `${base}/events`);
      await page.locator(".page-actions").getByRole("button", { name: "Silence…" }).click();
      const form = page.getByRole("dialog");
      await form.getByLabel("About").selectOption("target");
      await form.getByLabel("Which").selectOption(first.id);
      await form.getByLabel("Minutes").fill("0");
      await form.getByRole("button", { name: "Silence", exact: true }).click();
      await form.getByText("A whole number of minutes").waitFor();
      await form.getByLabel("Minutes").fill("90");
      await form.getByLabel("Why").fill("works");
      await form.getByRole("button", { name: "Silence", exact: true }).click();
      await page.locator(".silence-list", { hasText: "“works”" }).waitFor();
      await page.locator(".silence-list").getByRole("button", { name: /^End the silence/ }).first().click();
      await page.getByText("The silence has ended.").waitFor();
      const { silences } = await (await fetch(`${base}/api/v1/silences`)).json();
      expect(silences.length === 0, JSON.stringify(silences));
    });
  });

  test("a log line opens to its fields, is found by its text, and the level stands in the address", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/logs`);
      const line = page.locator(".log-line").last();
      await line.locator("summary").click();
      await line.getByRole("button", { name: "Copy this line" }).waitFor();
      expect((await line.locator("dt").count()) >= 3, "there are no fields");
      await page.getByRole("searchbox", { name: "Text in any column" }).fill("no line says this");
      await page.getByText("No line matches.").waitFor();
      await page.getByRole("button", { name: "Clear filters" }).click();
      await line.waitFor();
      await page.getByRole("button", { name: "warn", exact: true }).click();
      await page.waitForURL(/level=warn/);
      await page.getByRole("switch", { name: "Follow" }).uncheck();
      await page.waitForURL(/follow=0/);
    });
  });

  test("an error of the server stands on the page with its words and Retry", async () => {
    await browser.page(async (page) => {
      await page.route("**/api/v1/logs?*", (route) => route.fulfill({ status: 503, contentType: "application/json", body: '{"error":{"code":"x","message":"the history cannot be read: disk","field":null}}' }));
      await openLive(page, `${base}/logs`);
      await page.getByText("the history cannot be read: disk").waitFor();
      await page.unroute("**/api/v1/logs?*");
      await page.getByRole("button", { name: "Retry" }).click();
      await page.locator(".log-line").first().waitFor();
    }, { allowErrors: /503/ });
  });

  test("the HUD draws its bars, hides what is not wanted, and stands alone where it is transparent", async () => {
    const id = await answering(base);
    await browser.page(async (page) => {
      await openLive(page, `${base}/hud/${id}?rows=rtt,proc,loss:poor:99&scale=1.25`);
      await page.waitForTimeout(1500);
      const drawn = await page.evaluate(() => {
        const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".hudp-graph"));
        const { data } = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value, index) => index % 4 === 3 && value > 0);
      });
      expect(drawn, "the net-graph is empty");
      expect(await page.locator(".hudp-rtt").isVisible(), "rtt is hidden");
      expect(!(await page.locator(".hudp-loss").isVisible()), "a loss that is not poor is shown");
      expect(!(await page.locator(".hudp-jitter").isVisible()), "jitter was not asked for");
      const { width } = /** @type {{ width: number }} */ (await page.locator(".hudp").boundingBox());
      expect(Math.abs(width - 537.5) < 1, `the panel is ${width} px wide`);
      await page.locator(".hud-page").hover();
      await page.getByRole("button", { name: "Transparent" }).click();
      await page.waitForURL(/bg=clear/);
      expect(!(await page.locator(".top").isVisible()), "the frame is still there");
      await page.locator("main").focus();
      await page.keyboard.press("Escape");
      await page.locator(".top").waitFor();
      await page.getByRole("button", { name: "Rows" }).click();
      await page.getByRole("combobox", { name: "When jitter is shown" }).selectOption("always");
      await page.waitForURL(/jitter/);
      await page.locator(".hudp-jitter").waitFor();
    });
  });
}
