/**
 * Shows what new thresholds would have made of the stored past: a line to drag over a target's last day, and grades, outages and
 * messages before and after. Input: what is typed. Output: a picture and counts from `/api/v1/preview`; nothing is written.
 */

import { get } from "../api.js";
import { fill, glyph, h, setText } from "../dom.js";
import { count, duration } from "../format.js";
import { t, tn } from "../i18n.js";
import { store } from "../store.js";
import { momentMinute } from "../time.js";
import { failureText } from "../ui/addform.js";
import { dragChart } from "./dragchart.js";
import { at } from "./values.js";
import { cropped, spanShown } from "./young.js";

/** @typedef {import("../types").PreviewAnswer} PreviewAnswer */
/** @typedef {import("../types").PreviewPast} PreviewPast */

const GRADES = /** @type {const} */ (["excellent", "good", "fair", "poor", "critical"]);
/** Names of the keys in the address of the preview. */
const ASKED = /** @type {const} */ ([
  ...GRADES.map((grade) => /** @type {const} */ ([`grades_ms.${grade}`, grade])), ["outage.lost_to_open", "lost_to_open"], ["outage.replies_to_close", "replies_to_close"],
  ["outage.loss_ratio", "loss_ratio"], ["outage.window", "window"],
]);
const DAY_MS = 86_400_000;
const POINTS = 300;
/** Few minutes in as many buckets would be single dots: so many probes make one, and so many buckets a line. */
const PROBES_MIN = 3;
const POINTS_MIN = 20;
/** A young history grows while somebody looks at it. */
const GROW_MS = 10_000;
/** Nobody types faster than they can look. */
const ASK_MS = 400;

/**
 * @param {{ prefix: string, config: () => unknown, target?: string, onpick: (key: string, text: string) => void }} context
 */
export function previewPanel({ prefix, config, target, onpick }) {
  let id = target ?? "";
  let line = "good";
  /** @type {ReadonlyMap<string, string>} */
  let typed = new Map();
  let timer = 0;
  let growing = 0;
  let asked = 0;
  let looked = 0;
  let isGone = false;
  const pick = h("select", { class: "field", "aria-label": t("settings.preview.target"), onchange: () => { id = pick.value; refresh(); } });
  const which = h("select", { class: "field", "aria-label": t("settings.preview.line"), onchange: () => { line = which.value; chart.show(value(), was(), bands()); } },
    ...GRADES.map((grade) => h("option", { value: grade, selected: grade === line }, t(`settings.key.config.defaults.grades_ms.${grade}`))));
  const counts = h("div", { class: "preview-counts" });
  const says = h("p", { class: "preview-says", role: "status" });
  const note = h("span", { class: "note" }, t("settings.preview.note"));
  const young = h("p", { class: "preview-young" });
  young.hidden = true;
  const chart = dragChart((ms) => onpick(`${prefix}grades_ms.${line}`, String(ms)));
  const element = h("section", { class: "card panel preview" },
    h("div", { class: "card-title" }, h("h2", null, t("settings.preview.title")), note,
      h("span", { class: "end preview-picks" }, which, target === undefined ? pick : null)),
    young, counts, chart.element, says);
  /** @param {string} key */
  const now = (key) => Number(at(config(), `${prefix}${key}`));
  const was = () => now(`grades_ms.${line}`);
  const value = () => {
    const text = Number((typed.get(`${prefix}grades_ms.${line}`) ?? "").replace(",", "."));
    return text > 0 ? text : was();
  };
  /** All five limits as they are typed: the bands behind the line. */
  const bands = () => GRADES.map((grade) => Number((typed.get(`${prefix}grades_ms.${grade}`) ?? "").replace(",", ".")) || now(`grades_ms.${grade}`));
  const query = () => {
    const params = new URLSearchParams({ target: id });
    for (const [key, name] of ASKED) {
      const text = typed.get(prefix + key) ?? "";
      if (name === "window") {
        if (/^\d+\s*(ms|s|m|h)$/.test(text.trim())) params.set(name, text.replace(/\s/g, ""));
        continue;
      }
      const number = Number(text.replace(",", "."));
      if (text.trim() !== "" && Number.isFinite(number)) params.set(name, String(name === "loss_ratio" ? number / 100 : number));
    }
    return params;
  };
  const ask = async () => {
    asked += 1;
    const mine = asked;
    try {
      /** @type {PreviewAnswer} */
      const answer = await get(`preview?${query()}`);
      if (isGone || mine !== asked) return;
      fill(counts, pastOf(t("settings.preview.now"), answer.now), pastOf(t("settings.preview.then"), answer.then));
      setText(says, difference(answer));
      chart.outages(answer);
    } catch (error) {
      if (!isGone && mine === asked) setText(says, failureText(error));
    }
  };
  const refresh = () => {
    const rows = [...store.rows.values()].map(({ o }) => o);
    if (id === "" || !rows.some((row) => row.id === id)) id = target ?? rows.find((row) => row.last !== null)?.id ?? rows[0]?.id ?? "";
    fill(pick, ...rows.map((row) => h("option", { value: row.id, selected: row.id === id }, row.name)));
    if (id === "") {
      setText(says, t("settings.preview.none"));
      return;
    }
    void ask();
    void look().catch((error) => setText(says, failureText(error)));
  };
  /** @param {number} from @param {number} to @returns {Promise<import("../types").SeriesAnswer>} */
  const series = (from, to) => {
    const fit = Math.floor((to - from) / (PROBES_MIN * (store.byId(id)?.o.interval_ms ?? 1000)));
    const points = Math.max(POINTS_MIN, Math.min(POINTS, fit));
    return get(`series?${new URLSearchParams({ target: id, from: String(Math.round(from)), to: String(Math.round(to)), points: String(points) })}`);
  };
  /** The picture: of a day, or of all there is where a monitor is young. */
  const look = async () => {
    looked += 1;
    const mine = looked;
    clearTimeout(growing);
    const to = store.now();
    let answer = await series(to - DAY_MS, to);
    const shown = spanShown(answer, to);
    if (shown.isYoung && shown.from !== null) answer = cropped(await series(shown.from, to), to);
    if (isGone || mine !== looked) return;
    chart.history(answer, value(), was(), bands());
    const isComing = shown.from === null && store.byId(id)?.o.state !== "paused";
    const time = duration(Math.max(1000, to - (shown.isYoung ? answer.from : shown.from ?? to)));
    const n = count(answer.sent.reduce((sum, sent) => sum + sent, 0));
    setText(note, shown.from === null ? "" : shown.isShort ? t("settings.preview.note_young", { time }) : t("settings.preview.note"));
    setText(young, isComing ? t("settings.preview.soon") : shown.isYoung ? t("settings.preview.young", { time, n }) : "");
    young.hidden = young.textContent === "";
    if (shown.isYoung || isComing) grow();
  };
  /** A young history has more to show in a moment; out of sight it waits. */
  const grow = () => {
    growing = setTimeout(() => {
      if (isGone) return;
      if (document.hidden) grow();
      else refresh();
    }, GROW_MS);
  };
  return {
    element, refresh,
    /** @param {ReadonlyMap<string, string>} wanted @param {ReadonlySet<string>} back */
    follow(wanted, back) {
      typed = new Map([...wanted].filter(([key]) => !back.has(key)));
      chart.show(value(), was(), bands());
      clearTimeout(timer);
      timer = setTimeout(() => void ask(), ASK_MS);
    },
    dispose() {
      isGone = true;
      clearTimeout(timer);
      clearTimeout(growing);
      chart.dispose();
    },
  };
}

