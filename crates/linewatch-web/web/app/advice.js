/**
 * Words one advice: the sentence with its numbers, what the button says, which target of many comes first, and what
 * undoes it. Input: rows and settings as the server sends them. Pure: no element, no clock, nothing is sent.
 */

import { count, duration, loss, plain, rtt, setting } from "./format.js";
import { t } from "./i18n.js";
import { worstFirst } from "./level.js";

/** @typedef {import("./types").AdviceInfo} AdviceInfo */

/** "25 → 100 ms", "500 ms → 1 s". @param {number} from @param {number} to In milliseconds. */
export function fromTo(from, to) {
  const [number, unit] = setting(from).split(" ");
  return `${unit === setting(to).split(" ")[1] ? number : setting(from)} → ${setting(to)}`;
}

/** What a server of another version does not send is no number. @param {AdviceInfo} advice @returns {(name: string) => number} */
function figuresOf({ figures }) {
  return (name) => figures[name] ?? 0;
}

/** @param {AdviceInfo} advice */
export function adviceSentence(advice) {
  const f = figuresOf(advice);
  const text = t(`advice.${advice.code}`, {
    share: plain(loss(f("share_ppm"))), within: setting(f("within_ms")), n: count(f("probes")), time: duration(f("silent_ms")),
    port: String(f("port")), p99: plain(rtt(f("p99_ms"))),
  });
  return advice.command === null ? text : `${text} ${t("advice.or_realtime", { command: advice.command })}`;
}

/** @param {AdviceInfo} advice */
export function adviceAction(advice) {
  const f = figuresOf(advice);
  return t(`advice.do.${advice.code}`, { change: fromTo(f("from_ms"), f("to_ms")), port: String(f("port")) });
}

/**
 * The one target whose advice is shown for all: the worst one that has any.
 * @template {{ o: import("./types").OverviewRow }} R
 * @param {Iterable<R>} rows
 * @returns {R | null}
 */
export function worstAdvised(rows) {
  return [...rows].filter((row) => row.o.advice !== null).sort((a, b) => worstFirst(a.o, b.o))[0] ?? null;
}

/**
 * What to send to have everything as it was. The address brings its own way to be probed: it takes a port away again.
 * @param {import("./types").TargetInfo} before
 * @param {import("./types").TargetPatch} patch What was sent.
 * @returns {import("./types").TargetPatch}
 */
export function undoPatch(before, patch) {
  /** @type {import("./types").TargetPatch} */
  const back = {};
  if (patch.timeout !== undefined) back.timeout = before.timeout;
  if (patch.interval !== undefined) back.interval = before.interval;
  if (patch.probe !== undefined) {
    back.address = before.address;
    back.probe = before.probe;
    if (before.port !== null) back.port = before.port;
  }
  return back;
}
