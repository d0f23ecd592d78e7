/**
 * The fleet: banner, figures, filters, every target worst first, events; on a first run one field on top.
 * Input: the store. Output: a page that follows it. Rows are sorted anew at most every five seconds, and never
 * while the pointer or the focus is inside them.
 */

import { fill, h, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { badge, worstFirst } from "../level.js";
import { past } from "../past.js";
import { custom, parseRange, writeRange } from "../range.js";
import { store } from "../store.js";
import { COMPARED_MAX, isFiltering, matches, noFilters, parseCompared, parseFilters, writeFilters } from "../url.js";
import { addForm, tellAdded } from "../ui/addform.js";
import { adviceSlot, banner, notices } from "../ui/banner.js";
import { announce, toast } from "../ui/dialog.js";
import { eventsCard } from "../ui/events.js";
import { filterBar } from "../ui/filters.js";
import { fleetCard, footLine } from "../ui/fleet.js";
import { rangeBar } from "../ui/range.js";
import { fleetList } from "../ui/fleetlist.js";
import { kiosk, lookBar, parseLook, writeLook } from "../ui/look.js";
import { moment, zone } from "../time.js";
import { loadMenus } from "../ui/shell.js";

/** @typedef {import("../store.js").Row} Row */
/** @typedef {{ element: HTMLElement, update: (dirty: import("../store.js").Dirty) => void, dispose: () => void,
 *   key?: (key: string) => boolean }} Page */

const ORDER_MS = 5000;
/** Built-in lines are four at most; above that the number is written in digits. */
const WORDS_MAX = 4;
const SLOW_MS = 4000;
const EVENTS_SHOWN = 7;
/** The history knows of an outage that began or ended once its second is written. */
const WRITTEN_MS = 3000;
const RANGES = /** @type {const} */ (["live", "24h", "7d", "30d", "custom"]);

/**
 * @param {{ navigate: (path: string) => void }} context
 * @returns {Page}
 */
export function overviewPage({ navigate }) {
  let filters = parseFilters(location.search);
  /** The address is where they are kept: what it does not name is not compared. */
  const compared = () => parseCompared(location.search);
  const view = parseLook(location.search);
  const wall = kiosk(view.isKiosk);
  /** @param {import("../range.js").Range} range @param {readonly string[]} [ids] Who is compared. */
  const link = (range, ids = compared()) => writeFilters(filters, [...writeRange(range, "live"), ...writeLook(view), ...(ids.length > 0 ? [/** @type {[string, string]} */ (["cmp", ids.join()])] : [])]);
  /** @param {typeof filters} next */
  const setFilters = (next) => {
    filters = next;
    history.replaceState(history.state, "", location.pathname + link(past.range));
    sort(true);
    draw();
  };
  past.choose(parseRange(location.search, RANGES, "live"));
  /** @param {import("../range.js").Range} range */
  const setRange = (range) => {
    past.choose(range);
    history.pushState(history.state, "", location.pathname + link(range));
    ranges.update();
    store.mark("list");
  };
  const ranges = rangeBar({ words: RANGES, label: t("range.label"), read: () => past.range, write: setRange });
  const bar = banner({ view: (rows) => {
    const only = rows[0];
    if (rows.length === 1 && only) navigate(`t/${encodeURIComponent(only.id)}`);
    else setFilters({ ...noFilters(), status: [...new Set(rows.map(badge))] });
  } });
  const notice = notices();
  const advice = adviceSlot();
  const fleet = fleetCard({
    chosen: () => filters.status,
    toggle: (level) => setFilters({ ...filters, status: filters.status.includes(level) ? filters.status.filter((word) => word !== level) : [...filters.status, level] }),
  });
  const filter = filterBar(() => filters, setFilters);
  const order = h("span", { class: "muted small order-note" });
  const add = h("button", { type: "button", class: "button", onclick: () => void loadMenus().then(({ openAdd }) => openAdd(navigate)) }, t("add.button"));
  const looks = lookBar({ read: () => view.look, write: (look) => {
    view.look = look;
    looks.update();
    chooseColumns.hidden = look !== "table";
    list.rebuild();
    setFilters(filters);
  } });
  const chooseColumns = h("button", { type: "button", class: "button columns-button", onclick: () => {
    import("../ui/columnmenu.js").then(({ openColumns }) => openColumns()).catch(() => toast(t("error.unreachable")));
  } }, t("columns.button"));
  const tools = h("div", { class: "tools" }, filter.element, h("div", { class: "tools-end" }, order, ranges.element, looks.element, chooseColumns, add));
  const period = periodLine();
  const list = fleetList({ pick: (from, to) => setRange(custom(from, to)), look: () => view.look, onwidth: () => draw(), isChosen: (id) => compared().includes(id) });
  const empty = h("p", { class: "empty" });
  const events = eventsCard({ title: t("events.title"), limit: EVENTS_SHOWN, target: null });
  /** @param {string[]} ids */
  const compare = (ids) => {
    history.replaceState(history.state, "", location.pathname + link(past.range, ids.slice(0, COMPARED_MAX)));
    list.markChosen();
    trend.update();
  };
  const trend = trendPlace({
    inView: () => sorted.filter((row) => matches(row.o, badge(row.o), filters)), chosen: compared, choose: compare,
    range: () => past.range, pick: (from, to) => setRange(custom(from, to)),
  });
  /** Adds the row under the keys to what is compared, or takes it away. */
  const toggleCompared = () => {
    const row = list.current;
    if (row === null) return false;
    const { id, name } = row.o;
    const now = compared();
    const isOn = now.includes(id);
    if (!isOn && now.length >= COMPARED_MAX) toast(t("trend.full", { most: COMPARED_MAX }));
    else {
      compare(isOn ? now.filter((one) => one !== id) : [...now, id]);
      announce(t(isOn ? "trend.removed" : "trend.added", { name, n: compared().length, most: COMPARED_MAX }));
    }
    return true;
  };
  const first = firstRun();
  const foot = footLine();
  const heading = h("h1", { class: "visually-hidden" }, t("nav.overview"));
  const element = h("div", { class: "page overview" }, heading, bar.element, notice.element, first.element, fleet.element, advice.element, tools, period.element, wall.element, list.element, empty,
    h("div", { class: "lower" }, trend.element, events.element), foot.element);

  /** @type {Row[]} */
  let sorted = [];
  let sortedAt = 0;
  const openedAt = Date.now();

  /** @param {boolean} isForced */
  const sort = (isForced) => {
    const isHeld = list.isHeld();
    setText(order, isHeld ? t("order.paused") : t("order.worst"));
    if (!isForced && (isHeld || Date.now() - sortedAt < ORDER_MS)) return;
    sortedAt = Date.now();
    // The built-in lines go from here outwards: that order tells where a fault begins.
    const isFirst = store.overview?.is_first_run === true;
    sorted = [...store.rows.values()].sort((a, b) => (isFirst ? a.o.key - b.o.key : worstFirst(a.o, b.o)));
  };
  const draw = () => {
    const all = sorted.filter((row) => store.rows.get(row.o.key) === row);
    const turn = wall.turn();
    const inView = all.filter((row) => matches(row.o, badge(row.o), filters) && (turn === null || row.o.group === turn));
    wall.update();
    const isFirst = store.overview?.is_first_run === true;
    element.classList.toggle("first-run", isFirst);
    heading.hidden = isFirst;
    first.element.hidden = !isFirst;
    fleet.element.hidden = isFirst || all.length === 0;
    tools.hidden = isFirst;
    period.update();
    foot.element.hidden = !isFirst;
    list.draw(inView);
    empty.hidden = inView.length > 0;
    if (!empty.hidden) describeEmpty(all.length);
    fleet.update(inView, all);
    filter.update();
  };
  /** @param {number} all */
  const describeEmpty = (all) => {
    if (all > 0 && isFiltering(filters)) {
      fill(empty, t("fleet.no_match"), " ", h("button", { type: "button", class: "link", onclick: () => setFilters(noFilters()) }, t("fleet.clear")));
    } else if (store.overview === null) setText(empty, Date.now() - openedAt > SLOW_MS ? t("loading.still") : t("loading"));
    else setText(empty, t("fleet.empty"));
  };

  /** @type {string | null} */
  let outages = null;
  let asking = 0;
  /** The figures of the day are asked for now and then; an outage that began or ended is news for them. */
  const askOnNews = () => {
    const now = [...store.rows.values()].flatMap(({ o }) => (o.outage === null ? [] : [`${o.key} ${o.outage.since}`])).join();
    if (outages !== null && now !== outages) {
      asking ||= setTimeout(() => {
        asking = 0;
        void past.ask();
      }, WRITTEN_MS);
    }
    outages = now;
  };
  /** @type {Page["update"]} */
  const update = (dirty) => {
    if (store.connection.phase === "paused" && !dirty.connection && !dirty.list) return;
    if (dirty.list) sort(true);
    if (dirty.list || dirty.tick) {
      sort(false);
      draw();
    }
    if (dirty.list || dirty.connection) list.updateAll();
    else list.update(dirty.keys, dirty.tick);
    if (dirty.events || dirty.list) events.update();
    if (dirty.tick) askOnNews();
    if (dirty.tick || dirty.connection || dirty.list) {
      bar.update();
      notice.update();
      advice.update(store.rows.values());
      if (!foot.element.hidden) foot.update();
      if (!first.element.hidden) first.update();
      trend.update();
    }
  };
  sort(true);
  draw();
  past.start();
  return {
    element, update,
    dispose() {
      clearTimeout(asking);
      past.stop();
      ranges.dispose();
      filter.dispose();
      list.dispose();
      wall.dispose();
      trend.dispose();
    },
    key(key) {
      if (key === "a" && !bar.element.hidden) bar.acknowledge();
      else if (ranges.key(key)) return true;
      else if (key === "x") return toggleCompared();
      else if (key === "c") trend.focus();
      else if (key === "j" || key === "k") list.move(key === "j" ? 1 : -1);
      else return false;
      return true;
    },
  };
}

/**
 * Where the trend comes: it is loaded when its place is near the sight, so that it costs the first paint nothing.
 * @param {Parameters<typeof import("../ui/trend.js").trendCard>[0]} settings
 */
function trendPlace(settings) {
  const element = h("div", { class: "trend-place" });
  /** @type {ReturnType<typeof import("../ui/trend.js").trendCard> | null} */
  let card = null;
  let isDisposed = false;
  let isWatched = false;
  /** @type {Promise<void> | null} */
  let loading = null;
  const load = async () => {
    sight.disconnect();
    try {
      const { trendCard } = await import("../ui/trend.js");
      if (isDisposed) return;
      card = trendCard(settings);
      fill(element, card.element);
    } catch {
      fill(element, h("section", { class: "card panel" }, h("p", { class: "empty" }, t("error.chart"))));
    }
  };
  // Rows come first: without any there is nothing to draw, and nothing to ask for.
  const sight = new IntersectionObserver((entries) => { if (store.rows.size > 0 && entries.some((entry) => entry.isIntersecting)) loading ??= load(); }, { rootMargin: "200px" });
  return {
    element,
    update() {
      if (loading !== null) card?.update();
      else if (store.rows.size > 0 && !isWatched) {
        isWatched = true;
        sight.observe(element);
      }
    },
    focus: () => void (loading ??= load()).then(() => card?.focus()),
    dispose() {
      isDisposed = true;
      sight.disconnect();
      card?.dispose();
    },
  };
}

/** What period the figures are of, when it is not the live minute; or why there are none. */
function periodLine() {
  const element = h("p", { class: "period-line", role: "status" });
  let shown = "";
  return {
    element,
    update() {
      element.hidden = past.range.word === "live";
      if (element.hidden) return;
      const { error, span, isLoading } = past;
      const text = error !== null ? t("range.failed", { why: error }) : span === null ? t("loading")
        : t("range.shown", { from: begin(span), to: moment(span.to, 0), zone: zone(span.to) });
      if (shown === text + isLoading) return;
      shown = text + isLoading;
      fill(element, text, error === null ? null : h("button", { type: "button", class: "link", onclick: () => void past.ask() }, t("action.retry_now")));
    },
  };
}

/** The begin of a period, with its zone where the clock was changed since. @param {{ from: number, to: number }} span */
function begin({ from, to }) {
  return zone(from) === zone(to) ? moment(from, 0) : `${moment(from, 0)} ${zone(from)}`;
}

/** What a new installation shows above its lines. */
function firstRun() {
  const sub = h("p", { class: "first-sub" });
  const form = addForm({ isLarge: true, onadded: tellAdded });
  const element = h("section", { class: "first", "aria-labelledby": "first-title" },
    h("h1", { id: "first-title" }, t("first.title")), sub, form.element);
  element.hidden = true;
  let isFocused = false;
  return {
    element,
    update() {
      const n = store.rows.size;
      const word = n >= 1 && n <= WORDS_MAX ? t(`number.${n}`) : String(n);
      setText(sub, n === 0 ? t("first.none") : tn("first.sub", n, { word }));
      if (isFocused || element.hidden || document.activeElement !== document.body) return;
      isFocused = true;
      form.input.focus({ preventScroll: true });
    },
  };
}
