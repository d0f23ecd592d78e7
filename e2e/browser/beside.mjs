/**
 * The charts of a target as a person sets them: other targets beside it, a fixed axis, and what the axis does not reach.
 * Input: the suite of run.mjs.
 */

import { expect, openLive, pool, until } from "./harness.mjs";

/** A monitor that has no median by then has no target that answers. */
const YOUNG_MS = 30_000;

/** How many pixels of a canvas have the colour of a token. @param {import("playwright-core").Page} page @param {string} selector @param {string} token */
const pixelsOf = (page, selector, token) => page.evaluate(([where, name]) => {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector(`${where} canvas`));
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return -1;
  const want = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(want.slice(at, at + 2), 16));
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] === red && data[i + 1] === green && data[i + 2] === blue && data[i + 3] === 255) count += 1;
  return count;
}, [selector, token]);

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<typeof import("./harness.mjs").launch>>, base: string,
 *   violations: (page: import("playwright-core").Page) => Promise<string[]>, api: (path: string, init?: RequestInit) => Promise<{ status: number, data: any }> }} suite
 */
export function besideTests({ test, browser, base, violations, api }) {
  /** Targets with a median, the quickest first. */
  const measured = async () => {
    /** @type {any[]} */
    let rows = [];
    const isEnough = await until(async () => {
      const { data } = await api("overview?limit=200");
      rows = data.targets.filter((/** @type {any} */ row) => row.p50_ms !== null && row.state !== "paused" && !row.address.startsWith("127."));
      return rows.length >= 3;
    }, YOUNG_MS);
    expect(isEnough, `${rows.length} targets answer`);
    return rows.sort((a, b) => a.p50_ms - b.p50_ms);
  };

  test("beside: targets ticked on a target's page are drawn on both charts, stand in the address, survive a reload and leave", async () => {
    const [own, one, two] = await measured();
    await browser.page(async (page) => {
      await openLive(page, `${base}/t/${encodeURIComponent(own.id)}?range=1h&y=log`);
      await page.locator(".history-chart canvas").waitFor();
      expect((await pixelsOf(page, ".columns .chart", "series")) === 0, "the colour of the others is there without them");
      await page.locator("h1").click();
      await page.keyboard.press("c");
      const dialog = page.getByRole("dialog", { name: "Compare with other targets" });
      expect((await dialog.getByRole("checkbox", { name: own.name }).count()) === 0, "a target can be compared with itself");
      await dialog.getByRole("checkbox", { name: one.name }).check();
      await dialog.getByRole("checkbox", { name: two.name }).check();
      const found = await violations(page);
      expect(found.length === 0, found.join("\n"));
      await dialog.getByRole("button", { name: "Close" }).first().click();
      expect(new URL(page.url()).search === `?range=1h&y=log&cmp=${one.id},${two.id}`, page.url());
      const drawn = async () => {
        await page.waitForFunction(() => document.querySelectorAll(".beside-item").length === 2);
        for (const chart of [".columns .chart", ".history-chart"]) {
          await page.locator(chart).scrollIntoViewIfNeeded();
          expect(await until(async () => (await pixelsOf(page, chart, "series")) >= 20, 10_000), `the first other target is not in ${chart}`);
        }
      };
      await drawn();
      await page.reload();
      await drawn();
      await page.locator(".history-chart").focus();
      await page.keyboard.press("ArrowLeft");
      const said = (await page.locator(".history .readout").textContent()) ?? "";
      expect(/ · A .* · B /.test(said), `the cursor says "${said}"`);
      await page.locator(".columns .chart").focus();
      await page.keyboard.press("ArrowLeft");
      expect(/ · A .* · B /.test((await page.locator(".columns .readout").textContent()) ?? ""), "the cursor of the live chart says nothing of the others");
      await page.locator(".history .points summary").click();
      await page.locator(".history th", { hasText: `B ${two.name}` }).waitFor();
      await page.getByRole("button", { name: `Do not compare with ${one.name}` }).click();
      await page.waitForURL((url) => url.searchParams.get("cmp") === two.id);
      await page.getByRole("button", { name: "Percentiles" }).click();
      expect(new URL(page.url()).searchParams.get("cmp") === two.id, "another chart forgets the others");
      await page.goBack();
      await page.goBack();
      await page.waitForFunction(() => document.querySelectorAll(".beside-item").length === 2);
    });
  });

  test("beside: targets that do not exist, and more than can be drawn, are told and leave the address", async () => {
    const [own, one] = await measured();
    await browser.page(async (page) => {
      await page.goto(`${base}/t/${encodeURIComponent(own.id)}?y=fix:9-1&cmp=ghost,${one.id}`);
      await page.locator(".link-notice", { hasText: "cmp=ghost" }).waitFor({ timeout: 15_000 });
      expect(/y=fix:9-1/.test((await page.locator(".link-notice").textContent()) ?? ""), "the axis is not told");
      expect(new URL(page.url()).search === `?cmp=${one.id}`, page.url());
      await page.locator(".beside-item", { hasText: one.name }).waitFor();
      const found = await violations(page);
      expect(found.length === 0, found.join("\n"));
      await page.goto(`${base}/?cmp=ghost,${one.id}`);
      await page.locator(".link-notice", { hasText: "cmp=ghost" }).waitFor({ timeout: 15_000 });
      expect(new URL(page.url()).search === `?cmp=${one.id}`, page.url());
    });
  });

  test("beside: a fixed axis is set by fields, kept by the link, and what it does not reach is marked and counted", async () => {
    const rows = await measured();
    const own = rows.at(-1);
    await browser.page(async (page) => {
      await openLive(page, `${base}/t/${encodeURIComponent(own.id)}?range=1h`);
      await page.locator(".history-chart canvas").waitFor();
      await page.getByRole("button", { name: "Fixed", exact: true }).click();
      const dialog = page.getByRole("dialog", { name: "Fixed axis" });
      await dialog.getByLabel("From, ms").fill("9");
      await dialog.getByLabel("To, ms").fill("3");
      await page.keyboard.press("Enter");
      await dialog.getByText(/^Two numbers from 0 to 600000 ms are needed/).waitFor();
      expect((await dialog.getByLabel("To, ms").getAttribute("aria-invalid")) === "true", "the field is not marked");
      const found = await violations(page);
      expect(found.length === 0, found.join("\n"));
      await dialog.getByLabel("From, ms").fill("0");
      await dialog.getByLabel("To, ms").fill("1,5");
      await page.keyboard.press("Enter");
      await page.waitForURL((url) => url.searchParams.get("y") === "fix:0-1.5");
      // Everything this target answers lies above: both charts say so, and mark it.
      const told = async () => {
        await page.locator(".columns .beyond", { hasText: /^▲ \d+ above 1.50 ms, highest / }).waitFor();
        await page.locator(".history .beyond", { hasText: /^▲ \d+ above 1.50 ms, highest / }).waitFor();
      };
      await told();
      await page.locator(".history-chart").scrollIntoViewIfNeeded();
      expect((await pixelsOf(page, ".history-chart", "muted")) > 10, "no arrow in the history");
      await page.reload();
      await told();
      await page.getByRole("button", { name: "0–1.5 ms" }).waitFor();
      await page.goto(`${base}/t/${encodeURIComponent(own.id)}?range=1h&y=fix:60000-90000`);
      await page.locator(".columns .beyond", { hasText: /^▼ \d+ below 60.0 s, lowest / }).waitFor();
      await page.locator("h1").click();
      await page.keyboard.press("l");
      await page.waitForURL((url) => url.searchParams.get("y") === "log");
      await page.locator(".columns .beyond", { hasText: "▼" }).waitFor({ state: "detached", timeout: 5000 }).catch(() => {});
      expect(!((await page.locator(".columns .beyond").textContent()) ?? "").includes("▼"), "a logarithmic axis cuts off below");
      await page.getByRole("button", { name: "Lin", exact: true }).click();
      await page.waitForURL((url) => !url.searchParams.has("y"));
    });
  });

  test("beside: both languages, both themes and both widths have no fault, and 320 px no sideways scroll", async () => {
    const rows = await measured();
    const others = rows.slice(0, 4).map((/** @type {any} */ row) => row.id).join(",");
    const link = `/t/${encodeURIComponent(rows.at(-1).id)}?range=1h&y=fix:0-40&cmp=${others}`;
    await pool((/** @type {const} */ (["en", "id"])).flatMap((lang) => (/** @type {const} */ (["dark", "light"])).flatMap((theme) => [1440, 390].map((width) => ({ name: `${lang} ${theme} ${width}`, lang, theme, width })))),
      async ({ lang, theme, width }) => {
        await browser.page(async (page) => {
          // Several pages at a time: on a busy computer they take turns.
          await page.goto(`${base}${link}&lang=${lang}`);
          await page.locator(".beside-item").nth(3 - (rows.length < 5 ? 1 : 0)).waitFor();
          await page.locator(".history-chart canvas").waitFor();
          const found = await violations(page);
          expect(found.length === 0, found.join("\n"));
          await page.locator("h1").click();
          await page.locator(".history-switches button[aria-haspopup]").click();
          await page.locator("dialog .fix-picks").waitFor();
          const inDialog = await violations(page);
          expect(inDialog.length === 0, inDialog.join("\n"));
          await page.keyboard.press("Escape");
          for (const narrow of [width, 320]) {
            await page.setViewportSize({ width: narrow, height: 844 });
            expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `sideways scroll at ${narrow}`);
          }
        }, { theme, width });
      });
  });
}
