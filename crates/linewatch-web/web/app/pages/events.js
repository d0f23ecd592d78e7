/**
 * What happened: what goes on now with its causes, silences, and the history by days. Filters stand in the address; new rows
 * wait behind a chip while somebody reads.
 * Input: /api/v1/events by pages, live events, `attention`. Output: a page.
 */

import { get } from "../api.js";
import { csv, download, isoLocal } from "../csv.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { SEVERITIES, STATES, findCauses, newestFirst, noEventFilters, parseEventFilters, passes, serverQuery, writeEventFilters } from "../eventlist.js";
import { count } from "../format.js";
import { t, tn } from "../i18n.js";
import { parseRange, spanOf, writeRange } from "../range.js";
import { store } from "../store.js";
import { zone } from "../time.js";
import { failureText } from "../ui/addform.js";
import { attention } from "../ui/attention.js";
import { causeCard } from "../ui/causecard.js";
import { choiceMenu } from "../ui/choice.js";
import { dataState } from "../ui/datastate.js";
import { toast } from "../ui/dialog.js";
import { historyLines } from "../ui/eventdays.js";
import { activeRow, eventRow } from "../ui/eventrow.js";
import { acknowledgeNow } from "../ui/noticing.js";
import { notifyMenu } from "../ui/notifymenu.js";
import { rangeBar } from "../ui/range.js";
import { silencedUntil, silencesCard } from "../ui/silences.js";

/** @typedef {import("../types").EventRow} EventRow */
/** @typedef {import("./overview.js").Page} Page */
/** @typedef {import("../eventlist.js").Cause} Cause */
/** @typedef {{ element: HTMLElement, card: ReturnType<typeof causeCard> }} Shown */

const PAGE_ROWS = 200;
/** Lines drawn at once; the next ones come when the last is near. */
const STEP = 150;
/** As many rows as an export fetches at most. */
const EXPORT_MAX = 20_000;
const READING_PX = 80;
const RANGES = /** @type {const} */ (["24h", "7d", "30d", "custom"]);

