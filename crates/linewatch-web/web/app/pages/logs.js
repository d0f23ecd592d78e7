/**
 * The log of the program itself: level, part, text, follow; a line opens to its fields, repeats are one line.
 * Input: /api/v1/logs, asked again every 2 s while it is followed. Output: a page; its filters stand in the address.
 */

import { get } from "../api.js";
import { csv, download, isoLocal } from "../csv.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { count, duration } from "../format.js";
import { t, tn } from "../i18n.js";
import { LEVELS, LIMITS, foldLines, joinLines, parseFields, parseLogFilters, passes, writeLogFilters } from "../loglines.js";
import { store } from "../store.js";
import { clock, date, zone } from "../time.js";
import { failureText } from "../ui/addform.js";
import { choiceMenu } from "../ui/choice.js";
import { dataState } from "../ui/datastate.js";
import { toast } from "../ui/dialog.js";

/** @typedef {import("../types").LogInfo} LogInfo */
/** @typedef {import("../loglines.js").LogItem} LogItem */
/** @typedef {import("./overview.js").Page} Page */

const FOLLOW_MS = 2000;
/** Rows drawn at once; the next ones come when the last is near. */
const STEP = 200;
const MARGIN = "600px";
/** Below this one is reading: new lines wait. */
const READING_PX = 80;
/** Times told of a folded line. */
const TIMES_MAX = 50;
const TYPING_MS = 250;

