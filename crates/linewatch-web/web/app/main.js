/**
 * Starts the page: words, theme, frame, live socket, and the page that fits the address.
 * Owns routing and the keys that work everywhere. Everything drawn lives in pages/ and ui/.
 */

import { ROOT, get, onUnauthorized } from "./api.js";
import { h } from "./dom.js";
import { setNumbers } from "./format.js";
import { setCatalogue, t } from "./i18n.js";
import { initLanguage } from "./language.js";
import { badge } from "./level.js";
import { live } from "./live.js";
import { overviewPage } from "./pages/overview.js";
import { loadPart } from "./parts.js";
import { store } from "./store.js";
import { setDates } from "./time.js";
import { announce } from "./ui/dialog.js";
import { LINKS, buildShell, initTheme, loadMenus, nextTheme, setTitle } from "./ui/shell.js";
import { parseRoute } from "./url.js";

/** @typedef {import("./pages/overview.js").Page} Page */
/** @typedef {(context: { navigate: (path: string) => void, id: string }) => Page} PageMaker */

/** Targets of the first answer: a screen or two. */
const FIRST_TARGETS = 40;
/** And of all others: as many as the server gives. */
const MORE_TARGETS = 1000;
/** Times all pages are asked for while a target was on none of them. */
const ROUNDS = 4;
/** Level changes are told together, at most this often. */
const ANNOUNCE_MS = 5000;
/** Who somebody is matters less than what is shown. */
const ACCOUNT_MS = 1200;

/**
 * Every page but the first is fetched when somebody goes there, with its own style and words (`parts.js`).
 * @type {Readonly<Record<string, () => Promise<PageMaker>>>}
 */
const PAGES = {
  overview: async () => overviewPage,
  target: async () => (await import("./pages/target.js")).targetPage,
  settings: async () => (await Promise.all([import("./pages/settings.js"), loadPart("settings")]))[0].settingsPage,
  report: async () => (await Promise.all([import("./pages/report.js"), loadPart("report")]))[0].reportPage,
  hud: async () => (await Promise.all([import("./pages/hud.js"), loadPart("hud")]))[0].hudPage,
  events: async () => (await Promise.all([import("./pages/events.js"), loadPart("events")]))[0].eventsPage,
  logs: async () => (await Promise.all([import("./pages/logs.js"), loadPart("logs")]))[0].logsPage,
};

/** @type {Page | null} */
let page = null;
/** @type {HTMLElement} */
let main;
let isGoing = false;
let routes = 0;

/** Goes to a page of this program. @param {string} path Under the root. */
function navigate(path) {
  history.pushState(null, "", ROOT + path);
  void show(true);
}

/** @param {boolean} withFocus Whether a person went there: then the focus follows. */
async function show(withFocus) {
  routes += 1;
  const mine = routes;
  const route = parseRoute(location.pathname, ROOT);
  live.watchDetail(route.page === "target" ? [route.id] : []);
  const make = await (PAGES[route.page]?.() ?? missingPage);
  // A faster click may have gone elsewhere while the page was loading.
  if (mine !== routes) return;
  const next = make({ navigate, id: route.id });
  page?.dispose();
  page = next;
  main.replaceChildren(page.element);
  for (const link of document.querySelectorAll("[data-nav]")) {
    if (link.getAttribute("data-nav") === route.page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  setTitle(route.page === "overview" ? t("brand") : `${route.id || t(`${route.page}.title`)} · ${t("brand")}`);
  if (withFocus) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  store.mark("list");
  if (location.search !== "") void import("./ui/linknotice.js").then(({ noticeLink }) => { if (mine === routes) noticeLink(route.page, next.element, route.id); });
}

/** @returns {Page} */
function missingPage() {
  return {
    element: h("div", { class: "page" }, h("h1", null, t("missing.title")), h("p", { class: "muted" }, t("missing.text")), h("p", null, h("a", { href: ROOT }, t("nav.home")))),
    update() {}, dispose() {},
  };
}

/** @param {number} limit @param {number} offset @returns {Promise<import("./types").Overview>} */
const askOverview = (limit, offset) => get(`overview?range=live&limit=${limit}&offset=${offset}`);

/**
 * All pages of the overview answer, worst first; the first paint does not wait for the last.
 * @param {Promise<import("./types").Overview>} [first] The first page, if it was asked for already.
 */
async function loadOverview(first) {
  const keys = new Set();
  try {
    let overview = await (first ?? askOverview(FIRST_TARGETS, 0));
    store.overview = overview;
    take(overview, keys);
    let offset = FIRST_TARGETS;
    // The order moves between two pages, so that a target may be on none of them: then once more, from the beginning.
    for (let round = 0; round < ROUNDS && keys.size < overview.total; round += 1) {
      for (; offset < overview.total && keys.size < overview.total; offset += MORE_TARGETS) {
        overview = await askOverview(MORE_TARGETS, offset);
        take(overview, keys);
      }
      offset = 0;
    }
    // Who was on no page is not known to have left.
    if (keys.size >= overview.total) store.keepOnly(keys);
  } catch {
    // The socket brings the targets too, and says that the server is away.
    store.mark("list");
  }
}

/** @param {import("./types").Overview} overview @param {Set<number>} keys Takes the targets of this page in. */
function take(overview, keys) {
  store.applyRows(overview.targets, overview.run, { isWhole: false, seq: overview.seq });
  for (const row of overview.targets) keys.add(row.key);
}

let reload = 0;
/** Changes come in bursts: one answer for all of them. */
function catalogChanged() {
  clearTimeout(reload);
  reload = setTimeout(() => {
    store.catalogVersion += 1;
    void loadOverview();
  }, 100);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    void loadMenus().then(({ openSearch }) => openSearch(navigate));
    return;
  }
  const at = event.target instanceof Element ? event.target : document.body;
  if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, select, textarea, dialog, [contenteditable]")) return;
  // A button or link already answers to the space bar and Enter.
  if ((event.key === " " || event.key === "Enter") && at.closest("a, button, summary")) return;
  const wasGoing = isGoing;
  // Somebody who speaks to the computer would press them without meaning to (WCAG 2.1.4).
  if (event.key.length === 1 && document.documentElement.dataset["keys"] === "off") return;
  isGoing = event.key === "g";
  // `g` and the first letter of a page.
  const going = wasGoing && LINKS.find(([name]) => name[0] === event.key);
  if (going) navigate(going[1]);
  else if (event.key === "/") void loadMenus().then(({ openSearch }) => openSearch(navigate));
  else if (event.key === "?") void loadMenus().then(({ openKeys }) => openKeys());
  else if (event.key === "n") void loadMenus().then(({ openAdd }) => openAdd(navigate));
  else if (event.key === "d") nextTheme();
  else if (event.key === "p") live.togglePause();
  else if (!page?.key?.(event.key)) return;
  event.preventDefault();
}

/** Links inside the program change the page without loading it anew. @param {MouseEvent} event */
function onClick(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target !== "" || link.origin !== location.origin || link.hash !== "") return;
  if (parseRoute(link.pathname, ROOT).page === "missing") return;
  event.preventDefault();
  navigate(link.pathname.slice(ROOT.length) + link.search);
}

