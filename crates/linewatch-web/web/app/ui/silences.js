/**
 * The silences that hold, a way to end each, and the form of a new one: whom it is about, how long, why.
 * Input: /api/v1/silences. Output: a card and a dialog. Only alerts are silent; measuring goes on.
 */

import { RequestError, get, request } from "../api.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { duration } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { moment } from "../time.js";
import { failureText } from "./addform.js";
import { openDialog, toast } from "./dialog.js";

/** @typedef {import("../types").SilenceInfo} SilenceInfo */

/** Minutes that are chosen often; any other number is typed. */
const LENGTHS = [30, 60, 240, 480, 1440, 10_080];
const MINUTES_MAX = 43_200;
const CHARS_MAX = 500;
const SCOPES = /** @type {const} */ (["target", "group", "country", "partner", "all"]);
const REFRESH_MS = 30_000;

/** Whom a silence is about, in words. @param {SilenceInfo} silence */
export function scopeText({ target, group, country, partner, label }) {
  const parts = [];
  if (target !== "") parts.push(store.byId(target)?.o.name ?? target);
  for (const [kind, value] of /** @type {const} */ ([["group", group], ["country", country], ["partner", partner], ["label", label]])) {
    if (value !== "") parts.push(`${t(`silence.scope.${kind}`)} ${value}`);
  }
  return parts.length === 0 ? t("silence.scope.all") : parts.join(", ");
}

/** Is a target silenced, and until when? @param {readonly SilenceInfo[]} silences @param {string | null} id @param {number} now */
export function silencedUntil(silences, id, now) {
  const o = id === null ? null : store.byId(id)?.o ?? null;
  const held = silences.filter((one) => one.until > now && one.label === "" && (one.target === "" || one.target === id)
    && (one.group === "" || one.group === o?.group) && (one.country === "" || one.country === o?.country) && (one.partner === "" || one.partner === o?.partner)
    && (one.target !== "" || o !== null || one.group + one.country + one.partner === ""));
  return held.length === 0 ? null : Math.max(...held.map((one) => one.until));
}

/** @param {() => void} onchange */
export function silencesCard(onchange) {
  const list = h("ul", { class: "silence-list" });
  const element = h("section", { class: "card panel-card", "aria-labelledby": "silences-title" },
    h("div", { class: "card-title" }, h("h2", { id: "silences-title" }, t("silence.title")), h("span", { class: "note" }, t("silence.note"))), list);
  /** @type {SilenceInfo[]} */
  let silences = [];
  let failure = "";
  let loadedAt = 0;
  let isKnown = false;
  let shown = "";
  const load = async () => {
    loadedAt = Date.now();
    try {
      /** @type {import("../types").SilenceList} */
      const answer = await get("silences");
      silences = answer.silences;
      failure = "";
      isKnown = true;
    } catch (error) {
      failure = failureText(error);
    }
    draw();
    onchange();
  };
  /** @param {SilenceInfo} silence */
  const end = async (silence) => {
    try {
      /** @type {{ data: import("../types").SilenceList }} */
      const { data } = await request("DELETE", `silences/${silence.id}`);
      silences = data.silences;
      const minutes = Math.max(1, Math.round((silence.until - store.now()) / 60_000));
      const { target, group, country, partner, label, comment } = silence;
      toast(t("silence.ended"), { label: t("action.undo"), run: () => void begin({ target, group, country, partner, label, comment, minutes }) });
    } catch (error) {
      toast(failureText(error));
    }
    draw();
    onchange();
  };
  /** @param {Record<string, string | number>} body Empty words are no condition. */
  const begin = async (body) => {
    const said = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== ""));
    /** @type {{ data: import("../types").SilenceList }} */
    const { data } = await request("POST", "silences", { body: said });
    silences = data.silences;
    draw();
    onchange();
  };
  const draw = () => {
    const now = store.now();
    const held = silences.filter((one) => one.until > now);
    const mark = JSON.stringify([held, failure, isKnown, Math.floor(now / 10_000)]);
    if (mark === shown) return;
    shown = mark;
    if (failure !== "" && !isKnown) fill(list, h("li", { class: "muted" }, failure, " ", h("button", { type: "button", class: "link", onclick: () => void load() }, t("action.retry"))));
    else if (held.length === 0) fill(list, h("li", { class: "muted" }, isKnown ? t("silence.none") : t("loading")));
    else fill(list, ...held.map((one) => h("li", null, h("span", { class: "bell-off", "aria-hidden": "true" }),
      h("div", null, h("p", null, h("b", null, scopeText(one))),
        h("p", { class: "muted small" }, [t("silence.until", { time: moment(one.until, now), left: duration(one.until - now) }), one.comment === "" ? "" : `“${one.comment}”`].filter(Boolean).join(" · "))),
      h("button", { type: "button", class: "button small end", "aria-label": t("silence.end_label", { what: scopeText(one) }), onclick: () => void end(one) }, t("silence.end")))));
  };
  draw();
  void load();
  return {
    element,
    get list() { return silences; },
    update() {
      if (store.isLive && Date.now() - loadedAt > REFRESH_MS) void load();
      draw();
    },
    /** @param {string} target The target it is about at first; "" for all. */
    open: (target) => openSilence(target, begin),
  };
}

