// Advice: each of the three sentences with its numbers, what its button says and sends, and what undoes it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { adviceAction, adviceSentence, fromTo, undoPatch, worstAdvised } from "../app/advice.js";
import { setCatalogue } from "../app/i18n.js";

setCatalogue(JSON.parse(readFileSync(new URL("../i18n/en.json", import.meta.url), "utf8")), "en");

/** @param {string} code @param {Record<string, number>} figures @param {string | null} [command] @returns {any} */
const advice = (code, figures, command = null) => ({ code, figures, action: { patch: {} }, command });

test("lost replies that came late", () => {
  const one = advice("raise_timeout", { share_ppm: 710_000, lost: 64, late: 46, within_ms: 80, from_ms: 25, to_ms: 100 });
  assert.equal(adviceSentence(one), "71% of lost replies came within 80 ms.");
  assert.equal(adviceAction(one), "Raise timeout 25 → 100 ms");
});

test("silent ICMP beside a TCP port that answers", () => {
  const one = advice("use_tcp", { probes: 34, silent_ms: 34_000, port: 443 });
  assert.equal(adviceSentence(one), "ICMP is silent for 34 s (34 probes), TCP 443 answers: a firewall drops ICMP.");
  assert.equal(adviceAction(one), "Switch to TCP 443");
});

test("probes that leave late, with and without a command that helps", () => {
  const figures = { p99_ms: 8.12, from_ms: 10, to_ms: 100 };
  assert.equal(adviceSentence(advice("raise_interval", figures)), "Probes leave late: lateness p99 8.12 ms.");
  assert.equal(adviceSentence(advice("raise_interval", figures, "sudo x")), "Probes leave late: lateness p99 8.12 ms. Or grant SCHED_FIFO: `sudo x`");
  assert.equal(adviceAction(advice("raise_interval", figures)), "Raise interval 10 → 100 ms");
});

test("a unit that both ends share is said once", () => {
  assert.equal(fromTo(25, 100), "25 → 100 ms");
  assert.equal(fromTo(1000, 2000), "1 → 2 s");
  assert.equal(fromTo(500, 1000), "500 ms → 1 s");
});

test("of many targets the worst one with an advice speaks", () => {
  /** @param {string} name @param {string} state @param {any} one @returns {any} */
  const row = (name, state, one) => ({ o: { key: 1, name, state, grade: "good", loss_ppm: 0, p95_ms: 1, advice: one } });
  const rows = [row("a", "ok", advice("raise_timeout", {})), row("b", "down", advice("use_tcp", {})), row("c", "down", null)];
  assert.equal(worstAdvised(rows)?.o.name, "b");
  assert.equal(worstAdvised([row("c", "down", null)]), null);
});

test("undo brings back what was there, and takes away the port that was not", () => {
  /** @type {any} */
  const before = { address: "192.0.2.1", probe: "icmp", port: null, timeout: "25ms", interval: "1s" };
  assert.deepEqual(undoPatch(before, { timeout: "100ms" }), { timeout: "25ms" });
  assert.deepEqual(undoPatch(before, { interval: "100ms" }), { interval: "1s" });
  assert.deepEqual(undoPatch(before, { probe: "tcp", port: 443 }), { address: "192.0.2.1", probe: "icmp" });
});