/** @type {Map<number, string>} */
const levels = new Map();
/** @type {Map<string, string>} */
const changed = new Map();
let announcedAt = 0;

/** Tells level changes to a listener, several in one sentence. @param {Set<number>} keys */
function noteLevels(keys) {
  for (const key of keys) {
    const row = store.rows.get(key);
    if (!row) continue;
    const now = badge(row.o);
    const before = levels.get(key);
    levels.set(key, now);
    if (before !== undefined && before !== now) changed.set(row.o.name, t(`badge.${now}`));
  }
  if (changed.size === 0 || Date.now() - announcedAt < ANNOUNCE_MS) return;
  announcedAt = Date.now();
  announce([...changed].slice(0, 3).map(([name, level]) => `${name} ${level}`).join(", "));
  changed.clear();
}

/** @type {() => void} */
let tellWords = () => {};
/** @type {Promise<void>} */
const hasWords = new Promise((resolve) => { tellWords = resolve; });

const loadLogin = async () => (await Promise.all([import("./ui/login.js"), loadPart("login")]))[0];

/** A server that is asked by somebody it does not know opens the door; afterwards the same is asked again. */
async function signIn() {
  // The first question may be refused before there is a word to say so.
  await hasWords;
  const { openLogin } = await loadLogin();
  const isIn = await openLogin();
  if (isIn) live.retryNow();
  return isIn;
}

/** On the monitor's own computer there is nobody to be, and nothing to load. */
async function showAccount() {
  try {
    /** @type {import("./types").SessionInfo} */
    const session = await get("session");
    if (session.by === "session" || session.by === "nobody") (await loadLogin()).accountMenu();
  } catch {
    // The monitor is away; whoever is refused later is asked then.
  }
}

async function boot() {
  onUnauthorized(signIn);
  initTheme();
  const language = initLanguage();
  // Elsewhere the welcome of the socket brings what is shown first, and the rest of the fleet can wait for it.
  const isFleet = parseRoute(location.pathname, ROOT).page === "overview";
  // Rows are on their way while the words are; who fails is asked again, and told of, behind.
  const first = isFleet ? askOverview(FIRST_TARGETS, 0) : undefined;
  first?.catch(() => {});
  const words = await fetch(new URL(`../i18n/${language}.json`, import.meta.url));
  setCatalogue(await words.json(), language);
  setNumbers(language);
  setDates(language);
  tellWords();
  const root = document.getElementById("app");
  if (!root) return;
  main = buildShell(root, navigate);
  store.subscribe((dirty) => {
    noteLevels(dirty.keys);
    page?.update(dirty);
  });
  addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  addEventListener("popstate", () => void show(false));
  if (isFleet) void loadOverview(first);
  else whenAnswered(() => void loadOverview());
  live.start(catalogChanged);
  setTimeout(() => void showAccount(), ACCOUNT_MS);
  await show(false);
  // What the monitor keeps for every browser is no part of the first load.
  whenAnswered(() => void import("./settings/look.js").then(({ adoptLook }) => adoptLook()));
}

/** Runs something once the socket is live, or has failed to be. @param {() => void} run */
function whenAnswered(run) {
  const end = store.subscribe(() => {
    if (store.connection.phase === "connecting") return;
    end();
    run();
  });
}

void boot();
