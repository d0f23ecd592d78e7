// The list of events: filters and their link, days, repeats, causes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { byDay, countKinds, daysAgo, findCauses, foldRepeats, newestFirst, parseEventFilters, passes, serverQuery, writeEventFilters } from "../app/eventlist.js";

const AT = new Date(2026, 10, 21, 16, 0, 0).getTime();
/** @param {number} seconds @param {Partial<import("../app/types").EventRow>} [more] @returns {import("../app/types").EventRow} */
const event = (seconds, more = {}) => ({
  id: `1-${seconds}`, type: "packet_loss", severity: "warning", target: "gw", target_name: "Gateway", at: AT + seconds * 1000, until: AT + seconds * 1000 + 500,
  count: 1, count_of: "lost_probes", message: "m", ...more,
});
/** @param {number} seconds @param {string} target @param {number | null} [until] */
const outage = (seconds, target, until = null) => event(seconds, { id: `2-${seconds}-${target}`, type: "outage", severity: "critical", target, until });

test("a link carries the filters and loses what it does not know", () => {
  const filters = parseEventFilters("?state=acked&type=outage,<x>,jitter&sev=critical,loud&target=a,b&other=1");
  assert.deepEqual(filters, { state: "acked", type: ["outage", "jitter"], sev: ["critical"], target: ["a", "b"] });
  assert.deepEqual(parseEventFilters(writeEventFilters(filters)), filters);
  assert.equal(writeEventFilters(parseEventFilters("?state=open")), "");
});

test("only what the server understands is asked of it", () => {
  const filters = { ...parseEventFilters(""), type: ["outage"], sev: ["critical", "warning"], target: ["a", "b"] };
  assert.deepEqual(serverQuery(filters), [["type", "outage"], ["severity", "warning"]]);
  assert.deepEqual(serverQuery({ ...filters, sev: ["info"], target: ["a"] }), [["type", "outage"], ["target", "a"]]);
});

test("an event passes what is chosen and nothing else", () => {
  const acks = new Set(["1-5"]);
  /** @param {string} search @param {import("../app/types").EventRow} one */
  const is = (search, one) => passes(one, parseEventFilters(search), acks);
  assert.equal(is("?state=active", event(1)), false);
  assert.equal(is("?state=active", event(1, { until: null })), true);
  assert.equal(is("?state=closed", event(1, { until: null })), false);
  assert.equal(is("?state=acked", event(5)), true);
  assert.equal(is("?state=acked", event(6)), false);
  assert.equal(is("?target=gw", event(1, { target: null })), false);
  assert.equal(is("?sev=critical", event(1)), false);
});

test("repeats of one target fold, a pause or another target begins anew, and an outage never folds", () => {
  const rows = [event(700), event(650), event(640, { target: "b" }), event(30), event(20, { type: "outage" }), event(10, { type: "outage" })].sort(newestFirst);
  assert.deepEqual(foldRepeats(rows).map((item) => [item.event.at - AT, item.folded.length]), [[700_000, 1], [640_000, 0], [30_000, 0], [20_000, 0], [10_000, 0]]);
});

test("what goes on is not folded away under its history", () => {
  const rows = [event(60, { until: null }), event(30)];
  assert.deepEqual(foldRepeats(rows).map((item) => item.folded.length), [0, 0]);
});

test("days are the reader's, the newest first", () => {
  const items = foldRepeats([outage(0, "a"), outage(-16 * 3600 - 1, "a"), outage(-40 * 3600 - 2, "b")]);
  assert.deepEqual(byDay(items).map(({ day, items: of }) => [daysAgo(day, AT), of.length]), [[0, 1], [1, 1], [2, 1]]);
});

test("three outages within seconds are one cause, two are two", () => {
  assert.deepEqual(findCauses([outage(0, "a"), outage(3, "b")]), []);
  const [cause] = findCauses([outage(9, "c"), outage(3, "b"), outage(0, "a"), event(1, { target: "b" }), event(1, { target: "z" }), outage(40, "d")]);
  assert.deepEqual(cause?.targets, ["a", "b", "c"]);
  assert.equal(cause?.until, null);
  assert.deepEqual(cause?.others.map((one) => one.target), ["b"]);
  assert.deepEqual(countKinds([...(cause?.outages ?? []), ...(cause?.others ?? [])]), [["outage", 3], ["packet_loss", 1]]);
});

test("the same target three times is no cause, and a cause ends with its last outage", () => {
  assert.deepEqual(findCauses([outage(0, "a", AT + 1), outage(3, "a", AT + 4000), outage(6, "a", AT + 7000)]), []);
  const [cause] = findCauses([outage(0, "a", AT + 5000), outage(1, "b", AT + 9000), outage(2, "c", AT + 7000)]);
  assert.equal(cause?.until, AT + 9000);
});

test("the losses of an outage are told by it, those of others and of before are not", () => {
  const rows = [
    event(60, { until: AT + 61_000 }), outage(30, "gw", AT + 50_000), event(30, { id: "1-a" }), event(29, { id: "1-b" }),
    event(31, { id: "1-c", target: "dns" }), event(10, { id: "1-d" }),
  ].sort(newestFirst);
  const items = foldRepeats(rows);
  const home = items.find((item) => item.event.type === "outage");
  assert.deepEqual(home?.folded.map(({ id }) => id).sort(), ["1-a", "1-b"]);
  assert.equal(items.reduce((sum, item) => sum + 1 + item.folded.length, 0), rows.length);
  assert.ok(items.some((item) => item.event.id === "1-c"));
});
