/**
 * Writes instants in the viewer's zone: clock, date, zone name. Input: milliseconds since 1970 UTC.
 * Pure apart from the zone of the browser. 24 h clock. Not here: lengths of time (`format.duration`).
 */

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dateFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const zoneFormat = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

/** "16:56:11". @param {number} at */
export function clock(at) {
  return clockFormat.format(at);
}

/** A tick of an axis: "14:00"; the day alone at midnight and for steps of days; seconds where a step has some. @param {number} at @param {number} step */
export function tickTime(at, step) {
  const time = clock(at);
  if (step >= 86_400_000 || time === "00:00:00") return dayFormat.format(at);
  return step < 60_000 ? time : time.slice(0, -3);
}

/** "21 Nov 2026". @param {number} at */
export function date(at) {
  return dateFormat.format(at);
}

/** "WIB", "GMT+7": the zone at that instant, so that a clock change shows. @param {number} at */
export function zone(at) {
  return zoneFormat.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "UTC";
}

/**
 * The clock alone for an instant of today, with the day before it otherwise.
 * @param {number} at
 * @param {number} now
 */
export function moment(at, now) {
  return dateFormat.format(at) === dateFormat.format(now) ? clock(at) : `${dayFormat.format(at)} ${clock(at)}`;
}
