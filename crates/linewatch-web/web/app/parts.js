/**
 * Brings what a page needs besides its code: its style (`css/NAME.css`) and its words (`i18n/LANGUAGE/NAME.json`).
 * Both wait until somebody goes there, so that the first page stays light. Fetched once.
 */

import { addWords } from "./i18n.js";

/** @type {Map<string, Promise<void>>} */
const parts = new Map();

/** @param {string} name Of the page. */
export function loadPart(name) {
  const loading = parts.get(name) ?? Promise.all([style(name), words(name)]).then(() => {});
  parts.set(name, loading);
  // What failed is asked for again at the next visit.
  loading.catch(() => parts.delete(name));
  return loading;
}

/** @param {string} name @returns {Promise<void>} */
function style(name) {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`../css/${name}.css`, import.meta.url).href;
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => {
      link.remove();
      reject(new Error(link.href));
    });
    document.head.append(link);
  });
}

/** @param {string} name */
async function words(name) {
  const answer = await fetch(new URL(`../i18n/${document.documentElement.lang}/${name}.json`, import.meta.url));
  if (!answer.ok) throw new Error(answer.url);
  addWords(await answer.json());
}
