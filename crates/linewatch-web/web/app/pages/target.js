/**
 * One target: what it is, START/STOP, the HUD strip, the live minute, its thresholds, outages, events and the sum of all probes.
 * Input: the store and the id in the address. Output: a page that follows it; an unknown id says so.
 */

import { ROOT, get, runTarget } from "../api.js";
import { loadChartLibrary } from "../charts/axes.js";
import { liveChart } from "../charts/live.js";
import { badgeWord, fill, glyph, h, setAttribute, setGlyph, setText } from "../dom.js";
import { duration, setting } from "../format.js";
import { t } from "../i18n.js";
import { badge, tag } from "../level.js";
import { loadPart } from "../parts.js";
import { custom, parseRange, writeRange } from "../range.js";
import { store } from "../store.js";
import { parseY } from "../yaxis.js";
import { failureText } from "../ui/addform.js";
import { adviceSlot, banner } from "../ui/banner.js";
import { beyondText } from "../ui/beyond.js";
import { announce, toast } from "../ui/dialog.js";
import { eventsCard } from "../ui/events.js";
import { hudStrip, insightLine } from "../ui/hud.js";

/** @typedef {import("../store.js").Row} Row */
/** @typedef {import("./overview.js").Page} Page */

const EVENTS_SHOWN = 8;
/** Periods of the history, and the one its link does not mention: what is shared and reported is what is looked at. */
const RANGES = /** @type {const} */ (["1h", "24h", "7d", "30d", "custom"]);
const RANGE_USUAL = "24h";
/** The dialogs of a target are loaded when one is opened. */
const dialogs = () => import("../ui/edit.js");

/**
 * @param {{ navigate: (path: string) => void, id: string }} context
 * @returns {Page}
 */
export function targetPage({ navigate, id }) {
  const element = h("div", { class: "page target" });
  /** @type {ReturnType<typeof body> | null} */
  let shown = null;
  let isMissing = false;
  // On its way before the first row is: the chart asks again, and tells a failure.
  loadChartLibrary().catch(() => {});
  const bar = banner({ view: (rows) => navigate(rows[0] ? `t/${encodeURIComponent(rows[0].id)}` : "") });
  /** @type {Page["update"]} */
  const update = (dirty) => {
    const row = store.byId(id);
    if (row && shown?.row !== row) {
      shown?.dispose();
      shown = body(row, navigate);
      fill(element, bar.element, ...shown.elements);
      isMissing = false;
    } else if (!row && store.overview !== null && !isMissing) {
      isMissing = true;
      shown?.dispose();
      shown = null;
      fill(element, h("h1", null, t("target.missing")), h("p", { class: "muted" }, t("target.missing_text", { id })), h("p", null, h("a", { href: ROOT }, t("nav.home"))));
    } else if (!row && !isMissing && element.childElementCount === 0) fill(element, h("p", { class: "empty" }, t("loading")));
    if (store.connection.phase === "paused" && !dirty.connection && !dirty.list) return;
    if (dirty.tick || dirty.connection || dirty.list) bar.update();
    shown?.update(dirty);
  };
  return {
    element, update,
    dispose: () => shown?.dispose(),
    key(key) {
      if (!shown) return false;
      if (key === " ") shown.toggle();
      else if (key === "t") void dialogs().then(({ openChange }) => openChange(id, navigate));
      else if (key === ".") void dialogs().then(({ openEdit }) => openEdit(id));
      else if (key === "a" && !bar.element.hidden) bar.acknowledge();
      else return shown.key(key);
      return true;
    },
  };
}

