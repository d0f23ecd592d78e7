/**
 * Keeps what goes on in sight when nobody looks: the count beside "Events", the title and icon of the tab, and, if somebody
 * asked for it, a notification and a sound. Also knows the open events and what became of them among people.
 * Input: the store, /api/v1/events?state=open, /api/v1/alerts/notices. Output: `attention`, and marks on the tab.
 * A hidden tab gets no live rows: it asks for its bad targets every 15 s. Loaded behind the first paint.
 */

import { get } from "../api.js";
import { tokens } from "../charts/canvas.js";
import { h, setAttribute, setText } from "../dom.js";
import { findCauses, newestFirst } from "../eventlist.js";
import { count } from "../format.js";
import { t, tn } from "../i18n.js";
import { needsAttention } from "../level.js";
import { store } from "../store.js";
import { setTitle } from "./shell.js";

/** @typedef {import("../types").EventRow} EventRow */
/** @typedef {Pick<import("../types").OverviewRow, "id" | "name" | "state" | "grade">} Bad */

const HIDDEN_MS = 15_000;
/** Events come in bursts: one question for all of them, and where they never end, one in so long. */
const SETTLE_MS = 400;
const ASK_MS_MIN = 10_000;
/** Acknowledgements and letters of others come without a message. */
const REFRESH_MS = 30_000;
/** What the store has not committed yet is known from its message alone. */
const FRESH_MS = 15_000;
const NAMES_MAX = 3;
const NOTIFY_KEY = "linewatch.notify";
const SOUND_KEY = "linewatch.sound";

/** @param {string} key */
function isKept(key) {
  try {
    return localStorage.getItem(key) === "1";
  } catch {
    return false;
  }
}

/** @param {string} key @param {boolean} is */
function keep(key, is) {
  try {
    localStorage.setItem(key, is ? "1" : "0");
  } catch {
    // Holds for this visit.
  }
}

class Attention {
  /** @type {EventRow[]} newest first */
  open = [];
  /** @type {Map<string, import("../types").AckRow>} by event */
  acks = new Map();
  /** @type {Map<string, import("../types").ToldRow[]>} by event */
  told = new Map();
  /** Has an answer come? */
  isKnown = false;
  wantsNotes = isKept(NOTIFY_KEY);
  wantsSound = isKept(SOUND_KEY);
  /** @type {EventRow[]} */
  #stored = [];
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #timer = 0;
  #askedAt = 0;

  /** @param {() => void} listener @returns {() => void} ends it */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks soon, once for many reasons. */
  ask() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      void this.load();
    }, Math.max(SETTLE_MS, this.#askedAt + ASK_MS_MIN - Date.now()));
  }

  async load() {
    this.#askedAt = Date.now();
    try {
      /** @type {[import("../types").Page<EventRow>, import("../types").NoticesAnswer]} */
      const [events, notices] = await Promise.all([get("events?state=open"), get("alerts/notices")]);
      this.#stored = events.rows;
      this.acks = new Map(notices.acks.map((ack) => [ack.event, ack]));
      this.told = new Map();
      for (const told of notices.told) for (const id of told.events) this.told.set(id, [...(this.told.get(id) ?? []), told]);
      this.isKnown = true;
    } catch {
      // The pill says that the monitor is away; what was known stays.
    }
    this.merge();
  }

  /** Lays the newest messages over the last answer. */
  merge() {
    const known = new Map(this.#stored.map((event) => [event.id, event]));
    for (const event of store.events) {
      if (event.until !== null) known.delete(event.id);
      else if (known.has(event.id) || store.now() - event.at < FRESH_MS) known.set(event.id, event);
    }
    this.open = [...known.values()].sort(newestFirst);
    setOpenCount(this.count);
    for (const listener of this.#listeners) listener();
  }

  /** What goes on, outages of one cause counted once. */
  get count() {
    const causes = findCauses(this.open);
    const folded = causes.reduce((sum, cause) => sum + cause.outages.length + cause.others.length, 0);
    return this.open.length - folded + causes.length;
  }

  /** @param {boolean} is @returns {Promise<boolean>} whether the browser allows it */
  async setNotes(is) {
    const isAllowed = is && "Notification" in window && (await Notification.requestPermission()) === "granted";
    this.wantsNotes = isAllowed;
    keep(NOTIFY_KEY, isAllowed);
    return isAllowed === is;
  }

  /** @param {boolean} is */
  setSound(is) {
    this.wantsSound = is;
    keep(SOUND_KEY, is);
    if (is) beep();
  }
}

export const attention = new Attention();

/** Names that fit a line. @param {string[]} names */
function several(names) {
  const first = names.slice(0, NAMES_MAX).join(", ");
  return names.length <= NAMES_MAX ? first : t("attention.more", { names: first, n: names.length - NAMES_MAX });
}

/** Two short tones, the second lower: made here, so that there is no file to fetch. */
function beep() {
  try {
    const audio = new AudioContext();
    [880, 587].forEach((frequency, index) => {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const from = audio.currentTime + index * 0.18;
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0.12, from);
      volume.gain.exponentialRampToValueAtTime(0.001, from + 0.16);
      tone.connect(volume).connect(audio.destination);
      tone.start(from);
      tone.stop(from + 0.17);
    });
    setTimeout(() => void audio.close(), 1000);
  } catch {
    // No sound device: the notification and the tab still say it.
  }
}

