/**
 * Decides which rows of a long list exist in the page: those in sight and some around them. Pure: numbers in, numbers out.
 */

/** Up to so many rows are simply all there: the browser's own search and printing see them. */
export const WHOLE_MAX = 100;
/** Lines of rows above and below the sight: a key or a turn of the wheel finds its row there. */
export const AROUND = 8;

/** Tiles grow by a half at most, so that the last line is fuller. */
const GROWTH_MAX = 1.5;

/**
 * How many stand side by side so that the last line has the fewest holes; the most that fit wins a tie.
 * @param {number} count
 * @param {number} fit As many as have room.
 */
export function balanced(count, fit) {
  if (count <= fit) return fit;
  let best = fit;
  // A column less is worth a hole: it makes the wall longer.
  const cost = (/** @type {number} */ columns) => ((columns - (count % columns)) % columns) + fit - columns;
  for (let columns = fit - 1; columns >= Math.max(2, fit / GROWTH_MAX); columns -= 1) if (cost(columns) < cost(best)) best = columns;
  return best;
}

/**
 * @param {{ count: number, columns: number, pitch: number, top: number, height: number }} view
 *   `pitch`: from one line of rows to the next, px; `top`: where the list begins, px below the top of the viewport
 *   (negative once scrolled past); `height` of the viewport, px.
 * @returns {{ from: number, to: number, before: number, after: number }} row indexes, and the px that stand for the others
 */
export function slice({ count, columns, pitch, top, height }) {
  const lines = Math.ceil(count / columns);
  const first = Math.max(0, Math.min(lines, Math.floor(-top / pitch) - AROUND));
  const last = Math.max(first, Math.min(lines, Math.ceil((height - top) / pitch) + AROUND));
  return { from: Math.min(count, first * columns), to: Math.min(count, last * columns), before: first * pitch, after: (lines - last) * pitch };
}