/** @param {Row} row @param {(path: string) => void} navigate */
function body(row, navigate) {
  const id = row.o.id;
  const others = besidePlace(row, () => {
    added.beside = others.live();
    added.past = others.past();
    chart.rescale();
    past.refresh();
  });
  const head = header(row, navigate, others.open);
  const hud = hudStrip(row);
  const advice = adviceSlot();
  const readout = h("span", { class: "readout", role: "status" });
  const cut = h("span", { class: "beyond" });
  /** What both charts share: the axis, and who is drawn beside. */
  const added = {
    y: parseY(location.search),
    /** @type {import("../charts/live.js").Beside | null} */
    beside: null,
    /** @type {import("../ui/history.js").Added["past"]} */
    past: null,
    /** @type {import("../charts/live.js").Added["onbeyond"]} */
    onbeyond: (found, limits) => setText(cut, beyondText(found, limits)),
    ony(/** @type {import("../yaxis.js").YAxis} */ y) {
      added.y = y;
      chart.rescale();
    },
  };
  const chart = liveChart(row, (text) => setText(readout, text), added);
  const insight = insightLine();
  const around = aroundChart(row, chart, navigate);
  const legend = h("div", { class: "legend", "aria-hidden": "true" },
    h("span", null, h("i", null), t("chart.wire", { probe: t(`method.${row.o.probe}`) })), h("span", null, h("i", { class: "process" }), t("chart.host")),
    h("span", null, h("i", { class: "lost" }), t("chart.lost")));
  const live = h("section", { class: "card panel" },
    h("div", { class: "card-title" }, h("h2", null, t("chart.title")), h("span", { class: "note" }, t("chart.span")), legend),
    chart.element, h("div", { class: "chart-foot" }, around.points, cut, readout), insight.element);
  const past = pastPanels(row, chart.drawn, added);
  const events = eventsCard({ title: t("events.of_target"), limit: EVENTS_SHOWN, target: id });
  /** @type {import("../types").EventRow[]} */
  let eventRows = [];
  let isDisposed = false;
  /** @type {string | null} */
  let asked = null;
  let isDrawn = false;
  void chart.drawn.then(() => {
    isDrawn = true;
    void refresh();
  });

  /** What is stored of this target: asked for once, and again when an outage opened or closed, or targets changed. */
  const refresh = async () => {
    const mark = `${store.catalogVersion} ${row.o.outage?.since ?? 0} ${store.connection.phase}`;
    if (!isDrawn || mark === asked || store.connection.phase !== "live") return;
    asked = mark;
    const query = new URLSearchParams({ target: id });
    try {
      /** @type {[import("../types").Page<import("../types").EventRow>, import("../types").TargetAnswer]} */
      const [eventPage, answer] = await Promise.all([
        get(`events?${query}&limit=${EVENTS_SHOWN}`), get(`targets/${encodeURIComponent(id)}`),
      ]);
      if (isDisposed) return;
      eventRows = eventPage.rows;
      if (answer.detail) store.applyDetail(answer.detail);
      store.mark("events");
      store.touch(row.o.key);
    } catch (error) {
      if (!isDisposed) toast(failureText(error));
    }
  };
  const drawEvents = () => {
    const merged = new Map([...eventRows, ...store.events.filter((event) => event.target === id)].map((event) => [event.id, event]));
    events.update([...merged.values()].sort((a, b) => b.at - a.at));
  };
  return {
    row,
    elements: [head.element, hud.element, advice.element, others.element, h("div", { class: "columns" }, live, around.thresholds), past.element, h("div", { class: "columns" }, events.element, around.account)],
    toggle: head.toggle,
    key(/** @type {string} */ key) {
      if (key !== "c") return past.key(key);
      others.open();
      return true;
    },
    /** @param {import("../store.js").Dirty} dirty */
    update(dirty) {
      const isMine = dirty.keys.has(row.o.key) || dirty.list || dirty.connection;
      if (isMine || dirty.tick) {
        head.update();
        hud.update();
        past.update();
        void refresh();
      }
      if (isMine || (dirty.tick && (row.o.state !== "ok" || !store.isLive || added.beside !== null))) chart.update();
      if (dirty.tick || dirty.list) others.update();
      if (isMine) {
        advice.update([row]);
        insight.update(row);
        around.update();
      }
      if (dirty.events || dirty.list) drawEvents();
    },
    dispose() {
      isDisposed = true;
      chart.dispose();
      past.dispose();
    },
  };
}

/**
 * Other targets drawn beside this one: loaded when the link names some, or somebody asks.
 * @param {Row} row @param {() => void} changed
 */
function besidePlace(row, changed) {
  const element = h("div", { class: "beside-place" });
  /** @type {ReturnType<typeof import("../ui/compare.js").comparison> | null} */
  let compared = null;
  const load = async () => {
    if (compared !== null) return compared;
    const [{ comparison }] = await Promise.all([import("../ui/compare.js"), loadPart("target")]);
    if (compared === null) fill(element, (compared = comparison(row, changed)).element);
    return compared;
  };
  const tell = () => toast(t("error.unreachable"));
  if (new URLSearchParams(location.search).has("cmp")) void load().then(changed, tell);
  return {
    element,
    open: () => void load().then((one) => one.open(), tell),
    live: () => (compared?.isOn ? compared.live : null),
    past: () => (compared?.isOn ? compared.past : null),
    /** Names in the link may be those of targets that come only now. */
    update() {
      if (compared?.update()) changed();
    },
  };
}

