/**
 * The form of an own period: two instants in the zone of the browser, and quick picks. Loaded when it is first opened.
 * Input: the period so far. Output: another one, or an error beside the field it is about.
 */

import { h, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { custom, fromField, isWrong, spanOf, toField } from "../range.js";
import { store } from "../store.js";
import { zone } from "../time.js";

const HOUR_MS = 3_600_000;

/** @param {number} now @returns {[string, number, number][]} */
function quickPicks(now) {
  const midnight = new Date(now);
  midnight.setHours(0, 0, 0, 0);
  const yesterday = new Date(midnight);
  // Not 24 h: the day of a clock change is longer or shorter.
  yesterday.setDate(yesterday.getDate() - 1);
  return [
    ["1h", now - HOUR_MS, now], ["6h", now - 6 * HOUR_MS, now],
    ["today", midnight.getTime(), now], ["yesterday", yesterday.getTime(), midnight.getTime()],
  ];
}

/**
 * @param {import("../range.js").Range} range
 * @param {(range: import("../range.js").Range) => void} apply
 * @param {() => void} cancel
 */
export function periodForm(range, apply, cancel) {
  const now = store.now();
  const span = spanOf(range, now);
  const from = field("from", span.from);
  const to = field("to", span.to);
  const error = h("p", { class: "field-error", id: "period-error", role: "alert" });
  const element = h("form", { class: "popover period", role: "dialog", "aria-label": t("range.custom_title"), novalidate: true },
    h("div", { class: "period-fields" }, from.element, to.element),
    error,
    h("p", { class: "hint" }, t("range.zone", { zone: zone(now) })),
    h("div", { class: "period-picks" }, ...quickPicks(now).map(([name, begin, end]) =>
      h("button", { type: "button", class: "button small", onclick: () => apply(custom(begin, Math.max(begin + 1000, end))) }, t(`range.pick.${name}`)))),
    h("div", { class: "period-actions" },
      h("button", { type: "button", class: "button small", onclick: cancel }, t("action.cancel")),
      h("button", { type: "submit", class: "button primary small" }, t("range.apply"))));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const [begin, end] = [fromField(from.input.value), fromField(to.input.value)];
    const wrong = isWrong(begin, end) ?? (begin >= store.now() ? "future" : null);
    const bad = wrong === "missing" && !Number.isNaN(begin) || wrong === "order" ? to : from;
    for (const one of [from, to]) {
      setAttribute(one.input, "aria-invalid", wrong !== null && one === bad ? "true" : null);
      setAttribute(one.input, "aria-describedby", wrong !== null && one === bad ? "period-error" : null);
    }
    setText(error, wrong === null ? "" : t(`range.wrong.${wrong}`));
    if (wrong === null) apply(custom(begin, end));
    else bad.input.focus();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    cancel();
  });
  return { element, focus: () => from.input.focus() };
}

/** @param {"from" | "to"} name @param {number} at */
function field(name, at) {
  const input = h("input", { type: "datetime-local", class: "field", id: `period-${name}`, value: toField(at) });
  return { input, element: h("div", { class: "form-item" }, h("label", { for: `period-${name}` }, t(`range.${name}`)), input) };
}
