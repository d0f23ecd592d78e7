/**
 * Chooses some targets by ticking their names. Input: who can be chosen, and who is. Output: a new choice at each tick.
 */

import { fill, h, setText } from "../dom.js";
import { plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { openDialog } from "./dialog.js";

/** More rows than these are found by typing. */
const SHOWN_MAX = 100;

/**
 * @param {{ title: string, all: () => readonly import("../store.js").Row[], chosen: () => readonly string[], choose: (ids: string[]) => void,
 *   most: number, nobody: string, reset: string }} settings `nobody`: said while none is chosen; `reset`: the button that takes all away.
 */
export function chooseTargets({ title, all, chosen, choose, most, nobody, reset }) {
  openDialog(title, (close) => {
    const search = h("input", { type: "search", class: "field", placeholder: t("filter.find"), "aria-label": t("filter.find") });
    const list = h("div", { class: "menu-list", role: "group", "aria-label": title });
    const note = h("p", { class: "muted small", role: "status" });
    const draw = () => {
      const picked = chosen();
      const needle = search.value.trim().toLowerCase();
      const fit = all().filter(({ o }) => `${o.name} ${o.address}`.toLowerCase().includes(needle));
      const rows = [...fit.filter(({ o }) => picked.includes(o.id)), ...fit.filter(({ o }) => !picked.includes(o.id))].slice(0, SHOWN_MAX);
      fill(list, ...rows.map(({ o }) => h("label", { class: "menu-item" },
        h("input", { type: "checkbox", value: o.id, checked: picked.includes(o.id), disabled: !picked.includes(o.id) && picked.length >= most, onchange: (event) => {
          const isOn = /** @type {HTMLInputElement} */ (event.target).checked;
          choose(isOn ? [...chosen(), o.id] : chosen().filter((id) => id !== o.id));
          draw();
          /** @type {HTMLElement | null} */ (list.querySelector(`input[value="${CSS.escape(o.id)}"]`))?.focus();
        } }), h("span", null, o.name), h("span", { class: "muted small end" }, plain(rtt(o.p50_ms))))));
      setText(note, picked.length === 0 ? nobody : t("trend.chosen", { n: picked.length, most }));
    };
    search.addEventListener("input", draw);
    draw();
    queueMicrotask(() => search.focus());
    return [search, note, list, h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button primary", onclick: close }, t("action.close")),
      h("button", { type: "button", class: "button", onclick: () => { choose([]); draw(); } }, reset))];
  });
}
