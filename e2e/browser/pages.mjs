/**
 * What holds for every page alike: axe in both themes at two widths, six widths without sideways scroll, press targets, zoom,
 * forced colours, and words that come from other people or from links of other versions.
 * Part of run.mjs: the tests run against the same monitor, several pages at a time.
 */

import { answering, expect, pool, shot } from "./harness.mjs";

const THEMES = /** @type {const} */ (["dark", "light"]);
const WIDTHS = [1440, 1024, 834, 768, 390, 320];
const SECTIONS = ["general", "targets", "thresholds", "alerts", "appearance", "data", "about"];
const HOSTILE = "<img src=x onerror=document.title='pwned'>";
const FOREIGN = "Jakarta \u0627\u0644\u0639\u0631\u0628\u064a\u0629 🚒🇮🇩";
/** Turns what follows around, and is not ended. */
const TURNING = "Jakarta \u202egnp.exe";
const LONGEST = "x".repeat(10_240);

/** @typedef {{ name: string, path: string, ready: string }} Place */

/**
 * Every page, and what is there when it stands.
 * @param {string} id A target that answers.
 * @returns {Place[]}
 */
export function places(id) {
  return [
    { name: "overview", path: "/", ready: ".row-link" },
    { name: "tiles", path: "/?view=tiles", ready: ".tile" },
    { name: "target", path: `/t/${id}`, ready: ".history-chart canvas" },
    { name: "hud", path: `/hud/${id}`, ready: ".hudp" },
    { name: "events", path: "/events", ready: ".event-row" },
    { name: "logs", path: "/logs", ready: ".log-line" },
    { name: "report", path: `/report/${id}?range=24h`, ready: '.report-desk[data-state="ready"]' },
    ...SECTIONS.map((section) => ({ name: `settings-${section}`, path: `/settings?section=${section}`, ready: section === "about" ? ".checks li" : ".section-head" })),
  ];
}

/** Goes to a page and waits until it stands. @param {import("playwright-core").Page} page @param {string} base @param {Place} place */
export async function open(page, base, { path, ready }) {
  await page.goto(base + path);
  // The diagnosis of a busy computer takes its time.
  await page.locator(ready).locator("visible=true").first().waitFor({ timeout: 60_000 });
  await page.locator('[data-phase="live"]').first().waitFor({ state: "attached", timeout: 20_000 });
}

/** Press targets under 24 px that somebody can see (WCAG 2.5.8). Runs in the page. */
function smallTargets() {
  const shown = [...document.querySelectorAll("button, summary, select, .report-part, input:not([type=radio]):not([type=checkbox])")].filter((one) => one.checkVisibility() && one.getClientRects().length > 0);
  return shown.map((one) => ({ box: one.getBoundingClientRect(), text: one.textContent }))
    .filter(({ box }) => box.height < 24 || box.width < 24).map(({ box, text }) => `${(text ?? "").slice(0, 40)} ${Math.round(box.width)}x${Math.round(box.height)}`);
}

/** Buttons of one choice that look the same whether pressed or not, and pressable things without an edge. Runs in the page. */
function lostInForcedColours() {
  const lost = [];
  const look = (/** @type {Element} */ one) => {
    const style = getComputedStyle(one);
    return [style.backgroundColor, style.color, style.borderTopColor, style.borderTopWidth, style.outlineStyle, style.outlineWidth, style.textDecorationLine, style.fontWeight].join();
  };
  for (const group of document.querySelectorAll(".segments, [role=group]")) {
    const buttons = [...group.querySelectorAll(":scope > [aria-pressed]")].filter((one) => one.getClientRects().length > 0);
    const [on, off] = ["true", "false"].map((is) => buttons.find((one) => one.getAttribute("aria-pressed") === is));
    if (on && off && look(on) === look(off)) lost.push(`the choice "${on.textContent}" looks like "${off.textContent}"`);
  }
  for (const glyph of document.querySelectorAll("svg.glyph")) {
    const parts = [...glyph.children].filter((one) => glyph.getClientRects().length > 0 && one.getClientRects().length > 0);
    const isSeen = (/** @type {Element} */ part) => ["fill", "stroke"].some((name) => /^rgba?\(.*[1-9.]+\)$/.test(getComputedStyle(part).getPropertyValue(name)));
    if (parts.length > 0 && !parts.some(isSeen)) lost.push(`the glyph ${glyph.getAttribute("class")} has no colour`);
  }
  return lost;
}

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<import("./harness.mjs").launch>>, base: string,
 *   violations: (page: import("playwright-core").Page) => Promise<string[]>, own: (address: string, more?: object) => Promise<string>,
 *   api: (path: string, init?: RequestInit) => Promise<{ status: number, data: any }> }} suite
 */
