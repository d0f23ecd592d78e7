/**
 * One canvas for a column of a long list. A canvas in every row would be a layer of its own for the browser, and each frame pays for
 * every layer. Input: slots, each with its line and how to draw it. Output: pixels at the lines that were asked for, no others.
 * It lies in the cell of the first row over the cells below it, so that it follows its column. Only for rows of one height.
 */

import { h } from "../dom.js";
import { Surface } from "./canvas.js";

/** @typedef {import("./canvas.js").Draw} Draw */
/** @typedef {{ line: number, draw: Draw }} Slot `line` in the whole list; -1 while it has none. */

export class Sheet {
  /** @type {Set<Slot>} */
  #slots = new Set();
  #from = 0;
  #count = 0;

  /** @param {string} column Class of its cells. @param {number} heightCss Of a picture, px. @param {() => number} pitchCss From one line to the next, px. */
  constructor(column, heightCss, pitchCss) {
    this.column = column;
    this.heightCss = heightCss;
    this.pitchCss = pitchCss;
    this.canvas = h("canvas", { class: "sheet", "aria-hidden": "true" });
    this.surface = new Surface(this.canvas, (context, { width, scale }) => {
      for (const slot of this.#slots) this.#draw(context, width, scale, slot);
    });
  }

  /**
   * Lies over the lines from `from` on. What is drawn moves along with its lines.
   * @param {Element | undefined} row Of the first line. @param {number} from @param {number} count
   */
  place(row, from, count) {
    const cell = row?.querySelector(`.${this.column}`);
    if (!cell) return;
    if (this.canvas.parentNode !== cell) {
      this.canvas.parentElement?.classList.remove("under-sheet");
      cell.classList.add("under-sheet");
      cell.append(this.canvas);
    }
    const context = this.canvas.getContext("2d");
    if (count === this.#count && from !== this.#from && context) {
      const shift = Math.round((this.#from - from) * this.pitchCss() * scaleNow());
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.globalCompositeOperation = "copy";
      context.drawImage(this.canvas, 0, shift);
      context.globalCompositeOperation = "source-over";
    }
    this.#from = from;
    if (count === this.#count) return;
    this.#count = count;
    // Another size clears it: the observer of its size has all lines drawn.
    this.canvas.style.height = `${count * this.pitchCss()}px`;
  }

  /** @param {Draw} draw */
  slot(draw) {
    /** @type {Slot} */
    const slot = { line: -1, draw };
    this.#slots.add(slot);
    return {
      /** Until it is drawn there, nothing stands there: never what stood there before. @param {number} line */
      move: (line) => {
        slot.line = line;
        this.#clear(slot);
      },
      invalidate: () => this.#paint(slot),
      dispose: () => { this.#slots.delete(slot); },
    };
  }

  dispose() {
    this.surface.dispose();
    this.canvas.remove();
  }

  /** @param {Slot} slot */
  #paint(slot) {
    const { width, isVisible } = this.surface;
    if (!isVisible || width === 0) this.surface.isDirty = true;
    if (this.surface.isDirty) return;
    const context = this.canvas.getContext("2d");
    if (context) this.#draw(context, this.canvas.width, scaleNow(), slot);
  }

  /** @param {Slot} slot */
  #clear(slot) {
    const context = this.canvas.getContext("2d");
    const top = this.#top(slot, scaleNow());
    if (!context || top === null) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, top, this.canvas.width, Math.round(this.heightCss * scaleNow()));
  }

  /** Where a slot begins, device pixels; null if its line is not on the sheet. @param {Slot} slot @param {number} scale */
  #top({ line }, scale) {
    const at = line - this.#from;
    if (line < 0 || at < 0 || at >= this.#count) return null;
    const pitch = this.pitchCss();
    return Math.round((at * pitch + (pitch - this.heightCss) / 2) * scale);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} scale @param {Slot} slot */
  #draw(context, width, scale, slot) {
    const top = this.#top(slot, scale);
    if (top === null) return;
    const height = Math.round(this.heightCss * scale);
    context.setTransform(1, 0, 0, 1, 0, top);
    context.clearRect(0, 0, width, height);
    slot.draw(context, { width, height, scale });
  }
}

/** Device pixels of one CSS pixel, as a surface counts them. */
function scaleNow() {
  return Math.min(3, devicePixelRatio || 1);
}
