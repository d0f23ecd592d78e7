/**
 * Reads the evidence of an outage: its line of time, the samples on it, losses a second, and the conclusion in words.
 * Pure: the server's answer in, numbers and sentences out. Not here: drawing (`ui/evidence.js`), the verdict (the server).
 */

import { count, duration, loss, plain, rtt } from "./format.js";
import { t, tn } from "./i18n.js";

/** @typedef {import("./types").EvidenceAnswer} EvidenceAnswer */
/** @typedef {import("./types").LineInfo} LineInfo */
/** @typedef {{ at: number, rtt: number | null, isLost: boolean }} Point */
/** @typedef {{ from: number, to: number }} Span */

/** Outcomes by number: answered, and failed. */
const ANSWERED = new Set([0, 1]);
const FAILED = new Set([2, 3]);
const STRAY_FLAGS = 2 | 4;
/** What is said of this computer only when it is worth it. */
const WORTH_MS = 10;

/** The line of time: parts side by side, a little apart. 0 to 1; null between them. @param {readonly Span[]} parts */
export function timeline(parts) {
  const between = parts.length > 1 ? 0.03 : 0;
  const length = parts.reduce((sum, part) => sum + part.to - part.from, 0) / (1 - between * (parts.length - 1));
  let begin = 0;
  const pieces = parts.map((part) => {
    const piece = { ...part, begin, end: begin + (part.to - part.from) / length };
    begin = piece.end + between;
    return piece;
  });
  return {
    pieces,
    /** @param {number} at */
    place(at) {
      const piece = pieces.find((one) => at >= one.from && at <= one.to);
      return piece ? piece.begin + ((at - piece.from) / (piece.to - piece.from)) * (piece.end - piece.begin) : null;
    },
  };
}

/** Every probe of the target, by send time; answers beside a probe are not drawn. @param {EvidenceAnswer} answer @returns {Point[]} */
export function points(answer) {
  return answer.parts.flatMap((part) => part.segments.flatMap(({ base, d }) => d
    .filter(([, , , outcome, , , flags]) => (flags & STRAY_FLAGS) === 0 && (ANSWERED.has(outcome) || FAILED.has(outcome)))
    .map(([, , dt, outcome, us]) => ({ at: base + dt / 1000, rtt: us === null ? null : us / 1000, isLost: FAILED.has(outcome) }))));
}

/** Seconds with a loss, and how much of each was lost: 0 to 1. @param {LineInfo} line */
export function losses(line) {
  return line.d.filter(([, , lost]) => lost > 0).map(([at, sent, lost]) => ({ at: at * 1000, share: lost / Math.max(1, sent) }));
}

/**
 * The lines of all parts, a line a target: the gateway and the worst on their own, the rest as one.
 * @param {EvidenceAnswer} answer @param {number} limit
 * @returns {{ lines: LineInfo[], rest: LineInfo[], uncounted: number }}
 */
export function lines(answer, limit) {
  /** @type {Map<string, LineInfo>} */
  const found = new Map();
  for (const line of answer.parts.flatMap((part) => part.lines)) {
    const known = found.get(line.target);
    if (known) found.set(line.target, { ...known, sent: known.sent + line.sent, lost: known.lost + line.lost, d: [...known.d, ...line.d] });
    else found.set(line.target, line);
  }
  const all = [...found.values()].sort((a, b) => Number(b.is_gateway) - Number(a.is_gateway) || b.lost - a.lost);
  const shown = all.length <= limit + 1 ? all.length : limit;
  return { lines: all.slice(0, shown), rest: all.slice(shown), uncounted: Math.max(0, ...answer.parts.map((part) => part.left_out)) };
}

/** Several lines as one: a second is lost as far as any of them lost it. @param {readonly LineInfo[]} several @returns {{ at: number, share: number }[]} */
export function merged(several) {
  /** @type {Map<number, number>} */
  const worst = new Map();
  for (const { at, share } of several.flatMap(losses)) worst.set(at, Math.max(share, worst.get(at) ?? 0));
  return [...worst].map(([at, share]) => ({ at, share })).sort((a, b) => a.at - b.at);
}

/** @param {number} lost @param {number} sent */
const share = (lost, sent) => plain(loss(sent === 0 ? null : Math.round((lost * 1_000_000) / sent)));

/**
 * The conclusion: one bold sentence, what it rests on, and what else was seen.
 * @param {EvidenceAnswer} answer
 * @returns {{ title: string, because: string, details: string[] }}
 */
export function conclusion({ verdict: { code, figures: f }, parts }) {
  const gateway = parts.flatMap((part) => part.lines).find((line) => line.is_gateway);
  const because = [];
  if (f.gateway !== null) {
    const values = { name: gateway?.target_name ?? "", loss: share(f.gateway.lost, f.gateway.sent), sent: count(f.gateway.sent) };
    because.push(f.gateway.sent === 0 ? t("evidence.gateway_silent", values) : f.gateway.lost === 0 ? t("evidence.gateway_well", values) : t("evidence.gateway_lost", values));
  } else because.push(t("evidence.gateway_none"));
  if (f.others === 0) because.push(t("evidence.others_none"));
  else if (f.others_failing === 0) because.push(tn("evidence.others_well", f.others));
  else because.push(tn("evidence.others_lost", f.others, { failing: count(f.others_failing) }));
  const details = [tn("evidence.unsent", f.unsent, { n: count(f.unsent), link: t(f.is_link_lost ? "evidence.link_down" : "evidence.link_up") })];
  if (f.late > 0) {
    details.push(tn("evidence.late", f.lost, { late: count(f.late), n: count(f.lost), from: plain(rtt(f.late_min_ms)), to: plain(rtt(f.late_max_ms)) }));
  }
  if (code === "busy" || (f.process_p95_ms ?? 0) >= WORTH_MS || (f.lateness_p95_ms ?? 0) >= WORTH_MS) {
    details.push(t("evidence.process", { process: plain(rtt(f.process_p95_ms)), lateness: plain(rtt(f.lateness_p95_ms)) }));
  }
  for (const [kind, from, to] of parts.flatMap((part) => part.faults)) {
    if (kind !== "local_outage") details.push(t("evidence.fault", { kind: t(`gap.${kind}`), time: duration(to - from) }));
  }
  return { title: t(`evidence.verdict.${code}`), because: because.join(" "), details };
}