/** @returns {Page} */
export function logsPage() {
  let filters = parseLogFilters(location.search);
  /** @type {LogInfo[]} */
  let lines = [];
  /** Newer ones that wait while somebody reads. @type {LogInfo[] | null} */
  let waiting = null;
  /** @type {string | null} */
  let next = null;
  let isLoaded = false;
  let failure = "";
  let isDisposed = false;
  let asked = 0;
  let isAsking = false;
  let followedAt = 0;
  /** @type {Set<string>} */
  const open = new Set();

  const state = dataState({ rows: 12, label: t("logs.loading") });
  const list = h("ol", { class: "log-lines", "aria-label": t("logs.title") });
  const more = h("div", { class: "log-sentinel", "aria-hidden": "true" });
  const sum = h("span", null);
  const older = h("button", { type: "button", class: "link end", onclick: () => void loadOlder() }, t("logs.older"));
  const chip = h("button", { type: "button", class: "new-chip", onclick: () => { scrollTo({ top: 0 }); takeWaiting(); } });
  chip.hidden = true;
  const sub = h("p", { class: "muted small" });
  const levels = LEVELS.map((level) => h("button", { type: "button", class: "segment", onclick: () => set({ ...filters, level }, true) }, t(`logs.level.${level}`)));
  const text = h("input", { type: "search", class: "field log-text", placeholder: t("logs.text"), "aria-label": t("logs.text") });
  text.value = filters.q;
  let typing = 0;
  text.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => set({ ...filters, q: text.value }, false), TYPING_MS);
  });
  const parts = choiceMenu({
    title: t("logs.part"), read: () => filters.part, write: (part) => set({ ...filters, part }, false),
    choices: () => {
      /** @type {Map<string, number>} */
      const counts = new Map();
      for (const line of lines) counts.set(line.module, (counts.get(line.module) ?? 0) + 1);
      return [...counts].sort((a, b) => a[0].localeCompare(b[0])).map(([value, n]) => ({ value, label: value, n }));
    },
  });
  const limits = [...new Set([...LIMITS, filters.limit])].sort((a, b) => a - b);
  const limit = h("select", { class: "field log-limit", "aria-label": t("logs.limit"), onchange: () => set({ ...filters, limit: Number(limit.value) }, true) },
    ...limits.map((n) => h("option", { value: n, selected: n === filters.limit }, t("logs.last", { n: count(n) }))));
  const follow = h("input", { type: "checkbox", class: "switch", role: "switch", onchange: () => set({ ...filters, follow: follow.checked }, false) });
  const copy = h("button", { type: "button", class: "button", onclick: () => void copyText(shown().map(plainLine).join("\n")) }, t("action.copy"));
  const save = h("button", { type: "button", class: "button", onclick: () => exportLines() }, t("logs.download"));
  const element = h("div", { class: "page logs" },
    h("div", { class: "page-head" }, h("div", null, h("h1", null, t("logs.title")), sub), h("div", { class: "page-actions" }, copy, save)),
    h("div", { class: "tools" },
      h("div", { class: "segments", role: "group", "aria-label": t("logs.level") }, ...levels), text, parts.element, limit,
      h("label", { class: "switch-label end" }, follow, t("logs.follow"))),
    h("section", { class: "card log-card", "aria-label": t("logs.title") },
      h("div", { class: "log-head", "aria-hidden": "true" }, ...["time", "level", "part", "message"].map((name) => h("span", null, t(`logs.column.${name}`)))),
      chip, state.element, list, more, h("div", { class: "log-foot" }, sum, older)));

  const shown = () => lines.filter((line) => passes(line, filters));
  /** @param {typeof filters} to @param {boolean} isOther Whether the server has to be asked. */
  const set = (to, isOther) => {
    filters = to;
    history.replaceState(history.state, "", location.pathname + writeLogFilters(filters));
    if (isOther) {
      isLoaded = false;
      lines = [];
      waiting = null;
      void load();
    }
    draw();
  };
  const load = async () => {
    asked += 1;
    const mine = asked;
    try {
      /** @type {import("../types").Page<LogInfo>} */
      const page = await get(`logs?level=${filters.level}&limit=${filters.limit}`);
      if (isDisposed || mine !== asked) return;
      lines = page.rows;
      next = page.next;
      failure = "";
      isLoaded = true;
    } catch (error) {
      if (isDisposed || mine !== asked) return;
      failure = failureText(error);
    }
    followedAt = Date.now();
    draw();
  };
  const loadOlder = async () => {
    if (next === null || isAsking) return;
    isAsking = true;
    older.disabled = true;
    try {
      /** @type {import("../types").Page<LogInfo>} */
      const page = await get(`logs?level=${filters.level}&limit=${filters.limit}&before=${next}`);
      if (isDisposed) return;
      lines = joinLines(lines, page.rows, Infinity);
      next = page.next;
      draw();
    } catch (error) {
      toast(failureText(error));
    } finally {
      isAsking = false;
      older.disabled = false;
    }
  };
  /** The newest lines since the last one known. */
  const followOn = async () => {
    const newestAt = (waiting ?? lines)[0]?.at;
    if (!filters.follow || !isLoaded || isAsking || newestAt === undefined && lines.length > 0) return;
    isAsking = true;
    const mine = asked;
    try {
      // Whole again from the last millisecond on: a line of the same one may have come later.
      /** @type {import("../types").Page<LogInfo>} */
      const page = await get(`logs?level=${filters.level}&limit=${filters.limit}${newestAt === undefined ? "" : `&from=${newestAt}`}`);
      if (isDisposed || mine !== asked) return;
      failure = "";
      const known = waiting ?? lines;
      const all = joinLines(page.rows, known, Math.max(filters.limit, lines.length));
      if (all.length === known.length && all[0]?.at === known[0]?.at) return;
      waiting = all;
      if (!isReading()) takeWaiting();
      drawChip();
    } catch {
      // The pill says that the monitor is away; what is shown stays, and is asked for again.
    } finally {
      isAsking = false;
      followedAt = Date.now();
    }
  };
  const isReading = () => scrollY > READING_PX || list.contains(document.activeElement) || !getSelection()?.isCollapsed;
  const takeWaiting = () => {
    if (waiting === null) return;
    lines = waiting;
    waiting = null;
    draw();
  };
  const drawChip = () => {
    const n = waiting === null ? 0 : waiting.filter((line) => line.at > (lines[0]?.at ?? 0) && passes(line, filters)).length;
    chip.hidden = n === 0;
    setText(chip, tn("logs.new", n));
  };

  /** @type {LogItem[]} */
  let items = [];
  let drawn = 0;
  const draw = () => {
    levels.forEach((button, index) => setAttribute(button, "aria-pressed", String(LEVELS[index] === filters.level)));
    follow.checked = filters.follow;
    parts.update();
    drawChip();
    if (failure !== "" && !isLoaded) state.error(failure, () => void load());
    else if (!isLoaded) state.loading();
    const visible = shown();
    items = foldLines(visible);
    if (isLoaded && items.length === 0) {
      const isFiltered = filters.q !== "" || filters.part.length > 0;
      if (isFiltered) state.empty(t("logs.none"), { label: t("logs.clear"), run: () => { text.value = ""; set({ ...filters, q: "", part: [] }, false); } });
      else if (filters.level === "info" || filters.level === "debug") state.empty(t("logs.empty"), null);
      else state.empty(t("logs.empty_level"), { label: t("logs.show_info"), run: () => set({ ...filters, level: "info" }, true) });
    } else if (isLoaded) state.none();
    drawn = 0;
    list.replaceChildren();
    drawMore();
    older.hidden = next === null;
    const of = (/** @type {LogInfo["level"]} */ level) => visible.filter((line) => line.level === level).length;
    setText(sum, isLoaded ? t("logs.sum", { shown: count(visible.length), all: count(lines.length), warn: count(of("warn")), error: count(of("error")) }) : "");
    const now = store.now();
    const first = lines.at(-1);
    setText(sub, t("logs.sub", { zone: zone(now), reach: first === undefined ? "" : t("logs.reach", { time: duration(now - first.at) }) }));
    copy.disabled = save.disabled = visible.length === 0;
  };
  const drawMore = () => {
    if (drawn >= items.length) return;
    const part = items.slice(drawn, drawn + STEP);
    drawn += part.length;
    list.append(...part.map((item) => logRow(item, open)));
  };
  const watcher = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) drawMore(); }, { rootMargin: MARGIN });
  watcher.observe(more);
  const onScroll = () => { if (waiting !== null && !isReading()) takeWaiting(); };
  addEventListener("scroll", onScroll, { passive: true });
  const exportLines = () => download("linewatch-logs.csv", csv([["time", "level", "part", "message"], ...shown().map((line) => [isoLocal(line.at), line.level, line.module, line.message])]));

  draw();
  void load();
  return {
    element,
    update(dirty) {
      if (!dirty.tick && !dirty.connection) return;
      setAttribute(element, "data-stale", store.isLive ? null : "");
      if (store.isLive && !document.hidden && Date.now() - followedAt >= FOLLOW_MS) {
        if (isLoaded) void followOn();
        else if (failure !== "") void load();
      }
    },
    dispose() {
      isDisposed = true;
      clearTimeout(typing);
      parts.dispose();
      state.dispose();
      watcher.disconnect();
      removeEventListener("scroll", onScroll);
    },
    key(key) {
      if (key === "e") exportLines();
      else if (key === "j" || key === "k") moveRow(list, key === "j" ? 1 : -1);
      else return false;
      return true;
    },
  };
}