/**
 * Thresholds, the account of all probes and the table behind the chart: they come a moment after it.
 * @param {Row} row @param {ReturnType<typeof liveChart>} chart @param {(path: string) => void} navigate
 */
function aroundChart(row, chart, navigate) {
  const id = row.o.id;
  const waiting = () => h("section", { class: "card panel" }, h("p", { class: "empty" }, t("loading")));
  const [thresholds, account] = [waiting(), waiting()];
  const points = h("details", { class: "points" }, h("summary", null, t("chart.table")));
  const loaded = chart.drawn.then(() => Promise.all([import("../ui/panels.js"), import("../ui/account.js")]));
  let update = () => {};
  loaded.then(([{ thresholdsPanel }, { accountPanel }]) => {
    const panel = thresholdsPanel(
      h("button", { type: "button", class: "button small", onclick: () => void dialogs().then(({ openEdit }) => openEdit(id)) }, t("action.edit")),
      h("button", { type: "button", class: "button small", onclick: () => void dialogs().then(({ openRemove }) => openRemove(id, navigate)) }, t("remove.button")));
    const sum = accountPanel();
    update = () => {
      panel.update(row);
      sum.update(row);
    };
    update();
    thresholds.replaceWith(panel.element);
    account.replaceWith(sum.element);
  }, () => [thresholds, account].forEach((card) => fill(card, t("error.unreachable"))));
  /** @type {ReturnType<typeof import("../ui/account.js").pointsTable> | null} */
  let table = null;
  points.addEventListener("toggle", async () => {
    if (!points.open) return;
    const [, { pointsTable }] = await loaded;
    if (table === null) points.append((table = pointsTable(() => chart.points)).element);
    table.update();
  });
  return { thresholds, account, points, update: () => update() };
}

/**
 * History and outages: they come a moment after the live chart, which does not wait for them.
 * @param {Row} row @param {Promise<void>} drawn @param {import("../ui/history.js").Added} added
 */
function pastPanels(row, drawn, added) {
  const element = h("div", { class: "past" }, h("section", { class: "card panel history-waiting" }, h("p", { class: "empty" }, t("loading"))));
  /** @type {ReturnType<typeof import("../ui/history.js").historyPanel> | null} */
  let panel = null;
  /** @type {ReturnType<typeof import("../ui/outages.js").outagesPanel> | null} */
  let outages = null;
  let isDisposed = false;
  let shownOutage = row.o.outage?.since ?? 0;
  const load = async () => {
    await drawn;
    try {
      const [{ historyPanel }, { outagesPanel }] = await Promise.all([import("../ui/history.js"), import("../ui/outages.js")]);
      if (isDisposed) return;
      const made = historyPanel(row, (view, range) => void outages?.look(view, range), added);
      outages = outagesPanel(row, { zoom: made.zoom, onrows: made.setOutages });
      panel = made;
      fill(element, made.element, outages.element);
    } catch {
      fill(element, h("section", { class: "card panel" }, h("p", { class: "empty" }, t("error.chart"))));
    }
  };
  void load();
  return {
    element,
    update() {
      const since = row.o.outage?.since ?? 0;
      panel?.update(since !== shownOutage);
      shownOutage = since;
      outages?.update();
    },
    refresh: () => panel?.refresh(),
    key: (/** @type {string} */ key) => panel?.key(key) ?? false,
    dispose() {
      isDisposed = true;
      panel?.dispose();
      outages?.dispose();
    },
  };
}

