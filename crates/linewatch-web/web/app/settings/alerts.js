/**
 * Who is told, when: letters that could not be delivered on top, the ways out with their test, rules, maintenance, silences.
 * Input: `[alerts]` with origins and the outbox. Output: PUTs, tests, retries. A server's answer is shown word for word.
 */

import { RequestError, get, send } from "../api.js";
import { fill, glyph, h, setText } from "../dom.js";
import { duration } from "../format.js";
import { t, tn } from "../i18n.js";
import { moment } from "../time.js";
import { failureText } from "../ui/addform.js";
import { openDialog, toast } from "../ui/dialog.js";
import { listCard, maintenanceList, ruleList, webhookList } from "./alertlists.js";
import { valueForm } from "./form.js";
import { button, card, sectionHead } from "./parts.js";
import { loadConfig, saveConfig } from "./remote.js";
import { at } from "./values.js";

/** @typedef {import("../types").OutboxAnswer} OutboxAnswer */

const SILENCE_MINUTES = "60";
/** Destinations of the outbox: everybody who gets mail, the same for reports, and what webhooks begin with. */
const MAIL = "email";
const REPORT = "report";
const WEBHOOK = "webhook:";

/** @type {import("../pages/settings.js").SectionMaker} */
export async function alertsSection({ letters }) {
  const loaded = await loadConfig();
  const dead = h("div", { class: "dead-letters" });
  const sub = h("span", null);
  const waiting = h("span", { class: "muted small" });
  /** @param {OutboxAnswer} outbox */
  const drawOutbox = (outbox) => {
    letters(outbox.dead.length);
    setText(sub, t("settings.alerts.sub", { ways: outbox.destinations.length, rules: count(at(form.current().info.config, "alerts.rules")), dead: outbox.dead.length }));
    setText(waiting, outbox.waiting.length === 0 ? "" : tn("settings.alerts.waiting", outbox.waiting.length));
    const hasMail = outbox.destinations.includes(MAIL);
    fill(dead, ...outbox.dead.map((letter) => deadLetter(letter, hasMail, drawOutbox)));
  };
  const refresh = () => /** @type {Promise<OutboxAnswer>} */ (get("alerts/outbox")).then(drawOutbox, (error) => setText(sub, failureText(error)));
  const mailTest = testBox();
  const hookTest = testBox();
  const from = loaded.info.password_from;
  const lists = [
    listCard(ruleList(), () => form.current(), (fresh) => taken(fresh)),
    listCard(webhookList((place) => void hookTest.run(`webhook:${place + 1}`)), () => form.current(), (fresh) => taken(fresh), hookTest.element),
    listCard(maintenanceList(), () => form.current(), (fresh) => taken(fresh)),
  ];
  const taken = (/** @type {import("./form.js").Loaded} */ fresh) => {
    form.show(fresh);
    for (const list of lists) list.draw();
    void refresh();
  };
  const form = valueForm({
    prefix: "config", loaded, load: loadConfig, save: saveConfig, onsaved: () => { for (const list of lists) list.draw(); void refresh(); },
    groups: [
      { title: t("settings.alerts.email"), action: h("span", { class: "form-buttons" }, button(t("settings.alerts.test_report"), () => void mailTest.run(REPORT), "small"), button(t("settings.alerts.test_mail"), () => void mailTest.run(MAIL), "small")), fields: [
        { key: "alerts.email.server", kind: "text" }, { key: "alerts.email.port", kind: "number" },
        { key: "alerts.email.tls", kind: "choice", options: ["auto", "implicit", "starttls", "none"] }, { key: "alerts.email.user", kind: "text" },
        { key: "alerts.email.from", kind: "text" }, { key: "alerts.email.to", kind: "list" },
        { key: "alerts.email.report", kind: "choice", options: ["off", "weekly", "monthly"] },
      ], after: h("div", null, h("div", { class: "setting" }, h("span", null, t("settings.alerts.password")),
        h("span", { class: "password-from" }, from === null ? t("settings.alerts.no_password") : t("settings.alerts.password_from", { from }))), mailTest.element) },
      { title: t("settings.alerts.timing"), fields: [
        { key: "alerts.for", kind: "text" }, { key: "alerts.cooldown", kind: "text" }, { key: "alerts.group_wait", kind: "text" }, { key: "alerts.exit_mail", kind: "flag" },
        { key: "alerts.retry.first", kind: "text" }, { key: "alerts.retry.max", kind: "text" }, { key: "alerts.retry.give_up", kind: "text" },
        { key: "alerts.dead_man.url", kind: "secret" }, { key: "alerts.dead_man.every", kind: "text" }, { key: "alerts.graph_file", kind: "text", isFixed: true },
      ] },
    ],
  });
  for (const list of lists) list.draw();
  const silences = silencesCard();
  void refresh();
  let asked = 0;
  return {
    element: h("div", null, sectionHead(t("settings.section.alerts"), sub, button(t("settings.alerts.replay"), replayHelp), button(t("settings.rules.add"), () => lists[0]?.add(), "primary")),
      dead, waiting, ...lists.slice(0, 1).map((list) => list.element), form.element, ...lists.slice(1).map((list) => list.element), silences),
    isDirty: form.isDirty,
    update() {
      asked += 1;
      if (asked % 10 === 0) void refresh();
    },
  };
}