/** @param {HTMLElement} list @param {number} step */
function moveRow(list, step) {
  const rows = [...list.querySelectorAll("summary")];
  const now = rows.findIndex((row) => row === document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, now + step))]?.focus();
}

/** @param {LogInfo} line */
function plainLine(line) {
  return `${isoLocal(line.at)} ${line.level.toUpperCase()} ${line.module} ${line.message}`;
}

/** @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("action.copied"));
  } catch {
    toast(t("error.copy"));
  }
}

/** @param {number} at With milliseconds: lines of one second have an order. */
function exact(at) {
  return `${clock(at)}.${String(Math.floor(at) % 1000).padStart(3, "0")}`;
}

/** @param {LogItem} item @param {Set<string>} open Which lines are open. */
function logRow({ line, times }, open) {
  const { text, fields } = parseFields(line.message);
  const key = `${line.at} ${line.message}`;
  const body = h("div", { class: "log-fields" });
  const element = h("details", { class: `log-line log-${line.level}` },
    h("summary", null,
      h("time", { datetime: new Date(line.at).toISOString(), title: `${date(line.at)} ${exact(line.at)} ${zone(line.at)}` }, exact(line.at)),
      h("span", { class: "log-level" }, line.level.toUpperCase()), h("span", { class: "log-part" }, line.module),
      h("span", { class: "log-message", lang: "en" }, text,
        fields.length === 0 ? null : h("span", { class: "log-pairs" }, ` ${fields.map(([name, value]) => `${name}=${value}`).join(" ")}`),
        times.length > 1 ? h("span", { class: "chip folded" }, t("logs.folded", { n: count(times.length) })) : null)),
    body);
  const fillBody = () => {
    if (body.childElementCount > 0) return;
    const pairs = [["time", `${isoLocal(line.at)}`], ["part", line.module], ...fields];
    fill(body,
      h("dl", { lang: "en" }, ...pairs.flatMap(([name = "", value = ""]) => [h("dt", null, name), h("dd", null, value)])),
      times.length > 1 ? h("p", { class: "muted small" }, `${t("logs.times", { n: count(times.length) })} ${times.slice(0, TIMES_MAX).map((at) => clock(at)).join(", ")}${times.length > TIMES_MAX ? " …" : ""}`) : null,
      h("button", { type: "button", class: "button small", onclick: () => void copyText(plainLine(line)) }, t("logs.copy_line")));
  };
  element.addEventListener("toggle", () => {
    if (element.open) {
      open.add(key);
      fillBody();
    } else open.delete(key);
  });
  if (open.has(key)) {
    fillBody();
    element.open = true;
  }
  return h("li", null, element);
}
