/**
 * Keeps the live socket: hello and resume, acknowledgements, back-off, pause of a hidden tab, refill after a reset.
 * Input: server messages. Output: the store filled and its connection state true. UI.md section 5.
 * Not here: drawing, words.
 */

import { ROOT, get } from "./api.js";
import { store } from "./store.js";

/** @typedef {import("./types").ServerMessage} ServerMessage */

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000, 10000];
const ACK_MS = 2000;
/** A heartbeat comes every 5 s: a socket silent for longer than one and a half is dead, whatever the kernel says. */
const SILENCE_MS_MAX = 7500;
/** Where rows are expected, their absence tells earlier: one interval, and this for a busy computer. */
const ROWS_LATE_MS = 3500;
/** After a longer pause the minute in the welcome is all the page keeps anyway. */
const RESUME_MS_MAX = 60_000;
/** A batch this old on arrival means that we lag behind. */
export const LAG_MS_MAX = 2000;
const REFILLS_AT_ONCE = 4;
/** As many targets as one page of the overview has. */
const WELCOME_ROWS = 200;
const EVENTS_FIRST = 50;

class Live {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {{ epoch: string, seq: number } | null} */
  #position = null;
  #run = 0;
  #attempt = 0;
  #retryTimer = 0;
  #hiddenAt = 0;
  /** @type {Set<string>} */
  #detail = new Set();
  #acked = 0;
  #hasBeenLive = false;
  /** @type {() => void} */
  #onCatalog = () => {};
  /** Somebody looks at a window of this page though its tab is hidden. */
  isWatched = false;