/** @param {unknown} list */
function count(list) {
  return Array.isArray(list) ? list.length : 0;
}

/** Whom a message is for, in words where there are any. @param {string} destination */
function whom(destination) {
  return destination === REPORT || destination.startsWith(`${REPORT}:`) ? t("settings.alerts.to_report", { to: destination.slice(REPORT.length + 1) || MAIL }) : destination;
}

/** @param {import("../types").LetterRow} letter @param {boolean} hasMail @param {(outbox: OutboxAnswer) => void} draw */
function deadLetter(letter, hasMail, draw) {
  const problem = h("p", { class: "field-error", role: "alert" });
  /** @param {string} method @param {string} path */
  const ask = async (method, path) => {
    try {
      const { data } = await send(method, `alerts/outbox/${letter.id}${path}`, {});
      draw(/** @type {OutboxAnswer} */ (data));
    } catch (error) {
      setText(problem, failureText(error));
    }
  };
  return h("section", { class: "card dead-letter", role: "group", "aria-label": t("settings.alerts.undelivered") },
    glyph("error"),
    h("div", null, h("h2", null, t("settings.alerts.undelivered")),
      h("p", null, t("settings.alerts.tried", { to: whom(letter.destination), n: letter.attempts, made: moment(letter.made, Date.now()), due: moment(letter.due, Date.now()) })),
      letter.last_error === null ? null : h("pre", { class: "server-words", tabindex: "0" }, letter.last_error),
      h("p", { class: "muted" }, t("settings.alerts.kept")), problem),
    h("div", { class: "form-buttons" }, button(t("settings.alerts.discard"), () => void ask("DELETE", "")),
      hasMail && letter.destination.startsWith(WEBHOOK) ? button(t("settings.alerts.mail_instead"), () => void ask("POST", "/mail")) : null,
      button(t("settings.alerts.try_again"), () => void ask("POST", "/retry"), "primary")));
}

/** Where the answer of a test stands, word for word. */
function testBox() {
  const element = h("div", { class: "test-answer", role: "status" });
  return {
    element,
    /** @param {string} destination */
    async run(destination) {
      const startedAt = performance.now();
      element.className = "test-answer";
      fill(element, h("p", null, t("settings.alerts.testing", { to: whom(destination) })));
      const took = () => duration(Math.max(10, Math.round((performance.now() - startedAt) / 10) * 10));
      try {
        /** @type {{ data: import("../types").TestAnswer }} */
        const { data } = await send("POST", "alerts/test", { destination });
        element.className = "test-answer good";
        fill(element, h("p", null, t("settings.alerts.accepted", { time: took() })), h("pre", { class: "server-words", tabindex: "0" }, data.words));
      } catch (error) {
        element.className = "test-answer bad";
        const isTheirs = error instanceof RequestError && error.status === 502;
        fill(element, h("p", null, t(isTheirs ? "settings.alerts.refused" : "settings.alerts.unsent", { time: took() })), h("pre", { class: "server-words", tabindex: "0" }, failureText(error)));
      }
    },
  };
}

function replayHelp() {
  openDialog(t("settings.alerts.replay_title"), () => [h("p", null, t("settings.alerts.replay_text")), h("pre", { class: "command", tabindex: "0" }, "linewatch alerts replay --range 24h")]);
}

function silencesCard() {
  const list = h("ul", { class: "silences" });
  const error = h("p", { class: "field-error", role: "alert" });
  const target = h("input", { class: "field", id: "silence-target", autocomplete: "off" });
  const minutes = h("input", { class: "field", id: "silence-minutes", inputmode: "numeric", value: SILENCE_MINUTES });
  const comment = h("input", { class: "field", id: "silence-comment", autocomplete: "off" });
  /** @param {import("../types").SilenceList} answer */
  const draw = ({ silences }) => {
    setText(error, "");
    fill(list, ...silences.map((one) => h("li", null,
      h("span", null, t("settings.silences.one", { what: [one.target, one.group, one.country, one.partner, one.label].filter(Boolean).join(" · ") || t("settings.rules.everything"), until: moment(one.until, Date.now()), comment: one.comment })),
      button(t("settings.silences.end"), () => void ask("DELETE", `silences/${one.id}`, {}), "small"))),
    silences.length === 0 ? h("li", { class: "muted" }, t("settings.silences.none")) : null);
  };
  /** @param {string} method @param {string} path @param {unknown} body */
  const ask = async (method, path, body) => {
    try {
      const { data } = await send(method, path, body);
      draw(/** @type {import("../types").SilenceList} */ (data));
    } catch (failure) {
      setText(error, failureText(failure));
    }
  };
  /** @type {Promise<import("../types").SilenceList>} */ (get("silences")).then(draw, (failure) => setText(error, failureText(failure)));
  const add = () => void ask("POST", "silences", { target: target.value.trim(), minutes: Number(minutes.value) || minutes.value, comment: comment.value.trim() }).then(() => toast(t("settings.silences.begun")));
  return card(t("settings.silences.title"), list, h("div", { class: "inline-form" },
    h("label", { for: "silence-target" }, t("settings.silences.target")), target, h("label", { for: "silence-minutes" }, t("settings.silences.minutes")), minutes,
    h("label", { for: "silence-comment" }, t("settings.silences.comment")), comment, button(t("settings.silences.begin"), add)), error);
}
