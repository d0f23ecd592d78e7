/**
 * The Settings page: a list of sections left, the form of one of them right. Which one stands in the address (`?section=`), so a
 * reload, a link and the way back lead to the same place. What was typed and not saved is asked about before it is left.
 */

import { ROOT, RequestError, get } from "../api.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { failureText } from "../ui/addform.js";
import { openDialog } from "../ui/dialog.js";

/**
 * @typedef {object} Section
 * @property {HTMLElement} element
 * @property {() => boolean} [isDirty]
 * @property {() => void} [update] Once a second.
 * @property {() => void} [dispose]
 */
/** @typedef {(context: { navigate: (path: string) => void, letters: (n: number) => void }) => Promise<Section>} SectionMaker */

/** A section is fetched when somebody opens it. @type {Readonly<Record<string, SectionMaker>>} */
const SECTIONS = {
  general: async (context) => (await import("../settings/general.js")).generalSection(context),
  targets: async (context) => (await import("../settings/targets.js")).targetsSection(context),
  thresholds: async (context) => (await import("../settings/thresholds.js")).thresholdsSection(context),
  alerts: async (context) => (await import("../settings/alerts.js")).alertsSection(context),
  appearance: async (context) => (await import("../settings/appearance.js")).appearanceSection(context),
  data: async (context) => (await import("../settings/data.js")).dataSection(context),
  about: async (context) => (await import("../settings/about.js")).aboutSection(context),
};
const FIRST = "general";

/** @param {{ navigate: (path: string) => void }} context @returns {import("./overview.js").Page} */
export function settingsPage({ navigate }) {
  const asked = new URLSearchParams(location.search).get("section") ?? FIRST;
  const name = asked in SECTIONS ? asked : FIRST;
  const badge = h("span", { class: "nav-count" });
  badge.hidden = true;
  const letters = (/** @type {number} */ n) => {
    badge.hidden = n === 0;
    setText(badge, String(n));
    setAttribute(badge, "title", t("settings.alerts.undelivered_count", { n }));
  };
  const links = Object.keys(SECTIONS).map((section) => h("a", {
    href: `${ROOT}settings?section=${section}`, class: "section-link", "aria-current": section === name ? "page" : null,
  }, t(`settings.section.${section}`), section === "alerts" ? badge : null));
  const body = h("div", { class: "settings-body" }, h("h1", null, t(`settings.section.${name}`)), h("p", { class: "empty" }, t("loading")));
  const element = h("div", { class: "page settings" },
    h("div", { class: "settings-side" },
      h("nav", { class: "section-list", "aria-label": t("settings.sections") }, ...links),
      h("div", { class: "settings-origins" }, h("h2", null, t("settings.where")),
        h("p", null, t("settings.where_file")), h("p", null, h("span", { class: "origin-tag" }, t("origin.changed here")), " ", t("settings.where_here")),
        h("p", null, t("settings.where_default")))),
    body);
  /** @type {Section | null} */
  let shown = null;
  let isGone = false;
  const load = async () => {
    try {
      const made = await SECTIONS[name]?.({ navigate, letters });
      if (isGone || !made) {
        made?.dispose?.();
        return;
      }
      shown = made;
      fill(body, made.element);
    } catch (error) {
      const isForbidden = error instanceof RequestError && error.status === 403;
      fill(body, h("h1", null, t(`settings.section.${name}`)), h("div", { class: "notice notice-warning" }, h("p", null, failureText(error)),
        isForbidden ? null : h("button", { type: "button", class: "button small end", onclick: () => void load() }, t("settings.retry"))));
    }
  };
  void load();
  if (name !== "alerts") {
    /** @type {Promise<import("../types").OutboxAnswer>} */ (get("alerts/outbox")).then((outbox) => letters(outbox.dead.length), () => {});
  }
  // On a narrow screen the list scrolls sideways: the open section has to be in it.
  queueMicrotask(() => links.find((link) => link.hasAttribute("aria-current"))?.scrollIntoView({ block: "nearest", inline: "center" }));
  const guard = leaveGuard(() => shown?.isDirty?.() ?? false);
  return {
    element,
    update(dirty) {
      if (dirty.tick) shown?.update?.();
    },
    dispose() {
      isGone = true;
      guard();
      shown?.dispose?.();
    },
  };
}

/** Asks before what was typed is lost. @param {() => boolean} isDirty @returns {() => void} Ends it. */
function leaveGuard(isDirty) {
  let isAllowed = false;
  /** @param {MouseEvent} event */
  const click = (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target !== "" || link.download !== "" || isAllowed || !isDirty()) return;
    event.preventDefault();
    event.stopPropagation();
    openDialog(t("settings.unsaved"), (close) => [
      h("p", null, t("settings.unsaved_text")),
      h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button primary", onclick: close }, t("settings.stay")),
        h("button", { type: "button", class: "button", onclick: () => {
          close();
          isAllowed = true;
          link.click();
        } }, t("settings.leave"))),
    ]);
  };
  /** @param {BeforeUnloadEvent} event */
  const unload = (event) => {
    if (isDirty() && !isAllowed) event.preventDefault();
  };
  document.addEventListener("click", click, true);
  addEventListener("beforeunload", unload);
  return () => {
    document.removeEventListener("click", click, true);
    removeEventListener("beforeunload", unload);
  };
}
