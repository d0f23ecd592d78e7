/**
 * The tests of reports: the page, the paper in it, and the file that opens without network and is printed.
 * Part of run.mjs; they need a target with some history.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { expect, openLive } from "./harness.mjs";

/** @param {import("playwright-core").Page} page */
const written = async (page) => {
  await page.locator('.report-desk[data-state="ready"]').waitFor({ timeout: 15_000 });
  await page.waitForTimeout(200);
};

/**
 * The objects of a PDF by number. Chromium writes them plainly; only pictures and text are packed.
 * @param {Buffer} pdf
 */
function objects(pdf) {
  const text = pdf.toString("latin1");
  return new Map([...text.matchAll(/(?:^|\n)(\d+) 0 obj\s(.*?)\sendobj/gs)].map(([, number, body]) => [Number(number), body ?? ""]));
}

/** The pages that hold any part of a structure element. @param {Map<number, string>} all @param {number} number @param {Set<number>} found */
function pagesOf(all, number, found = new Set()) {
  const body = all.get(number) ?? "";
  for (const [, page] of body.matchAll(/\/Pg (\d+) 0 R/g)) found.add(Number(page));
  const kids = /\/K\s*(?:\[(.*?)\]\s*(?:\/|>>)|(\d+ 0 R))/s.exec(body)?.slice(1).join("") ?? "";
  for (const [, kid] of kids.replace(/<<.*?>>/gs, "").matchAll(/(\d+) 0 R/g)) pagesOf(all, Number(kid), found);
  return found;
}

/** @param {Buffer} pdf */
function printed(pdf) {
  const all = objects(pdf);
  const pages = [...all.values()].filter((body) => /\/Type\s*\/Page\b/.test(body));
  const size = /\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)/.exec(pages[0] ?? "");
  // A row of heads is printed on each page of its table, as it should be.
  const hasCells = (/** @type {string} */ body) => [...body.matchAll(/(\d+) 0 R/g)].some(([, kid]) => /\/S\s*\/TD\b/.test(all.get(Number(kid)) ?? ""));
  const rows = [...all].filter(([, body]) => /\/S\s*\/TR\b/.test(body) && hasCells(body)).map(([number]) => [...pagesOf(all, number)]);
  return { pages: pages.length, width: Number(size?.[1]), height: Number(size?.[2]), rows };
}

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<import("./harness.mjs").launch>>, base: string,
 *   violations: (page: import("playwright-core").Page) => Promise<string[]> }} suite
 */
