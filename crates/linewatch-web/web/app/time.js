/**
 * Writes instants in the viewer's zone: clock, date, zone name. Input: milliseconds since 1970 UTC.
 * Pure apart from the zone of the browser and the language, which is set once. 24 h clock. Not here: lengths of time (`format.duration`).
 */

/** @param {string} language */
function formats(language) {
  // American English would put the month first and count to twelve.
  const locale = language === "en" ? "en-GB" : language;
  /** @param {Intl.DateTimeFormatOptions} options */
  const make = (options) => new Intl.DateTimeFormat(locale, { hourCycle: "h23", ...options });
  return {
    clock: make({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    minute: make({ hour: "2-digit", minute: "2-digit" }),
    date: make({ day: "numeric", month: "short", year: "numeric" }),
    day: make({ day: "numeric", month: "short" }),
    zone: make({ timeZoneName: "short" }),
  };
}

let format = formats("en");

/** @param {string} language Whose dates are written from now on. */
export function setDates(language) {
  format = formats(language);
}

/** "16:56:11", in Indonesian "16.56.11". @param {number} at */
export function clock(at) {
  return format.clock.format(at);
}

/** "16:56". @param {number} at */
export function minute(at) {
  return format.minute.format(at);
}

/** A tick of an axis: "14:00"; the day alone at midnight and for steps of days; seconds where a step has some. @param {number} at @param {number} step */
export function tickTime(at, step) {
  const date = new Date(at);
  const isMidnight = date.getHours() + date.getMinutes() + date.getSeconds() === 0;
  if (step >= 86_400_000 || isMidnight) return format.day.format(at);
  return step < 60_000 ? clock(at) : minute(at);
}

/** "21 Nov 2026". @param {number} at */
export function date(at) {
  return format.date.format(at);
}

/** "WIB", "GMT+7": the zone at that instant, so that a clock change shows. @param {number} at */
export function zone(at) {
  return format.zone.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "UTC";
}

/**
 * The clock alone for an instant of today, with the day before it otherwise.
 * @param {number} at
 * @param {number} now
 */
export function moment(at, now) {
  return isSameDay(at, now) ? clock(at) : `${format.day.format(at)} ${clock(at)}`;
}

/** As `moment`, to the minute. @param {number} at @param {number} now */
export function momentMinute(at, now) {
  return isSameDay(at, now) ? minute(at) : `${format.day.format(at)} ${minute(at)}`;
}

/** @param {number} at @param {number} now */
function isSameDay(at, now) {
  return format.date.format(at) === format.date.format(now);
}
