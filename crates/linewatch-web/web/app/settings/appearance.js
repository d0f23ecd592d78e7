/**
 * How the page looks in this browser, and in every browser that has no choice of its own: those are kept by the monitor.
 * Output: choices in the browser's storage, which the frame reads when it begins.
 */

import { get, send } from "../api.js";
import { h } from "../dom.js";
import { has, t } from "../i18n.js";
import { PERSON, writeLanguage } from "../language.js";
import { failureText } from "../ui/addform.js";
import { attention } from "../ui/attention.js";
import { toast } from "../ui/dialog.js";
import { applyLook, readLook, writeLook } from "./look.js";
import { button, card, sectionHead } from "./parts.js";

/** @type {import("../pages/settings.js").SectionMaker} */
export async function appearanceSection() {
  const look = readLook();
  const kept = await /** @type {Promise<import("../types").PreferencesAnswer>} */ (get("preferences")).catch(() => null);
  /** @param {string} name @param {readonly string[]} options @param {(word: string) => void} [also] */
  const choice = (name, options, also) => {
    const select = h("select", { class: "field", id: `look-${name}`, onchange: () => {
      writeLook(name, select.value);
      applyLook();
      also?.(select.value);
    } }, ...options.map((word) => h("option", { value: word, selected: look[name] === word }, has(`settings.look.${name}.${word}`) ? t(`settings.look.${name}.${word}`) : word)));
    const said = kept?.preferences[name];
    return h("div", { class: "setting" }, h("label", { for: `look-${name}` }, t(`settings.look.${name}`)), select,
      h("span", { class: "origin" }, said === undefined ? t("settings.look.here") : t("settings.look.kept", { value: String(said) })));
  };
  const keep = async () => {
    try {
      await send("PUT", "preferences", readLook());
      toast(t("settings.look.keep_done"));
    } catch (error) {
      toast(failureText(error));
    }
  };
  const language = (/** @type {string} */ word) => {
    writeLanguage(PERSON, word === "en" || word === "id" ? word : null);
    // Every word on the page is another one.
    location.reload();
  };
  return {
    element: h("div", null,
      sectionHead(t("settings.section.appearance"), t("settings.look.sub"), button(t("settings.look.keep"), () => void keep())),
      card(t("settings.look.title"),
        choice("theme", ["auto", "dark", "light"]), choice("density", ["comfortable", "compact"]),
        choice("palette", ["safe", "classic"]), choice("language", ["auto", "en", "id"], language)),
      card(t("settings.look.behaviour"), choice("keys", ["on", "off"]), h("p", { class: "hint" }, t("settings.look.keys_note"))),
      card(t("settings.look.notice"), toggle("notes", attention.wantsNotes, async (is) => {
        if (!(await attention.setNotes(is))) toast(t("settings.look.refused"));
      }), toggle("sound", attention.wantsSound, (is) => attention.setSound(is)), h("p", { class: "hint" }, t("settings.look.notice_note")))),
  };
}

/** @param {string} name @param {boolean} is @param {(is: boolean) => void} run */
function toggle(name, is, run) {
  const box = h("input", { type: "checkbox", id: `look-${name}`, checked: is, onchange: () => run(box.checked) });
  return h("label", { class: "menu-item", for: `look-${name}` }, box, h("span", null, t(`settings.look.${name}`)));
}
