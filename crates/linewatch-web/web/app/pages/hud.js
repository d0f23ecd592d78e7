/**
 * The HUD of one target: a small panel over whatever else is on the screen, with a window of its own. Its controls show on
 * hover or focus: target, rows, size, background, pop out, start and stop.
 * Input: the store and the address. Output: a page; the view stands in the address, the last target is remembered.
 */

import { ROOT, runTarget } from "../api.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { HUD_NAMES, HUD_WHEN, SCALES, limitOf, parseHud, writeHud } from "../hudrows.js";
import { loss, plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { live } from "../live.js";
import { worstFirst } from "../level.js";
import { store } from "../store.js";
import { failureText } from "../ui/addform.js";
import { dataState } from "../ui/datastate.js";
import { openDialog, toast } from "../ui/dialog.js";
import { hudPanel } from "../ui/hudpanel.js";
import { targetHref } from "../ui/rows.js";

/** @typedef {import("./overview.js").Page} Page */
/** @typedef {import("../hudrows.js").HudView} HudView */
/** @typedef {{ documentPictureInPicture?: { requestWindow: (size: { width: number, height: number }) => Promise<Window> } }} WithFloating */

const LAST_KEY = "linewatch.hud";
/** Room around the panel in a window of its own. */
const FRAME_PX = 2;
/** A floating window draws by itself: a hidden tab gives no frames. */
const FLOAT_MS = 250;
const ROOMY_SCALE = 1.75;
const roomy = matchMedia("(min-width: 1024px) and (min-height: 700px)");

/** @param {string} [id] Remembers it, or says which it was. */
function lastTarget(id) {
  try {
    if (id === undefined) return localStorage.getItem(LAST_KEY) ?? "";
    localStorage.setItem(LAST_KEY, id);
  } catch {
    // Then the worst target is shown next time.
  }
  return id ?? "";
}

/**
 * @param {{ navigate: (path: string) => void, id: string }} context
 * @returns {Page}
 */
export function hudPage({ navigate, id }) {
  let view = parseHud(location.search);
  /** Did somebody say how large? */
  let isSized = new URLSearchParams(location.search).has("scale");
  /** Over a game it is small, on a page of its own it is read from across the desk. */
  const usualScale = () => (roomy.matches && !view.isPopup && view.bg === "solid" ? ROOMY_SCALE : 1);
  if (!isSized) view.scale = usualScale();
  const root = document.documentElement;
  const panel = hudPanel(() => view);
  const state = dataState({ rows: 3, label: t("hudp.loading") });
  const stage = h("div", { class: "hud-stage" }, state.element, panel.element);
  const summary = h("p", { class: "hud-summary muted small" });
  /** @type {Window | null} */
  let floating = null;
  let timer = 0;
  let pending = "";

  const row = () => store.byId(id !== "" ? id : chosen());
  /** Without a target in the address: the one of the last time, else the worst. */
  const chosen = () => {
    const last = lastTarget();
    if (last !== "" && store.byId(last)) return last;
    return [...store.rows.values()].map((one) => one.o).sort(worstFirst)[0]?.id ?? "";
  };
  /** @param {Partial<HudView>} change */
  const set = (change) => {
    view = { ...view, ...change };
    isSized ||= change.scale !== undefined;
    if (!isSized) view.scale = usualScale();
    size.value = String(view.scale);
    history.replaceState(history.state, "", location.pathname + writeHud(isSized ? view : { ...view, scale: 1 }));
    draw();
  };

  const target = h("select", { class: "field hud-target", "aria-label": t("hudp.target"), onchange: () => {
    lastTarget(target.value);
    navigate(`hud/${encodeURIComponent(target.value)}${writeHud(view)}`);
  } });
  const size = h("select", { class: "field", "aria-label": t("hudp.size"), onchange: () => set({ scale: Number(size.value) }) },
    ...[...new Set([...SCALES, view.scale])].sort((a, b) => a - b).map((one) => h("option", { value: one, selected: one === view.scale }, `${Math.round(one * 100)} %`)));
  const rows = h("button", { type: "button", class: "button small", "aria-haspopup": "dialog", onclick: () => openRows(view, row()?.o.thresholds ?? null, (next) => set({ rows: next })) }, t("hudp.rows"));
  const clear = h("button", { type: "button", class: "button small", onclick: () => set({ bg: view.bg === "clear" ? "solid" : "clear" }) }, t("hudp.clear"));
  const pop = h("button", { type: "button", class: "button small", onclick: () => void popOut() }, t("hudp.pop"));
  const run = h("button", { type: "button", class: "button small", onclick: () => void toggle() });
  const leave = h("a", { class: "button small", href: ROOT }, t("hudp.leave"));
  const bar = h("div", { class: "hud-controls", role: "group", "aria-label": t("hudp.controls") }, target, size, rows, clear, pop, run, leave);
  const element = h("div", { class: "page hud-page" }, h("h1", { class: "visually-hidden" }, t("hud.title")), stage, bar, summary);

  const popOut = async () => {
    const factory = /** @type {WithFloating} */ (window).documentPictureInPicture;
    // A window of its own has no room to fill.
    if (!isSized) {
      view = { ...view, scale: 1 };
      size.value = "1";
      draw();
    }
    const { width, height } = panel.element.getBoundingClientRect();
    const shown = row();
    if (!shown) return;
    if (factory && !floating) {
      try {
        floatIn(await factory.requestWindow({ width: Math.ceil(width) + FRAME_PX, height: Math.ceil(height) + FRAME_PX }));
        return;
      } catch {
        // Refused or not possible here: a plain window does.
      }
    }
    const path = `${ROOT}hud/${encodeURIComponent(shown.o.id)}${writeHud({ ...view, isPopup: true })}`;
    const opened = open(path, "linewatch-hud", `popup,width=${Math.ceil(width) + 24},height=${Math.ceil(height) + 90}`);
    if (!opened) toast(t("hudp.blocked"));
  };
  /** The panel moves into the floating window and comes back when that is closed. @param {Window} frame */
  const floatIn = (frame) => {
    floating = frame;
    live.isWatched = true;
    for (const link of document.querySelectorAll('link[rel="stylesheet"]')) frame.document.head.append(link.cloneNode());
    const there = frame.document.documentElement;
    there.lang = root.lang;
    there.dataset["theme"] = root.dataset["theme"] ?? "auto";
    there.dataset["hud"] = "bare";
    frame.document.title = t("hud.title");
    frame.document.body.append(panel.element);
    const tick = frame.setInterval(() => { const one = row(); if (one) panel.update(one, frame.devicePixelRatio); }, FLOAT_MS);
    frame.addEventListener("pagehide", () => {
      frame.clearInterval(tick);
      floating = null;
      live.isWatched = false;
      stage.append(panel.element);
      draw();
    });
    draw();
  };
  const toggle = async () => {
    const shown = row();
    if (!shown || pending !== "") return;
    pending = shown.o.state === "paused" ? "start" : "stop";
    draw();
    try {
      await runTarget(shown.o.id, pending === "start" ? "start" : "stop");
    } catch (error) {
      toast(failureText(error));
    }
    pending = "";
    draw();
  };

  const fillTargets = () => {
    const list = [...store.rows.values()].map((one) => one.o).sort((a, b) => a.name.localeCompare(b.name));
    const mark = JSON.stringify(list.map((o) => [o.id, o.name]));
    if (target.dataset["mark"] !== mark) {
      target.dataset["mark"] = mark;
      fill(target, ...list.map((o) => h("option", { value: o.id }, o.name)));
    }
    const now = row()?.o.id ?? "";
    if (document.activeElement !== target && target.value !== now) target.value = now;
  };
  const draw = () => {
    const shown = row();
    const isBare = view.isPopup || view.bg === "clear";
    setAttribute(root, "data-hud", isBare ? (view.bg === "clear" ? "clear" : "bare") : null);
    fillTargets();
    setAttribute(clear, "aria-pressed", String(view.bg === "clear"));
    leave.hidden = !isBare || view.isPopup;
    if (!shown) {
      panel.element.hidden = true;
      if (store.overview === null) state.loading();
      else if (id !== "") state.empty(t("target.missing_text", { id }), { label: t("hudp.other"), run: () => navigate("hud") });
      else state.empty(t("hudp.nothing"), { label: t("nav.overview"), run: () => navigate("") });
      return;
    }
    if (id !== "") lastTarget(id);
    panel.element.hidden = false;
    if (floating) state.empty(t("hudp.floating"), { label: t("hudp.back"), run: () => floating?.close() });
    else state.none();
    if (!floating) panel.update(shown);
    const isPaused = shown.o.state === "paused";
    setText(run, isPaused ? t("run.start") : t("run.stop"));
    setAttribute(run, "aria-label", isPaused ? t("run.start_label", { name: shown.o.name }) : t("run.stop_label", { name: shown.o.name }));
    setAttribute(run, "class", isPaused ? "button small primary" : "button small stop");
    run.disabled = pending !== "";
    fillSummary(shown.o);
  };
  /** @param {import("../types").OverviewRow} o */
  const fillSummary = (o) => {
    // Seldom, for listeners; at once where it would be wrong: another target, another state.
    const of = `${o.state} ${o.id}`;
    if (Date.now() - timer < 30_000 && summary.dataset["of"] === of) return;
    timer = Date.now();
    summary.dataset["of"] = of;
    fill(summary, t("hudp.summary", { state: t(`state.${o.state}`), median: plain(rtt(o.p50_ms)), loss: plain(loss(o.loss_ppm)) }), " ",
      h("a", { href: targetHref(o.id) }, t("hudp.open", { name: o.name })));
  };
  draw();
  return {
    element,
    update(dirty) {
      const shown = row();
      if (dirty.tick || dirty.list || dirty.connection || (shown && dirty.keys.has(shown.o.key))) draw();
    },
    dispose() {
      floating?.close();
      state.dispose();
      root.removeAttribute("data-hud");
    },
    key(key) {
      if (key === " ") void toggle();
      else if (key === "t") target.focus();
      else if (key === ".") rows.click();
      else if (key === "Escape" && view.bg === "clear" && !view.isPopup) set({ bg: "solid" });
      else if (key === "+" || key === "-") {
        const at = SCALES.findIndex((one) => one >= view.scale);
        set({ scale: SCALES[Math.max(0, Math.min(SCALES.length - 1, at + (key === "+" ? 1 : -1)))] ?? 1 });
        size.value = String(view.scale);
      } else return false;
      return true;
    },
  };
}

/**
 * When each row is shown, and from which value on it is poor.
 * @param {HudView} view
 * @param {import("../types").Thresholds | null} thresholds
 * @param {(rows: HudView["rows"]) => void} write
 */
function openRows(view, thresholds, write) {
  let rows = view.rows;
  openDialog(t("hudp.rows_title"), () => [h("div", { class: "hud-form" }, ...HUD_NAMES.map((name) => {
    const row = rows.find((one) => one.name === name) ?? { name, when: /** @type {const} */ ("never"), limit: null };
    /** @param {Partial<typeof row>} change */
    const set = (change) => {
      rows = rows.map((one) => (one.name === name ? { ...one, ...change } : one));
      write(rows);
    };
    const when = h("select", { class: "field", "aria-label": t("hudp.when", { name: t(`hudp.${name}`) }), onchange: () => set({ when: HUD_WHEN.find((word) => word === when.value) ?? "always" }) },
      ...HUD_WHEN.map((word) => h("option", { value: word, selected: word === row.when }, t(`hudp.when.${word}`))));
    const own = thresholds === null ? null : limitOf({ ...row, limit: null }, thresholds);
    const limit = name === "status" ? h("span", null) : h("input", {
      type: "number", class: "field", min: "0", step: "any", value: row.limit, placeholder: own === null ? "" : String(own), "aria-label": t("hudp.limit", { name: t(`hudp.${name}`) }),
      onchange: (event) => { const value = Number(event.target.value); set({ limit: value > 0 ? value : null }); },
    });
    const unit = name === "loss" ? "%" : name === "rto" || name === "status" ? "" : "ms";
    return h("div", { class: "hud-form-row" }, h("span", null, t(`hudp.${name}`)), when, limit, h("span", { class: "muted small" }, unit));
  })), h("p", { class: "hint" }, t("hudp.limit_hint"))]);
}
