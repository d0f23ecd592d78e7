/**
 * Starts the real program with nothing of this computer's own around it: `linewatch serve` on loopback.
 * Input: the program and a directory. Output: its address and how to end it. Only where there is no way out: it probes.
 */

import { networkInterfaces } from "node:os";
import { join } from "node:path";

import { startProgram } from "./program.mjs";

/** A monitor that is not ready by then never will be. */
const START_MS = 20_000;

/** @param {readonly string[]} [own] Names of interfaces that lead to the test's own peers. */
export function expectNoWayOut(own = []) {
  for (const name of Object.keys(networkInterfaces())) {
    if (name !== "lo" && !own.includes(name)) throw new Error(`there is a way out by ${name}: this runs where there is loopback only`);
  }
}

/**
 * @param {string} binary
 * @param {string} dir
 * @param {{ listen?: string, webDir?: string, own?: readonly string[] }} [options]
 */
export async function startServe(binary, dir, { listen = "127.0.0.1:0", webDir, own = [] } = {}) {
  expectNoWayOut(own);
  const args = ["serve", "--listen", listen, "--data-dir", join(dir, "data"), ...(webDir ? ["--web-dir", webDir] : [])];
  return startProgram(binary, args, { dir, startMs: START_MS });
}
