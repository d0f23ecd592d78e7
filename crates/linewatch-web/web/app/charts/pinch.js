/**
 * Two fingers on a chart: what was under each finger when they came down is under it when they leave.
 * Input: touches, and where the plot is. Output: the span that the plot shows then. One finger scrolls the page as ever.
 */

/** Fingers closer than this point at one instant. */
const APART_PX_MIN = 12;

/**
 * The span that puts two instants under two fingers. Pure.
 * @param {{ from: number, to: number, left: number, width: number }} view Span in ms, place of the plot in px.
 * @param {readonly [number, number]} before Where the fingers came down, px.
 * @param {readonly [number, number]} after Where they left, px.
 * @returns {{ from: number, to: number } | null} null where the fingers tell nothing
 */
export function pinched({ from, to, left, width }, before, after) {
  const isInOrder = before[0] <= before[1];
  /** @param {readonly [number, number]} ends @returns {[number, number]} */
  const inOrder = ([a, b]) => (isInOrder ? [a - left, b - left] : [b - left, a - left]);
  const [begin, end] = inOrder(before);
  const [x, y] = inOrder(after);
  if (end - begin < APART_PX_MIN || y - x < APART_PX_MIN) return null;
  const perPx = (to - from) / width;
  const next = (perPx * (end - begin)) / (y - x);
  const start = from + begin * perPx - x * next;
  return { from: start, to: start + width * next };
}

/**
 * @param {HTMLElement} element
 * @param {() => { from: number, to: number, left: number, width: number } | null} view
 * @param {(from: number, to: number) => void} zoom
 */
export function onPinch(element, view, zoom) {
  /** @type {Map<number, { down: number, now: number }>} by finger */
  const fingers = new Map();
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || fingers.size === 2) return;
    for (const finger of fingers.values()) finger.down = finger.now;
    fingers.set(event.pointerId, { down: event.clientX, now: event.clientX });
  });
  element.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (finger) finger.now = event.clientX;
  });
  element.addEventListener("pointerup", (event) => {
    const [first, second] = [...fingers.values()];
    fingers.delete(event.pointerId);
    if (!first || !second) return;
    fingers.clear();
    const seen = view();
    const span = seen && pinched(seen, [first.down, second.down], [first.now, second.now]);
    if (span) zoom(span.from, span.to);
  });
  for (const end of ["pointercancel", "pointerleave"]) element.addEventListener(end, (event) => fingers.delete(/** @type {PointerEvent} */ (event).pointerId));
}