  /** @param {() => void} onCatalog Called when targets came, changed or left. */
  start(onCatalog) {
    this.#onCatalog = onCatalog;
    this.#connect();
    setInterval(() => this.#everySecond(), 1000);
    setInterval(() => this.#acknowledge(), ACK_MS);
    addEventListener("online", () => this.retryNow());
    addEventListener("offline", () => this.#lost());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.isWatched || this.#pause() : this.#wake()));
    addEventListener("pagehide", () => this.#socket?.close());
    addEventListener("pageshow", (event) => { if (event.persisted) this.retryNow(); });
  }

  /** Where the page stands in the server's order of messages. */
  get position() {
    return this.#position;
  }

  /** Which run of the server the live rows belong to. */
  get run() {
    return this.#run;
  }

  /** @param {string[]} ids Targets whose details are shown. */
  watchDetail(ids) {
    this.#detail = new Set(ids);
    this.#send({ t: "sub", sub: this.#subscription() });
  }

  retryNow() {
    if (this.#socket && store.connection.phase === "live") return;
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#connect();
  }

  /** Stops and continues the view by a person's wish; the monitoring goes on. */
  togglePause() {
    if (store.connection.phase === "paused") this.#wake();
    else this.#pause();
  }

  #subscription() {
    return { targets: /** @type {"*"} */ ("*"), detail: [...this.#detail], events: true };
  }

  #connect() {
    const url = new URL(`${ROOT}api/v1/live`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    let socket;
    try {
      socket = new WebSocket(url, "linewatch.v1");
    } catch {
      this.#lost();
      return;
    }
    this.#socket = socket;
    const openedAt = performance.now();
    socket.onopen = () => {
      const hello = { t: /** @type {"hello"} */ ("hello"), v: /** @type {1} */ (1), sub: this.#subscription() };
      this.#send(this.#position ? { ...hello, resume: this.#position } : hello);
    };
    socket.onmessage = (event) => {
      if (socket !== this.#socket || typeof event.data !== "string") return;
      /** @type {ServerMessage} */
      const message = JSON.parse(event.data);
      if (message.t === "welcome") store.setConnection({ roundTripMs: Math.round(performance.now() - openedAt) });
      this.#take(message);
    };
    socket.onclose = () => { if (socket === this.#socket) this.#lost(); };
  }

  /** @param {ServerMessage} message */
  #take(message) {
    const connection = store.connection;
    connection.lastMessageAt = Date.now();
    connection.messages += 1;
    if (message.t === "welcome") this.#welcome(message);
    else if (message.t === "b") {
      store.applyBatch(message, this.#run);
      connection.lagMs = store.now() - message.base;
      if (message.merged) connection.mergedCount += 1;
      connection.isMerged = message.merged === true;
    } else if (message.t === "sum") store.applySums(message.d, message.seq);
    else if (message.t === "det") store.applyDetail(message.d);
    else if (message.t === "ev") store.applyEvents([message.e]);
    else if (message.t === "cfg") this.#onCatalog();
    else if (message.t === "hb") store.noteClock(message.now);
    // Replayed messages come in order, so the last one is where to resume from.
    if (this.#position && message.t !== "welcome") this.#position.seq = Math.max(this.#position.seq, message.seq);
  }

  /** @param {Extract<ServerMessage, { t: "welcome" }>} message */
  #welcome(message) {
    const isFirst = !this.#hasBeenLive;
    // Runs are counted anew where the history was: the same numbers would name other probes.
    if (!isFirst && message.epoch !== this.#position?.epoch && message.run <= this.#run) store.forgetSamples();
    this.#hasBeenLive = true;
    this.#attempt = 0;
    this.#run = message.run;
    store.forgetClock();
    store.noteClock(message.now);
    const isResumed = !message.reset && this.#position?.epoch === message.epoch;
    // At first the welcome brings the whole minute: nothing was missed.
    const holes = isResumed || isFirst ? [] : this.#holes(message);
    // A resumed page is given what it missed by replay: only what is after its own place counts as known.
    this.#position = isResumed && this.#position ? this.#position : { epoch: message.epoch, seq: message.seq };
    if (!isResumed) {
      store.forgetSums();
      // A welcome holds one page of targets; with more, the overview says who is still there.
      store.applyRows(message.targets, message.run, { isWhole: message.targets.length < WELCOME_ROWS, seq: message.seq });
      // The first overview is on its way already: the first paint does not wait for the socket.
      if (!isFirst) this.#onCatalog();
    }
    store.setConnection({ phase: "live", since: Date.now(), retryAt: 0, isMerged: false, lagMs: 0 });
    if (!isResumed || isFirst) void this.#fetchEvents();
    void this.#refill(holes);
  }

  /**
   * What the minute in the welcome does not reach back to.
   * @param {Extract<ServerMessage, { t: "welcome" }>} message
   */
  #holes(message) {
    /** @type {{ key: number, id: string, from: number, to: number }[]} */
    const holes = [];
    for (const o of message.targets) {
      const row = store.rows.get(o.key);
      if (!row || row.ring.length === 0) continue;
      // Probes in flight when the socket went have no row yet: one timeout further back.
      const from = Math.floor(row.ring.newestAt / 1000 - o.timeout_ms - o.interval_ms - 1000);
      const first = o.spark.d[0];
      const covered = first ? o.spark.base + first[2] / 1000 : message.now;
      if (from < covered) holes.push({ key: o.key, id: o.id, from, to: message.now });
    }
    return holes;
  }

  /** @param {{ key: number, id: string, from: number, to: number }[]} holes */
  async #refill(holes) {
    for (const hole of holes) store.setLoading(hole.key, { kind: "loading", from: hole.from, to: hole.to });
    const queue = [...holes];
    const worker = async () => {
      for (let hole = queue.shift(); hole; hole = queue.shift()) {
        const query = new URLSearchParams({ target: hole.id, from: String(hole.from), to: String(hole.to) });
        try {
          store.applySamples(hole.key, await get(`samples?${query}`));
        } catch {
          // The rows stay missing and the hole stays visible as no data: the next reset asks again.
        }
        store.setLoading(hole.key, null);
      }
    };
    await Promise.all(Array.from({ length: REFILLS_AT_ONCE }, worker));
  }

  async #fetchEvents() {
    try {
      /** @type {import("./types").Page<import("./types").EventRow>} */
      const page = await get(`events?limit=${EVENTS_FIRST}`);
      store.applyEvents(page.rows);
    } catch {
      store.mark("events");
    }
  }

  #everySecond() {
    const connection = store.connection;
    connection.perSecond = connection.messages;
    connection.messages = 0;
    if (connection.phase === "live" && Date.now() - connection.lastMessageAt > silenceMax()) this.#lost();
    store.mark("tick");
  }

  #acknowledge() {
    const seq = this.#position?.seq ?? 0;
    if (store.connection.phase !== "live" || seq === this.#acked) return;
    this.#acked = seq;
    this.#send({ t: "ack", seq });
  }

  /** The socket is gone: say so at once, and try again later. */
  #lost() {
    if (store.connection.phase === "paused") return;
    clearTimeout(this.#retryTimer);
    this.#drop();
    const wait = /** @type {number} */ (BACKOFF_MS[Math.min(this.#attempt, BACKOFF_MS.length - 1)]);
    this.#attempt += 1;
    const delay = wait * (0.8 + 0.4 * Math.random());
    const phase = navigator.onLine ? "reconnecting" : "offline";
    const isNew = store.connection.phase === "live" || store.connection.phase === "connecting";
    const lastAt = store.connection.lastMessageAt || Date.now();
    store.setConnection({ phase, retryAt: Date.now() + delay, since: isNew ? lastAt : store.connection.since });
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }

  #pause() {
    if (store.connection.phase !== "live") return;
    this.#hiddenAt = Date.now();
    this.#send({ t: "pause" });
    store.setConnection({ phase: "paused", since: Date.now() });
  }

  /** Back in sight: a new socket with a resume brings exactly what was missed. */
  #wake() {
    if (store.connection.phase !== "paused") {
      this.retryNow();
      return;
    }
    if (Date.now() - this.#hiddenAt > RESUME_MS_MAX) this.#position = null;
    this.#attempt = 0;
    store.setConnection({ phase: "connecting", since: Date.now() });
    this.#drop();
    this.#connect();
  }

  /** @param {import("./types").ClientMessage} message */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

/** How long a healthy socket may be silent. */
function silenceMax() {
  let fastest = Infinity;
  for (const { o } of store.rows.values()) {
    if (o.state === "ok" || o.state === "warn" || o.state === "bad") fastest = Math.min(fastest, o.interval_ms);
  }
  return Math.min(SILENCE_MS_MAX, fastest + ROWS_LATE_MS);
}

/** The one live connection of the page. */
export const live = new Live();
