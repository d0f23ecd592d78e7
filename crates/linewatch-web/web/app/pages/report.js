/**
 * A period as a document: on the left what it is of, on the right the paper as the server wrote it.
 * The paper is a document of its own in a frame: its style cannot touch the page, the page's theme cannot touch it, and
 * printing prints it alone. It runs no script. Not here: what stands in it (`linewatch_render::report`).
 */

import { ROOT, get } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { spanOf } from "../range.js";
import { FLEET, LANGUAGES, PAPERS, PARTS, RANGES, parseChoices, reportQuery, writeChoices } from "../report/choices.js";
import { store } from "../store.js";
import { failureText } from "../ui/addform.js";
import { rangeBar } from "../ui/range.js";

/** @typedef {import("./overview.js").Page} Page */

/** Choices that follow each other within this are one question. */
const SETTLE_MS = 250;

/** @param {{ navigate: (path: string) => void, id: string }} context @returns {Page} */
export function reportPage({ navigate, id }) {
  const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const zones = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
  const lang = document.documentElement.lang;
  const choices = parseChoices(location.search, { lang, zones });
  const paper = paperView();
  const query = () => reportQuery(id, choices, browserZone);

  let settling = 0;
  const changed = () => {
    history.replaceState(history.state, "", location.pathname + writeChoices(choices, lang));
    links();
    clearTimeout(settling);
    settling = setTimeout(() => paper.load(query()), SETTLE_MS);
  };
  const ranges = rangeBar({
    words: RANGES, label: t("report.period"), read: () => choices.range,
    write: (range) => {
      choices.range = range;
      ranges.update();
      changed();
    },
  });
  const targets = targetSelect(id, (next) => navigate(`report/${encodeURIComponent(next)}${writeChoices(choices, lang)}`));
  const zone = select("tz", t("report.zone"), ["", ...zones].map((name) => [name, name === "" ? t("report.browser_zone", { zone: browserZone }) : name]), choices.tz, (value) => { choices.tz = value; changed(); });
  const language = select("lang", t("report.language"), LANGUAGES.map((code) => [code, t(`language.${code}`)]), choices.lang, (value) => { choices.lang = value; changed(); });
  const sheet = select("paper", t("report.paper"), PAPERS.map((name) => [name, t(`report.paper.${name}`)]), choices.paper, (value) => { choices.paper = value; changed(); });
  const boxes = PARTS.map((part) => {
    const box = h("input", { type: "checkbox", value: part, checked: choices.include.includes(part), onchange: () => {
      choices.include = PARTS.filter((_, index) => boxes[index]?.box.checked);
      // Without any part the server would take the usual ones: the last one stays.
      if (choices.include.length === 0) {
        box.checked = true;
        choices.include = [part];
      }
      changed();
    } });
    return { box, element: h("label", { class: "report-part" }, box, h("span", null, t(`report.part.${part}`))) };
  });

  const file = h("a", { class: "button", download: "" }, t("report.html"));
  const csv = h("a", { class: "button", download: "" }, t("report.csv"));
  const print = h("button", { type: "button", class: "button primary", disabled: true, onclick: () => paper.print() }, t("report.print"));
  paper.onstate((isReady) => { print.disabled = !isReady; });
  const links = () => {
    file.href = `${ROOT}api/v1/${query()}&download=1`;
    const span = spanOf(choices.range, store.now());
    const which = id === FLEET ? "all=1" : `target=${encodeURIComponent(id)}`;
    csv.href = `${ROOT}api/v1/export?${which}&from=${Math.floor(span.from)}&to=${Math.ceil(span.to)}&format=csv`;
  };

  const element = h("div", { class: "page report-page" },
    h("section", { class: "report-side", "aria-labelledby": "report-title" },
      h("h1", { id: "report-title" }, t("report.title")),
      h("div", { class: "card report-choices" },
        targets.element,
        h("div", { class: "form-item" }, h("span", { class: "label" }, t("report.period")), ranges.element),
        zone.element, language.element, sheet.element,
        h("fieldset", { class: "report-parts" }, h("legend", { class: "label" }, t("report.include")), ...boxes.map(({ element: row }) => row))),
      print,
      h("div", { class: "report-files" }, file, csv),
      h("p", { class: "hint" }, t("report.note"))),
    paper.element);
  links();
  paper.load(query());
  return {
    element,
    update(dirty) {
      if (dirty.list) targets.update();
    },
    key: (key) => ranges.key(key),
    dispose() {
      clearTimeout(settling);
      ranges.dispose();
      paper.dispose();
    },
  };
}

