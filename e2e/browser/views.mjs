/**
 * What a person passes on and lays side by side: links with their period, what a link asks for and the page does not know,
 * several targets on one axis. Input: the suite of run.mjs.
 */

import { expect, openLive, pool, until } from "./harness.mjs";

/** A monitor that has no median by then has no target that answers. */
const YOUNG_MS = 30_000;

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<import("./harness.mjs").launch>>, base: string,
 *   violations: (page: import("playwright-core").Page) => Promise<string[]>, api: (path: string, init?: RequestInit) => Promise<{ status: number, data: any }> }} suite
 */
export function viewTests({ test, browser, base, violations, api }) {
  /** Targets with a median, worst first; a young monitor has none yet. */
  const measured = async () => {
    /** @type {any[]} */
    let rows = [];
    const isEnough = await until(async () => {
      const { data } = await api("overview?limit=200");
      rows = data.targets.filter((/** @type {any} */ row) => row.p50_ms !== null && row.state !== "paused");
      return rows.length >= 2;
    }, YOUNG_MS);
    expect(isEnough, `${rows.length} targets answer`);
    return rows;
  };

  test("wrong values of a link are told, taken out of the address, and the rest of the link holds", async () => {
    const id = encodeURIComponent((await measured())[0].id);
    await pool([
      { name: "overview", path: "/?range=77y&view=cube&q=a", said: ["range=77y", "view=cube"], left: "?q=a" },
      { name: "two instants", path: "/?range=custom&from=never&to=2026-01-01T00:00:00Z", said: ["from=never"], left: "" },
      { name: "target", path: `/t/${id}?chart=pie&y=log`, said: ["chart=pie"], left: "?y=log" },
      { name: "hud", path: `/hud/${id}?rows=gpu&scale=1.25`, said: ["rows=gpu"], left: "?scale=1.25" },
      { name: "events", path: "/events?sev=mauve&state=all", said: ["sev=mauve"], left: "?state=all" },
      { name: "logs", path: "/logs?level=loud&limit=200", said: ["level=loud"], left: "?limit=200" },
      { name: "report", path: `/report/${id}?tz=Mars/Olympus&range=24h`, said: ["tz=Mars/Olympus"], left: "?range=24h" },
      { name: "settings", path: "/settings?section=astrology", said: ["section=astrology"], left: "" },
    ], async ({ path, said, left }) => {
      await browser.page(async (page) => {
        await page.goto(base + path);
        const notice = page.locator(".link-notice");
        await notice.waitFor({ timeout: 15_000 });
        const text = (await notice.textContent()) ?? "";
        for (const part of said) expect(text.includes(part), `${path}: ${text}`);
        expect(new URL(page.url()).search === left, `the address is ${page.url()}`);
        const found = await violations(page);
        expect(found.length === 0, found.join("\n"));
        await notice.getByRole("button").click();
        expect((await notice.count()) === 0, "the notice stays");
      });
    });
    await browser.page(async (page) => {
      await openLive(page, `${base}/?range=24h&v=99`);
      await page.waitForTimeout(800);
      expect((await page.locator(".link-notice").count()) === 0, "a right link is complained about");
    });
  });

  test("a target is shared as it moves and as it was, as a picture and as rows, and reported over the same period", async () => {
    const { id } = (await measured())[0];
    await browser.page(async (page) => {
      await openLive(page, `${base}/t/${encodeURIComponent(id)}?range=7d`);
      const report = page.locator(".target-actions a");
      expect((await report.getAttribute("href"))?.endsWith(`report/${id}?range=7d`) === true, `the report is ${await report.getAttribute("href")}`);
      await page.getByRole("button", { name: "Share" }).click();
      const dialog = page.getByRole("dialog", { name: "Share this view" });
      expect((await dialog.getByLabel("This view", { exact: true }).inputValue()) === page.url(), "the link of this view is another one");
      const exact = new URL(await dialog.getByLabel("This exact period", { exact: true }).inputValue());
      const span = Date.parse(exact.searchParams.get("to") ?? "") - Date.parse(exact.searchParams.get("from") ?? "");
      expect(exact.searchParams.get("range") === "custom" && Math.abs(span - 7 * 86_400_000) < 2000, `the exact period is ${exact.search}`);
      const found = await violations(page);
      expect(found.length === 0, found.join("\n"));
      const files = await dialog.locator(".share-files a").evaluateAll((list) => list.map((one) => /** @type {HTMLAnchorElement} */ (one).href));
      const kinds = await Promise.all(files.map(async (href) => {
        const answer = await page.request.get(href);
        return answer.ok() ? (answer.headers()["content-type"] ?? "").split(";")[0] : `${answer.status()} ${href}`;
      }));
      expect(kinds.join() === "image/png,text/csv,application/json", kinds.join());
      await page.goto(exact.href);
      await page.locator('.history .segment[aria-pressed="true"]', { hasText: "Custom" }).waitFor();
    });
  });

  test("targets chosen by keys are drawn on one axis, stand in the address and survive a reload", async () => {
    const rows = await measured();
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.locator(".row-link").first().waitFor();
      for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
      await page.waitForURL(/cmp=[^,&]+,[^,&]+/);
      expect((await page.locator("[data-chosen]").count()) === 2, "the rows are not marked");
      await page.keyboard.press("c");
      const links = page.locator(".trend-legend a");
      const two = () => page.waitForFunction(() => document.querySelectorAll(".trend-legend a").length === 2, null, { timeout: 10_000 });
      await two();
      await page.reload();
      await page.locator(".row-link").first().waitFor();
      await page.keyboard.press("c");
      await two();
      await page.locator(".trend-chart").focus();
      await page.keyboard.press("ArrowLeft");
      expect(/ms/.test((await page.locator(".trend .readout").textContent()) ?? ""), "the cursor says nothing");
      await page.getByRole("button", { name: "Choose targets" }).click();
      const found = await violations(page);
      expect(found.length === 0, found.join("\n"));
      await page.getByRole("button", { name: "Draw the worst" }).click();
      await page.waitForURL((url) => !url.searchParams.has("cmp"));
      await page.keyboard.press("Escape");
      await links.nth(Math.min(4, rows.length - 1)).waitFor();
    });
  });
}
