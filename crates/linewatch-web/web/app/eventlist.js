/**
 * Orders what happened: filters and their link, days, repeats folded into one, outages that began together under one cause.
 * Input: event rows, newest first, and who took notice. Output: what the page of events draws. Pure: no element, no clock.
 */

/** @typedef {import("./types").EventRow} EventRow */
/** @typedef {"all" | "active" | "acked" | "closed"} EventState */
/** @typedef {{ state: EventState, type: string[], sev: string[], target: string[] }} EventFilters */
/** @typedef {{ event: EventRow, folded: EventRow[] }} Item `folded`: earlier ones of the same kind and target, newest first. */
/** @typedef {{ key: string, day: number, items: Item[] }} Day */
/** @typedef {{ id: string, from: number, until: number | null, outages: EventRow[], others: EventRow[], targets: string[] }} Cause */

export const STATES = /** @type {const} */ (["active", "acked", "closed", "all"]);
export const SEVERITIES = /** @type {const} */ (["critical", "warning", "info"]);
/** Short troubles that come again and again: more than one of them is one line. */
const REPEATING = new Set(["packet_loss", "threshold_exceeded", "jitter", "dns_failed", "login_failed", "alert_failed", "address_changed"]);
/** Troubles that belong to the outage they begin with. */
const COMPANIONS = new Set(["packet_loss", "threshold_exceeded", "jitter", "stale", "local_outage"]);
/** A pause longer than this begins another line. */
const FOLD_MS = 10 * 60_000;
/** The first loss of an outage may be dated before it. */
const EDGE_MS = 2000;
/** Outages are noticed some probes after the fault: with time-outs and intervals of seconds they open this far apart. */
const TOGETHER_MS = 10_000;
/** Two lines may fail at once by chance; three hardly do. The alerts count the same (`ALERT_EVERY_TARGET_MIN`). */
export const CAUSE_MIN = 3;

/** @returns {EventFilters} */
export function noEventFilters() {
  return { state: "all", type: [], sev: [], target: [] };
}

/** @param {string} search @returns {EventFilters} Unknown words are left out. */
export function parseEventFilters(search) {
  const params = new URLSearchParams(search);
  /** @param {string} name */
  const list = (name) => [...new Set((params.get(name) ?? "").split(",").map((word) => word.trim()).filter(Boolean))];
  return {
    state: STATES.find((word) => word === params.get("state")) ?? "all",
    type: list("type").filter((word) => /^[a-z_]+$/.test(word)),
    sev: list("sev").filter((word) => SEVERITIES.some((known) => known === word)),
    target: list("target"),
  };
}

/** @param {EventFilters} filters @param {readonly [string, string][]} [more] @returns {string} "" or "?…" */
export function writeEventFilters({ state, type, sev, target }, more = []) {
  const params = new URLSearchParams();
  if (state !== "all") params.set("state", state);
  for (const [name, list] of /** @type {const} */ ([["type", type], ["sev", sev], ["target", target]])) if (list.length > 0) params.set(name, list.join(","));
  for (const [name, value] of more) params.set(name, value);
  const text = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text === "" ? "" : `?${text}`;
}

/** What of the filters the server can do itself: as little as possible travels. @param {EventFilters} filters @returns {[string, string][]} */
export function serverQuery({ type, sev, target }) {
  /** @type {[string, string][]} */
  const query = [];
  const [kind, one] = [type[0], target[0]];
  if (type.length === 1 && kind !== undefined) query.push(["type", kind]);
  if (target.length === 1 && one !== undefined) query.push(["target", one]);
  // The server knows "at least": the mildest of the chosen.
  const mildest = sev.length === 0 ? "info" : SEVERITIES.findLast((word) => sev.includes(word)) ?? "info";
  if (mildest !== "info") query.push(["severity", mildest]);
  return query;
}

/** @param {EventRow} event @param {EventFilters} filters @param {{ has: (id: string) => boolean }} acks */
export function passes(event, { state, type, sev, target }, acks) {
  if (state === "active" && event.until !== null) return false;
  if (state === "closed" && event.until === null) return false;
  if (state === "acked" && !acks.has(event.id)) return false;
  if (type.length > 0 && !type.includes(event.type)) return false;
  if (sev.length > 0 && !sev.includes(event.severity)) return false;
  return target.length === 0 || (event.target !== null && target.includes(event.target));
}

