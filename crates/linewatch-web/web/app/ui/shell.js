/**
 * Draws what surrounds every page: brand, links, search, live pill with its figures, clock, theme, keys.
 * Input: the store and a way to navigate. Output: the frame and its `main` element.
 */

import { ROOT } from "../api.js";
import { themeChanged } from "../charts/canvas.js";
import { fill, glyph, h, setAttribute, setText, textWriter } from "../dom.js";
import { count, duration, short } from "../format.js";
import { has, t, tn } from "../i18n.js";
import { LAG_MS_MAX, live } from "../live.js";
import { store } from "../store.js";
import { clock, zone } from "../time.js";

const THEMES = /** @type {const} */ (["auto", "dark", "light"]);
/** Clocks change on the whole hour: the name of the zone is looked up this often. */
const ZONE_MS = 10_000;
const THEME_KEY = "linewatch.theme";
/** @typedef {(path: string) => void} Navigate */

/** The pages and where they live. Each begins with another letter: the key after `g`. */
export const LINKS = /** @type {const} */ ([
  ["overview", ""], ["hud", "hud"], ["events", "events"], ["logs", "logs"], ["report", "report/fleet"], ["settings", "settings"],
]);

const titles = ["", ""];

/** Names the page in the tab; part 0 stands before every name while something is wrong: "✖ 2 · ". @param {string} text @param {0 | 1} [part] */
export function setTitle(text, part = 1) {
  titles[part] = text;
  document.title = titles.join("");
}

/** Reads the stored theme. Storage may be forbidden: then every visit starts with "auto". */
export function initTheme() {
  let theme = "auto";
  try {
    theme = localStorage.getItem(THEME_KEY) ?? "auto";
  } catch {
    // Private windows without storage still get a page.
  }
  applyTheme(THEMES.find((known) => known === theme) ?? "auto");
}

/** @param {typeof THEMES[number]} theme */
function applyTheme(theme) {
  document.documentElement.dataset["theme"] = theme;
  themeChanged();
}

/** The next of auto, dark, light. */
export function nextTheme() {
  const now = THEMES.findIndex((theme) => theme === document.documentElement.dataset["theme"]);
  const theme = THEMES[(now + 1) % THEMES.length] ?? "auto";
  applyTheme(theme);
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // Not kept; the choice still holds for this visit.
  }
  for (const button of document.querySelectorAll("[data-theme-button]")) labelTheme(button);
}

/** @param {Element} button */
function labelTheme(button) {
  const name = t(`theme.${document.documentElement.dataset["theme"] ?? "auto"}`);
  setAttribute(button, "aria-label", t("theme.label", { name }));
  setAttribute(button, "title", t("theme.label", { name }));
}

function themeButton() {
  const button = h("button", { type: "button", class: "pill round wide-only", "data-theme-button": true, onclick: nextTheme },
    h("span", { class: "theme-icon", "aria-hidden": "true" }));
  labelTheme(button);
  return button;
}

/** Two letters as a picture, drawn by the style: a word would have to be in the button's name. */
function languageButton() {
  const label = t("language.label", { name: t(`language.${document.documentElement.lang}`) });
  return h("button", { type: "button", class: "pill round wide-only", "aria-label": label, title: label, onclick: () => void loadMenus().then(({ openLanguage }) => openLanguage()) },
    h("span", { class: "language-code", "aria-hidden": "true", "data-code": document.documentElement.lang.toUpperCase() }));
}

/** Fetched behind the first paint: nobody opens one first thing. */
export const loadMenus = () => import("./menus.js");

/**
 * @param {HTMLElement} root
 * @param {Navigate} navigate
 * @returns {HTMLElement} where pages go
 */
