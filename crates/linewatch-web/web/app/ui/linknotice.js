/**
 * Says above a page what of its link was not understood, and corrects the address. Loaded where a link carries anything.
 */

import { glyph, h } from "../dom.js";
import { t } from "../i18n.js";
import { checkLink } from "../linkcheck.js";

/** @param {string} page @param {Element} element Of the page. */
export function noticeLink(page, element) {
  const { wrong, search } = checkLink(page, location.search);
  if (wrong.length === 0) return;
  history.replaceState(history.state, "", location.pathname + search);
  const list = wrong.map(({ name, value }) => `${name}=${value}`);
  const notice = h("section", { class: "notice link-notice", role: "status", "aria-label": t("notice.label") },
    glyph("info"), h("p", null, h("b", null, t("link.misread")), " ", ...list.flatMap((text, i) => [i === 0 ? null : ", ", h("code", null, text)]), ". ", t("link.usual")),
    h("div", { class: "banner-actions" }, h("button", { type: "button", class: "icon-button", "aria-label": t("action.dismiss"), onclick: () => notice.remove() }, "✕")));
  element.prepend(notice);
}
