// The catalogues and the code name the same texts: none is missing, none is left over, and every language says the same things.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { regionName, setCatalogue, t, tn } from "../app/i18n.js";
import { LANGUAGES, chooseLanguage } from "../app/language.js";
import { clock, date, momentMinute, setDates, tickTime } from "../app/time.js";

const web = new URL("../", import.meta.url);
/** @param {string} path @returns {Record<string, string>} */
const read = (path) => JSON.parse(readFileSync(new URL(path, web), "utf8"));
/** The first catalogue and those of the pages that come later. @param {string} language @returns {Record<string, string>} */
const catalogue = (language) => {
  const folder = new URL(`i18n/${language}/`, web);
  const parts = existsSync(folder) ? readdirSync(folder).sort().map((name) => read(`i18n/${language}/${name}`)) : [];
  const all = [read(`i18n/${language}.json`), ...parts];
  const texts = Object.assign({}, ...all);
  assert.equal(Object.keys(texts).length, all.reduce((sum, one) => sum + Object.keys(one).length, 0), `${language}: a text is in two files`);
  return texts;
};
const words = catalogue("en");
const others = LANGUAGES.filter((language) => language !== "en").map((language) => ({ language, texts: catalogue(language) }));
/** Events are worded by the server in English, with more detail than their code has; other languages word the code. */
const NOT_ENGLISH = "event.";
/** As much longer as a translation may be: there are no fixed-width labels, but a sentence should not become two lines. */
const LONGER = { ratio: 1.4, chars: 8 };
const code = readdirSync(new URL("app/", web), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".js"))
  .map((path) => ({ path, text: readFileSync(new URL(`app/${path}`, web), "utf8") }));

