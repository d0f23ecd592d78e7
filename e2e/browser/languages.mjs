/**
 * The tests of the page's languages: nothing English is left in Indonesian, nothing is cut, the choice is kept and can be taken back.
 * Part of run.mjs: they run against the same monitor.
 */

import { readFileSync, readdirSync } from "node:fs";

import { answering, expect, openLive, pool, shot } from "./harness.mjs";
import { open, places } from "./pages.mjs";

/** @param {string} language @returns {Record<string, string>} */
const catalogue = (language) => {
  const folder = new URL("../../crates/linewatch-web/web/i18n/", import.meta.url);
  const files = [`${language}.json`, ...readdirSync(new URL(`${language}/`, folder)).map((name) => `${language}/${name}`)];
  return Object.assign({}, ...files.map((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8"))));
};
const english = catalogue("en");
const indonesian = catalogue("id");
/** What people and networks named themselves, and what the server says in its own words, is not ours to translate. */
const NAMES = ".row-link, .address, .event-target, .event-target-name, .active-words b, .log-part, .log-level, .hudp-name, option, .chip, h1, .crumb, .picker-list, .brand, [lang=en]";
/** Words no Indonesian sentence has. */
const ENGLISH_WORDS = /\b(the|of|and|is|are|was|were|not|this|with|from|to|last|lost|since|in|no|all|show|press|loading)\b/i;

/** English texts as patterns: a text of several words anywhere, a single word as the whole; a word beside a value proves nothing. @returns {{ key: string, pattern: RegExp }[]} */
function patterns() {
  return Object.entries(english).filter(([key, text]) => text !== indonesian[key]).flatMap(([key, text]) => {
    const inner = text.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+?");
    const isSentence = (text.replace(/\{\w+\}/g, "").match(/[a-z]{2,}/gi) ?? []).length > 1;
    return isSentence || !text.includes("{") ? [{ key, pattern: new RegExp(isSentence ? inner : `^${inner}$`) }] : [];
  });
}

/** All that is read or heard: texts, and the attributes that are words. Runs in the page. @param {string} names */
function wordsOfPage(names) {
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const text = (walker.currentNode.textContent ?? "").trim();
    if (text !== "" && parent && !parent.closest(names) && !parent.closest("noscript, script")) found.push(text);
  }
  for (const element of document.querySelectorAll("[aria-label], [placeholder], [title]")) {
    if (element.closest(names) || element.closest(".events, .event-text")) continue;
    for (const name of ["aria-label", "placeholder", "title"]) if (element.hasAttribute(name)) found.push(element.getAttribute(name) ?? "");
  }
  return found;
}

/** Texts that are wider than the box they stand in. Runs in the page. @param {string} names */
function cutTexts(names) {
  const cut = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (!parent || (node.textContent ?? "").trim() === "" || parent.closest(`${names}, .visually-hidden, .skip, noscript, script`)) continue;
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    if (text.width === 0) continue;
    for (let box = parent; box && box !== document.body; box = box.parentElement) {
      const { overflowX } = getComputedStyle(box);
      if (overflowX === "auto" || overflowX === "scroll") break;
      const isBox = overflowX !== "visible" || box.matches("button, summary, .pill, .segment, .card, .chip, .badge, th, td, nav > *");
      if (!isBox) continue;
      const outer = box.getBoundingClientRect();
      if (text.right > outer.right + 1 || text.left < outer.left - 1) cut.push(`"${(node.textContent ?? "").slice(0, 60)}" in ${box.tagName}.${box.className}: ${Math.round(text.left)}..${Math.round(text.right)} of ${Math.round(outer.left)}..${Math.round(outer.right)}`);
      break;
    }
  }
  return cut;
}

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<import("./harness.mjs").launch>>, base: string }} suite
 */