/** How many events go on, beside their link. @param {number} n */
function setOpenCount(n) {
  for (const link of document.querySelectorAll('[data-nav="events"]')) {
    const badge = link.querySelector(".nav-count") ?? link.appendChild(h("span", { class: "nav-count" }));
    setText(badge, n > 0 ? count(n) : "");
    setAttribute(badge, "aria-label", n > 0 ? tn("nav.open", n) : null);
    setAttribute(badge, "role", n > 0 ? "img" : null);
  }
}

/** @type {Map<string, string> | null} names of the bad ones, by id; null before the first look */
let before = null;

/** @param {Bad[]} bad Worst first. */
function look(bad) {
  const now = new Map(bad.map((o) => [o.id, o.name]));
  const isDown = bad.some((o) => o.state === "down" || o.state === "error");
  markTab(bad.length, isDown);
  if (before !== null) {
    const was = before;
    const began = [...now].filter(([id]) => !was.has(id)).map(([, name]) => name);
    const ended = [...was].filter(([id]) => !now.has(id)).map(([, name]) => name);
    if (began.length > 0) tell(tn("attention.began", began.length, { names: several(began) }), true);
    else if (ended.length > 0) tell(t("attention.ended", { names: several(ended) }), false);
  }
  before = now;
}

/** @param {string} text @param {boolean} isTrouble */
function tell(text, isTrouble) {
  if (attention.wantsSound && isTrouble) beep();
  if (!attention.wantsNotes || !("Notification" in window) || Notification.permission !== "granted") return;
  // One tag: a newer one takes the place of the older instead of piling up.
  const note = new Notification(t("brand"), { body: text, tag: "linewatch" });
  note.onclick = () => {
    window.focus();
    note.close();
  };
}

let shownIcon = "";

/** The title and the icon of the tab: the plain ones, or a mark with the number on it. @param {number} n @param {boolean} isDown */
function markTab(n, isDown) {
  const key = `${n} ${isDown}`;
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'));
  if (key === shownIcon || !link) return;
  shownIcon = key;
  setTitle(n === 0 ? "" : `${isDown ? "✖" : "⬢"} ${n} · `, 0);
  link.dataset["plain"] ??= link.href;
  if (n === 0) {
    link.href = link.dataset["plain"];
    link.type = "image/svg+xml";
    return;
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.fillStyle = isDown ? tokens().critical : tokens().poor;
  context.beginPath();
  context.roundRect(0, 0, 64, 64, 14);
  context.fill();
  context.fillStyle = "#ffffff";
  context.font = `bold ${n > 9 ? 38 : 48}px sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(n > 99 ? "99" : String(n), 32, 35);
  link.type = "image/png";
  link.href = canvas.toDataURL("image/png");
}

async function lookFromAfar() {
  try {
    /** @type {import("../types").Overview} */
    const overview = await get("overview?spark=0&limit=200&status=down,error,critical");
    look(overview.targets);
  } catch {
    // Asked again in 15 s.
  }
}

let isStarted = false;

/** Begins to keep watch, once. */
export function startAttention() {
  if (isStarted) return;
  isStarted = true;
  void attention.load();
  let lookedAt = 0;
  setInterval(() => {
    if (store.connection.phase === "live" && store.overview !== null) look([...store.rows.values()].map((row) => row.o).filter(needsAttention));
    else if (store.connection.phase === "paused" && document.hidden && Date.now() - lookedAt >= HIDDEN_MS) {
      lookedAt = Date.now();
      void lookFromAfar();
    }
  }, 1000);
  setInterval(() => { if (!document.hidden) attention.ask(); }, REFRESH_MS);
  let phase = store.connection.phase;
  store.subscribe((dirty) => {
    if (dirty.events) {
      attention.merge();
      attention.ask();
    }
    if (dirty.connection && store.connection.phase !== phase) {
      phase = store.connection.phase;
      if (phase === "live") attention.ask();
    }
  });
}