/** @returns {Page} */
export function eventsPage() {
  let filters = parseEventFilters(location.search);
  let range = parseRange(location.search, RANGES, "24h");
  /** @type {Map<string, EventRow>} */
  let rows = new Map();
  /** New ones that wait while somebody reads. @type {Map<string, EventRow>} */
  let waiting = new Map();
  /** @type {string | null} */
  let next = null;
  let isLoaded = false;
  let isAsking = false;
  let failure = "";
  let asked = 0;
  let isDisposed = false;
  let phase = store.connection.phase;
  /** @type {Set<string>} */
  const open = new Set();
  /** @type {Map<string, Shown>} */
  const causes = new Map();
  /** @type {Set<{ dispose: () => void }>} */
  const pastCards = new Set();

  const sub = h("p", { class: "muted small" });
  const states = STATES.map((state) => h("button", { type: "button", class: "segment", onclick: () => set({ state }) }, t(`events.state.${state}`)));
  const menus = [
    choiceMenu({ title: t("events.type"), read: () => filters.type, write: (type) => set({ type }), choices: () => tally((event) => event.type, (word) => t(`etype.${word}`)) }),
    choiceMenu({ title: t("events.severity"), read: () => filters.sev, write: (sev) => set({ sev }), choices: () => SEVERITIES.map((value) => ({ value, label: t(`severity.${value}`), n: all().filter((event) => event.severity === value).length })) }),
    choiceMenu({ title: t("events.target_filter"), read: () => filters.target, write: (target) => set({ target }), choices: () => targetChoices() }),
  ];
  const ranges = rangeBar({ words: RANGES, label: t("range.label"), read: () => range, write: (to) => { range = to; set({}); } });
  const silences = silencesCard(() => draw());
  const notify = notifyMenu();
  const now = h("div", { class: "events-now" });
  const activeList = h("ul", { class: "active-list" });
  const activeNote = h("span", { class: "note" });
  const activeCard = h("section", { class: "card panel-card", "aria-labelledby": "active-title" },
    h("div", { class: "card-title" }, h("h2", { id: "active-title" }, t("events.active")), activeNote), activeList);
  const beside = h("div", { class: "events-beside" }, activeCard, silences.element);
  const state = dataState({ rows: 8, label: t("events.loading") });
  const list = h("div", { class: "event-days" });
  const sentinel = h("div", { class: "log-sentinel", "aria-hidden": "true" });
  const chip = h("button", { type: "button", class: "new-chip", onclick: () => { scrollTo({ top: 0 }); takeWaiting(); } });
  const older = h("button", { type: "button", class: "link end", onclick: () => void loadOlder() }, t("events.older"));
  const sum = h("span", null);
  const history_ = h("section", { class: "card event-card", "aria-labelledby": "history-title" },
    h("div", { class: "card-title event-title" }, h("h2", { id: "history-title" }, t("events.history")), h("span", { class: "note" }, t("events.order", { zone: zone(store.now()) }))),
    chip,
    h("div", { class: "event-head", "aria-hidden": "true" }, ...["time", "event", "target", "length", "told", "ack"].map((name) => h("span", { class: `event-h-${name}` }, t(`events.column.${name}`)))),
    state.element, list, sentinel, h("div", { class: "log-foot" }, sum, older));
  const element = h("div", { class: "page events-page" },
    h("div", { class: "page-head" }, h("div", null, h("h1", null, t("events.title")), sub),
      h("div", { class: "page-actions" }, notify.element, h("button", { type: "button", class: "button", onclick: () => silences.open("") }, t("silence.button")),
        h("button", { type: "button", class: "button", onclick: () => void exportRows("csv") }, t("events.export_csv")),
        h("button", { type: "button", class: "button", onclick: () => void exportRows("json") }, t("events.export_json")))),
    h("div", { class: "tools" }, h("div", { class: "segments", role: "group", "aria-label": t("events.state") }, ...states),
      ...menus.map((menu) => menu.element), h("div", { class: "tools-end" }, ranges.element)),
    now, beside, history_);

  /** Everything that is known, active ones included. */
  const all = () => [...new Map([...rows, ...attention.open.map((event) => /** @type {const} */ ([event.id, event]))]).values()];
  /** @param {(event: EventRow) => string} key @param {(word: string) => string} label */
  const tally = (key, label) => {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const event of all()) counts.set(key(event), (counts.get(key(event)) ?? 0) + 1);
    return [...counts].map(([value, n]) => ({ value, label: label(value), n })).sort((a, b) => a.label.localeCompare(b.label));
  };
  const targetChoices = () => {
    const known = tally((event) => event.target ?? "", (id) => store.byId(id)?.o.name ?? all().find((event) => event.target === id)?.target_name ?? id).filter((one) => one.value !== "");
    const named = new Set(known.map((one) => one.value));
    return [...known, ...[...store.rows.values()].filter((row) => !named.has(row.o.id)).map((row) => ({ value: row.o.id, label: row.o.name, n: 0 }))];
  };
  const query = () => {
    const { from, to } = spanOf(range, store.now());
    const asks = new URLSearchParams([["from", String(Math.floor(from))], ...serverQuery(filters)]);
    if (range.word === "custom") asks.set("to", String(Math.ceil(to)));
    return asks;
  };
  /** @param {Partial<typeof filters>} change */
  const set = (change) => {
    const before = query().toString().replace(/from=\d+/, range.word);
    filters = { ...filters, ...change };
    const address = location.pathname + writeEventFilters(filters, writeRange(range, "24h"));
    history.replaceState(history.state, "", address);
    if (before !== query().toString().replace(/from=\d+/, range.word) || !("state" in change)) reload();
    ranges.update();
    draw();
  };
  const reload = () => {
    isLoaded = false;
    rows = new Map();
    waiting = new Map();
    void load();
  };
  const load = async () => {
    asked += 1;
    const mine = asked;
    try {
      /** @type {import("../types").Page<EventRow>} */
      const page = await get(`events?${query()}&limit=${PAGE_ROWS}`);
      if (isDisposed || mine !== asked) return;
      rows = new Map(page.rows.map((event) => [event.id, event]));
      next = page.next;
      failure = "";
      isLoaded = true;
    } catch (error) {
      if (isDisposed || mine !== asked) return;
      failure = failureText(error);
    }
    draw();
  };
  const loadOlder = async () => {
    if (next === null || isAsking) return;
    isAsking = true;
    older.disabled = true;
    const mine = asked;
    try {
      /** @type {import("../types").Page<EventRow>} */
      const page = await get(`events?${query()}&limit=${PAGE_ROWS}&before=${next}`);
      if (isDisposed || mine !== asked) return;
      for (const event of page.rows) rows.set(event.id, event);
      next = page.next;
      draw();
    } catch (error) {
      toast(failureText(error));
    } finally {
      isAsking = false;
      older.disabled = false;
    }
  };
  const isReading = () => scrollY > READING_PX || list.contains(document.activeElement);
  const takeWaiting = () => {
    if (waiting.size === 0) return;
    for (const [id, event] of waiting) rows.set(id, event);
    waiting = new Map();
    draw();
  };
  /** Live messages: what is shown is brought up to date, what is new waits while somebody reads. */
  const takeLive = () => {
    if (!isLoaded) return;
    const { from, to } = spanOf(range, store.now());
    let isOther = false;
    for (const event of store.events) {
      if (event.at < from || (range.word === "custom" && event.at > to)) continue;
      const known = rows.get(event.id) ?? waiting.get(event.id);
      if (known && known.until === event.until && known.count === event.count && known.message === event.message) continue;
      isOther = true;
      if (rows.has(event.id) || !isReading()) rows.set(event.id, event);
      else waiting.set(event.id, event);
    }
    if (isOther) draw();
  };

  let drawn = 0;
  /** @type {HTMLElement[]} */
  let lines = [];
  let shown = "";
  const draw = () => {
    states.forEach((button, index) => setAttribute(button, "aria-pressed", String(STATES[index] === filters.state)));
    for (const menu of menus) menu.update();
    setText(states[0] ?? sub, `${t("events.state.active")} ${attention.count > 0 ? count(attention.count) : ""}`.trim());
    notify.update();
    drawActive();
    drawHistory();
  };
  const drawActive = () => {
    const isOn = filters.state === "all" || filters.state === "active";
    now.hidden = beside.hidden = !isOn;
    if (!isOn) return;
    const active = attention.open.filter((event) => passes(event, { ...filters, state: "active" }, attention.acks));
    const found = findCauses(active);
    const inside = new Set(found.flatMap((cause) => [...cause.outages, ...cause.others].map((event) => event.id)));
    const alone = active.filter((event) => !inside.has(event.id));
    showCauses(found);
    setText(activeNote, alone.length > 0 ? count(alone.length) : "");
    const atNow = store.now();
    const mark = JSON.stringify([alone, Math.floor(atNow / 1000), alone.map((event) => [attention.acks.get(event.id), attention.told.get(event.id)]), attention.isKnown]);
    if (activeList.dataset["mark"] === mark || (activeList.contains(document.activeElement) && activeList.dataset["ids"] === idsOf(alone))) return;
    activeList.dataset["mark"] = mark;
    activeList.dataset["ids"] = idsOf(alone);
    fill(activeList, ...(alone.length === 0
      ? [h("li", { class: "muted" }, !attention.isKnown ? t("loading") : found.length > 0 ? t("events.none_else") : isFiltered() ? t("events.none_active_filtered") : t("events.none_active"))]
      : alone.map((event) => activeRow(event, { silence: silences.open, silencedUntil: silencedUntil(silences.list, event.target, atNow) }))));
  };
  /** @param {EventRow[]} events */
  const idsOf = (events) => events.map((event) => `${event.id}${attention.acks.has(event.id) ? "!" : ""}${attention.acks.get(event.id)?.note ?? ""}`).join(" ");
  /** @param {Cause[]} found */
  const showCauses = (found) => {
    const wanted = new Set(found.map((cause) => cause.id));
    for (const [id, one] of causes) {
      if (wanted.has(id) || !now.contains(one.element)) continue;
      one.card.dispose();
      one.element.remove();
      causes.delete(id);
    }
    for (const cause of found) {
      const known = causes.get(cause.id);
      if (known) known.card.update(cause);
      else {
        const card = causeCard(cause, { silence: silences.open, events: insideOf });
        causes.set(cause.id, { element: card.element, card });
        now.append(card.element);
      }
    }
  };
  /** @param {Cause} cause */
  const insideOf = (cause) => [...cause.outages, ...cause.others].sort(newestFirst).map((event) => lineOf({ event, folded: [] }));
  /** @param {import("../eventlist.js").Item} item */
  const lineOf = (item) => eventRow(item, {
    silence: silences.open, isOpen: open.has(item.event.id),
    ontoggle: (isOpen) => { if (isOpen) open.add(item.event.id); else open.delete(item.event.id); },
  });
  const isFiltered = () => filters.type.length + filters.sev.length + filters.target.length > 0;
  const drawHistory = () => {
    history_.hidden = filters.state === "active";
    const fresh = [...waiting.values()].filter((event) => passes(event, filters, attention.acks)).length;
    chip.hidden = fresh === 0;
    setText(chip, tn("events.new", fresh));
    if (failure !== "" && !isLoaded) state.error(failure, () => { failure = ""; draw(); void load(); });
    else if (!isLoaded) state.loading();
    const wanted = filters.state === "all" ? "closed" : filters.state;
    const visible = [...rows.values()].filter((event) => passes(event, { ...filters, state: wanted }, attention.acks)).sort(newestFirst);
    if (isLoaded && visible.length === 0) {
      if (isFiltered() || filters.state === "acked") state.empty(t("events.none"), { label: t("events.clear"), run: () => set({ ...noEventFilters() }) });
      else state.empty(t("events.none_range"), range.word === "30d" ? null : { label: t("events.show_month"), run: () => { range = { word: "30d", from: 0, to: 0 }; set({}); } });
    } else if (isLoaded) state.none();
    const mark = JSON.stringify([isLoaded, visible.map((event) => [event.id, event.until, event.count, attention.acks.get(event.id)?.note, attention.acks.has(event.id), attention.told.get(event.id)?.length])]);
    setText(sum, isLoaded ? t("events.sum", { shown: count(visible.length), all: count(rows.size) + (next === null ? "" : "+") }) : "");
    older.hidden = next === null;
    setText(sub, t("events.sub", { active: tn("events.sub_active", attention.count), kept: isLoaded ? tn("events.sub_kept", rows.size, { n: count(rows.size) + (next === null ? "" : "+") }) : "…" }));
    if (mark === shown) return;
    shown = mark;
    lines = historyLines(visible, { open, lineOf, insideOf, silence: silences.open, cards: pastCards });
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".event-row"))?.dataset["id"];
    // As many as before: what somebody reads must not vanish under the pointer.
    const n = Math.max(STEP, drawn);
    drawn = Math.min(n, lines.length);
    list.replaceChildren(...lines.slice(0, drawn));
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-id="${CSS.escape(focused)}"] > summary`))?.focus({ preventScroll: true });
  };
  const drawMore = () => {
    if (drawn >= lines.length) return;
    const part = lines.slice(drawn, drawn + STEP);
    drawn += part.length;
    list.append(...part);
  };
  const watcher = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) drawMore(); }, { rootMargin: "600px" });
  watcher.observe(sentinel);
  const onScroll = () => { if (waiting.size > 0 && !isReading()) takeWaiting(); };
  addEventListener("scroll", onScroll, { passive: true });

  /** Everything of the filters, not only what is shown. @param {"csv" | "json"} kind */
  const exportRows = async (kind) => {
    try {
      /** @type {EventRow[]} */
      const found = [];
      let before = "";
      do {
        /** @type {import("../types").Page<EventRow>} */
        const page = await get(`events?${query()}&limit=2000${before === "" ? "" : `&before=${before}`}`);
        found.push(...page.rows.filter((event) => passes(event, filters, attention.acks)));
        before = page.next ?? "";
      } while (before !== "" && found.length < EXPORT_MAX);
      if (kind === "json") download("linewatch-events.json", JSON.stringify(found.map((event) => ({ ...event, acknowledged: attention.acks.get(event.id) ?? null, told: attention.told.get(event.id) ?? [] })), null, 1), "application/json");
      else download("linewatch-events.csv", csv([["id", "begin", "end", "severity", "type", "target", "target_name", "message", "count", "count_of", "acknowledged_by", "acknowledged_at", "note"],
        ...found.map((event) => {
          const ack = attention.acks.get(event.id);
          return [event.id, isoLocal(event.at), event.until === null ? null : isoLocal(event.until), event.severity, event.type, event.target, event.target_name, event.message, event.count, event.count_of,
            ack?.who ?? null, ack ? isoLocal(ack.at) : null, ack?.note ?? null];
        })]));
      toast(tn("events.exported", found.length));
    } catch (error) {
      toast(failureText(error));
    }
  };
  const stopListening = attention.subscribe(() => draw());
  if (!attention.isKnown) attention.ask();
  draw();
  void load();
  return {
    element,
    update(dirty) {
      if (dirty.events) takeLive();
      if (dirty.connection && store.connection.phase !== phase) {
        phase = store.connection.phase;
        setAttribute(element, "data-stale", store.isLive ? null : "");
        // What happened meanwhile may be more than a page of messages.
        if (phase === "live" && isLoaded && !isReading()) void load();
        else if (phase === "live" && !isLoaded) void load();
      }
      if (dirty.tick && !document.hidden) {
        silences.update();
        drawActive();
      }
    },
    dispose() {
      isDisposed = true;
      stopListening();
      for (const { card } of causes.values()) card.dispose();
      for (const card of pastCards) card.dispose();
      for (const menu of menus) menu.dispose();
      notify.dispose();
      ranges.dispose();
      state.dispose();
      watcher.disconnect();
      removeEventListener("scroll", onScroll);
    },
    key(key) {
      if (key === "e") void exportRows("csv");
      else if (key === "a") acknowledgeHere();
      else if (key === "j" || key === "k") moveRow(element, key === "j" ? 1 : -1);
      else return ranges.key(key);
      return true;
    },
  };

  /** The event of the focused row, else the worst that nobody has taken notice of. */
  function acknowledgeHere() {
    const row = /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-id]"));
    const cause = findCauses(attention.open)[0];
    const id = row?.dataset["id"];
    if (id !== undefined) void acknowledgeNow([id]);
    else if (cause && cause.outages.some((event) => !attention.acks.has(event.id))) void acknowledgeNow(cause.outages.map((event) => event.id));
    else {
      const first = attention.open.find((event) => !attention.acks.has(event.id));
      if (first) void acknowledgeNow([first.id]);
      else toast(t("events.nothing_to_ack"));
    }
  }
}

/** @param {HTMLElement} page @param {number} step */
function moveRow(page, step) {
  const all = [...page.querySelectorAll(".active-row, .event-row > summary")].filter((one) => one.getClientRects().length > 0);
  const at = all.findIndex((one) => one === document.activeElement);
  const to = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))];
  if (to instanceof HTMLElement) to.focus();
}
