/**
 * Decides the language of the page and keeps a person's choice. Input: the address, what was kept, the server's
 * setting, the browser's list. Output: a language that has a catalogue. A link's `?lang=` holds for its tab alone:
 * following a link must not change what somebody chose.
 */

/** The languages with a catalogue; the first is spoken where nothing else fits. */
export const LANGUAGES = /** @type {const} */ (["en", "id"]);
const KEY = "linewatch.language";

/** @typedef {typeof LANGUAGES[number]} Language */

/** @param {string | null | undefined} text @returns {Language | null} "id-ID" and "ID" are "id". */
function known(text) {
  const tag = (text ?? "").toLowerCase().split(/[-_]/)[0];
  // Old systems still call Indonesian "in".
  return LANGUAGES.find((language) => language === (tag === "in" ? "id" : tag)) ?? null;
}

/**
 * The first that names a language we have: the link, this tab's earlier link, the person's choice, the server's setting, the browser.
 * @param {{ search: string, tab: string | null, kept: string | null, configured: string | undefined, browser: readonly string[] }} wishes
 * @returns {Language}
 */
export function chooseLanguage({ search, tab, kept, configured, browser }) {
  const asked = [new URLSearchParams(search).get("lang"), tab, kept, configured, ...browser];
  return asked.map(known).find((language) => language !== null) ?? LANGUAGES[0];
}

/** Where a language is remembered: in this tab alone, or as the person's choice. */
export const TAB = () => sessionStorage;
export const PERSON = () => localStorage;

/** @param {() => Storage} where */
export function readLanguage(where) {
  try {
    return known(where().getItem(KEY));
  } catch {
    // Storage is forbidden: the other wishes decide.
    return null;
  }
}

/** @param {() => Storage} where @param {Language | null} language */
export function writeLanguage(where, language) {
  try {
    if (language === null) where().removeItem(KEY);
    else where().setItem(KEY, language);
  } catch {
    // Not kept; `?lang=` in the address still works.
  }
}

/** The language of this visit. */
export function initLanguage() {
  const page = document.documentElement;
  const { search } = location;
  const language = chooseLanguage({ search, tab: readLanguage(TAB), kept: readLanguage(PERSON), configured: page.dataset["language"], browser: navigator.languages });
  // The filters rewrite the address without `lang`: a reload must not lose it.
  if (new URLSearchParams(search).has("lang")) writeLanguage(TAB, language);
  page.lang = language;
  return language;
}
