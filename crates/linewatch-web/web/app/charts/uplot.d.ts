// The part of uPlot 1.6.32 that the page uses.
export interface UPlot {
  bbox: { left: number; top: number; width: number; height: number };
  ctx: CanvasRenderingContext2D;
  data: (number | null)[][];
  root: HTMLElement;
  width: number;
  height: number;
  scales: Record<string, { min?: number | null; max?: number | null; distr?: number }>;
  cursor: { idx: number | null; left?: number };
  select: { left: number; top: number; width: number; height: number };
  setData(data: unknown[], resetScales?: boolean): void;
  setScale(key: string, limits: { min: number; max: number }): void;
  setSize(size: { width: number; height: number }): void;
  setCursor(at: { left: number; top: number }): void;
  setSelect(box: { left: number; top: number; width: number; height: number }, isTold?: boolean): void;
  posToVal(position: number, scale: string): number;
  valToPos(value: number, scale: string, canvasPixels?: boolean): number;
  batch(work: () => void): void;
  destroy(): void;
}
export interface UPlotClass {
  new (options: unknown, data: unknown[], target: HTMLElement): UPlot;
  pxRatio: number;
}
