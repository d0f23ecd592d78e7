/** General settings: how often targets are probed by default, where the page listens, language, files beside it. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { valueForm } from "./form.js";
import { sectionHead } from "./parts.js";
import { loadConfig, saveConfig } from "./remote.js";
import { tokensCard } from "./tokens.js";

/** @type {import("../pages/settings.js").SectionMaker} */
export async function generalSection() {
  const loaded = await loadConfig();
  const form = valueForm({
    prefix: "config", loaded, load: loadConfig, save: saveConfig,
    groups: [
      { title: t("settings.general.probing"), note: t("settings.general.probing_note"), fields: [
        { key: "defaults.interval", kind: "text" }, { key: "defaults.timeout", kind: "text" }, { key: "defaults.payload_bytes", kind: "number" },
      ] },
      { title: t("settings.general.page"), note: t("settings.general.restart_note"), fields: [
        { key: "server.listen", kind: "text" }, { key: "server.vantage", kind: "text" }, { key: "server.base_path", kind: "text" },
        { key: "server.public_read", kind: "flag" }, { key: "server.allowed_hosts", kind: "list" },
        { key: "server.auth", kind: "choice", options: ["password", "off"], isFixed: true },
        { key: "server.tls_cert", kind: "text", isFixed: true }, { key: "server.tls_key", kind: "text", isFixed: true },
      ] },
      { title: t("settings.general.rest"), fields: [
        { key: "web.live_points", kind: "number" }, { key: "web.language", kind: "choice", options: ["auto", "en", "id"] },
        { key: "logging.level", kind: "choice", options: ["error", "warn", "info", "debug", "trace"] },
        { key: "rrd.dir", kind: "text", isFixed: true }, { key: "prometheus.probe_allow", kind: "list" },
      ] },
    ],
  });
  const { restart } = loaded.info;
  return {
    element: h("div", null, sectionHead(t("settings.section.general"), t("settings.general.sub")),
      restart.length > 0 ? h("div", { class: "notice notice-warning" }, h("p", null, t("settings.restart", { keys: restart.join(", ") }))) : null,
      form.element, h("p", { class: "hint" }, t("settings.fixed")), tokensCard()),
    isDirty: form.isDirty,
  };
}