export function languageTests({ test, browser, base }) {
  /** A target that answers, and the pages to look at. */
  const pages = async () => places(await answering(base));

  test("in Indonesian nothing English is left on any page, and nothing is cut", async () => {
    const forbidden = patterns();
    const rounds = (await pages()).flatMap((place) => [1440, 390].map((width) => ({ ...place, width })));
    await pool(rounds, async ({ name, path, ready, width }) => {
      await browser.page(async (page, _context, seen) => {
        await open(page, base, { name, path: `${path}${path.includes("?") ? "&" : "?"}lang=id`, ready });
        await page.waitForTimeout(1500);
        await shot(page, `${name}-id-${width}-dark`);
        const texts = await page.evaluate(wordsOfPage, NAMES);
        expect(texts.length > 25, `only ${texts.length} texts`);
        const left = texts.flatMap((text) => [...forbidden.filter(({ pattern }) => pattern.test(text)).map(({ key }) => `${key}: ${text}`), ...(ENGLISH_WORDS.test(text) ? [`English: ${text}`] : [])]);
        expect(left.length === 0, `${name} ${width}: ${[...new Set(left)].slice(0, 20).join("\n")}`);
        const cut = await page.evaluate(cutTexts, NAMES);
        expect(cut.length === 0, `${name} ${width} cut: ${cut.join("\n")}`);
        expect((await page.locator("html").getAttribute("lang")) === "id", "lang says another language");
        const loaded = seen.requests.filter((url) => url.includes("/i18n/"));
        expect(loaded.length > 0 && loaded.every((url) => /\/id(?:\.json|\/\w+\.json)$/.test(url)), `catalogues: ${loaded.join(" ")}`);
      }, { width });
    });
    console.log(`  ${rounds.length} pages at two widths`);
  });

  test("the dialogs of the page are Indonesian too", async () => {
    const forbidden = patterns();
    const { path } = /** @type {import("./pages.mjs").Place} */ ((await pages()).find(({ name }) => name === "target"));
    await browser.page(async (page) => {
      await openLive(page, `${base}${path}?lang=id`);
      for (const key of ["?", "/", "n", "t", "."]) {
        await page.locator("main").focus();
        await page.keyboard.press(key);
        await page.getByRole("dialog").waitFor();
        await page.waitForTimeout(100);
        const texts = await page.evaluate(wordsOfPage, NAMES);
        const left = texts.flatMap((text) => forbidden.filter(({ pattern }) => pattern.test(text)).map((one) => `${one.key}: ${text}`));
        expect(left.length === 0, `${key}: ${left.join("\n")}`);
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
      }
    });
  });

  test("numbers and clocks are written the Indonesian way", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/?lang=id`);
      await page.locator(".c-p50", { hasText: /^\d{1,2},\d{1,2}$/ }).first().waitFor({ timeout: 8000 });
      await page.locator(".top .mono", { hasText: /^\d\d\.\d\d\.\d\d$/ }).waitFor();
      expect((await page.locator(".c-p50", { hasText: /\./ }).count()) === 0, "a median has a decimal point");
    });
  });

  test("a chosen language is kept, a link's holds for its tab alone, and there is a way back", async () => {
    await browser.page(async (page, context) => {
      await openLive(page, `${base}/`);
      expect((await page.locator("html").getAttribute("lang")) === "en", "the browser's English is not taken");
      await page.getByRole("button", { name: "Language: English. Change it" }).locator("visible=true").click();
      await page.getByRole("button", { name: "Bahasa Indonesia" }).click();
      await page.locator('html[lang="id"]').waitFor();
      await page.locator('[data-phase="live"]').waitFor();
      await page.getByRole("searchbox", { name: "Saring target..." }).waitFor();
      await page.reload();
      await page.getByRole("searchbox", { name: "Saring target..." }).waitFor();
      const other = await context.newPage();
      await other.goto(`${base}/?lang=en`);
      await other.getByRole("searchbox", { name: "Filter targets..." }).fill("a");
      await other.waitForURL((url) => !url.search.includes("lang"));
      await other.reload();
      await other.getByRole("searchbox", { name: "Filter targets..." }).waitFor();
      await other.close();
      await page.reload();
      await page.getByRole("button", { name: /^Bahasa: / }).locator("visible=true").click();
      await page.getByRole("button", { name: "Ikut peramban atau konfigurasi" }).click();
      await page.locator('html[lang="en"]').waitFor();
    });
  });

  test("where nothing can be kept the address carries the language", async () => {
    await browser.page(async (page) => {
      await openLive(page, `${base}/`);
      await page.getByRole("button", { name: "Language: English. Change it" }).locator("visible=true").click();
      await page.getByRole("button", { name: "Bahasa Indonesia" }).click();
      await page.waitForURL(/lang=id/);
      await page.locator('html[lang="id"]').waitFor();
    }, { init: () => {
      for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
    } });
  });
}
