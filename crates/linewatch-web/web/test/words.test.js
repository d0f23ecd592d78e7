// What the server sends as a code reads as words, and a number never stands without its unit.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";

import { setCatalogue } from "../app/i18n.js";
import { countText, eventText, noticeText } from "../app/words.js";

before(() => setCatalogue(JSON.parse(readFileSync(new URL("../i18n/en.json", import.meta.url), "utf8")), "en"));

/** @param {string} type @param {number} count @param {string} count_of @param {string} [message] @returns {any} */
const event = (type, count, count_of, message = "") => ({ type, count, count_of, message });

test("lost probes are never times", () => {
  assert.equal(countText(event("packet_loss", 34, "lost_probes")), "34 probes lost");
  assert.equal(countText(event("packet_loss", 1, "lost_probes")), "1 probe lost");
  assert.equal(countText(event("suspended", 1234, "unmeasured_probes")), "1,234 probes not measured");
  assert.equal(countText(event("dns_failed", 3, "times")), "3 times");
});

test("what the sentence says already is not said again", () => {
  assert.equal(countText(event("outage", 34, "lost_probes")), "");
  assert.equal(countText(event("started", 1, "times")), "");
  assert.equal(countText(event("packet_loss", 1, "lost_probes", "1 probe lost")), "");
  assert.equal(countText(event("packet_loss", 4, "lost_probes", "4 probes in a row lost")), "");
  assert.equal(countText(event("packet_loss", 4, "lost_probes", "40 % loss")), "4 probes lost");
});

test("a notice is worded by the catalogue, and by the server where that has no words", () => {
  /** @param {string} code @returns {any} */
  const notice = (code) => ({ code, params: { port: "443" }, text: "as the server says" });
  assert.equal(noticeText(notice("tcp_instead")), "ICMP is not permitted here: measuring TCP handshakes with port 443 instead.");
  assert.equal(noticeText(notice("from_a_later_version")), "as the server says");
});

test("an event is told by the server in English, without its name twice, and by its kind in other languages", () => {
  const outage = { ...event("outage", 34, "lost_probes"), at: 1000, until: 35_000, target_name: "gw", message: "gw was down for 34 s: 34 probes lost" };
  assert.equal(eventText(outage), "was down for 34 s: 34 probes lost");
  setCatalogue(JSON.parse(readFileSync(new URL("../i18n/id.json", import.meta.url), "utf8")), "id");
  assert.equal(eventText(outage), "mati selama 34 s");
  assert.equal(countText(outage), "34 probe hilang");
  assert.equal(eventText({ ...outage, until: null }), "mati");
  assert.equal(eventText({ ...outage, type: "of_a_later_version" }), "was down for 34 s: 34 probes lost");
});
