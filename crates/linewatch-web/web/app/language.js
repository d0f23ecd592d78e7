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

/** @param {() => Storage} store @returns {string | null} */
function read(store) {
  try {
    return store().getItem(KEY);
  } catch {
    // Storage is forbidden: the other wishes decide.
    return null;
  }
}

/** @param {() => Storage} store @param {string | null} language */
function write(store, language) {
  try {
    if (language === null) store().removeItem(KEY);
    else store().setItem(KEY, language);
  } catch {
    // Not kept; `?lang=` in the address still works.
  }
}

const tab = () => sessionStorage;
const kept = () => localStorage;

/** The language of this visit. */
export function initLanguage() {
  const language = chooseLanguage({
    search: location.search, tab: read(tab), kept: read(kept), configured: document.documentElement.dataset["language"], browser: navigator.languages,
  });
  // The filters rewrite the address without `lang`: a reload must not lose it.
  if (new URLSearchParams(location.search).has("lang")) write(tab, language);
  document.documentElement.lang = language;
  return language;
}

/** What the person chose, "auto" if nothing. */
export function chosenLanguage() {
  return known(read(kept)) ?? "auto";
}

/** Keeps the choice and draws the page anew in it. @param {Language | "auto"} language */
export function setLanguage(language) {
  write(tab, null);
  write(kept, language === "auto" ? null : language);
  const address = new URL(location.href);
  // Where nothing can be kept the address carries the choice.
  if (language !== "auto" && read(kept) !== language) address.searchParams.set("lang", language);
  else address.searchParams.delete("lang");
  if (address.href === location.href) location.reload();
  else location.replace(address);
}
