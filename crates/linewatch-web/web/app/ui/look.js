/**
 * Chooses between table and tiles, and turns the page into a wall: `?view=tiles`, `?kiosk=1`.
 * Input: the address. Output: the choice; on a wall without frame one group after the other, by the clock.
 */

import { h, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { clock } from "../time.js";

/** @typedef {"table" | "tiles"} Look */

const LOOKS = /** @type {const} */ (["table", "tiles"]);
/** A group stays this long on a wall. */
const TURN_MS = 20_000;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** @param {string} search The part after the path. @returns {{ look: Look, isKiosk: boolean }} */
export function parseLook(search) {
  const params = new URLSearchParams(search);
  const isKiosk = params.get("kiosk") === "1";
  return { look: params.get("view") === "tiles" || (isKiosk && params.get("view") === null) ? "tiles" : "table", isKiosk };
}

/** @param {{ look: Look, isKiosk: boolean }} view @returns {[string, string][]} */
export function writeLook({ look, isKiosk }) {
  return [...(look === "tiles" ? [/** @type {[string, string]} */ (["view", "tiles"])] : []), ...(isKiosk ? [/** @type {[string, string]} */ (["kiosk", "1"])] : [])];
}

/** @param {{ read: () => Look, write: (look: Look) => void }} choice */
export function lookBar({ read, write }) {
  const buttons = LOOKS.map((look) => h("button", { type: "button", class: "segment", onclick: () => write(look) }, t(`look.${look}`)));
  const element = h("div", { class: "segments", role: "group", "aria-label": t("look.label") }, ...buttons);
  const update = () => buttons.forEach((button, index) => setAttribute(button, "aria-pressed", String(LOOKS[index] === read())));
  update();
  return { element, update };
}

/** The line above a wall, and whose turn it is; null: everybody's. @param {boolean} isKiosk */
export function kiosk(isKiosk) {
  const words = h("span", null);
  const time = h("span", { class: "mono" });
  const element = h("p", { class: "kiosk-line" }, words, time);
  element.hidden = !isKiosk;
  document.documentElement.toggleAttribute("data-kiosk", isKiosk);
  const startedAt = Date.now();
  return {
    element,
    /** @returns {string | null} */
    turn() {
      if (!isKiosk || still.matches) return null;
      const groups = [...new Set([...store.rows.values()].map((row) => row.o.group))].sort();
      return groups.length < 2 ? null : groups[Math.floor((Date.now() - startedAt) / TURN_MS) % groups.length] ?? null;
    },
    update() {
      if (!isKiosk) return;
      setText(time, clock(store.now()));
      const turn = this.turn();
      const left = Math.ceil((TURN_MS - ((Date.now() - startedAt) % TURN_MS)) / 1000);
      setText(words, turn === null ? "" : t("look.turn", { group: turn === "" ? t("filter.unknown") : turn, seconds: left }));
    },
    dispose: () => document.documentElement.removeAttribute("data-kiosk"),
  };
}
