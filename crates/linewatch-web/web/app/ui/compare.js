/**
 * Other targets on the charts of one: who they are (kept in the address), their minute and their medians, a line of names above
 * the charts. Input: the page's target. Output: what both charts draw and say of the others. Loaded when a link or a person asks.
 */

import { get } from "../api.js";
import { drawBeside } from "../charts/beside.js";
import { bucketAt, buckets } from "../charts/buckets.js";
import { isJoined, minute } from "../charts/window.js";
import { BESIDE_MAX, parseBeside, withCompared } from "../compared.js";
import { fill, h, setText } from "../dom.js";
import { count, plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { failureText } from "./addform.js";
import { chooseTargets } from "./choosetargets.js";
import { announce } from "./dialog.js";
import { newest, targetHref } from "./rows.js";

/** @typedef {import("../store.js").Row} Row */
/** @typedef {import("../charts/buckets.js").Bucket} Bucket */
/** @typedef {import("../charts/beside.js").BesideLine} BesideLine */

/** The cursor finds an answer this far away, in intervals of the target. */
const NEAR_INTERVALS = 1.5;
const LETTERS = "ABCD";

/** @param {Row} own @param {() => void} changed Others were chosen. */
export function comparison(own, changed) {
  /** Medians of a period, by id. @type {Map<string, Bucket[]>} */
  const pasts = new Map();
  /** The minute of each, of the newest drawing. @type {Map<string, import("../charts/window.js").Minute>} */
  const minutes = new Map();
  let failure = "";
  let shape = "";
  const list = h("ul", { class: "beside-list" });
  const problem = h("span", { class: "field-error", role: "status" });
  const element = h("section", { class: "card beside", "aria-label": t("compare.title") }, h("h2", { class: "label" }, t("compare.title")), list, problem);
  element.hidden = true;
  /** @type {Map<string, HTMLElement>} */
  const values = new Map();

  const rows = () => parseBeside(location.search, own.o.id).flatMap((id) => store.byId(id) ?? []);
  const others = () => [...store.rows.values()].filter((row) => row !== own).sort((a, b) => a.o.name.localeCompare(b.o.name));
  /** @param {readonly string[]} ids */
  const choose = (ids) => {
    history.pushState(history.state, "", location.pathname + withCompared(location.search, ids.slice(0, BESIDE_MAX)));
    announce(names() === "" ? t("compare.nobody") : t("compare.now", { names: rows().map(({ o }) => o.name).join(", ") }));
    draw();
    changed();
  };
  const names = () => {
    const beside = rows();
    return beside.length === 0 ? "" : ` ${t("compare.summary", { names: beside.map(({ o }, i) => `${LETTERS[i]} ${o.name}`).join(", ") })}`;
  };
  const draw = () => {
    const beside = rows();
    const wanted = beside.map(({ o }) => `${o.id} ${o.name}`).join("\n");
    element.hidden = beside.length === 0 && failure === "";
    if (wanted === shape) return false;
    shape = wanted;
    values.clear();
    fill(list, ...beside.map(({ o }, i) => {
      const value = h("span", { class: "muted" });
      values.set(o.id, value);
      return h("li", { class: "beside-item" },
        h("span", { class: `beside-sample beside-${i}`, "aria-hidden": "true" }, LETTERS[i] ?? ""), h("a", { href: targetHref(o.id) }, o.name), value,
        h("button", { type: "button", class: "icon-button", "aria-label": t("compare.remove", { name: o.name }), onclick: () => choose(rows().map((row) => row.o.id).filter((id) => id !== o.id)) }, "✕"));
    }));
    return true;
  };
  draw();

  /** A target's minute as a line. @param {Row} row @param {number} i @returns {BesideLine} */
  const liveLine = (row, i) => {
    const view = minutes.get(row.o.id) ?? minute(row, store.now(), store.isLive);
    /** @type {import("../charts/window.js").Point | null} */
    let before = null;
    const spots = view.points.map((point) => {
      const joined = before !== null && isJoined(before, point, row.o.interval_ms);
      before = point;
      return { at: point.at, ms: point.rtt, isJoined: joined };
    });
    return { letter: LETTERS[i] ?? "", look: i, spots, losses: view.losses };
  };
  /** @param {Row} row @param {number} i @returns {BesideLine} */
  const pastLine = (row, i) => {
    const past = pasts.get(row.o.id) ?? [];
    const spots = past.map((bucket, at) => {
      const before = past[at - 1];
      const follows = before !== undefined && before.p50 !== null && bucket.at - before.to < (bucket.to - bucket.at) / 2;
      return { at: (bucket.at + bucket.to) / 2, ms: bucket.p50, isJoined: follows };
    });
    return { letter: LETTERS[i] ?? "", look: i, spots, losses: past.filter((bucket) => bucket.lost > 0).map((bucket) => (bucket.at + bucket.to) / 2) };
  };

  return {
    element, names,
    open: () => chooseTargets({
      title: t("compare.choose"), all: others, chosen: () => rows().map(({ o }) => o.id), choose, most: BESIDE_MAX, nobody: t("compare.none"), reset: t("compare.reset"),
    }),
    get isOn() { return rows().length > 0; },
    /** What changes by itself: the newest answers, names, who exists. @returns {boolean} Are there others than before? */
    update() {
      const isNew = draw();
      for (const row of rows()) {
        const { value, unit } = newest(row);
        const element = values.get(row.o.id);
        if (element) setText(element, unit === "" ? value : `${value} ${unit}`);
      }
      return isNew;
    },
    live: {
      names,
      /** Round trips in sight of the page's own minute, ms. @param {import("../charts/window.js").Minute} view */
      values(view) {
        minutes.clear();
        return rows().flatMap((row) => {
          const mine = minute(row, store.now(), store.isLive);
          minutes.set(row.o.id, mine);
          return mine.points.flatMap((point) => (point.rtt === null || point.at < view.from || point.at > view.to ? [] : [point.rtt]));
        });
      },
      /** @param {import("../charts/smoke.js").Paper} paper */
      draw: (paper) => drawBeside(paper, rows().map(liveLine)),
      /** @param {number} at */
      read: (at) => rows().map((row, i) => {
        const points = minutes.get(row.o.id)?.points ?? [];
        const point = points.reduce((/** @type {import("../charts/window.js").Point | null} */ best, one) => (best === null || Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best), null);
        const isNear = point !== null && Math.abs(point.at - at) <= NEAR_INTERVALS * row.o.interval_ms;
        return ` · ${LETTERS[i]} ${!isNear ? "—" : point.rtt === null ? t(`outcome.word.${point.outcome}`) : plain(rtt(point.rtt))}`;
      }).join(""),
    },
    past: {
      names,
      /** Asks for the same period of everybody. @param {URLSearchParams} query Of the page's own target. */
      async load(query) {
        const beside = rows();
        try {
          const answers = await Promise.all(beside.map(async ({ o }) => {
            const params = new URLSearchParams(query);
            params.set("target", o.id);
            /** @type {import("../types").SeriesAnswer} */
            const answer = await get(`series?${params}`);
            return { id: o.id, past: buckets(answer) };
          }));
          pasts.clear();
          for (const { id, past } of answers) pasts.set(id, past);
          failure = "";
        } catch (error) {
          failure = t("compare.failed", { why: failureText(error) });
        }
        setText(problem, failure);
        draw();
      },
      /** Medians as buckets of one value, for the limits of the axis. @returns {Bucket[]} */
      buckets: () => rows().flatMap(({ o }) => (pasts.get(o.id) ?? []).flatMap((bucket) => (bucket.p50 === null ? [] : [{ ...bucket, q: Array(9).fill(bucket.p50) }]))),
      /** @param {import("../charts/smoke.js").Paper} paper */
      draw: (paper) => drawBeside(paper, rows().map(pastLine)),
      /** @param {Bucket} own The bucket under the cursor. */
      read: (own) => rows().map(({ o }, i) => ` · ${LETTERS[i]} ${medianAt(pasts.get(o.id) ?? [], own)}`).join(""),
      /** Names and medians for the table behind the chart. */
      columns: () => rows().map(({ o }, i) => ({ name: `${LETTERS[i]} ${o.name}`, text: (/** @type {Bucket} */ own) => medianAt(pasts.get(o.id) ?? [], own) })),
    },
  };
}

/** The median beside a bucket, and what was lost. @param {readonly Bucket[]} past @param {Bucket} own */
function medianAt(past, own) {
  const middle = (own.at + own.to) / 2;
  const index = bucketAt(past, middle);
  const bucket = index === null ? undefined : past[index];
  if (!bucket || middle < bucket.at - (own.to - own.at) || middle > bucket.to + (own.to - own.at)) return "—";
  const lost = bucket.lost === 0 ? "" : ` ${t("compare.lost", { n: count(bucket.lost), of: count(bucket.sent) })}`;
  return (bucket.p50 === null ? t("history.read_none") : plain(rtt(bucket.p50))) + lost;
}
