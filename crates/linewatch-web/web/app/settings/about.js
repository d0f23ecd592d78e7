/** What runs here, and whether this computer is fit for it: the checks of `doctor`, each fault with its cure to copy. */

import { get } from "../api.js";
import { fill, glyph, h, setText } from "../dom.js";
import { duration } from "../format.js";
import { has, t } from "../i18n.js";
import { clock } from "../time.js";
import { failureText } from "../ui/addform.js";
import { button, card, copyButton, facts, sectionHead } from "./parts.js";
import { loadConfig } from "./remote.js";

/** @typedef {import("../types").DoctorAnswer} DoctorAnswer */

const SIGNS = /** @type {const} */ ({ ok: "excellent", note: "info", warning: "poor", fault: "down" });

/** The findings as a person would paste them. @param {DoctorAnswer} found @param {string} version */
export function doctorText(found, version) {
  const lines = found.checks.map((check) => `${check.verdict.padEnd(7)} ${check.name}: ${check.sentence}${check.command === null ? "" : `\n        ${check.command}`}`);
  return [`linewatch ${version}, ${new Date(found.at).toISOString()}`, ...lines, ""].join("\n");
}

/** @type {import("../pages/settings.js").SectionMaker} */
export async function aboutSection() {
  /** @type {import("../types").Status} */
  const status = await get("status");
  const list = h("ul", { class: "checks" });
  const note = h("span", { class: "note" });
  const again = button(t("settings.about.again"), () => void look("doctor?fresh=1"));
  const copying = h("span", null);
  /** @param {string} path */
  const look = async (path) => {
    again.disabled = true;
    setText(note, t("settings.about.looking"));
    try {
      /** @type {DoctorAnswer} */
      const found = await get(path);
      const bad = found.checks.filter((check) => check.verdict === "warning" || check.verdict === "fault").length;
      setText(note, t("settings.about.found", { good: found.checks.length - bad, bad, time: clock(found.at) }));
      fill(list, ...found.checks.map(checkRow));
      const copy = copyButton(doctorText(found, status.version), t("settings.about.copy"));
      // Beside the other action of the page, and as high as that one.
      copy.classList.remove("small");
      fill(copying, copy);
    } catch (error) {
      setText(note, failureText(error));
    } finally {
      again.disabled = false;
    }
  };
  void look("doctor");
  const paths = h("div", null);
  loadConfig().then(({ info }) => fill(paths, card(t("settings.about.paths"), facts([
    [t("settings.about.config"), h("code", null, info.config_path ?? t("settings.none"))], [t("settings.about.web"), h("code", null, info.web_path)],
    [t("settings.about.data"), h("code", null, info.data_dir)], [t("settings.about.vantage"), status.vantage],
  ]))), () => {});
  const head = sectionHead(t("settings.about.title"), t("settings.about.sub", { version: status.version, time: duration(status.uptime_s * 1000) }), again, copying);
  return {
    element: h("div", null, head,
      h("section", { class: "card panel" }, h("div", { class: "card-title" }, h("h2", null, t("settings.about.diagnosis")), note), list),
      h("div", { class: "settings-pair" }, paths, card(t("settings.about.licences"), facts([
        ["linewatch", "MIT / Apache-2.0"], ["uPlot 1.6.32", "MIT"], [t("settings.about.crates"), h("code", null, "cargo tree --format '{p} {l}'")],
      ]), facts([["IPv4", status.icmp.v4], ["IPv6", status.icmp.v6], [t("settings.about.scheduling"), status.scheduling]])))),
  };
}

/** @param {import("../types").CheckRow} check */
function checkRow(check) {
  const name = has(`settings.check.${check.name}`) ? t(`settings.check.${check.name}`) : check.name;
  return h("li", { class: `check check-${check.verdict}` }, glyph(SIGNS[check.verdict]),
    h("b", null, name, h("span", { class: "visually-hidden" }, `: ${t(`settings.verdict.${check.verdict}`)}`)),
    h("div", null, h("p", { lang: "en" }, check.sentence), check.command === null ? null
      : h("p", { class: "cure" }, h("span", { class: "muted small" }, t("settings.about.cure")), h("code", null, check.command), copyButton(check.command))));
}