/** @param {"group" | "country" | "partner"} kind @returns {string[]} */
function known(kind) {
  return [...new Set([...store.rows.values()].map((row) => row.o[kind]).filter(Boolean))].sort();
}

/** @param {typeof SCOPES[number]} scope @returns {[string, string][]} */
function values(scope) {
  if (scope === "all") return [];
  if (scope === "target") return [...store.rows.values()].map((row) => /** @type {[string, string]} */ ([row.o.id, row.o.name])).sort((a, b) => a[1].localeCompare(b[1]));
  return known(scope).map((value) => [value, value]);
}

/** @param {string} target @param {(body: Record<string, string | number>) => Promise<void>} begin */
function openSilence(target, begin) {
  openDialog(t("silence.new"), (close) => {
    const scopes = SCOPES.filter((scope) => scope === "all" || values(scope).length > 0);
    const scope = h("select", { class: "field", id: "silence-scope", onchange: () => fillValues() },
      ...scopes.map((one) => h("option", { value: one, selected: one === (target === "" ? "all" : "target") }, t(`silence.scope.${one}`))));
    const value = h("select", { class: "field", id: "silence-value" });
    const valueItem = h("label", { class: "form-item", for: "silence-value" }, t("silence.which"), value);
    const fillValues = () => {
      const list = values(SCOPES.find((one) => one === scope.value) ?? "all");
      valueItem.hidden = list.length === 0;
      fill(value, ...list.map(([id, name]) => h("option", { value: id, selected: id === target }, name)));
    };
    fillValues();
    const minutes = h("input", { type: "number", class: "field", id: "silence-minutes", min: "1", max: MINUTES_MAX, step: "1", value: "60", required: true, "aria-describedby": "silence-error" });
    const picks = h("div", { class: "period-picks" }, ...LENGTHS.map((one) => h("button", { type: "button", class: "button small", onclick: () => { minutes.value = String(one); tell(); } }, duration(one * 60_000).replace(/ 00 [sm]$| 0 h$/, ""))));
    const until = h("p", { class: "hint", role: "status" });
    const tell = () => {
      const n = Number(minutes.value);
      setText(until, n >= 1 && n <= MINUTES_MAX ? t("silence.until_hint", { time: moment(store.now() + n * 60_000, store.now()) }) : "");
    };
    minutes.addEventListener("input", tell);
    tell();
    const comment = h("input", { type: "text", class: "field", id: "silence-comment", maxlength: CHARS_MAX, placeholder: t("silence.comment_hint") });
    const error = h("p", { class: "field-error", id: "silence-error", role: "alert" });
    const button = h("button", { type: "submit", class: "button primary" }, t("silence.begin"));
    return [h("form", { class: "add-form", novalidate: true, onsubmit: async (event) => {
      event.preventDefault();
      const n = Number(minutes.value);
      const isWrong = !Number.isInteger(n) || n < 1 || n > MINUTES_MAX;
      setAttribute(minutes, "aria-invalid", isWrong ? "true" : null);
      setText(error, isWrong ? t("silence.minutes_wrong", { max: MINUTES_MAX }) : "");
      if (isWrong) {
        minutes.focus();
        return;
      }
      button.disabled = true;
      try {
        await begin({ ...(scope.value === "all" ? {} : { [scope.value]: value.value }), minutes: n, comment: comment.value.trim() });
        close();
        toast(t("silence.begun"));
      } catch (failure) {
        setText(error, failureText(failure));
        setAttribute(failure instanceof RequestError && failure.field === "comment" ? comment : minutes, "aria-invalid", failure instanceof RequestError && failure.field !== null ? "true" : null);
        button.disabled = false;
      }
    } },
      h("p", { class: "muted" }, t("silence.explain")),
      h("label", { class: "form-item", for: "silence-scope" }, t("silence.scope"), scope), valueItem,
      h("label", { class: "form-item", for: "silence-minutes" }, t("silence.minutes"), minutes), picks, until,
      h("label", { class: "form-item", for: "silence-comment" }, t("silence.comment"), comment), error,
      h("div", { class: "dialog-actions" }, button, h("button", { type: "button", class: "button", onclick: close }, t("action.cancel"))))];
  });
}
