/**
 * What to give somebody who should see the same: the link that moves on with the clock, the link of this exact period, and
 * the period itself as a picture or as rows. Input: the target and the period in the address. Output: a dialog.
 * Loaded when it is asked for.
 */

import { ROOT } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { custom, parseRange, spanOf, writeRange } from "../range.js";
import { store } from "../store.js";
import { moment, zone } from "../time.js";
import { copyButton } from "./copy.js";
import { openDialog } from "./dialog.js";

/** @typedef {import("../range.js").Range} Range */

/** Addresses that lead somebody else to their own computer. */
const OWN = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const FILES = /** @type {const} */ (["csv", "json"]);

/**
 * @param {{ id: string, name: string, words: readonly import("../range.js").RangeWord[], usual: import("../range.js").RangeWord }} what
 *   `words` are the periods that the page knows, `usual` the one that its link does not mention.
 */
export function openShare({ id, name, words, usual }) {
  const range = parseRange(location.search, words, usual);
  const span = spanOf(range, store.now());
  const exact = custom(span.from, span.to);
  const isMoving = range.word !== "custom";
  const period = t("share.period", { from: moment(span.from, store.now()), to: moment(span.to, span.from), zone: zone(span.to) });
  openDialog(t("share.title"), () => [
    isMoving ? linkItem("moving", t("share.moving"), t("share.moving_note", { range: t(`range.${range.word}`) }), location.href) : null,
    linkItem("exact", t("share.exact"), period, exactLink(exact)),
    OWN.test(location.hostname) ? h("p", { class: "muted small" }, t("share.own_computer")) : null,
    h("h3", { class: "label" }, t("share.files")),
    h("div", { class: "share-files" },
      file(`${ROOT}api/v1/graph.png?target=${encodeURIComponent(id)}&from=${exact.from}&to=${exact.to}`, `${id}.png`, "PNG", name),
      ...FILES.map((format) => file(`${ROOT}api/v1/export?target=${encodeURIComponent(id)}&from=${exact.from}&to=${exact.to}&format=${format}`, `${id}.${format}`, format.toUpperCase(), name))),
  ].filter((part) => part !== null), { className: "share-dialog" });
}

/** This view with its two ends said: whoever opens it later sees the same. @param {Range} exact */
function exactLink(exact) {
  const link = new URL(location.href);
  for (const [key, value] of writeRange(exact, "live")) link.searchParams.set(key, value);
  return link.href.replaceAll("%3A", ":");
}

/** @param {string} name @param {string} label @param {string} note @param {string} link */
function linkItem(name, label, note, link) {
  const field = h("input", { class: "field", id: `share-${name}`, readonly: true, "aria-describedby": `share-${name}-note`, onfocus: () => field.select() });
  field.value = link;
  return h("div", { class: "share-item" }, h("label", { for: `share-${name}` }, label),
    h("div", { class: "share-row" }, field, copyButton(() => link, t("share.copy", { what: label }))),
    h("span", { class: "muted small", id: `share-${name}-note` }, note));
}

/** @param {string} href @param {string} download @param {string} word @param {string} name */
function file(href, download, word, name) {
  return h("a", { class: "button small", href, download, "aria-label": t("share.file", { format: word, name }) }, word);
}