export function pageTests({ test, browser, base, violations, own, api }) {
  const all = async () => places(await answering(base));

  test("axe finds nothing on every page, in both themes, at 1440 and 390 px", async () => {
    const rounds = (await all()).flatMap((place) => THEMES.flatMap((theme) => [1440, 390].map((width) => ({ place, theme, width }))));
    await pool(rounds, async ({ place, theme, width }) => {
      await browser.page(async (page) => {
        await open(page, base, place);
        await page.waitForTimeout(800);
        await shot(page, `${place.name}-${width}-${theme}`);
        const found = await violations(page);
        expect(found.length === 0, `${place.name} ${width} ${theme}: ${found.join("\n")}`);
      }, { width, theme });
    });
    console.log(`  ${rounds.length} combinations of page, theme and width: 0 violations`);
  });

  test("what opens over a target or in a row of the settings has no fault, in both languages, themes and widths", async () => {
    const id = await answering(base);
    const rounds = THEMES.flatMap((theme) => [1440, 390].flatMap((width) => (/** @type {const} */ (["en", "id"])).map((lang) => ({ name: `${theme} ${width} ${lang}`, theme, width, lang }))));
    await pool(rounds, async ({ theme, width, lang }) => {
      await browser.page(async (page) => {
        await page.goto(`${base}/t/${id}?lang=${lang}`);
        await page.locator(".panel-actions").first().waitFor();
        await page.locator("h1").click();
        await page.keyboard.press(".");
        await page.locator("dialog .applies-list li").first().waitFor();
        const found = await violations(page);
        await page.keyboard.press("Escape");
        await page.goto(`${base}/settings?section=targets&lang=${lang}`);
        await page.locator(".row-open").first().click();
        await page.locator(".open-row .applies-list li").first().waitFor();
        found.push(...await violations(page));
        expect(found.length === 0, found.join("\n"));
      }, { theme, width });
    });
  });

  test("no page scrolls sideways at six widths, and no press target is under 24 px", async () => {
    await pool(await all(), async (place) => {
      await browser.page(async (page) => {
        await open(page, base, place);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          await page.waitForTimeout(350);
          for (const frame of page.frames()) {
            const wide = await frame.evaluate("document.documentElement.scrollWidth - innerWidth");
            expect(Number(wide) <= 0, `${place.name} at ${width}: ${wide} px too wide`);
          }
          const small = await page.evaluate(smallTargets);
          expect(small.length === 0, `${place.name} at ${width}: ${small.join(", ")}`);
        }
      });
    });
  });

  test("every page holds at 200 % zoom and in forced colours", async () => {
    await pool(await all(), async (place) => {
      await browser.page(async (page, context) => {
        await open(page, base, place);
        const session = await context.newCDPSession(page);
        // What a window of 1440 x 900 shows at 200 %: half the CSS pixels, twice as many device pixels for each.
        await session.send("Emulation.setDeviceMetricsOverride", { width: 720, height: 450, deviceScaleFactor: 2, mobile: false });
        await page.waitForTimeout(400);
        const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect(Number(wide) <= 0, `${place.name} at 200 %: ${wide} px too wide`);
        const hidden = await page.evaluate(() => [...document.querySelectorAll("main button, main a")].filter((one) => one.checkVisibility())
          .map((one) => ({ text: one.textContent, box: one.getBoundingClientRect() })).filter(({ box }) => box.right > innerWidth + 1 || box.left < -1).map(({ text }) => text));
        expect(hidden.length === 0, `${place.name} at 200 %: out of reach: ${hidden.join(", ")}`);
        await session.send("Emulation.clearDeviceMetricsOverride");
        await page.emulateMedia({ forcedColors: "active" });
        await page.waitForTimeout(400);
        const lost = await page.evaluate(lostInForcedColours);
        expect(lost.length === 0, `${place.name} in forced colours: ${lost.join("\n")}`);
      });
    });
  });

  test("names with markup, other scripts and emoji are text on every page, and what turns text around or has 10 kB is refused in words", async () => {
    const id = await own("127.0.0.33");
    const before = (await api(`targets/${id}`)).data.target.name;
    const rename = (/** @type {string} */ to) => api(`targets/${id}`, { method: "PATCH", body: JSON.stringify({ name: to }) });
    const refused = await rename(LONGEST);
    expect(refused.status === 422 && /name/.test(refused.data.error.field ?? "") && refused.data.error.message.length < 400, JSON.stringify(refused).slice(0, 600));
    const turned = await rename(TURNING);
    expect(turned.status === 422 && turned.data.error.message.length < 400, `a name that turns the text around it: ${JSON.stringify(turned)}`);
    const kept = `${HOSTILE} ${FOREIGN}`;
    const renamed = await rename(kept);
    expect(renamed.status < 300, JSON.stringify(renamed));
    try {
      await pool(places(id).filter((place) => ["overview", "tiles", "target", "hud", "events", "report", "settings-targets"].includes(place.name)), async (place) => {
        await browser.page(async (page) => {
          await open(page, base, place);
          await page.waitForFunction((text) => document.body.textContent?.includes(text) || [...document.querySelectorAll("iframe")].some((one) => one.contentDocument?.body.textContent?.includes(text)), kept);
          for (const width of [1440, 320]) {
            await page.setViewportSize({ width, height: 900 });
            await page.waitForTimeout(300);
            const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
            expect(Number(wide) <= 0, `${place.name} at ${width}: the name makes it ${wide} px too wide`);
          }
          for (const frame of page.frames()) expect((await frame.locator("img[src=x]").count()) === 0, `${place.name}: the name became an element`);
          expect(!(await page.title()).startsWith("pwned"), `${place.name}: the name ran`);
          await shot(page, `hostile-${place.name}`);
        });
      });
      await browser.page(async (page) => {
        await open(page, base, { name: "overview", path: "/", ready: ".row-link" });
        await page.keyboard.press("/");
        await page.getByRole("combobox").fill("<img");
        await page.locator(".picker-label", { hasText: HOSTILE }).waitFor();
        expect((await page.locator("dialog img").count()) === 0, "the name became an element of the search");
      });
    } finally {
      await rename(before);
    }
  });

  test("a link with parameters of another version opens what it can", async () => {
    const id = await answering(base);
    const strange = "&v=99&schema=next&x[]=1";
    await pool([
      [`/?country=ZZ,%3Cb%3E&status=bogus&range=77y&view=cube&sort=sideways${strange}`, ".fleet-list, .empty"],
      [`/?range=custom&from=never&to=%F0%9F%92%A9${strange}`, ".row-link"],
      [`/t/${id}?chart=pie&y=fix:many&range=99d&from=soon&to=-1&outage=no-such${strange}`, ".history-chart canvas"],
      [`/hud/${id}?rows=gpu,loss:maybe:many&scale=900&bg=plaid${strange}`, ".hudp"],
      [`/events?type=eclipse&sev=mauve&state=perhaps&range=1e99${strange}`, ".page"],
      [`/logs?level=loud&limit=-5&follow=maybe${strange}`, ".page"],
      [`/report/${id}?range=eternity&tz=Mars/Olympus&lang=tlh&include=soul${strange}`, ".report-desk"],
      [`/settings?section=astrology${strange}`, ".section-head"],
      [`/t/no-such-target?range=24h${strange}`, "main h1"],
      [`/no/such/page${strange}`, "body"],
    ].map(([path = "", ready = ""]) => ({ name: path, path, ready })), async ({ path, ready }) => {
      await browser.page(async (page) => {
        await page.goto(base + path);
        await page.locator(ready).locator("visible=true").first().waitFor({ timeout: 15_000 });
        await page.waitForTimeout(700);
        const words = ((await page.locator("main").first().textContent()) ?? "").trim();
        expect(words.length > 20 && !/undefined|NaN|\[object/.test(words), `${path}: ${words.slice(0, 200)}`);
      }, { allowErrors: /40\d|422/ });
    });
  });

  test("where nothing can be kept every page works, and a browser clock ten minutes off is said and draws the same", async () => {
    await pool(await all(), async (place) => {
      await browser.page(async (page) => {
        await open(page, base, place);
        await page.waitForTimeout(500);
      }, { init: () => {
        for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
      } });
    });
    const id = await answering(base);
    for (const minutes of [10, -10]) {
      await browser.page(async (page) => {
        await open(page, base, { name: "target", path: `/t/${id}`, ready: ".uplot canvas" });
        await page.waitForTimeout(2500);
        expect(!(await page.locator("html").getAttribute("data-link"))?.includes("lost"), `${minutes} min: the page says that the link is lost`);
        const lit = await page.evaluate(() => {
          const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".uplot canvas"));
          const { data } = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).getImageData(canvas.width / 2, 0, canvas.width / 2, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) if ((data[i + 3] ?? 0) > 200 && Math.max(data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0) - Math.min(data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0) > 60) count += 1;
          return count;
        });
        expect(lit > 80, `${minutes} min: ${lit} coloured pixels: no line is drawn`);
        await page.locator(".live-pill").click();
        await page.locator("dd", { hasText: /^10 m 00 s$|^(9 m 5|10 m 0)\d s$/ }).waitFor();
      }, { init: minutes > 0 ? () => { const real = Date.now; Date.now = () => real() + 600_000; } : () => { const real = Date.now; Date.now = () => real() - 600_000; } });
    }
  });

  test("a server that answers 500 is told on every page in words, and the page comes back by itself or by Retry", async () => {
    await pool((await all()).filter(({ name }) => !["tiles", "settings-appearance"].includes(name)), async (place) => {
      await browser.page(async (page) => {
        await page.route("**/api/v1/**", (route) => (route.request().resourceType() === "websocket" ? route.continue()
          : route.fulfill({ status: 500, contentType: "application/json", body: '{"error":{"code":"internal","message":"the disk is on fire","field":null}}' })));
        await page.goto(base + place.path);
        // What lives by the socket alone is right without the answers; every other page has to say why it is empty.
        await page.waitForFunction(() => /disk is on fire/.test(document.querySelector("main")?.textContent ?? "") || document.querySelector(".row-link, .hudp"), null, { timeout: 20_000 })
          .catch(() => {});
        const words = ((await page.locator("main").textContent()) ?? "").trim();
        expect(words.length > 15 && !/undefined|NaN|\[object/.test(words), `${place.name}: ${words.slice(0, 200)}`);
        const isSaid = /disk is on fire/.test(words) || (await page.locator(".row-link, .hudp").count()) > 0;
        expect(isSaid, `${place.name} says: ${words.slice(0, 300)}`);
        await page.unroute("**/api/v1/**");
        // What a person would do: press what offers it, and load the page anew where nothing does.
        const retry = page.getByRole("button", { name: /^Retry/ });
        if ((await retry.count()) === 0) await page.reload();
        for (let presses = 0; presses < 4 && (await retry.count()) > 0; presses += 1) {
          await retry.first().click({ timeout: 1500 }).catch(() => {});
          await page.waitForTimeout(300);
        }
        await page.locator(place.ready).locator("visible=true").first().waitFor({ timeout: 15_000 });
      }, { allowErrors: /500/ });
    });
  });
}
