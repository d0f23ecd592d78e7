/**
 * The door: a card that asks for the password, and who is signed in with the way out.
 * Input: what the server says of the asker (`session`). Output: true when somebody has signed in. Whoever was refused asks again then.
 * Loaded when it is needed, with its own style and words. The password goes nowhere but into the one request.
 */

import { RequestError, get, logIn, logOut } from "../api.js";
import { fill, glyph, h, setText, withCode } from "../dom.js";
import { t, tn } from "../i18n.js";
import { openDialog } from "./dialog.js";

/** @typedef {import("../types").SessionInfo} SessionInfo */

const RESET = "linewatch admin reset-password";
/** Names of this computer itself: nobody listens in between. */
const OWN = /^(localhost|127\.[\d.]+|\[::1\])$/;

/** @type {Promise<boolean> | null} */
let open = null;

/** Asks for the password, once for all who wait for it. @returns {Promise<boolean>} */
export function openLogin() {
  open ??= ask().finally(() => { open = null; });
  return open;
}

async function ask() {
  /** @type {SessionInfo} */
  let session;
  try {
    session = await get("session");
  } catch {
    return false;
  }
  return new Promise((resolve) => show(session, resolve));
}

/** @param {SessionInfo} session @param {(isIn: boolean) => void} end */
function show(session, end) {
  let isIn = false;
  const dialog = h("dialog", { class: "login", "aria-labelledby": "login-title" });
  const form = loginForm(session, () => {
    isIn = true;
    dialog.close();
  });
  const look = h("button", { type: "button", class: "button login-wide", onclick: () => dialog.close() }, t("login.look"));
  dialog.append(h("div", { class: "login-card" },
    h("p", { class: "brand" }, glyph("logo"), h("span", null, t("brand"))),
    h("h1", { id: "login-title" }, t(session.public_read ? "login.title" : "login.title_closed")),
    h("p", { class: "muted" }, t(session.public_read ? "login.open" : "login.closed")),
    form.element, session.public_read ? look : null,
    h("p", { class: "login-hint" }, t(session.has_password ? "login.forgotten" : "login.none")),
    h("pre", { class: "login-command", tabindex: "0" }, RESET),
    session.is_encrypted || OWN.test(location.hostname) ? null : h("p", { class: "login-plain" }, glyph("poor"),
      h("span", null, h("b", null, t("login.plain")), " ", ...withCode(t("login.plain_cure"))))));
  if (session.version !== "") {
    dialog.append(h("p", { class: "login-foot" }, t("login.foot", { vantage: session.vantage, host: location.host, version: session.version })));
  }
  // Where nothing may be looked at there is nothing behind the card.
  dialog.addEventListener("cancel", (event) => { if (!session.public_read) event.preventDefault(); });
  dialog.addEventListener("close", () => {
    form.dispose();
    dialog.remove();
    if (isIn) void accountMenu();
    end(isIn);
  });
  document.body.append(dialog);
  dialog.showModal();
  form.input.focus();
}

/** @param {SessionInfo} session @param {() => void} done */
function loginForm(session, done) {
  const input = h("input", { class: "field", id: "login-password", name: "password", type: "password", autocomplete: "current-password", required: true, "aria-describedby": "login-error" });
  const error = h("p", { class: "login-error", id: "login-error", role: "alert" });
  const stay = h("input", { type: "checkbox", role: "switch" });
  const submit = h("button", { type: "submit", class: "button primary login-wide" }, t("login.submit"));
  let timer = 0;
  /** @param {string} text */
  const say = (text) => {
    if (text === "") {
      error.replaceChildren();
      input.removeAttribute("aria-invalid");
      return;
    }
    input.setAttribute("aria-invalid", "true");
    fill(error, glyph("error"), h("span", null, text));
  };
  /** @param {number} seconds */
  const wait = (seconds) => {
    const until = Date.now() + seconds * 1000;
    submit.disabled = true;
    clearInterval(timer);
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left > 0) {
        const line = error.querySelector("span");
        const text = tn("login.wait", left);
        if (line) setText(line, text);
        else say(text);
        return;
      }
      clearInterval(timer);
      submit.disabled = false;
      say("");
    };
    say(tn("login.wait", seconds));
    timer = setInterval(tick, 1000);
  };
  const element = h("form", { class: "login-form", method: "dialog", onsubmit: async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await logIn(input.value, stay.checked);
      done();
      return;
    } catch (failure) {
      const { message, more, status } = failure instanceof RequestError ? failure : { message: String(failure), more: {}, status: 0 };
      submit.disabled = false;
      if (more.wait_s) wait(more.wait_s);
      else if (more.code === "no_password") say(t("login.none"));
      else if (more.tries_left) say(tn("login.wrong", more.tries_left));
      else say(status === 0 ? t("error.unreachable") : message);
    }
    input.select();
    input.focus();
  } },
  // A password manager files a password under a name.
  h("input", { class: "visually-hidden", type: "text", name: "username", value: "admin", autocomplete: "username", tabindex: "-1", readonly: true, "aria-label": t("login.user") }),
  h("label", { class: "label", for: "login-password" }, t("login.password")), input, error,
  h("label", { class: "login-stay" }, stay, h("span", null, t("login.stay"))), submit);
  if (!session.has_password) submit.disabled = true;
  return { element, input, dispose: () => clearInterval(timer) };
}

/** Shows in the frame whether somebody is signed in; nothing where there is nobody to be. */
export async function accountMenu() {
  const place = document.getElementById("account");
  if (!place) return;
  /** @type {SessionInfo} */
  let session;
  try {
    session = await get("session");
  } catch {
    return;
  }
  const isIn = session.by === "session";
  if (!isIn && (session.by !== "nobody" || !session.public_read)) {
    place.replaceChildren();
    return;
  }
  const label = t(isIn ? "login.account" : "login.submit");
  const button = h("button", { type: "button", class: "pill account", title: label, "aria-label": label, onclick: () => {
    if (isIn) showAccount();
    else void openLogin();
  } }, glyph("lock"), h("span", null, t(isIn ? "login.admin" : "login.submit")));
  place.replaceChildren(button);
}

function showAccount() {
  openDialog(t("login.account"), () => [
    h("p", { class: "muted" }, t("login.account_text")),
    h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button", onclick: () => void leave() }, t("login.out"))),
  ]);
}

/** Whatever this page still shows was for who was signed in: it begins anew. */
async function leave() {
  try {
    await logOut();
  } finally {
    location.reload();
  }
}