export function reportTests({ test, browser, base, violations }) {
  /** The target with most behind it: one that was down, else any. */
  const target = async () => {
    const { rows } = await (await fetch(`${base}/api/v1/outages?limit=50`)).json();
    const closed = rows.find((/** @type {any} */ row) => row.to !== null) ?? rows[0];
    if (closed) return closed.target;
    const { targets } = await (await fetch(`${base}/api/v1/overview?limit=1`)).json();
    return targets[0].id;
  };

  test("the paper is light in the dark theme and stands whole in its frame", async () => {
    const id = await target();
    for (const [which, width] of /** @type {const} */ ([[id, 1440], ["fleet", 390]])) {
      await browser.page(async (page) => {
        await openLive(page, `${base}/report/${which}?range=24h`);
        await written(page);
        const paper = page.frames().find((frame) => frame.url().includes("/api/v1/report"));
        const ground = await paper?.evaluate(() => getComputedStyle(/** @type {Element} */ (document.querySelector("main"))).backgroundColor);
        expect(ground === "rgb(255, 255, 255)", `the paper is ${ground}`);
        const box = await page.locator("iframe.report-frame").boundingBox();
        const inside = await paper?.evaluate(() => document.documentElement.scrollHeight);
        expect(box !== null && inside !== undefined && inside <= box.height + 1, `the paper is cut: ${inside} in ${box?.height}`);
      }, { width });
    }
  });

  test("choices stand in the address, change the paper, and survive a reload", async () => {
    const id = await target();
    await browser.page(async (page) => {
      await openLive(page, `${base}/report/${id}`);
      await written(page);
      const paper = page.frameLocator("iframe.report-frame");
      await page.getByLabel("Language", { exact: true }).selectOption("id");
      await paper.locator("html[lang=id]").waitFor();
      await page.getByLabel("Zone").selectOption("Asia/Jakarta");
      await paper.getByText("UTC+07:00").first().waitFor();
      await page.getByRole("checkbox", { name: "Method" }).uncheck();
      await paper.getByRole("heading", { name: "Cara pengukuran" }).waitFor({ state: "detached" });
      await page.reload();
      await written(page);
      expect(new URL(page.url()).search === "?tz=Asia/Jakarta&lang=id&include=verdict,tables,chart,outages,evidence", page.url());
      await paper.locator("html[lang=id]").waitFor();
      await page.getByLabel("Target", { exact: true }).selectOption("fleet");
      await paper.getByRole("heading", { name: "Semua target" }).waitFor();
      expect(page.url().includes("/report/fleet?tz=Asia/Jakarta"), page.url());
    });
  });

  test("what goes wrong is said in words, with a way back", async () => {
    const id = await target();
    await browser.page(async (page) => {
      await openLive(page, `${base}/report/${id}`);
      await written(page);
      await page.route("**/api/v1/report?**", (route) => route.fulfill({ status: 503, contentType: "application/json", headers: { "X-Frame-Options": "DENY" }, body: '{"error":{"code":"unavailable","message":"the history is busy","field":null}}' }));
      await page.getByLabel("Paper").selectOption("letter");
      await page.getByText("the history is busy").waitFor();
      expect(await page.getByRole("button", { name: "Print or save as PDF" }).isDisabled(), "nothing can be printed");
      await page.unroute("**/api/v1/report?**");
      await page.getByRole("button", { name: "Retry" }).click();
      await written(page);
      expect(await page.getByRole("button", { name: "Print or save as PDF" }).isEnabled(), "the paper is back");
    }, { allowErrors: /503|frame|X-Frame/i });
  });

  test("the file opens without network, runs nothing, has no violation, and prints without a cut row on A4 and Letter", async () => {
    const id = await target();
    const folder = await mkdtemp(join(tmpdir(), "linewatch-report-"));
    const printer = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--headless", "--no-sandbox", "--disable-gpu"] });
    try {
      for (const [which, paper, width] of /** @type {const} */ ([[id, "a4", 595], [id, "letter", 612], ["fleet", "a4", 595]])) {
        const answer = await fetch(`${base}/api/v1/report?target=${which}&range=7d&paper=${paper}&include=verdict,tables,chart,outages,evidence,method,events&download=1`);
        expect(answer.ok, `${which}: ${answer.status}`);
        const path = join(folder, `${paper}-${width}.html`);
        await writeFile(path, await answer.text());
        const page = await printer.newPage();
        /** @type {string[]} */
        const asked = [];
        page.on("request", (request) => { if (request.url() !== `file://${path}`) asked.push(request.url()); });
        await page.context().setOffline(true);
        await page.goto(`file://${path}`);
        expect(asked.length === 0, `the file asks for ${asked.join(" ")}`);
        const found = await violations(page);
        expect(found.length === 0, `${which} ${paper}: ${found.join("\n")}`);
        const { pages, width: got, rows } = printed(await page.pdf({ preferCSSPageSize: true, printBackground: true, tagged: true }));
        const cut = rows.filter((on) => on.length > 1).length;
        console.log(`  ${which} ${paper}: ${pages} pages of ${got} pt, ${rows.length} rows, ${cut} cut`);
        expect(pages > 0 && Math.round(got) === width, `${pages} pages, ${got} points wide`);
        expect(rows.length > 3 && rows.every((on) => on.length > 0), "the rows of the PDF are not found");
        expect(cut === 0, `${cut} of ${rows.length} rows are cut by a page`);
        await page.close();
      }
    } finally {
      await printer.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
}
