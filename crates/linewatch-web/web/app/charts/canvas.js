/**
 * Gives canvases their size in device pixels, the theme's colours, and the right moment to draw.
 * One ResizeObserver and one IntersectionObserver serve all; what is not visible is not drawn, only marked.
 */

/** @typedef {{ width: number, height: number, scale: number }} Frame Device pixels; `scale` of them make one CSS pixel. */
/** @typedef {(context: CanvasRenderingContext2D, frame: Frame) => void} Draw */

const TOKENS = /** @type {const} */ ([
  "bg", "surface", "raised", "text", "muted", "faint", "border", "divider", "accent", "process", "series",
  "excellent", "good", "fair", "poor", "critical",
]);
/** @typedef {Record<typeof TOKENS[number], string>} Tokens */

/** @type {Tokens | null} */
let cached = null;

/** The colours of the theme in force. @returns {Tokens} */
export function tokens() {
  if (cached) return cached;
  const style = getComputedStyle(document.documentElement);
  cached = /** @type {Tokens} */ (Object.fromEntries(TOKENS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])));
  return cached;
}

/** @param {import("../level.js").Badge} badge */
export function levelColour(badge) {
  const colours = tokens();
  switch (badge) {
    case "down":
    case "error":
      return colours.critical;
    case "stale":
    case "waiting":
    case "paused":
      return colours.border;
    case "excellent":
    case "good":
    case "fair":
    case "poor":
    case "critical":
      return colours[badge];
  }
}

/** The same colour, invisible: a fade to "transparent" would pass through grey. @param {string} colour */
export function clear(colour) {
  return faint(colour, 0.01);
}

/** The same colour with less of it. @param {string} colour @param {number} share 0 to 1. */
export function faint(colour, share) {
  // The tokens are written as #rrggbb; the mixture, which is slow to read, is for the system's own colours.
  if (/^#[0-9a-f]{6}$/i.test(colour)) return `${colour}${Math.round(share * 255).toString(16).padStart(2, "0")}`;
  return `color-mix(in srgb, ${colour} ${share * 100}%, transparent)`;
}

/** Draws one canvas when asked, when it comes into sight, and when its size or the theme changes. */
export class Surface {
  /** @param {HTMLCanvasElement} canvas @param {Draw} draw */
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.draw = draw;
    this.isVisible = false;
    this.isDirty = true;
    this.width = 0;
    this.height = 0;
    surfaces.set(canvas, this);
    sizes.observe(canvas);
    sights.observe(canvas);
  }

  /** The data changed. */
  invalidate() {
    this.isDirty = true;
    if (this.isVisible) this.paint();
  }

  paint() {
    if (this.width === 0 || this.height === 0) return;
    const context = this.canvas.getContext("2d");
    if (!context) return;
    this.isDirty = false;
    const scale = Math.min(3, devicePixelRatio || 1);
    const width = Math.max(1, Math.round(this.width * scale));
    const height = Math.max(1, Math.round(this.height * scale));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    this.draw(context, { width, height, scale });
  }

  dispose() {
    surfaces.delete(this.canvas);
    sizes.unobserve(this.canvas);
    sights.unobserve(this.canvas);
  }
}

/** @type {Map<Element, Surface>} */
const surfaces = new Map();

const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const surface = surfaces.get(entry.target);
    if (!surface) continue;
    surface.width = entry.contentRect.width;
    surface.height = entry.contentRect.height;
    surface.invalidate();
  }
});

const sights = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const surface = surfaces.get(entry.target);
    if (!surface) continue;
    surface.isVisible = entry.isIntersecting;
    if (surface.isVisible && surface.isDirty) surface.paint();
  }
}, { rootMargin: "100px" });

/** @type {Set<() => void>} */
const themeListeners = new Set();

/** @param {() => void} listener @returns {() => void} ends it */
export function onTheme(listener) {
  themeListeners.add(listener);
  return () => themeListeners.delete(listener);
}

/** The theme, its contrast or its system colours changed: read the colours anew and redraw all. */
export function themeChanged() {
  cached = null;
  for (const surface of surfaces.values()) surface.invalidate();
  for (const listener of themeListeners) listener();
}

for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"]) {
  matchMedia(query).addEventListener("change", themeChanged);
}

/**
 * Hatches a rectangle: a span that was not measured.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {number} scale
 * @param {string} colour
 */
export function hatch(context, x, y, width, height, scale, colour) {
  if (width <= 0) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.globalAlpha *= 0.55;
  context.lineWidth = Math.max(1, scale * 0.9);
  context.setLineDash([]);
  context.beginPath();
  const step = 5 * scale;
  // Lines stand on a fixed grid so that a growing span does not shimmer.
  for (let offset = Math.floor((x - height) / step) * step; offset < x + width; offset += step) {
    context.moveTo(offset, y + height);
    context.lineTo(offset + height, y);
  }
  context.stroke();
  context.restore();
}
