/**
 * The columns of the fleet table as a person chooses them, in a real browser: kept, ordered, moved sideways with head and targets
 * in sight, and held for a visit where the browser keeps nothing. Input: the suite of run.mjs.
 */

import { expect, openLive, pool, shot } from "./harness.mjs";

/** Names of the columns, as they stand. @param {import("playwright-core").Page} page */
const heads = (page) => page.locator(".fleet-table thead th:visible").evaluateAll((list) => list.map((one) => /c-(\w+)/.exec(one.className)?.[1] ?? ""));

/** Takes the storage away, as a browser that keeps nothing does. Runs in the page. */
const deny = () => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<typeof import("./harness.mjs").launch>>, base: string,
 *   violations: (page: import("playwright-core").Page) => Promise<string[]> }} suite
 */
export function columnTests({ test, browser, base, violations }) {
  /** @param {import("playwright-core").Page} page */
  const open = async (page) => {
    await page.locator(".columns-button").click();
    const dialog = page.locator("dialog:has(.column-list)");
    await dialog.waitFor();
    return dialog;
  };

  test("columns: some are taken away and moved, a reload shows the same, and the usual ones come back", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.locator(".row-link").first().waitFor();
      const usual = await heads(page);
      const dialog = await open(page);
      expect(await dialog.getByRole("checkbox", { name: "Target" }).isDisabled(), "the target can be taken away");
      await dialog.getByRole("checkbox", { name: "RTO" }).uncheck();
      await dialog.getByRole("checkbox", { name: "Country" }).uncheck();
      const up = dialog.getByRole("button", { name: "Loss: one place forward" });
      await up.focus();
      await page.keyboard.press("Enter");
      expect(await up.evaluate((one) => one === document.activeElement), "the focus is lost by a step");
      await dialog.getByText("Kept in this browser.").waitFor();
      const found = await violations(page);
      expect(found.length === 0, found.join("\n"));
      await page.keyboard.press("Escape");
      const own = await heads(page);
      expect(!own.includes("rto") && !own.includes("country") && own.indexOf("loss") < own.indexOf("jitter"), own.join());
      // A row has its cells in the order of the heads.
      const cells = await page.locator(".fleet-table tbody tr[data-key]").first().locator("> *").evaluateAll((list) => list.map((one) => /c-(\w+)/.exec(one.className)?.[1] ?? ""));
      expect(cells.join() === own.join(), `${cells.join()} under ${own.join()}`);
      await page.reload();
      await page.locator(".row-link").first().waitFor();
      expect((await heads(page)).join() === own.join(), "a reload forgets the columns");
      await (await open(page)).getByRole("button", { name: "Usual columns" }).click();
      await page.keyboard.press("Escape");
      expect((await heads(page)).join() === usual.join(), "the usual columns do not come back");
    });
  });

  test("columns: what has no room is moved sideways, head and targets stay in sight, the page itself does not move", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.locator(".row-link").first().waitFor();
      const first = await heads(page);
      expect(!first.includes("p50"), "at 1024 px some are left out");
      const dialog = await open(page);
      await dialog.getByRole("button", { name: "RTO: one place back" }).click();
      await page.keyboard.press("Escape");
      expect((await heads(page)).includes("p50"), "a chosen column is left out");
      const card = page.locator(".table-card.sideways");
      await card.waitFor();
      await page.reload();
      await page.locator(".row-link").first().waitFor();
      await card.waitFor();
      const seen = await card.evaluate((one) => {
        one.scrollLeft = 200;
        one.scrollTop = 120;
        const box = one.getBoundingClientRect();
        const name = one.querySelector("tbody tr:nth-child(5) .c-target")?.getBoundingClientRect();
        const head = one.querySelector("thead th.c-loss")?.getBoundingClientRect();
        return { moved: one.scrollLeft, name: Math.abs((name?.left ?? 0) - box.left), head: Math.abs((head?.top ?? 0) - box.top), page: document.documentElement.scrollWidth - innerWidth };
      });
      expect(seen.moved > 50 && seen.name <= 2 && seen.head <= 2 && seen.page <= 0, JSON.stringify(seen));
      const found = await violations(page);
      expect(found.length === 0, found.join("\n"));
      await shot(page, "overview-columns-1024-dark");
    }, { width: 1024 });
  });

  test("columns: where the browser keeps nothing the choice holds for the visit, and that is said", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.locator(".row-link").first().waitFor();
      const dialog = await open(page);
      await dialog.getByRole("checkbox", { name: "RTO" }).uncheck();
      await dialog.getByText("This browser keeps nothing: the choice holds until the page is closed.").waitFor();
      await page.keyboard.press("Escape");
      expect(!(await heads(page)).includes("rto"), "the column is still there");
      await page.locator('[data-nav="events"]').first().click();
      await page.waitForURL(/events/);
      await page.locator('[data-nav="overview"]').first().click();
      await page.locator(".row-link").first().waitFor();
      expect(!(await heads(page)).includes("rto"), "another page forgets the columns");
    }, { init: deny });
  });

  test("columns: what the monitor keeps for every browser holds where nobody chose, and a browser's own choice wins", async () => {
    const keep = (/** @type {object} */ preferences) => fetch(`${base}/api/v1/preferences`, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(preferences) });
    await keep({ columns: "grade,target,loss" });
    try {
      await browser.page(async (page) => {
        await openLive(page, `${base}/`);
        await page.waitForFunction(() => document.querySelectorAll(".fleet-table thead th").length === 3, null, { timeout: 10_000 });
        await (await open(page)).getByRole("checkbox", { name: "Jitter" }).check();
        await page.reload();
        await page.waitForFunction(() => document.querySelectorAll(".fleet-table thead th").length === 4, null, { timeout: 10_000 });
        await page.waitForTimeout(1500);
        expect((await heads(page)).join() === "grade,target,jitter,loss", (await heads(page)).join());
      });
    } finally {
      await keep({});
    }
  });

  test("columns: their list has no fault in both languages and themes, and cards have no use for it", async () => {
    await pool((/** @type {const} */ (["en", "id"])).flatMap((lang) => (/** @type {const} */ (["dark", "light"])).map((theme) => ({ name: `${lang} ${theme}`, lang, theme }))), async ({ lang, theme }) => {
      await browser.page(async (page) => {
        // Several pages at a time: on a busy computer they take turns.
        await page.goto(`${base}/?lang=${lang}`);
        await open(page);
        const found = await violations(page);
        expect(found.length === 0, found.join("\n"));
        await page.keyboard.press("Escape");
        await page.setViewportSize({ width: 390, height: 844 });
        await page.locator(".row-card").first().waitFor();
        expect(!(await page.locator(".columns-button").isVisible()), "a phone offers columns");
      }, { theme });
    });
  });
}