/** Crumb, name, badge, actions. @param {Row} row @param {(path: string) => void} navigate @param {() => void} compare */
function header(row, navigate, compare) {
  const crumb = h("span", null);
  const name = h("h1", null);
  const icon = glyph(badge(row.o));
  const word = h("span", null);
  const pill = h("span", { class: "badge" }, icon, word);
  const tagElement = h("span", { class: "tag" });
  const sub = h("span", null);
  const chip = h("span", { class: "chip" });
  const runButton = h("button", { type: "button", class: "button stop" });
  const change = h("button", { type: "button", class: "button", onclick: () => void dialogs().then(({ openChange }) => openChange(row.o.id, navigate)) }, t("change.button"), h("kbd", null, "T"));
  const beside = h("button", { type: "button", class: "button", onclick: compare }, t("compare.button"), h("kbd", null, "C"));
  const share = h("button", { type: "button", class: "button", onclick: () => void openSharing(row) }, t("share.button"));
  const report = h("a", { class: "button", href: reportHref(row.o.id) }, t("nav.report"));
  const element = h("div", null,
    h("nav", { class: "crumb", "aria-label": t("crumb.label") }, h("a", { href: ROOT }, t("nav.overview")), crumb),
    h("div", { class: "target-head" },
      h("div", null, h("div", { class: "target-name" }, name, pill, tagElement), h("div", { class: "target-sub" }, sub, " ", chip)),
      h("div", { class: "target-actions" }, change, beside, share, report, runButton)));
  /** What the person asked for, until the server says so itself. @type {boolean | null} */
  let wish = null;
  let isBusy = false;
  const isPaused = () => wish ?? row.o.state === "paused";
  const toggle = async () => {
    if (isBusy) return;
    isBusy = true;
    const stop = !isPaused();
    wish = stop;
    update();
    announce(t(stop ? "run.stopping" : "run.starting", { name: row.o.name }));
    try {
      await runTarget(row.o.id, stop ? "stop" : "start");
    } catch (error) {
      wish = null;
      toast(failureText(error));
    } finally {
      isBusy = false;
      update();
    }
  };
  runButton.addEventListener("click", () => void toggle());
  const update = () => {
    const { o } = row;
    if (wish !== null && wish === (o.state === "paused")) wish = null;
    const level = badge(o);
    setText(crumb, `${o.group === "" ? "" : ` / ${o.group}`} / ${o.name}`);
    setText(name, o.name);
    document.title = `${o.name} · ${t("brand")}`;
    setGlyph(icon, store.isLive ? level : "stale");
    const since = tag(o) === null ? o.outage?.since ?? o.state_since : o.grade_since;
    setText(word, `${badgeWord(level)} · ${duration(Math.max(0, store.now() - since))}`);
    setAttribute(pill, "class", `badge level-${level}`);
    const state = tag(o);
    tagElement.hidden = state === null;
    if (state !== null) {
      setText(tagElement, t(`state.${state}`));
      setAttribute(tagElement, "class", `tag tag-${state}`);
    }
    const ip = o.ip !== null && !o.address.includes(o.ip) ? ` (${o.ip})` : "";
    const probe = o.probe === "icmp" ? t("target.icmp", { bytes: o.payload_bytes })
      : o.probe === "tcp" ? t("target.tcp", { port: o.port ?? "" })
        : t(o.payload === "dns" ? "target.udp_dns" : "target.udp_echo", { port: o.port ?? "" });
    setText(sub, `${o.address}${ip} · ${t("target.every", { probe, interval: setting(o.interval_ms) })}${o.country === "" ? "" : " ·"}`);
    chip.hidden = o.country === "";
    setText(chip, o.country);
    setAttribute(report, "href", reportHref(o.id));
    const paused = isPaused();
    setText(runButton, paused ? t("run.start") : t("run.stop"));
    setAttribute(runButton, "class", paused ? "button primary" : "button stop");
    setAttribute(runButton, "aria-label", t(paused ? "run.start_label" : "run.stop_label", { name: o.name }));
  };
  return { element, update, toggle: () => void toggle() };
}

/** The report of the period that the history shows. @param {string} id */
function reportHref(id) {
  const range = parseRange(location.search, RANGES, RANGE_USUAL);
  // A report is of a day at least, or of two instants.
  const shown = range.word === "1h" ? custom(store.now() - 3_600_000, store.now()) : range;
  return `${ROOT}report/${encodeURIComponent(id)}?${new URLSearchParams(writeRange(shown, "live"))}`.replaceAll("%3A", ":");
}

/** @param {Row} row */
async function openSharing(row) {
  try {
    const { openShare } = await import("../ui/share.js");
    openShare({ id: row.o.id, name: row.o.name, words: RANGES, usual: RANGE_USUAL });
  } catch {
    toast(t("error.unreachable"));
  }
}
