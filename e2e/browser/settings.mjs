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
