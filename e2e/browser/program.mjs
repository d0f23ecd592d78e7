/**
 * Starts the program and waits for its word that it serves. Input: the program, its words, where it runs. Output: its address and
 * how to end it in order.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * @param {string} binary
 * @param {readonly string[]} args
 * @param {{ dir: string, env?: Record<string, string>, startMs: number }} options What is not ready within `startMs` never will be;
 *   what has not ended in order by then is killed.
 */
export async function startProgram(binary, args, { dir, env = {}, startMs }) {
  const child = spawn(binary, args, { cwd: dir, env: { HOME: dir, PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    const late = setTimeout(() => child.kill("SIGKILL"), startMs);
    child.kill("SIGTERM");
    await ended;
    clearTimeout(late);
  };
  const late = setTimeout(() => child.kill("SIGKILL"), startMs);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^Running on (http:\S+)/.exec(line)?.[1];
    if (!url) continue;
    clearTimeout(late);
    child.stdout.resume();
    return { url, stop };
  }
  throw new Error(`${binary} ${args[0]} ended before it was ready`);
}
