// What a link to a report says is what is shown, and what cannot be is the usual.
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseChoices, reportQuery, writeChoices } from "../app/report/choices.js";

const usual = { lang: "en", zones: ["UTC", "Asia/Jakarta"] };

test("a link without words is the usual report, and needs none", () => {
  const choices = parseChoices("", usual);
  assert.deepEqual([choices.range.word, choices.tz, choices.lang, choices.paper, choices.include.join()], ["7d", "", "en", "a4", "verdict,tables,chart,outages,evidence,method"]);
  assert.equal(writeChoices(choices, "en"), "");
});

test("a link says every choice, and is read back as written", () => {
  const link = "?range=30d&tz=Asia/Jakarta&lang=id&paper=letter&include=tables,events";
  const choices = parseChoices(link, usual);
  assert.equal(writeChoices(choices, "en"), link);
  assert.equal(reportQuery("gw.1", choices, "UTC"), "report?target=gw.1&range=30d&tz=Asia%2FJakarta&lang=id&paper=letter&include=tables,events");
});

test("a link of another version breaks nothing", () => {
  const choices = parseChoices("?range=1century&tz=Mars/Olympus&lang=tlh&paper=papyrus&include=x,y", usual);
  assert.equal(writeChoices(choices, "en"), "");
});

test("without a zone the browser's is asked for, and a strange id cannot add to the question", () => {
  const query = reportQuery("a&b=c", parseChoices("?range=custom&from=1795000000000&to=1795100000000", usual), "Europe/Berlin");
  assert.ok(query.startsWith("report?target=a%26b%3Dc&range=custom&from=1795000000000&to=1795100000000&tz=Europe%2FBerlin&"), query);
});
