/**
 * The one bar on top of a page: what needs attention, worst first, or that the live view is interrupted.
 * Below it the notices of the server with their cure. Input: the store. Output: elements and one announcement per new severity.
 */

import { fill, glyph, h, setGlyph, textWriter, withCode } from "../dom.js";
import { duration, plain, rtt } from "../format.js";
import { t, tn } from "../i18n.js";
import { badge, needsAttention, worstFirst } from "../level.js";
import { live } from "../live.js";
import { store } from "../store.js";
import { clock } from "../time.js";
import { noticeText } from "../words.js";
import { announce } from "./dialog.js";

/** @typedef {import("../types").OverviewRow} OverviewRow */

/** A dead socket is said after this long: a short one heals unseen. */
const INTERRUPTED_MS = 5000;
const SENTENCES_MAX = 2;
const ACKNOWLEDGED_KEY = "linewatch.acknowledged";
const DISMISSED_KEY = "linewatch.dismissed";

/** @param {string} key @returns {Set<string>} */
function remembered(key) {
  try {
    const list = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return new Set(Array.isArray(list) ? list.filter((item) => typeof item === "string") : []);
  } catch {
    return new Set();
  }
}

/** @param {string} key @param {Set<string>} values */
function remember(key, values) {
  try {
    sessionStorage.setItem(key, JSON.stringify([...values]));
  } catch {
    // Holds for this page only.
  }
}

/** What is silenced by an acknowledgement: this state of this target since then. @param {OverviewRow} o */
function identity(o) {
  return `${o.id} ${badge(o)} ${badge(o) === "critical" ? "" : o.state_since}`;
}

