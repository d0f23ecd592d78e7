/**
 * Builds and updates elements: one helper to create, one to keep lists by key, the glyphs of the levels.
 * Text always enters as text nodes. Nothing here parses markup, and no attribute carries script or style.
 */

import { t } from "./i18n.js";

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

/**
 * Creates an element. `on…` attributes are listeners; false, null and undefined leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** @param {Node} parent @param {Child[]} children */
export function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  }
}

/** Replaces all children. @param {Element} parent @param {...Child} children */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/** Writes text only if it changed. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Writes an attribute only if it changed; null removes it. @param {Element} element @param {string} name @param {string | null} value */
export function setAttribute(element, name, value) {
  if (value === null) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Writes the text of an element that nobody else writes: what it was is remembered, because asking the page for it costs more.
 * @param {Element} element Without children.
 * @returns {(text: string) => void}
 */
export function textWriter(element) {
  const node = document.createTextNode("");
  element.replaceChildren(node);
  let written = "";
  return (text) => {
    if (text === written) return;
    written = text;
    node.data = text;
  };
}

/** Writes the class of an element that nobody else writes. @param {Element} element @returns {(name: string) => void} */
export function classWriter(element) {
  let written = element.getAttribute("class") ?? "";
  return (name) => {
    if (name === written) return;
    written = name;
    element.setAttribute("class", name);
  };
}

/**
 * A number with its smaller unit; `update` touches only what changed.
 * @param {string} [className]
 */
export function quantity(className = "q") {
  const value = document.createTextNode("");
  const unit = h("small", null);
  const element = h("span", { class: className }, value, unit);
  const writeUnit = textWriter(unit);
  let written = "";
  return {
    element,
    /** @param {import("./format.js").Quantity} q */
    update(q) {
      if (written !== q.value) {
        written = q.value;
        value.data = q.value;
      }
      writeUnit(q.unit);
    },
  };
}

/**
 * Makes the children of a parent those of `items`, in order, moving and keeping elements by key.
 * @template T
 * @template {{ element: Element }} V
 * @param {Element} parent
 * @param {Map<string, V>} views
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => V} create
 * @param {(view: V) => void} [dispose]
 */
export function keyed(parent, views, items, keyOf, create, dispose) {
  const wanted = new Set(items.map(keyOf));
  for (const [key, view] of views) {
    if (wanted.has(key)) continue;
    dispose?.(view);
    view.element.remove();
    views.delete(key);
  }
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let view = views.get(key);
    if (!view) {
      view = create(item);
      views.set(key, view);
    }
    if (view.element === next) next = next.nextElementSibling;
    else parent.insertBefore(view.element, next);
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** Shapes on a 16 x 16 grid: [element, attributes]. Each level differs by shape, not only by colour. */
const SHAPES = /** @type {const} */ ({
  excellent: [["circle", { cx: 8, cy: 8, r: 5.5, class: "solid" }]],
  good: [["circle", { cx: 8, cy: 8, r: 4.5, class: "line wide" }]],
  fair: [["path", { d: "M8 1.6 14.4 8 8 14.4 1.6 8Z", class: "solid" }]],
  poor: [["path", { d: "M8 2 14.6 13.6H1.4Z", class: "solid" }]],
  critical: [["path", { d: "M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4Z", class: "solid" }]],
  down: [["path", { d: "M3 3l10 10M13 3 3 13", class: "line thick" }]],
  error: [["path", { d: "M8 1.6 14.4 8 8 14.4 1.6 8Z", class: "line" }], ["path", { d: "M8 5v3.6M8 10.4v.8", class: "line" }]],
  stale: [["path", { d: "M1 6h3.6v4H1zM6.2 6h3.6v4H6.2zM11.4 6H15v4h-3.6z", class: "solid" }]],
  waiting: [["circle", { cx: 8, cy: 8, r: 5.6, class: "line dashed" }]],
  paused: [["path", { d: "M3.6 2h3v12h-3zM9.4 2h3v12h-3z", class: "solid" }]],
  info: [["circle", { cx: 8, cy: 8, r: 3, class: "solid" }]],
  lock: [["path", { d: "M3 7h10v7H3zM5 7V5a3 3 0 0 1 6 0v2", class: "line" }]],
  logo: [["path", { d: "M1 8h3l2-5.5 4 11L12 8h3", class: "line thick" }]],
  hud: [["path", { d: "M3.4 13a6.2 6.2 0 1 1 9.2 0M8 9l2.6-3.4", class: "line" }]],
  events: [["path", { d: "M8 2 14.6 13.6H1.4Z", class: "line" }], ["path", { d: "M8 6.4v3.4M8 11.4v.4", class: "line" }]],
  logs: [["path", { d: "M2 3.6h12M2 8h12M2 12.4h7", class: "line" }]],
  settings: [["circle", { cx: 8, cy: 8, r: 2.6, class: "line" }], ["path", { d: "M8 1.4v2.2M8 12.4v2.2M1.4 8h2.2M12.4 8h2.2", class: "line" }]],
  search: [["circle", { cx: 7, cy: 7, r: 4.5, class: "line" }], ["path", { d: "M10.5 10.5 14 14", class: "line" }]],
});

/** @typedef {keyof typeof SHAPES} Shape */

/**
 * @param {Shape} shape
 * @returns {SVGSVGElement}
 */
export function glyph(shape) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `glyph lv-${shape}`);
  svg.setAttribute("aria-hidden", "true");
  drawShape(svg, shape);
  return svg;
}

/** Turns a glyph into another one. @param {SVGSVGElement} svg @param {Shape} shape */
export function setGlyph(svg, shape) {
  if (svg.classList.contains(`lv-${shape}`)) return;
  svg.setAttribute("class", `glyph lv-${shape}`);
  svg.replaceChildren();
  drawShape(svg, shape);
}

/** @param {SVGSVGElement} svg @param {Shape} shape */
function drawShape(svg, shape) {
  for (const [name, attributes] of SHAPES[shape]) {
    const part = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, String(value));
    svg.append(part);
  }
}

/** Text with `code` parts between back quotes. @param {string} text @returns {Node[]} */
export function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? h("code", null, part) : document.createTextNode(part)));
}

/** The word of a badge. @param {import("./level.js").Badge} badge */
export function badgeWord(badge) {
  return t(`badge.${badge}`);
}
