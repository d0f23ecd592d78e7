/**
 * The buckets of a history as a table, newest first. Input: buckets, and columns of targets drawn beside. Output: rows in a place.
 * Loaded when a person opens the table behind the chart.
 */

import { lossPpm } from "../charts/buckets.js";
import { fill, h } from "../dom.js";
import { count, loss, plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { moment } from "../time.js";

/** @typedef {import("../charts/buckets.js").Bucket} Bucket */

/** A month in 2 h is 360 rows; more are read from the export. */
const ROWS_MAX = 500;
const COLUMNS = /** @type {const} */ (["time", "sent", "lost", "loss", "min", "p50", "p95", "p99", "max"]);

/** @param {Element} place @param {readonly Bucket[]} list @param {readonly { name: string, text: (bucket: Bucket) => string }[]} others */
export function fillBuckets(place, list, others) {
  const now = store.now();
  const head = h("tr", null, ...COLUMNS.map((name) => h("th", { scope: "col", class: name === "time" ? "" : "num" }, t(`bucket.${name}`))),
    ...others.map(({ name }) => h("th", { scope: "col", class: "num" }, name)));
  const rows = [...list].reverse().slice(0, ROWS_MAX).map((bucket) => {
    const texts = [
      moment(bucket.at, now), count(bucket.sent), count(bucket.lost), plain(loss(lossPpm(bucket))), plain(rtt(bucket.q?.[0])),
      plain(rtt(bucket.p50)), plain(rtt(bucket.p95)), plain(rtt(bucket.p99)), plain(rtt(bucket.q?.[8])),
    ];
    return h("tr", null, ...texts.map((text, i) => h("td", { class: i === 0 ? "" : "num", "data-label": t(`bucket.${COLUMNS[i] ?? "time"}`) }, text)),
      ...others.map(({ name, text }) => h("td", { class: "num", "data-label": name }, text(bucket))));
  });
  const table = h("table", { class: "data-table" }, h("caption", { class: "visually-hidden" }, t("history.title")), h("thead", null, head), h("tbody", null, ...rows));
  const scroll = place.firstElementChild;
  // A reader in the middle of it stays there.
  if (scroll) fill(scroll, table);
  else fill(place, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("history.title") }, table));
}
