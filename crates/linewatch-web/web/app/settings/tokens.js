/**
 * Tokens: what programs show instead of a password. Input: /api/v1/tokens. Output: a card with all of them, a way to make one
 * (its secret is shown this once) and to make one worthless.
 */

import { request, send } from "../api.js";
import { fill, h, setText } from "../dom.js";
import { t } from "../i18n.js";
import { date } from "../time.js";
import { failureText } from "../ui/addform.js";
import { copyButton } from "../ui/copy.js";
import { openDialog, toast } from "../ui/dialog.js";
import { button, card } from "./parts.js";

/** @typedef {import("../types").TokenRow} TokenRow */

const ROLES = /** @type {const} */ (["viewer", "operator", "admin"]);

export function tokensCard() {
  const body = h("tbody", null);
  const table = h("table", { class: "settings-table" }, h("caption", { class: "visually-hidden" }, t("settings.tokens.title")),
    h("thead", null, h("tr", null, ...["name", "role", "made"].map((name) => h("th", { scope: "col" }, t(`settings.tokens.${name}`))), h("td", null))), body);
  const none = h("p", { class: "muted small" }, t("loading"));
  const problem = h("p", { class: "field-error", role: "alert" });
  const name = h("input", { class: "field", id: "token-name", autocomplete: "off", "aria-describedby": "token-error" });
  const role = h("select", { class: "field", id: "token-role" }, ...ROLES.map((word) => h("option", { value: word }, t(`settings.tokens.role.${word}`))));
  problem.id = "token-error";
  /** @param {readonly TokenRow[]} tokens */
  const draw = (tokens) => {
    table.hidden = tokens.length === 0;
    none.hidden = tokens.length > 0;
    setText(none, t("settings.tokens.none"));
    fill(body, ...tokens.map((token) => h("tr", null,
      h("td", { "data-label": t("settings.tokens.name") }, token.name === "" ? token.id : token.name),
      h("td", { "data-label": t("settings.tokens.role") }, t(`settings.tokens.role.${token.role}`)),
      h("td", { "data-label": t("settings.tokens.made") }, date(token.made)),
      h("td", { class: "row-buttons" }, button(t("settings.tokens.revoke"), () => revoke(token), "small")))));
  };
  const run = async (/** @type {() => Promise<void>} */ work) => {
    setText(problem, "");
    try {
      await work();
    } catch (error) {
      setText(problem, failureText(error));
    }
  };
  const load = () => run(async () => {
    /** @type {{ data: import("../types").TokenList }} */
    const { data } = await request("GET", "tokens");
    draw(data.tokens);
  });
  const make = () => run(async () => {
    /** @type {{ data: import("../types").TokenMade, etag: string | null }} */
    const { data } = await send("POST", "tokens", { name: name.value.trim(), role: role.value });
    name.value = "";
    showSecret(data.secret);
    await load();
  });
  /** @param {TokenRow} token */
  const revoke = (token) => openDialog(t("settings.tokens.sure", { name: token.name === "" ? token.id : token.name }), (close) => [
    h("p", null, t("settings.tokens.sure_text")),
    h("div", { class: "dialog-actions" }, button(t("settings.tokens.revoke"), () => {
      close();
      void run(async () => {
        await request("DELETE", `tokens/${encodeURIComponent(token.id)}`);
        toast(t("settings.tokens.revoked"));
        await load();
      });
    }, "stop"), button(t("action.cancel"), close))]);
  const form = h("form", { class: "inline-form", novalidate: true, onsubmit: (event) => { event.preventDefault(); void make(); } },
    h("label", { for: "token-name" }, t("settings.tokens.name")), name, h("label", { for: "token-role" }, t("settings.tokens.role")), role,
    h("button", { type: "submit", class: "button" }, t("settings.tokens.make")));
  void load();
  return card(t("settings.tokens.title"), h("p", { class: "muted small" }, t("settings.tokens.note")), table, none, form, problem);
}

/** @param {string} secret */
function showSecret(secret) {
  openDialog(t("settings.tokens.made_title"), () => [h("p", null, t("settings.tokens.once")), h("pre", { class: "command", tabindex: "0" }, secret), copyButton(() => secret)]);
}
