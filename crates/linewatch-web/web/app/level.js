/**
 * Decides how a target is shown: its badge, its place in the order, the colour of a loss or jitter cell.
 * Input: overview rows and thresholds. Output: words and weights. Pure: no DOM, no clock.
 * The state takes the badge when it is paused, error, waiting, stale or down; else the grade does (MEASURING.md).
 */

/** @typedef {import("./types").OverviewRow} OverviewRow */
/** @typedef {import("./types").GradeWord} GradeWord */
/** @typedef {GradeWord | "down" | "error" | "stale" | "waiting" | "paused"} Badge */
/** @typedef {Pick<OverviewRow, "state" | "grade">} Levelled */

/** Every badge, in the order of the fleet bar. @type {readonly Badge[]} */
export const BADGES = ["excellent", "good", "fair", "poor", "critical", "down", "error", "stale", "waiting", "paused"];

/** Worst first: UI.md 4.2. @type {Readonly<Record<Badge, number>>} */
const WEIGHTS = {
  error: 0, down: 1, critical: 2, stale: 3, poor: 4, fair: 5, good: 6, excellent: 7, waiting: 8, paused: 10,
};

/**
 * @param {Levelled} row
 * @returns {Badge}
 */
export function badge(row) {
  switch (row.state) {
    case "paused":
    case "error":
    case "waiting":
    case "stale":
    case "down":
      return row.state;
    case "ok":
    case "warn":
    case "bad":
      // A target with a state and no grade has only answers without a round trip: nothing to grade yet.
      return row.grade ?? "waiting";
  }
}

/**
 * OK, WARN or BAD beside a grade; null where the state itself is the badge.
 * @param {Levelled} row
 * @returns {"ok" | "warn" | "bad" | null}
 */
export function tag(row) {
  return row.state === "ok" || row.state === "warn" || row.state === "bad" ? row.state : null;
}

/**
 * Compares two rows worst first: badge, then loss, then p95, then name so that the order is stable.
 * @param {OverviewRow} a
 * @param {OverviewRow} b
 */
export function worstFirst(a, b) {
  return (
    WEIGHTS[badge(a)] - WEIGHTS[badge(b)] ||
    (b.loss_ppm ?? -1) - (a.loss_ppm ?? -1) ||
    (b.p95_ms ?? -1) - (a.p95_ms ?? -1) ||
    a.name.localeCompare(b.name) ||
    a.key - b.key
  );
}

/**
 * Does a person have to look at it? Worst first: error, down, critical.
 * @param {Levelled} row
 */
export function needsAttention(row) {
  return WEIGHTS[badge(row)] <= WEIGHTS.critical;
}

/**
 * The tint of a loss cell: none while loss is below the OK limit.
 * @param {Pick<OverviewRow, "loss_ppm" | "thresholds">} row
 * @returns {"" | "fair" | "poor" | "critical"}
 */
export function lossTint(row) {
  if (row.loss_ppm === null || row.loss_ppm === 0) return "";
  const ratio = row.loss_ppm / 1_000_000;
  if (ratio < row.thresholds.ok.loss) return "";
  if (ratio < row.thresholds.warn.loss) return "fair";
  return ratio < 2 * row.thresholds.warn.loss ? "poor" : "critical";
}

/**
 * The grade of one round trip.
 * @param {number} ms
 * @param {import("./types").Thresholds["grades_ms"]} grades
 * @returns {GradeWord}
 */
export function grade(ms, grades) {
  if (ms <= grades.excellent) return "excellent";
  if (ms <= grades.good) return "good";
  if (ms <= grades.fair) return "fair";
  return ms <= grades.poor ? "poor" : "critical";
}

const CELL_LEVELS = /** @type {const} */ ([null, "excellent", "good", "fair", "poor", "critical"]);
const CELL_OUTAGE = 6;
const STRIP_CELLS = 48;

/**
 * What the cell of the half hour that goes on is at least: a loss must not wait until the stored strip is asked for again.
 * @param {Levelled & Pick<OverviewRow, "loss_ppm" | "thresholds">} row
 */
export function nowCode(row) {
  if (row.state === "down") return CELL_OUTAGE;
  if (tag(row) === null) return 0;
  return Math.max(0, CELL_LEVELS.indexOf(row.grade), CELL_LEVELS.indexOf(lossTint(row) || null));
}

/**
 * A strip whose half hour that goes on is at least as bad as this moment.
 * @param {readonly number[] | null} codes Of the history; null while it is not known.
 * @param {Levelled & Pick<OverviewRow, "loss_ppm" | "thresholds">} row
 * @returns {readonly number[] | null}
 */
export function withNow(codes, row) {
  if (codes === null) return codes;
  const now = nowCode(row);
  const last = codes[STRIP_CELLS - 1] ?? 0;
  return now <= last ? codes : [...Array.from({ length: STRIP_CELLS - 1 }, (_, cell) => codes[cell] ?? 0), now];
}