/** Grades as a bar and in words, outages, messages. @param {string} title @param {PreviewPast} past */
function pastOf(title, past) {
  const all = Object.values(past.grades).reduce((sum, minutes) => sum + minutes, 0);
  const bar = h("div", { class: "grade-bar", "aria-hidden": "true" });
  const words = h("div", { class: "grade-words" });
  for (const grade of GRADES) {
    const share = (past.grades[grade] ?? 0) / Math.max(1, all);
    if (share === 0) continue;
    const part = h("span", { class: `fill-${grade}` });
    part.style.flexGrow = String(share);
    bar.append(part);
    words.append(h("span", null, glyph(grade), h("b", null, ` ${share >= 0.01 ? Math.round(share * 100) : "<1"}%`), ` ${t(`badge.${grade}`)}`));
  }
  return h("div", null, h("h3", { class: "label" }, title), bar, words,
    h("p", null, tn("settings.preview.outages", past.outages.length), " · ", tn("settings.preview.alerts", past.outage_alerts)));
}

/** What differs, in a sentence. @param {PreviewAnswer} answer */
function difference({ now, then, probes, is_truncated: isTruncated }) {
  if (probes === 0) return t("settings.preview.no_data");
  const tail = ` ${t(isTruncated ? "settings.preview.truncated" : "settings.preview.kept")}`;
  const overlaps = (/** @type {{ from: number, to: number | null }} */ one, /** @type {{ from: number, to: number | null }} */ other) => one.from < (other.to ?? Infinity) && other.from < (one.to ?? Infinity);
  const gone = now.outages.filter((one) => !then.outages.some((other) => overlaps(one, other)));
  const fresh = then.outages.filter((one) => !now.outages.some((other) => overlaps(one, other)));
  const say = (/** @type {import("../types").PreviewOutage} */ one) => ({ time: momentMinute(one.from, Date.now()), lost: one.lost, length: one.to === null ? "…" : duration(one.to - one.from) });
  if (gone.length === 1 && gone[0]) return t("settings.preview.gone_one", say(gone[0])) + tail;
  if (fresh.length === 1 && fresh[0] && gone.length === 0) return t("settings.preview.fresh_one", say(fresh[0])) + tail;
  if (gone.length + fresh.length > 0) return t("settings.preview.differ", { gone: gone.length, fresh: fresh.length }) + tail;
  return t("settings.preview.same") + tail;
}
