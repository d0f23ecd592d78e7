/**
 * What opens over any page: search, a new target, the list of keys, the choice of a language, the figures of the live view.
 * Input: a way to navigate. Output: dialogs. Loaded behind the first paint.
 */

import { h } from "../dom.js";
import { NONE, count, duration } from "../format.js";
import { t } from "../i18n.js";
import { LANGUAGES, PERSON, TAB, readLanguage, writeLanguage } from "../language.js";
import { badge, worstFirst } from "../level.js";
import { store } from "../store.js";
import { date } from "../time.js";
import { addForm, tellAdded } from "./addform.js";
import { openDialog } from "./dialog.js";
import { picker } from "./picker.js";
import { nextTheme } from "./shell.js";

/** @typedef {import("./shell.js").Navigate} Navigate */

/** A longer list is narrowed by typing. */
const OPTIONS_MAX = 50;
/** Beyond this the browser's clock is worth a word. */
const CLOCK_MS_MAX = 2000;

/** @param {Navigate} navigate */
export function openSearch(navigate) {
  openDialog(t("search.title"), (close) => {
    const box = picker({
      label: t("search.title"), placeholder: t("search.placeholder"), empty: t("search.empty"), onpick: close,
      options: (text) => targetOptions(text, (id) => navigate(`t/${encodeURIComponent(id)}`)),
    });
    queueMicrotask(() => box.input.focus());
    return [box.element];
  }, { className: "search-dialog" });
}

/**
 * Targets that fit a text, worst first.
 * @param {string} text
 * @param {(id: string) => void} open
 * @returns {import("./picker.js").Option[]}
 */
export function targetOptions(text, open) {
  const needle = text.trim().toLowerCase();
  return [...store.rows.values()].map((row) => row.o)
    .filter((o) => `${o.name} ${o.address} ${o.id}`.toLowerCase().includes(needle))
    .sort(worstFirst).slice(0, OPTIONS_MAX)
    .map((o) => ({ label: o.name, detail: o.address, shape: badge(o), run: () => open(o.id) }));
}

/** @param {Navigate} navigate */
export function openAdd(navigate) {
  openDialog(t("add.title"), (close) => {
    const form = addForm({ isLarge: false, onadded: (answer) => {
      close();
      tellAdded(answer);
      if (answer.target) navigate(`t/${encodeURIComponent(answer.target.id)}`);
    } });
    queueMicrotask(() => form.input.focus());
    return [form.element];
  });
}

/** Keys that do something now; the list on `?`. */
const KEYS = [
  ["/", "search"], ["g o", "overview"], ["g h", "hud"], ["g e", "events"], ["g l", "logs"], ["g r", "report"], ["g s", "settings"], ["n", "add"], ["j k", "rows"], ["Enter", "open"], ["x", "select"], ["c", "compare"], ["Space", "startstop"], ["t", "change"],
  ["1 … 5", "range"], ["m", "chart"], ["l", "scale"], ["+ −", "zoom"], ["0", "reset"], ["← →", "cursor"], [".", "config"], ["a", "acknowledge"], ["e", "export"], ["p", "pause"], ["d", "theme"], ["?", "keys"], ["Esc", "close"],
];

export function openKeys() {
  openDialog(t("keys.title"), () => [h("dl", { class: "keys" },
    ...KEYS.flatMap(([keys, name]) => [h("dt", null, ...String(keys).split(" ").map((key) => h("kbd", null, key))), h("dd", null, t(`keys.${name}`))]))]);
}

/** What the top bar of a phone has no room for. @param {Navigate} navigate */
export function openMore(navigate) {
  openDialog(t("more.title"), (close) => {
    const item = (/** @type {string} */ text, /** @type {() => void} */ run) => h("button", { type: "button", class: "button", onclick: () => { close(); run(); } }, text);
    return [h("div", { class: "choices" },
      item(t("search.title"), () => openSearch(navigate)),
      item(t("add.title"), () => openAdd(navigate)),
      item(t("nav.report"), () => navigate("report/fleet")),
      h("button", { type: "button", class: "button", "data-theme-button": true, "aria-label": t("theme.label", { name: t(`theme.${document.documentElement.dataset["theme"] ?? "auto"}`) }), onclick: nextTheme },
        h("span", { class: "theme-icon", "aria-hidden": "true" }), t("theme.short")),
      item(t("language.short"), openLanguage),
      item(t("keys.title"), openKeys))];
  });
}

/** Each language in its own words, and the way back to what the browser says. */
export function openLanguage() {
  const chosen = readLanguage(PERSON) ?? "auto";
  openDialog(t("language.title"), () => [h("div", { class: "choices" }, .../** @type {const} */ (["auto", ...LANGUAGES]).map((language) => h("button", {
    type: "button", class: "button", lang: language === "auto" ? null : language, "aria-pressed": String(language === chosen), onclick: () => setLanguage(language),
  }, t(`language.${language}`))))]);
}

/** Keeps the choice and draws the page anew in it. @param {import("../language.js").Language | "auto"} language */
function setLanguage(language) {
  writeLanguage(TAB, null);
  writeLanguage(PERSON, language === "auto" ? null : language);
  const address = new URL(location.href);
  // Where nothing can be kept the address carries the choice.
  if (language !== "auto" && readLanguage(PERSON) !== language) address.searchParams.set("lang", language);
  else address.searchParams.delete("lang");
  if (address.href === location.href) location.reload();
  else location.replace(address);
}

/** The figures behind the live pill, as terms and what they are. */
export function livePairs() {
  const c = store.connection;
  const offset = store.clockOffset;
  /** @type {[string, string][]} */
  const pairs = [
    ["round_trip", c.roundTripMs === null ? NONE : `${c.roundTripMs} ms`],
    ["last_message", c.lastMessageAt === 0 ? NONE : duration(Date.now() - c.lastMessageAt)],
    ["messages", `${count(c.perSecond)} /s`], ["merged", count(c.mergedCount)],
    ["day", date(store.now())],
  ];
  if (Math.abs(offset) > CLOCK_MS_MAX) pairs.push(["clock_differs", duration(Math.abs(offset))]);
  return pairs.flatMap(([name, value]) => [h("dt", null, t(`live.${name}`)), h("dd", null, value)]);
}