/** One sentence about one target. @param {OverviewRow} o */
export function attentionText(o) {
  if (o.state === "error") {
    const host = o.address.replace(/^\w+:\/\//, "").replace(/:\d+$/, "");
    return o.error?.kind === "dns" ? t("banner.dns", { host }) : t("banner.error", { name: o.name, text: o.error?.text ?? "" });
  }
  if (o.state === "down") {
    const length = duration(o.outage ? store.now() - o.outage.since : store.now() - o.state_since);
    if (!o.outage) return t("banner.down", { name: o.name, time: length });
    const key = o.outage.lost === o.outage.sent ? "banner.down_row" : "banner.down_some";
    return t(key, { name: o.name, time: length, lost: o.outage.lost, sent: o.outage.sent });
  }
  return t("banner.critical", { name: o.name, rtt: plain(rtt(o.p50_ms)) });
}

/**
 * @param {{ view: (rows: OverviewRow[]) => void }} actions
 */
export function banner({ view }) {
  const head = h("b", null);
  const body = h("span", null);
  const tail = h("b", null);
  const text = h("p", { class: "banner-text" }, head, " ", body, tail);
  const writeHead = textWriter(head);
  const writeTail = textWriter(tail);
  const sentence = document.createTextNode("");
  const icon = glyph("error");
  const acknowledge = h("button", { type: "button", class: "button small", onclick: () => silence() }, t("action.acknowledge"));
  const viewButton = h("button", { type: "button", class: "button small", onclick: () => view(open) }, t("action.view"));
  const retry = h("button", { type: "button", class: "button small", onclick: () => live.retryNow() }, t("action.retry_now"));
  const element = h("section", { class: "banner", "aria-label": t("banner.label") }, icon, text, h("div", { class: "banner-actions" }, acknowledge, viewButton, retry));
  element.hidden = true;
  let acknowledged = remembered(ACKNOWLEDGED_KEY);
  /** @type {OverviewRow[]} */
  let open = [];
  let shown = "";
  let severity = -1;
  let wasInterrupted = false;

  const silence = () => {
    acknowledged = new Set([...acknowledged, ...open.map(identity)]);
    remember(ACKNOWLEDGED_KEY, acknowledged);
    update();
  };
  const update = () => {
    const { phase, since, retryAt } = store.connection;
    const isInterrupted = (phase === "reconnecting" || phase === "offline") && Date.now() - since > INTERRUPTED_MS;
    if (isInterrupted && !wasInterrupted) announce(t("banner.interrupted", { time: clock(since) }));
    wasInterrupted = isInterrupted;
    open = isInterrupted ? [] : attention();
    element.hidden = !isInterrupted && open.length === 0;
    element.classList.toggle("interrupted", isInterrupted);
    setGlyph(icon, isInterrupted ? "stale" : "error");
    acknowledge.hidden = isInterrupted;
    viewButton.hidden = isInterrupted;
    retry.hidden = !isInterrupted;
    if (isInterrupted) {
      const wait = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
      write(t("banner.interrupted", { time: clock(since) }), wait > 0 ? t("banner.next_try", { time: `${wait} s` }) : t("banner.trying"), "");
      return;
    }
    if (open.length === 0) {
      severity = -1;
      return;
    }
    const rest = open.length - SENTENCES_MAX;
    const sentences = open.slice(0, SENTENCES_MAX).map(attentionText);
    write(tn("banner.attention", open.length), sentences.join(" "), rest > 0 ? ` ${t("banner.more", { n: rest })}` : "");
    // The bar changes each second; only a worse kind of trouble interrupts a listener.
    const worst = open.some((o) => o.state === "down" || o.state === "error") ? 2 : 1;
    if (worst > severity) announce(`${tn("banner.attention", open.length)} ${sentences[0] ?? ""}`, "urgent");
    severity = worst;
  };
  const attention = () => {
    const rows = [...store.rows.values()].map((row) => row.o).filter(needsAttention);
    const known = new Set(rows.map(identity));
    // What has changed since is forgotten, so that it speaks up again when it comes back.
    const kept = [...acknowledged].filter((id) => known.has(id));
    if (kept.length !== acknowledged.size && store.isLive && rows.length > 0) {
      acknowledged = new Set(kept);
      remember(ACKNOWLEDGED_KEY, acknowledged);
    }
    return rows.filter((o) => !acknowledged.has(identity(o))).sort(worstFirst);
  };
  /** Durations in it go on each second: then one text node is written, and no element made. @param {string} bold @param {string} rest @param {string} more */
  const write = (bold, rest, more) => {
    writeHead(bold);
    writeTail(more);
    if (rest === shown) return;
    shown = rest;
    sentence.data = rest;
    if (rest.includes("`")) fill(body, ...withCode(rest));
    else if (sentence.parentNode !== body) fill(body, sentence);
  };
  return { element, update, acknowledge: silence };
}

/** What is put away: this notice as it reads now, not another one of its kind. @param {import("../types").Notice} notice */
function identityOf({ code, text }) {
  return `${code} ${text}`;
}

/** The place of the line of advice. What writes it is loaded with the first advice: most pages never have one. */
export function adviceSlot() {
  const element = h("div", null);
  /** @type {Promise<ReturnType<typeof import("./advice.js").adviceLine>> | null} */
  let line = null;
  return {
    element,
    /** @param {Iterable<import("../store.js").Row>} rows */
    update(rows) {
      const advised = [...rows].filter((row) => row.o.advice);
      element.hidden = advised.length === 0;
      if (element.hidden) return;
      line ??= import("./advice.js").then(({ adviceLine }) => adviceLine(element));
      line.then((made) => made.update(advised), () => { line = null; });
    },
  };
}

/** The notices of the server, each with its cure and a way to put it away. */
export function notices() {
  const element = h("div", { class: "notices" });
  const dismissed = remembered(DISMISSED_KEY);
  let shown = "";
  const update = () => {
    const list = (store.overview?.notices ?? []).filter((notice) => !dismissed.has(identityOf(notice)));
    const whole = JSON.stringify(list);
    if (whole === shown) return;
    shown = whole;
    fill(element, ...list.map((notice) => card(notice)));
  };
  /** @param {import("../types").Notice} notice */
  const card = (notice) => {
    const text = noticeText(notice);
    const end = text.indexOf(". ");
    const first = end < 0 ? text : text.slice(0, end + 1);
    const rest = end < 0 ? "" : text.slice(end + 1);
    const command = notice.command;
    return h("section", { class: `notice notice-${notice.severity}`, "aria-label": t("notice.label") },
      glyph(notice.code === "loopback_only" ? "lock" : notice.severity === "info" ? "info" : "error"),
      h("p", null, h("b", null, ...withCode(first)), ...withCode(rest)),
      h("div", { class: "banner-actions" },
        command === null ? null : h("button", { type: "button", class: "button small", onclick: () => void import("./cure.js").then(({ showCure }) => showCure(text, command)) }, t("action.show_how")),
        h("button", { type: "button", class: "icon-button", "aria-label": t("action.dismiss"), onclick: () => {
          dismissed.add(identityOf(notice));
          remember(DISMISSED_KEY, dismissed);
          update();
        } }, "✕")));
  };
  return { element, update };
}
