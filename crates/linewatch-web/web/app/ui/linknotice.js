/**
 * Says above a page what of its link was not understood, and corrects the address. Loaded where a link carries anything.
 */

import { checkCompared } from "../compared.js";
import { fill, glyph, h } from "../dom.js";
import { t } from "../i18n.js";
import { checkLink } from "../linkcheck.js";
import { store } from "../store.js";

/** @typedef {import("../linkcheck.js").Misread} Misread */

/** @param {string} page @param {Element} element Of the page. @param {string} [id] Of the page's own target. */
export function noticeLink(page, element, id = "") {
  /** @type {Misread[]} */
  const told = [];
  const words = h("p", null);
  const notice = h("section", { class: "notice link-notice", role: "status", "aria-label": t("notice.label") },
    glyph("info"), words,
    h("div", { class: "banner-actions" }, h("button", { type: "button", class: "icon-button", "aria-label": t("action.dismiss"), onclick: () => notice.remove() }, "✕")));
  /** @param {{ wrong: readonly Misread[], search: string }} found */
  const tell = ({ wrong, search }) => {
    if (wrong.length === 0) return;
    history.replaceState(history.state, "", location.pathname + search);
    told.push(...wrong);
    fill(words, h("b", null, t("link.misread")), " ", ...told.flatMap(({ name, value }, i) => [i === 0 ? null : ", ", h("code", null, `${name}=${value}`)]), ". ", t("link.usual"));
    if (!notice.isConnected) element.prepend(notice);
  };
  tell(checkLink(page, location.search));
  // Whether a target exists is known once all of them are here.
  const check = () => {
    if (store.overview === null || store.rows.size < store.overview.total) return;
    end();
    if (element.isConnected) tell(checkCompared(page, id, location.search, (one) => store.byId(one) !== null));
  };
  const end = store.subscribe(check);
  check();
}