/**
 * A choice of few or many words.
 * @param {string} name @param {string} label @param {readonly (readonly [string, string])[]} options @param {string} value
 * @param {(value: string) => void} onpick
 */
function select(name, label, options, value, onpick) {
  const field = h("select", { class: "field", id: `report-${name}` }, ...options.map(([word, text]) => h("option", { value: word, selected: word === value }, text)));
  field.addEventListener("change", () => onpick(field.value));
  return { field, element: h("div", { class: "form-item" }, h("label", { class: "label", for: `report-${name}` }, label), field) };
}

/** The targets there are now, by name; one that was removed keeps its place while it is shown. @param {string} id @param {(id: string) => void} onpick */
function targetSelect(id, onpick) {
  const { field, element } = select("target", t("report.target"), [], id, onpick);
  let known = "";
  const update = () => {
    const rows = [...store.rows.values()].map(({ o }) => /** @type {[string, string]} */ ([o.id, o.name]));
    rows.sort(([, a], [, b]) => a.localeCompare(b));
    const options = /** @type {[string, string][]} */ ([[FLEET, t("report.fleet")], ...rows]);
    if (!options.some(([word]) => word === id)) options.push([id, id]);
    const now = JSON.stringify(options);
    if (now === known) return;
    known = now;
    fill(field, ...options.map(([word, name]) => h("option", { value: word, selected: word === id }, name)));
  };
  update();
  return { element, update };
}

/** The frame with the paper, and what stands in its place while there is none. */
function paperView() {
  const frame = h("iframe", { class: "report-frame", title: t("report.frame"), sandbox: "allow-same-origin allow-modals allow-downloads" });
  const status = h("div", { class: "report-status", role: "status" });
  const element = h("section", { class: "report-desk", "aria-label": t("report.frame") }, status, frame);
  let asked = "";
  let isDisposed = false;
  /** @type {(isReady: boolean) => void} */
  let tell = () => {};
  /** As long as the paper: the page scrolls, not a box in it. */
  const fit = () => {
    const main = frame.contentDocument?.querySelector("main");
    if (main) frame.style.height = `${Math.ceil(main.offsetHeight + 2 * main.offsetTop)}px`;
  };
  /** @param {"loading" | "ready" | "failed"} state @param {...Node} words */
  const show = (state, ...words) => {
    element.dataset["state"] = state;
    fill(status, ...words);
    tell(state === "ready");
  };
  /** Nothing that can be printed came: asks again for the reason in words. @param {string} query */
  const explain = async (query) => {
    let reason = t("report.failed");
    try {
      await get(query);
    } catch (error) {
      reason = failureText(error);
    }
    if (isDisposed || query !== asked) return;
    show("failed", h("p", null, reason), h("button", { type: "button", class: "button", onclick: () => load(query) }, t("report.retry")));
  };
  /** @param {string} query */
  const load = (query) => {
    asked = query;
    show("loading", h("p", { class: "muted" }, t("report.loading")));
    // Not `src`: that would leave an entry in the browser's history for every choice.
    frame.contentWindow?.location.replace(`${ROOT}api/v1/${query}`);
  };
  frame.addEventListener("load", () => {
    if (isDisposed || asked === "" || frame.contentWindow === null) return;
    const paper = frame.contentDocument;
    // The empty document that every frame begins with is not the answer.
    if (paper !== null && paper.URL === "about:blank") return;
    if (paper?.querySelector("main") && paper.contentType === "text/html") {
      show("ready");
      fit();
    } else void explain(asked);
  });
  const resized = new ResizeObserver(fit);
  resized.observe(frame);
  return {
    element, print: () => frame.contentWindow?.print(),
    /** @param {string} query */
    load(query) {
      if (frame.isConnected) load(query);
      // A frame has a window only once it is in the page.
      else queueMicrotask(() => { if (!isDisposed) load(query); });
    },
    /** @param {(isReady: boolean) => void} listener */
    onstate(listener) { tell = listener; },
    dispose() {
      isDisposed = true;
      resized.disconnect();
    },
  };
}
