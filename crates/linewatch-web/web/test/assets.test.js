// What is served is what was meant: the vendored library, the forms that can be packed, the size of files, no inline code.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const web = new URL("../", import.meta.url);
/** @param {string} path */
const read = (path) => readFileSync(new URL(path, web));
const html = read("index.html").toString();
const modules = readdirSync(new URL("app/", web), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js")).map((path) => `app/${path}`);
const styles = [...html.matchAll(/rel="stylesheet" href="\/a\/dev\/([^"]+)"/g)].map(([, path]) => path ?? "");

/** Pages that bring their own style and words: each has its own budget. @type {string[]} */
const PAGES = ["events", "hud", "logs", "report", "settings"];

/** Parts of the Settings page: the one that is opened is fetched. */
const SECTIONS = ["general", "targets", "thresholds", "alerts", "appearance", "data", "about"].map((name) => `app/settings/${name}.js`);

/** Loaded when a person first looks at them. */
const LATER = ["app/ui/account.js", "app/ui/advice.js", "app/ui/attention.js", "app/ui/cure.js", "app/ui/edit.js", "app/ui/history.js", "app/ui/menus.js", "app/ui/outages.js", "app/ui/panels.js", "app/ui/period.js", "app/ui/picker.js"];

/** Loaded when a person opens the row of an outage, or asks for what to share. */
const OPENED = ["app/settings/appliespanel.js", "app/ui/bucketrows.js", "app/ui/columnmenu.js", "app/ui/compare.js", "app/ui/evidence.js", "app/ui/fixedaxis.js", "app/ui/share.js"];

/** Loaded when its place below the fleet comes into sight. */
const BELOW = ["app/ui/trend.js"];

/** Loaded where a link carries anything. */
const LINKED = ["app/ui/linknotice.js"];

/** Loaded where a person may sign in. */
const DOOR = ["app/ui/login.js"];

/** Modules that one module needs at once. @param {string} start */
function reachable(start) {
  const found = new Set([start]);
  for (const path of found) {
    for (const [, from] of read(path).toString().matchAll(/^(?:import|export)[^;]*? from "(\.[^"]+)"|^import "(\.[^"]+)"/gm)) {
      if (from) found.add(normalize(join(dirname(path), from)));
    }
  }
  return found;
}

test("the vendored chart library is the published one", () => {
  const sha = (/** @type {string} */ path) => createHash("sha256").update(read(path)).digest("hex");
  assert.equal(sha("vendor/uPlot.iife.min.js"), "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f");
  assert.equal(sha("vendor/uPlot.min.css"), "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04");
});

test("the shell names the style sheets and the one module that the build packs", () => {
  assert.deepEqual([...html.matchAll(/<script type="module" src="([^"]+)"/g)].map(([, path]) => path), ["/a/dev/app/main.js"]);
  assert.equal(html.match(/<link rel="stylesheet"/g)?.length, styles.length);
  assert.doesNotMatch(html, /modulepreload/);
});

test("modules import and export in the forms that the build packs", () => {
  const forms = [
    /^import \{ [\w, ]+ \} from "\.{1,2}\/[^"]+";$/,
    /^export (?:const|async function|function|class) \w+[ (=]/,
  ];
  for (const path of modules) {
    for (const line of read(path).toString().split("\n")) {
      if (/^(?:import|export)\b/.test(line)) assert.ok(forms.some((form) => form.test(line)), `${path}: ${line} (build/pack.rs says which)`);
    }
  }
});

test("no module is left over", () => {
  const used = new Set(["app/main.js", "app/parts.js", "app/pages/target.js", ...PAGES.map((name) => `app/pages/${name}.js`), ...SECTIONS, ...LATER, ...OPENED, ...BELOW, ...LINKED, ...DOOR].flatMap((path) => [...reachable(path)]));
  assert.deepEqual(modules.filter((path) => !used.has(path)), []);
});

test("the shell holds no inline script, style or handler", () => {
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
});

test("no code parses markup from a string", () => {
  for (const path of modules) assert.doesNotMatch(read(path).toString(), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(/, path);
});

test("files stay small enough to read", () => {
  for (const path of modules) assert.ok(read(path).toString().split("\n").length <= 400, path);
});

/** @param {string[]} paths @param {(text: string) => string} [change] */
const size = (paths, change = (text) => text) => paths.reduce((sum, path) => sum + gzipSync(change(read(path).toString())).length, 0);

test("what a person opens later does not make them wait", () => {
  // The first load itself is weighed as it is served, packed: assets.rs.
  const code = (/** @type {string} */ text) => text.replace(/^[ \t]*\/\*\*.*?\*\/[ \t]*\n/gms, "").replace(/^[ \t]+/gm, "");
  const first = [...new Set([...reachable("app/main.js"), ...reachable("app/pages/target.js")])];
  const later = [...new Set(LATER.flatMap((path) => [...reachable(path)]))].filter((path) => !first.includes(path));
  assert.ok(size(later, code) <= 30_000, `later JS ${size(later, code)}`);
  for (const start of OPENED) {
    const opened = [...reachable(start)].filter((path) => !first.includes(path) && !later.includes(path));
    assert.ok(size(opened, code) <= 7_500, `${start} ${size(opened, code)}`);
  }
  const below = [...new Set(BELOW.flatMap((path) => [...reachable(path)]))].filter((path) => !reachable("app/main.js").has(path));
  assert.ok(size(below, code) <= 10_000, `trend JS ${size(below, code)}`);
  const linked = [...new Set(LINKED.flatMap((path) => [...reachable(path)]))].filter((path) => !reachable("app/main.js").has(path));
  assert.ok(size(linked, code) <= 9_000, `link JS ${size(linked, code)}`);
  assert.ok(size(DOOR, code) <= 4_000, `door JS ${size(DOOR, code)}`);
});

test("a page that is fetched later brings its style and its words and stays light", () => {
  const first = reachable("app/main.js");
  for (const name of PAGES) {
    const own = [...reachable(`app/pages/${name}.js`)].filter((path) => !first.has(path));
    const all = size(own) + size([`css/${name}.css`, `i18n/en/${name}.json`]);
    assert.ok(all <= 40_000, `${name} ${all}`);
  }
});

test("a section of the settings stays light", () => {
  const before = new Set([...reachable("app/main.js"), ...reachable("app/pages/settings.js")]);
  for (const path of SECTIONS) {
    const own = [...reachable(path)].filter((module) => !before.has(module));
    assert.ok(size(own) <= 20_000, `${path} ${size(own)}`);
  }
});
