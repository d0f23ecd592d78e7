/**
 * The Settings page in a real browser: each section changes a value, finds it in web.toml and in force, and gives it back; mistakes
 * stand beside their field; a CSV comes back as it went. Widths and axe are pages.mjs's.
 */

import { readFile, writeFile } from "node:fs/promises";

import { expect, until } from "./harness.mjs";

/**
 * @param {{ test: (name: string, run: () => Promise<void>) => void, browser: Awaited<ReturnType<typeof import("./harness.mjs").launch>>, base: string }} suite
 */
export function settingsTests({ test: add, browser, base }) {
  /** @param {string} name @param {() => Promise<void>} run */
  const test = (name, run) => add(`settings: ${name}`, run);
  /** @param {string} path @param {RequestInit} [init] */
  const api = async (path, init = {}) => (await fetch(`${base}/api/v1/${path}`, { ...init, headers: { "Content-Type": "application/json" } })).json();
  const webToml = async () => readFile((await api("config")).web_path, "utf8").catch(() => "");
  /** @param {import("playwright-core").Page} page @param {string} section */
  const open = async (page, section) => {
    await page.goto(`${base}/settings?section=${section}`);
    await page.locator(".section-head").waitFor();
  };
  const own = async (/** @type {string} */ id, /** @type {string} */ address) => {
    await fetch(`${base}/api/v1/targets/${id}`, { method: "DELETE" });
    await api("targets", { method: "POST", body: JSON.stringify({ id, name: `Row ${id}`, address, probe: "icmp" }) });
  };

  for (const [section, key, label, value] of [["general", "web.live_points", "Points of the live chart", "120"], ["thresholds", "defaults.outage.lost_to_open", "Opens after lost", "4"],
    ["alerts", "alerts.cooldown", "Not again within", "7m"], ["data", "storage.retention.logs", "Log lines", "12d"]]) {
    test(`${section}: a value is saved, stands in web.toml, holds, and goes back`, async () => {
      await browser.page(async (page) => {
        await open(page, section);
        const before = await page.getByLabel(label, { exact: true }).first().inputValue();
        await page.getByLabel(label, { exact: true }).first().fill(value);
        await page.getByRole("button", { name: "Save 1 change" }).click();
        await page.getByText("1 value saved.").waitFor();
        const leaf = key.split(".").at(-1);
        expect((await webToml()).includes(`${leaf} = `), await webToml());
        const now = key.split(".").reduce((tree, part) => tree[part], (await api("config")).config);
        expect(String(now) === value, `${key} is ${now}`);
        await page.reload();
        await page.locator(".section-head").waitFor();
        expect((await page.getByLabel(label, { exact: true }).first().inputValue()) === value, "a reload shows another value");
        const row = page.locator(".setting", { has: page.locator(`[name="${key}"]`) });
        await row.getByText("changed here").waitFor();
        await row.getByRole("button", { name: /^back to the/ }).click();
        await page.getByRole("button", { name: "Save 1 change" }).click();
        await row.getByText("changed here").waitFor({ state: "detached" });
        expect((await page.getByLabel(label, { exact: true }).first().inputValue()) === before, "it did not go back");
        // The badge leaves with the press, the file follows with the answer.
        expect(await until(async () => !(await webToml()).includes(`${leaf} = `), 10_000), await webToml());
      });
    });
  }

  test("a value that cannot be is refused beside its field, in the server's words", async () => {
    await browser.page(async (page) => {
      await open(page, "general");
      await page.getByLabel("Timeout", { exact: true }).fill("soon");
      await page.getByRole("button", { name: "Save 1 change" }).click();
      const row = page.locator(".setting", { has: page.locator('[name="defaults.timeout"]') });
      await row.getByText(/soon/).waitFor();
      expect((await page.getByLabel("Timeout", { exact: true }).getAttribute("aria-invalid")) === "true", "the field is not marked");
      await page.locator(".section-link", { hasText: "Data" }).click();
      await page.getByRole("dialog", { name: "Changes are not saved" }).waitFor();
      await page.getByRole("button", { name: "Leave without saving" }).click();
      await page.waitForURL(/section=data/);
    }, { allowErrors: /422/ });
  });

  test("somebody else's change is shown beside one's own and nothing is lost", async () => {
    await browser.page(async (page) => {
      await open(page, "general");
      await api("config", { method: "PUT", body: JSON.stringify({ set: { "web.live_points": 99 } }) });
      await page.getByLabel("Points of the live chart").fill("77");
      await page.getByRole("button", { name: "Save 1 change" }).click();
      await page.getByText("Theirs: 99").waitFor();
      await page.getByText("Yours: 77").waitFor();
      await page.getByRole("button", { name: "Save mine over it" }).click();
      await page.getByText("1 value saved.").waitFor();
      expect((await api("config")).config.web.live_points === 77, "mine does not hold");
      await api("config", { method: "PUT", body: JSON.stringify({ reset: ["web.live_points"] }) });
    }, { allowErrors: /409/ });
  });

  test("targets: a CSV goes out and comes back, many change at once, lines are pasted, one leaves and returns", async () => {
    await own("csv-a", "127.0.0.71");
    await own("csv-b", "127.0.0.72");
    await browser.page(async (page) => {
      await open(page, "targets");
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export CSV" }).click()]);
      const file = `${await download.path()}.csv`;
      const text = await readFile(await download.path(), "utf8");
      expect(text.includes("csv-a,Row csv-a,127.0.0.71,icmp"), text);
      await writeFile(file, text.replace("Row csv-a", "=Renamed, a").replace("=Renamed, a", "\"'=Renamed, a\""));
      await page.getByRole("button", { name: "Import CSV" }).click();
      await page.locator("#import-file").setInputFiles(file);
      await page.getByText(/^0 new targets/).waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Import", exact: true }).click();
      await page.getByRole("button", { name: "=Renamed, a" }).waitFor();

      await page.getByLabel("Select =Renamed, a").check();
      await page.getByLabel("Select Row csv-b").check();
      await page.locator("#bulk-interval").fill("2s");
      await page.getByText("Changes 2 values of 2 targets:").waitFor();
      await page.getByRole("button", { name: "Apply to 2" }).click();
      await page.getByText("2 targets changed.").waitFor();
      expect((await api("targets/csv-b")).target.interval === "2s", "the interval is another one");
      await page.getByRole("button", { name: "Clear" }).click();

      await page.getByRole("button", { name: "Paste many" }).click();
      await page.getByLabel("One target a line").fill("Pasted=icmp://127.0.0.73\nicmp://not a host\n");
      await page.getByRole("button", { name: "Add 2 targets" }).click();
      await page.getByText(/^Line 2:/).waitFor();
      expect((await page.getByLabel("One target a line").inputValue()) === "icmp://not a host", "the wrong line is not kept to be mended");
      await page.keyboard.press("Escape");

      await page.getByRole("button", { name: "Row csv-b" }).click();
      await page.locator(".open-row").getByLabel("Timeout", { exact: true }).fill("soon");
      await page.locator(".open-row").getByRole("button", { name: "Save 1 change" }).click();
      await page.locator(".open-row .field-error", { hasText: "soon" }).waitFor();
      await page.locator(".open-row").getByLabel("Timeout", { exact: true }).fill("3s");
      await page.locator(".open-row").getByRole("button", { name: "Save 1 change" }).click();
      await page.getByText("1 value saved.").waitFor();
      expect((await webToml()).includes('timeout = "3s"'), await webToml());
      await page.locator(".open-row").getByRole("button", { name: "Delete" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.locator(".toast", { hasText: "deleted" }).getByRole("button", { name: "Undo" }).click();
      await page.getByRole("button", { name: "Row csv-b" }).waitFor();
    }, { allowErrors: /4\d\d/ });
    const all = (await api("targets")).targets;
    for (const { id, address } of all) if (address.startsWith("127.0.0.7")) await fetch(`${base}/api/v1/targets/${id}`, { method: "DELETE" });
  });

  test("targets: which rules and windows are about a target is told with their origin, and leads to where they are changed", async () => {
    await own("rule-a", "127.0.0.74");
    const rules = [
      { kind: "latency", name: "slow <b>", match: { group: "Suite" }, above: 90, for: "30s", to: [] }, { kind: "loss", match: { target: "rule-a" }, escalate: { after: "15m", to: [] } },
      { kind: "jitter", match: { group: "Nobody" } }, { kind: "storage" },
    ];
    await api("targets/rule-a", { method: "PATCH", body: JSON.stringify({ group: "Suite" }) });
    await api("config", { method: "PUT", body: JSON.stringify({ set: { "alerts.rules": rules, "alerts.maintenance": [{ match: { group: "Suite" }, from: "", to: "" }] } }) });
    try {
      for (const [width, lang] of /** @type {const} */ ([[1440, "en"], [390, "en"], [320, "id"]])) {
        await browser.page(async (page) => {
          await page.goto(`${base}/t/rule-a?lang=${lang}`);
          await page.locator(".panel-actions").first().waitFor();
          await page.locator("h1").click();
          await page.keyboard.press(".");
          const card = page.locator("dialog .applies");
          await card.locator(".applies-list li").first().waitFor();
          const said = await card.locator(".applies-list li").allTextContents();
          expect(said.length === 2, said.join("\n"));
          if (lang === "en") {
            expect(/^Latency · slow <b> above 90 ms, for 30 s, tells everybodyby its group Suite · changed here$/.test(said[0] ?? ""), said[0] ?? "");
            expect(/^Loss above 5(\.0)?%, its own limit, for 10 s, tells everybody, after 15 m: everybodyrule for this target alone/.test(said[1] ?? ""), said[1] ?? "");
            await card.getByText("Maintenance until further notice: nothing is told now.").waitFor();
            await card.getByText(/^30 days default$/).waitFor();
          }
          expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `sideways scroll at ${width}`);
          const fits = await page.locator("dialog").evaluate((one) => one.scrollWidth <= one.clientWidth);
          expect(fits, `the dialog is wider than ${width}`);
          if (lang === "en") {
            await card.getByRole("link", { name: "Change rules in Alerts" }).click();
            await page.waitForURL(/settings\?section=alerts/);
            expect((await page.locator("dialog").count()) === 0, "the dialog stays open over another page");
          }
        }, { width });
      }
    } finally {
      await api("config", { method: "PUT", body: JSON.stringify({ reset: ["alerts.rules", "alerts.maintenance"] }) });
      await fetch(`${base}/api/v1/targets/rule-a`, { method: "DELETE" });
    }
  });

  test("targets: on a phone a target is two lines, all of it in sight at 320 px", async () => {
    for (const lang of ["en", "id"]) {
      await browser.page(async (page) => {
        await page.goto(`${base}/settings?section=targets&lang=${lang}`);
        await page.locator(".targets-table tbody tr").first().waitFor();
        for (const width of [320, 390]) {
          await page.setViewportSize({ width, height: 844 });
          const seen = await page.evaluate(() => {
            const row = document.querySelector(".targets-table tbody tr");
            const place = (/** @type {string} */ name) => row?.querySelector(name)?.getBoundingClientRect() ?? new DOMRect();
            const [name, address, interval, origin] = ["th", ".cell-address", ".cell-interval", ".origin"].map(place);
            const right = Math.max(...[...(row?.querySelectorAll("td, th") ?? [])].map((one) => one.getBoundingClientRect().right));
            return { sideways: document.documentElement.scrollWidth - innerWidth, right: innerWidth - right, isFirst: Math.abs(name.top - interval.top) < 30 && interval.left >= name.right - 1,
              isSecond: address.top >= name.bottom - 1 && Math.abs(address.top - origin.top) < 4 && origin.left >= address.right - 1, height: row?.getBoundingClientRect().height ?? 0 };
          });
          expect(seen.sideways <= 0 && seen.right >= 0 && seen.isFirst && seen.isSecond && seen.height < 110, `${lang} ${width}: ${JSON.stringify(seen)}`);
        }
      }, { width: 390 });
    }
  });

  test("thresholds: the line is dragged by keys, the preview is asked, nothing is saved", async () => {
    await browser.page(async (page) => {
      await open(page, "thresholds");
      const field = page.locator('[name="defaults.grades_ms.good"]');
      const before = Number(await field.inputValue());
      await page.locator(".preview-counts h3").first().waitFor();
      const [asked] = await Promise.all([page.waitForRequest(/preview\?.*good=/), page.getByRole("slider").press("ArrowUp")]);
      expect(asked.url().includes(`good=${before + 1}`), asked.url());
      expect((await field.inputValue()) === String(before + 1), "the field does not follow the line");
      await page.getByText(/Past records keep the rules|is stored in the last 24 h/).waitFor();
      await page.getByRole("button", { name: "Discard" }).click();
      expect((await field.inputValue()) === String(before), "it is not as it was");
    });
  });

  test("thresholds: a young monitor previews what it has, says how much that is, and an empty one begins by itself", async () => {
    /** Answers as of a target whose first probe was so long ago; null: nothing is stored. @type {number | null} */
    let ageMs = null;
    await browser.page(async (page) => {
      await page.route("**/api/v1/series?**", async (route) => {
        const query = new URL(route.request().url()).searchParams;
        const [from, to] = [Number(query.get("from")), Number(query.get("to"))];
        const seconds = to - from > 7_200_000 ? 300 : 1;
        const first = ageMs === null ? Infinity : Math.floor((to - ageMs) / (seconds * 1000)) * seconds * 1000;
        const t = [];
        for (let at = first; at < to; at += seconds * 1000) t.push(at);
        const all = (/** @type {number} */ value) => t.map(() => value);
        await route.fulfill({ json: { target: query.get("target"), key: 1, from, to, bucket_seconds: seconds, source: "raw", t, sent: all(1), lost: all(0), min: all(20), avg: all(21), max: all(22), p50: all(21), p95: all(22), p99: all(22), smoke: [], gaps: [], marks: [] } });
      });
      await page.clock.install();
      await open(page, "thresholds");
      await page.getByText("Nothing of this target is stored yet.").waitFor();
      ageMs = 180_000;
      await page.clock.fastForward(11_000);
      await page.getByText(/^Only 3 m 0\d s of this target are stored so far: .* its 18\d probes/).waitFor();
      expect(/3 m 0\d s/.test((await page.locator(".preview .note").first().textContent()) ?? ""), "the title still speaks of a day");
      // The line of three minutes fills the picture instead of its last pixels.
      const share = await page.evaluate(() => {
        const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector(".drag-canvas"));
        const context = canvas?.getContext("2d");
        if (!canvas || !context) return 0;
        const want = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
        const rgb = [1, 3, 5].map((at) => Number.parseInt(want.slice(at, at + 2), 16));
        const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
        let columns = 0;
        for (let x = 0; x < width; x += 1) {
          for (let y = 0; y < height; y += 1) {
            const i = (y * width + x) * 4;
            if (Math.abs((data[i] ?? 0) - rgb[0]) < 12 && Math.abs((data[i + 1] ?? 0) - rgb[1]) < 12 && Math.abs((data[i + 2] ?? 0) - rgb[2]) < 12) {
              columns += 1;
              break;
            }
          }
        }
        return columns / width;
      });
      expect(share > 0.5, `the line fills ${share} of the picture`);
      ageMs = 86_400_000;
      await page.clock.fastForward(11_000);
      await page.locator(".preview-young").waitFor({ state: "hidden" });
      await page.locator(".preview .note", { hasText: "last 24 h" }).waitFor();
    });
  });

  test("alerts: a rule is added and goes back, and a test shows what was said", async () => {
    await browser.page(async (page) => {
      await open(page, "alerts");
      await page.locator(".section-head").getByRole("button", { name: "Add rule" }).click();
      await page.getByRole("dialog").getByLabel("Kind").selectOption("loss");
      await page.getByRole("dialog").getByLabel(/^Above/).fill("7");
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").locator(".field-error:not(:empty)").waitFor();
      await page.getByRole("dialog").getByLabel(/^Above/).fill("0.07");
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect((await webToml()).includes("above = 0.07"), await webToml());
      await page.getByRole("button", { name: /^back to the file/ }).first().click();
      await page.getByText("List saved.").nth(1).waitFor();
      expect(!(await webToml()).includes("above = 0.07"), await webToml());
      await page.getByRole("button", { name: "Send test mail" }).click();
      await page.locator(".test-answer .server-words").waitFor({ timeout: 30_000 });
      expect(((await page.locator(".test-answer .server-words").textContent()) ?? "").length > 5, "no words");
    }, { allowErrors: /4\d\d|5\d\d/ });
  });

  test("alerts: what no webhook took is sent by mail instead, where there is mail; a mail is only tried again", async () => {
    await browser.page(async (page) => {
      // The demo tells nobody: the outbox is one that was heard of.
      const letter = (/** @type {number} */ id, /** @type {string} */ destination) => ({ id, destination, made: Date.now() - 60_000, due: Date.now(), attempts: 3, last_error: "404 Not Found" });
      let outbox = { destinations: ["email", "webhook:1"], waiting: [], dead: [letter(4, "webhook:1"), letter(3, "report")] };
      /** @type {string[]} */
      const asked = [];
      await page.route("**/api/v1/alerts/outbox**", async (route) => {
        if (route.request().method() === "POST") {
          asked.push(new URL(route.request().url()).pathname);
          outbox = { ...outbox, dead: outbox.dead.filter((row) => row.id !== 4) };
        }
        await route.fulfill({ json: outbox });
      });
      await open(page, "alerts");
      const cards = page.locator(".dead-letter");
      await cards.nth(1).waitFor();
      expect((await cards.nth(1).getByRole("button", { name: "Send by mail instead" }).count()) === 0, "a mail by mail again");
      expect(((await cards.nth(1).textContent()) ?? "").includes("email (report)"), "whom the report was for");
      await cards.first().getByRole("button", { name: "Send by mail instead" }).click();
      await cards.nth(1).waitFor({ state: "detached" });
      expect(asked.join() === "/api/v1/alerts/outbox/4/mail", asked.join());
      outbox = { destinations: ["webhook:1"], waiting: [], dead: [letter(5, "webhook:1")] };
      await page.reload();
      await cards.first().waitFor();
      expect((await page.getByRole("button", { name: "Send by mail instead" }).count()) === 0, "without mail");
    });
  });

  test("appearance: keys can be switched off and a choice is kept for every browser", async () => {
    await browser.page(async (page) => {
      await open(page, "appearance");
      await page.getByLabel("Single-letter keys").selectOption("off");
      await page.getByLabel("Density").selectOption("compact");
      await page.getByRole("button", { name: "Keep for every browser" }).click();
      await page.getByText("Kept by this monitor.").waitFor();
      await page.locator("h1").click();
      const theme = await page.locator("html").getAttribute("data-theme");
      await page.keyboard.press("d");
      expect((await page.locator("html").getAttribute("data-theme")) === theme, "the key still works");
      expect((await api("preferences")).preferences.keys === "off", "it is not kept");
    });
    await browser.page(async (page) => {
      await page.goto(base);
      await page.locator('html[data-density="compact"]').waitFor();
    });
    await api("preferences", { method: "PUT", body: "{}" });
  });

  test("a token is made, its secret shown once, and revoked", async () => {
    await browser.page(async (page) => {
      await open(page, "general");
      await page.getByLabel("Name", { exact: true }).fill("scrape <b>");
      await page.getByRole("button", { name: "Make token" }).click();
      const secret = ((await page.locator("dialog .command").textContent()) ?? "").trim();
      expect(secret.length > 20, `the secret is "${secret}"`);
      await page.keyboard.press("Escape");
      const row = page.locator(".settings-table tr", { hasText: "scrape <b>" });
      await row.waitFor();
      await page.waitForFunction((text) => !document.documentElement.outerHTML.includes(text), secret);
      // On this computer nobody needs a token: whether it is one is asked of the list.
      const known = async () => (await api("tokens")).tokens.some((/** @type {any} */ token) => token.name === "scrape <b>" && token.role === "viewer");
      expect(await known(), "the monitor does not know it");
      await row.getByRole("button", { name: "Revoke" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
      await row.waitFor({ state: "detached" });
      expect(!(await known()), "a revoked token is still known");
    });
  });
}
