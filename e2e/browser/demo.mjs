/**
 * Starts monitors over a simulated network for tests that need a fleet or a fault of their own: `linewatch demo SCENARIO`.
 * Input: the program and the words of a scenario. Output: its address and how to end it. No probe leaves the process.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startProgram } from "./program.mjs";

/** A monitor that is not ready by then never will be. */
const START_MS = 30_000;
const COUNTRIES = ["ID", "DE", "JP", "US", "SG", "BR", "AU", "GB"];
const GROUPS = ["Asia", "Europe", "Voice", "Edge"];

/**
 * A fleet of `n` targets, one probe a second each: most well, every 40th slow, every 50th with losses, every 97th down.
 * @param {number} n
 */
export function fleetScenario(n) {
  const lines = ["seed 2000", "net rtt 30ms +-3ms bell"];
  for (let i = 0; i < n; i += 1) {
    const name = `t${i}`;
    lines.push(`target ${name} 10.${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255} icmp every 1s timeout 1s`);
    lines.push(`label ${name} name "Line ${String(i).padStart(4, "0")}" country ${COUNTRIES[i % COUNTRIES.length]} group ${GROUPS[i % GROUPS.length]}`);
    if (i % 97 === 96) lines.push(`net ${name} down`);
    else if (i % 50 === 49) lines.push(`net ${name} rtt 40ms loss 5%`);
    else if (i % 40 === 39) lines.push(`net ${name} rtt 220ms +-15ms bell`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * @param {string} binary
 * @param {string} scenario "" for the built-in one, which goes on for ever.
 * @param {{ listen?: string, webDir?: string }} [options]
 */
export async function startDemo(binary, scenario, { listen = "127.0.0.1:0", webDir } = {}) {
  const dir = await mkdtemp(join(tmpdir(), "linewatch-page-"));
  const file = join(dir, "story.scn");
  if (scenario !== "") await writeFile(file, scenario);
  const args = ["demo", ...(scenario === "" ? [] : [file]), "--listen", listen, ...(webDir ? ["--web-dir", webDir] : [])];
  const { url, stop } = await startProgram(binary, args, { dir, env: { TMPDIR: dir }, startMs: START_MS });
  return { url, stop: () => stop().then(() => rm(dir, { recursive: true, force: true })) };
}
