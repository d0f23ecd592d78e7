/** Words for what an axis does not reach: how many, and how far. Input: counts. Output: text, "" where all is in sight. */

import { count, plain, rtt } from "../format.js";
import { t } from "../i18n.js";

/** @param {import("../yaxis.js").Beyond} found @param {import("../yaxis.js").Limits} limits */
export function beyondText({ above, below, most, least }, { low, high }) {
  const parts = [];
  if (above > 0) parts.push(t("chart.above", { n: count(above), limit: plain(rtt(high)), most: plain(rtt(most)) }));
  if (below > 0) parts.push(t("chart.below", { n: count(below), limit: plain(rtt(low)), least: plain(rtt(least)) }));
  return parts.join(" · ");
}
