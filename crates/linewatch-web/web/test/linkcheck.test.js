// What a link asks for and the page does not know is found, and nothing else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { checkLink } from "../app/linkcheck.js";

/** @param {string} page @param {string} search */
const names = (page, search) => checkLink(page, search).wrong.map(({ name }) => name);

test("links of the product itself are understood", () => {
  for (const [page, search] of /** @type {const} */ ([
    ["overview", "?country=ID,DE&status=poor,critical&proto=icmp&group=x&q=tok&range=24h&view=tiles&kiosk=1&cmp=a,b"],
    ["overview", "?range=custom&from=2026-11-14T17:00:06Z&to=2026-11-21T17:00:06Z"],
    ["target", "?chart=pct&y=fix:0-200&cmp=a,b"],
    ["target", "?from=1794675606731&to=1795280406731&chart=pct&y=log&outage=1-2"],
    ["hud", "?rows=rtt,proc,loss:poor:2.5&scale=1.25&bg=clear&pop=1"],
    ["events", "?type=outage&sev=critical,warning&state=active&target=a&range=7d"],
    ["logs", "?level=warn&limit=200&q=x&follow=0&part=store"],
    ["report", "?range=30d&tz=Asia/Jakarta&lang=id&paper=letter&include=verdict,tables"],
    ["settings", "?section=alerts"],
    ["missing", "?range=77y"],
  ])) assert.deepEqual(checkLink(page, search), { wrong: [], search: search }, search);
});

test("a wrong value is told and taken out, its neighbours stay", () => {
  assert.deepEqual(checkLink("overview", "?status=bogus&q=tok&range=77y"), {
    wrong: [{ name: "status", value: "bogus" }, { name: "range", value: "77y" }], search: "?q=tok",
  });
  assert.deepEqual(names("overview", "?status=poor,bogus&view=cube&kiosk=yes"), ["status", "view", "kiosk"]);
  assert.deepEqual(names("target", "?chart=pie&y=fix:many&range=99d"), ["chart", "y", "range"]);
  assert.deepEqual(names("hud", "?rows=gpu&scale=900&bg=plaid"), ["rows", "scale", "bg"]);
  assert.deepEqual(names("logs", "?level=loud&limit=-5&follow=maybe"), ["level", "limit", "follow"]);
  assert.deepEqual(names("report", "?range=live&tz=Mars/Olympus&lang=tlh&include=soul"), ["tz", "lang", "include", "range"]);
  assert.deepEqual(names("settings", "?section=astrology"), ["section"]);
});

test("two instants that are no period are told, with or without the word", () => {
  assert.deepEqual(checkLink("overview", "?range=custom&from=never&to=2026-11-21T17:00:06Z").wrong, [{ name: "from", value: "never" }, { name: "to", value: "2026-11-21T17:00:06Z" }]);
  assert.deepEqual(names("target", "?from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z"), ["from", "to"]);
  assert.deepEqual(names("events", "?range=custom"), ["range"]);
  assert.equal(checkLink("events", "?range=custom&from=a&to=b").search, "");
});

test("strangers' names are ignored, empty values are no wish, long ones are told by their beginning", () => {
  assert.deepEqual(names("overview", "?v=99&schema=next&x[]=1&status=&range="), []);
  assert.equal(checkLink("settings", `?section=${"x".repeat(500)}`).wrong[0]?.value.length, 41);
});

test("the sections are those of the settings page", () => {
  const source = readFileSync(new URL("../app/pages/settings.js", import.meta.url), "utf8");
  const sections = [...source.matchAll(/^  (\w+): async \(context\)/gm)].map(([, name]) => name ?? "");
  assert.ok(sections.length >= 7);
  for (const name of sections) assert.deepEqual(names("settings", `?section=${name}`), []);
});