/** Newest first; of one instant the later number. @param {EventRow} a @param {EventRow} b */
export function newestFirst(a, b) {
  return b.at - a.at || b.id.localeCompare(a.id, "en", { numeric: true });
}

/**
 * Repeats of one trouble of one target become one line, where the newest stands.
 * @param {readonly EventRow[]} events Newest first.
 * @returns {Item[]}
 */
export function foldRepeats(events) {
  /** @type {Item[]} */
  const items = [];
  /** @type {Map<string, Item>} */
  const open = new Map();
  const outages = events.filter((event) => event.type === "outage").map((event) => ({ event, folded: /** @type {EventRow[]} */ ([]) }));
  const byOutage = new Map(outages.map((one) => [one.event.id, one]));
  for (const event of events) {
    // The probes an outage is made of are told by it: one thing that happened is one line.
    const home = event.type !== "packet_loss" ? undefined
      : outages.find((one) => one.event.target === event.target && event.at >= one.event.at - EDGE_MS && event.at <= (one.event.until ?? Infinity));
    if (home) {
      home.folded.push(event);
      continue;
    }
    const outage = byOutage.get(event.id);
    if (outage) {
      items.push(outage);
      continue;
    }
    const key = `${event.type} ${event.target ?? ""}`;
    const item = open.get(key);
    const last = item?.folded.at(-1) ?? item?.event;
    // What goes on stands for itself.
    if (item && last && item.event.until !== null && last.at - event.at <= FOLD_MS && isSameDay(last.at, event.at)) {
      item.folded.push(event);
      continue;
    }
    const mine = { event, folded: [] };
    items.push(mine);
    if (REPEATING.has(event.type)) open.set(key, mine);
  }
  return items;
}

/** @param {number} at */
function midnight(at) {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** @param {number} a @param {number} b */
function isSameDay(a, b) {
  return midnight(a) === midnight(b);
}

/** @param {readonly Item[]} items Newest first. @returns {Day[]} */
export function byDay(items) {
  /** @type {Day[]} */
  const days = [];
  for (const item of items) {
    const day = midnight(item.event.at);
    const last = days.at(-1);
    if (last?.day === day) last.items.push(item);
    else days.push({ key: String(day), day, items: [item] });
  }
  return days;
}

/** 0 today, 1 yesterday, more for earlier ones, by the calendar of the browser. @param {number} day @param {number} now */
export function daysAgo(day, now) {
  // A day of a clock change is an hour shorter or longer.
  return Math.round((midnight(now) - day) / 86_400_000);
}

/**
 * Outages of at least three targets that opened together, with the troubles that began with them.
 * @param {readonly EventRow[]} events
 * @returns {Cause[]} Newest first.
 */
export function findCauses(events) {
  const outages = events.filter((event) => event.type === "outage" && event.target !== null).sort((a, b) => a.at - b.at);
  /** @type {EventRow[][]} */
  const runs = [];
  for (const event of outages) {
    const run = runs.at(-1);
    const first = run?.[0];
    if (run && first && event.at - first.at <= TOGETHER_MS) run.push(event);
    else runs.push([event]);
  }
  const causes = runs.map((run) => causeOf(run, events)).filter((cause) => cause.targets.length >= CAUSE_MIN);
  return causes.reverse();
}

/** @param {EventRow[]} outages By begin. @param {readonly EventRow[]} events @returns {Cause} */
function causeOf(outages, events) {
  const first = /** @type {EventRow} */ (outages[0]);
  const last = /** @type {EventRow} */ (outages.at(-1));
  const isOpen = outages.some((event) => event.until === null);
  const targets = [...new Set(outages.map((event) => event.target ?? ""))];
  const others = events.filter((event) => COMPANIONS.has(event.type) && (event.target === null || targets.includes(event.target))
    && event.at >= first.at - TOGETHER_MS && event.at <= last.at + TOGETHER_MS);
  return {
    id: first.id, from: first.at, until: isOpen ? null : Math.max(...outages.map((event) => event.until ?? 0)),
    outages, others, targets,
  };
}

/** How many of each kind, the most frequent first. @param {readonly EventRow[]} events @returns {[string, number][]} */
export function countKinds(events) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const event of events) counts.set(event.type, (counts.get(event.type) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
