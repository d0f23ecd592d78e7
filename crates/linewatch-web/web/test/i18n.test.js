// The catalogue and the code name the same texts: none is missing, none is left over.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { setCatalogue, t, tn } from "../app/i18n.js";

const web = new URL("../", import.meta.url);
/** @type {Record<string, string>} */
const words = JSON.parse(readFileSync(new URL("i18n/en.json", web), "utf8"));
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

test("every text the code asks for is in the catalogue", () => {
  const missing = [...exact].filter((key) => !(key in words));
  assert.deepEqual(missing, []);
  for (const prefix of prefixes) assert.ok(Object.keys(words).some((key) => key.startsWith(prefix)), `no text begins with ${prefix}`);
});

test("no text of the catalogue is left over", () => {
  const unused = Object.keys(words).filter((key) => !exact.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix)));
  assert.deepEqual(unused, []);
});

test("no text is empty and every placeholder is closed", () => {
  for (const [key, text] of Object.entries(words)) {
    assert.notEqual(text.trim(), "", key);
    assert.equal(text.replace(/\{\w+\}/g, "").search(/[{}]/), -1, key);
  }
});

test("values enter a text once and are not read as placeholders again", () => {
  setCatalogue({ one: "{a} and {b}", "n.one": "{n} line", "n.other": "{n} lines" }, "en");
  assert.equal(t("one", { a: "{b}", b: 2 }), "{b} and 2");
  assert.equal(tn("n", 1), "1 line");
  assert.equal(tn("n", 2), "2 lines");
  assert.equal(t("absent.key"), "absent.key");
});