export function buildShell(root, navigate) {
  const pill = livePill();
  const time = h("span", { class: "mono" });
  const zoneName = h("span", { class: "mono faint" });
  const writeTime = textWriter(time);
  const writeZone = textWriter(zoneName);
  let zonedAt = 0;
  const header = h("header", { class: "top" },
    h("a", { href: ROOT, class: "brand", "aria-label": t("nav.home") }, glyph("logo"), h("span", null, t("brand"))),
    h("nav", { class: "top-nav", "aria-label": t("nav.label") },
      ...LINKS.map(([page, path]) => h("a", { href: ROOT + path, "data-nav": page, class: "nav-link" }, t(`nav.${page}`)))),
    h("div", { class: "top-end" },
      h("button", { type: "button", class: "pill wide-only", onclick: () => void loadMenus().then(({ openSearch }) => openSearch(navigate)), "aria-keyshortcuts": "/" }, t("search.button"), h("kbd", null, "/")),
      pill.element,
      h("span", { class: "pill wide-only", title: t("clock.title") }, time, zoneName),
      h("div", { id: "account" }),
      languageButton(),
      themeButton(),
      h("button", { type: "button", class: "pill round narrow-only", "aria-label": t("more.title"), "aria-haspopup": "dialog", onclick: () => void loadMenus().then(({ openMore }) => openMore(navigate)) }, "⋯")));
  const main = h("main", { id: "main", tabindex: "-1" });
  const bar = h("nav", { class: "bottom-bar", "aria-label": t("nav.label") },
    // Five fit; the report is in the menu.
    ...LINKS.flatMap(([page, path]) => (page === "report" ? [] : [
      h("a", { href: ROOT + path, "data-nav": page }, glyph(page === "overview" ? "logo" : page), h("span", null, t(`nav.${page}`)))])));
  root.replaceChildren(h("a", { href: "#main", class: "skip" }, t("nav.skip")), header, main, bar);
  setTimeout(() => {
    void loadMenus();
    void import("./attention.js").then(({ startAttention }) => startAttention());
  }, 1000);
  store.subscribe((dirty) => {
    if (!dirty.tick && !dirty.connection && !dirty.list) return;
    const now = store.now();
    writeTime(clock(now));
    if (Math.abs(now - zonedAt) > ZONE_MS) {
      zonedAt = now;
      writeZone(` ${zone(now)}`);
    }
    pill.update();
    document.documentElement.dataset["link"] = store.isLive || store.connection.phase === "paused" ? "up" : "lost";
  });
  return main;
}

/** Probes a second of all running targets, as asked for. */
function askedPerSecond() {
  let rate = 0;
  for (const { o } of store.rows.values()) if (o.state !== "paused") rate += 1000 / o.interval_ms;
  return rate;
}

/** @returns {{ phase: string, text: string }} */
function pillState() {
  const { phase, since, isMerged, lagMs } = store.connection;
  if (phase === "live") {
    if (isMerged) return { phase: "delayed", text: t("pill.merged") };
    return lagMs > LAG_MS_MAX ? { phase: "delayed", text: t("pill.delayed") } : { phase, text: t("pill.live") };
  }
  if (phase === "reconnecting") return { phase, text: t("pill.reconnecting", { time: duration(Math.max(1000, Date.now() - since)) }) };
  return { phase, text: t(`pill.${phase}`) };
}

function livePill() {
  const dot = h("span", { class: "live-dot", "aria-hidden": "true" });
  const word = h("b", null);
  const rest = h("span", { class: "muted pill-rest" });
  const panel = h("div", { class: "popover", id: "live-panel" });
  const button = h("button", { type: "button", class: "pill live-pill", "aria-expanded": "false", "aria-controls": "live-panel" }, dot, word, rest);
  const element = h("div", { class: "anchor" }, button, panel);
  panel.hidden = true;
  /** @param {boolean} isOpen */
  const show = (isOpen) => {
    panel.hidden = !isOpen;
    setAttribute(button, "aria-expanded", String(isOpen));
    if (isOpen) fillPanel();
  };
  button.addEventListener("click", () => show(panel.hidden !== false));
  document.addEventListener("pointerdown", (event) => { if (!element.contains(/** @type {Node} */ (event.target))) show(false); });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    show(false);
    button.focus();
  });
  const list = h("dl", { class: "pairs" });
  const pause = h("button", { type: "button", class: "button small", onclick: () => live.togglePause() });
  panel.append(list, pause);
  // Behind the first paint, like all that opens.
  const fillPanel = () => void loadMenus().then(({ livePairs }) => {
    fill(list, ...livePairs());
    setText(pause, store.connection.phase === "paused" ? t("action.resume_view") : t("action.pause_view"));
  });
  const update = () => {
    const state = pillState();
    element.dataset["phase"] = state.phase;
    setText(word, state.text);
    const rate = askedPerSecond();
    const rateText = rate >= 10 || Number.isInteger(rate) ? count(Math.round(rate)) : short(Math.round(rate * 10) / 10);
    setText(rest, state.phase === "live" && store.rows.size > 0 && has("pill.rate")
      ? ` · ${tn("pill.targets", store.rows.size)} · ${t("pill.rate", { rate: rateText })}` : "");
    if (!panel.hidden) fillPanel();
  };
  update();
  return { element, update };
}
