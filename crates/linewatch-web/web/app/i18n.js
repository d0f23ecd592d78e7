/**
 * Gives every word of the page from the catalogue. Input: keys and values. Output: text.
 * A missing key shows itself as the key: visible in any test, never an empty label.
 */

/** @type {Readonly<Record<string, string>>} */
let catalogue = {};
let plurals = new Intl.PluralRules("en");
let regions = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });

/**
 * @param {Readonly<Record<string, string>>} words
 * @param {string} language
 */
export function setCatalogue(words, language) {
  catalogue = words;
  plurals = new Intl.PluralRules(language);
  regions = new Intl.DisplayNames([language, "en"], { type: "region", fallback: "none" });
}

/** The words of a page that was fetched later. @param {Readonly<Record<string, string>>} words */
export function addWords(words) {
  catalogue = { ...catalogue, ...words };
}

/**
 * @param {string} key
 * @param {Readonly<Record<string, string | number>>} [values] For `{name}` in the text.
 */
export function t(key, values) {
  const text = catalogue[key] ?? key;
  if (!values) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * The form of a text that fits a number: `key.one` or `key.other`.
 * @param {string} key
 * @param {number} n
 * @param {Readonly<Record<string, string | number>>} [values]
 */
export function tn(key, n, values) {
  return t(`${key}.${plurals.select(n) === "one" ? "one" : "other"}`, { n, ...values });
}

/** Is there a text of that name? @param {string} key */
export function has(key) {
  return key in catalogue;
}

/** The name of a country by its code of two letters, "" if there is none. @param {string} code */
export function regionName(code) {
  return regions.of(code) ?? "";
}