const exact = new Set();
const prefixes = new Set();
for (const { text } of code) {
  for (const [, quoted] of text.matchAll(/\bt\(\s*"([^"]+)"/g)) exact.add(quoted);
  for (const [, quoted] of text.matchAll(/\btn\(\s*"([^"]+)"/g)) {
    exact.add(`${quoted}.one`);
    exact.add(`${quoted}.other`);
  }
  // t(cond ? "a" : "b", …) and `const key = cond ? "a" : "b"`
  for (const [, one, two] of text.matchAll(/\? "([a-z_]+\.[a-z_.]+)" : "([a-z_]+\.[a-z_.]+)"/g)) exact.add(one).add(two);
  for (const [, prefix] of text.matchAll(/\b(?:tn?|has)\(\s*`([a-z._]+\.)\$\{/g)) prefixes.add(prefix);
}
/** @param {string} key */
const isEnglish = (key) => !key.startsWith(NOT_ENGLISH);
/** @param {string} text */
const placeholders = (text) => (text.match(/\{\w+\}/g) ?? []).sort();

test("every text the code asks for is in the catalogue", () => {
  const missing = [...exact].filter((key) => isEnglish(key) && !(key in words));
  assert.deepEqual(missing, []);
  for (const prefix of prefixes) {
    if (isEnglish(prefix)) assert.ok(Object.keys(words).some((key) => key.startsWith(prefix)), `no text begins with ${prefix}`);
  }
});

test("no text of a catalogue is left over", () => {
  for (const texts of [words, ...others.map((one) => one.texts)]) {
    const unused = Object.keys(texts).filter((key) => !exact.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix)));
    assert.deepEqual(unused, []);
  }
});

test("every language has the texts of English, in their order, with their placeholders", () => {
  for (const { language, texts } of others) {
    assert.deepEqual(Object.keys(texts).filter(isEnglish), Object.keys(words), language);
    for (const [key, text] of Object.entries(words)) assert.deepEqual(placeholders(texts[key] ?? ""), placeholders(text), `${language} ${key}`);
  }
});

test("no translation is much longer than the English it stands in for", () => {
  for (const { language, texts } of others) {
    const long = Object.entries(words).filter(([key, text]) => (texts[key] ?? "").length > text.length * LONGER.ratio + LONGER.chars);
    assert.deepEqual(long.map(([key, text]) => `${language} ${key}: ${text.length} -> ${texts[key]?.length}`), []);
  }
});

test("no sentence was left in English", () => {
  // A single word may be the same in both languages, a sentence is not.
  for (const { language, texts } of others) {
    const same = Object.entries(words).filter(([key, text]) => texts[key] === text && (text.replace(/\{\w+\}/g, "").match(/\b[a-z]{3,}\b/g) ?? []).length > 1);
    assert.deepEqual(same.map(([key]) => key).filter((key) => !key.startsWith("language.")), [], language);
  }
});

test("every kind of event has words where the server's English does not serve", { skip: !existsSync(new URL("../../../linewatch-core/src/event.rs", import.meta.url)) }, () => {
  const rust = readFileSync(new URL("../../../linewatch-core/src/event.rs", import.meta.url), "utf8");
  const body = rust.slice(rust.indexOf("impl EventKind"), rust.indexOf("fn counted"));
  const kinds = [...body.matchAll(/=> "([a-z_]+)"/g)].map(([, word]) => `${NOT_ENGLISH}${word}`);
  assert.ok(kinds.length >= 20, "the words of the kinds are elsewhere now");
  for (const { language, texts } of others) {
    assert.deepEqual(Object.keys(texts).filter((key) => !isEnglish(key)).sort(), [...kinds, "event.for"].sort(), language);
  }
});

test("no text is empty and every placeholder is closed", () => {
  for (const texts of [words, ...others.map((one) => one.texts)]) {
    for (const [key, text] of Object.entries(texts)) {
      assert.notEqual(text.trim(), "", key);
      assert.equal(text.replace(/\{\w+\}/g, "").search(/[{}]/), -1, key);
    }
  }
});

test("values enter a text once and are not read as placeholders again", () => {
  setCatalogue({ one: "{a} and {b}", "n.one": "{n} line", "n.other": "{n} lines" }, "en");
  assert.equal(t("one", { a: "{b}", b: 2 }), "{b} and 2");
  assert.equal(t("one", { a: 1 }), "1 and {b}");
  assert.equal(tn("n", 1), "1 line");
  assert.equal(tn("n", 2), "2 lines");
  assert.equal(t("absent.key"), "absent.key");
});

test("a language without a plural takes the one form", () => {
  setCatalogue({ "n.one": "wrong", "n.other": "{n} target" }, "id");
  assert.deepEqual([0, 1, 2].map((n) => tn("n", n)), ["0 target", "1 target", "2 target"]);
});

test("countries are named in the language, and only by codes that exist", () => {
  setCatalogue({}, "id");
  assert.deepEqual([regionName("JP"), regionName("DE"), regionName("QQ")], ["Jepang", "Jerman", ""]);
  setCatalogue({}, "en");
  assert.equal(regionName("JP"), "Japan");
});

test("the nearest wish for a language wins, and one without a catalogue is no wish", () => {
  const none = { search: "", tab: null, kept: null, configured: undefined, browser: [] };
  assert.equal(chooseLanguage(none), "en");
  assert.equal(chooseLanguage({ ...none, browser: ["fr-FR", "id-ID", "en"] }), "id");
  assert.equal(chooseLanguage({ ...none, browser: ["in"] }), "id");
  assert.equal(chooseLanguage({ ...none, configured: "auto", browser: ["de"] }), "en");
  assert.equal(chooseLanguage({ ...none, configured: "id", browser: ["en-US"] }), "id");
  assert.equal(chooseLanguage({ ...none, configured: "id", kept: "en" }), "en");
  assert.equal(chooseLanguage({ ...none, kept: "en", tab: "id" }), "id");
  assert.equal(chooseLanguage({ ...none, search: "?q=x&lang=EN", tab: "id", kept: "id" }), "en");
  assert.equal(chooseLanguage({ ...none, search: "?lang=<script>", kept: "id" }), "id");
});

test("clocks and dates are the language's, of 24 hours", () => {
  const at = new Date(2026, 7, 21, 16, 56, 11).getTime();
  const midnight = new Date(2026, 7, 22).getTime();
  setDates("id");
  try {
    assert.deepEqual([clock(at), date(at), tickTime(at, 60_000), momentMinute(at, at)], ["16.56.11", "21 Agu 2026", "16.56", "16.56"]);
    assert.equal(tickTime(midnight, 60_000), "22 Agu");
  } finally {
    setDates("en");
  }
  assert.deepEqual([clock(at), date(at), tickTime(at, 60_000), tickTime(midnight, 60_000), clock(midnight)], ["16:56:11", "21 Aug 2026", "16:56", "22 Aug", "00:00:00"]);
  assert.equal(momentMinute(at, midnight), "21 Aug 16:56");
});
