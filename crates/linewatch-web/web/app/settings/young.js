/**
 * How much of a day a history really has, so that a preview of a young monitor is of what there is. Input: the answer for a day.
 * Output: where it begins, and whether that is worth telling. Pure.
 */

/** Less than this of the day is stored: the rest would be an empty picture. */
const YOUNG_SHARE = 0.5;
/** A day that lacks this much is not called a day, ms. */
const SHORT_MS = 3_600_000;
/** A picture of less is nothing to drag a line over, ms. */
const SPAN_MIN_MS = 60_000;

/**
 * @param {Pick<import("../types").SeriesAnswer, "from" | "t" | "bucket_seconds">} answer Of a whole day.
 * @param {number} to The end of the day, ms.
 * @returns {{ from: number | null, isYoung: boolean, isShort: boolean }} `from`: where to look from, null if nothing is stored.
 */
export function spanShown({ from, t: times, bucket_seconds: seconds }, to) {
  const first = times[0];
  if (first === undefined) return { from: null, isYoung: false, isShort: false };
  // A bucket of the day is wide: the first probe is somewhere in it.
  const begin = Math.max(from, first);
  const isYoung = begin - from > YOUNG_SHARE * (to - from);
  return { from: isYoung ? Math.min(begin, to - SPAN_MIN_MS) : begin, isYoung, isShort: begin - from > SHORT_MS + seconds * 1000 };
}

/**
 * A finer answer without the empty time before its first probe.
 * @template {Pick<import("../types").SeriesAnswer, "from" | "to" | "t">} Answer
 * @param {Answer} answer @param {number} to ms @returns {Answer}
 */
export function cropped(answer, to) {
  const from = Math.min(Math.max(answer.from, answer.t[0] ?? answer.from), to - SPAN_MIN_MS);
  return { ...answer, from, to: Math.max(to, from + SPAN_MIN_MS) };
}
