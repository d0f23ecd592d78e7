/**
 * Decides which rows of a long list exist in the page: those in sight and some around them. Pure: numbers in, numbers out.
 */

/** Up to so many rows are simply all there: the browser's own search and printing see them. */
export const WHOLE_MAX = 100;
/** Lines of rows above and below the sight: a key or a turn of the wheel finds its row there. */
export const AROUND = 8;

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
