/** The figure of a bottleneck: the card's view, feature maps side by side, or bars; a value can be chosen. */

import { reach } from './numbers.js';
import { paint, resize, sequential } from './pictures.js';

const BARS = 256; // more values than that are a picture too
const BAR = { width: 6, gap: 2, height: 120 };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Where each value of a bottleneck stands: `columns` tiles in a row, each of height × width values.
 * shape: without the batch; view: [rows, columns] or null.
 */
function layoutOf(shape, view) {
  const size = shape.reduce((product, value) => product * value, 1);
  if (view) return tiles(1, view[0], view[1], 1);
  if (shape.length === 3 && shape[1] * shape[2] > 1) {
    const [maps, height, width] = shape;
    return tiles(maps, height, width, Math.min(maps, Math.ceil(Math.sqrt((2 * maps * height) / width))));
  }
  if (size <= BARS) return { isBars: true, size, width: size * (BAR.width + BAR.gap), height: BAR.height };
  const wide = Math.ceil(Math.sqrt(2 * size));
  return { ...tiles(1, Math.ceil(size / wide), wide, 1), size };
}

function tiles(maps, height, width, columns) {
  const rows = Math.ceil(maps / columns);
  const layout = { isBars: false, size: maps * height * width, tile: { height, width }, columns };
  return { ...layout, width: columns * (width + 1) - 1, height: rows * (height + 1) - 1 };
}

/** The index of the value at a pixel of the figure, or -1 in a gap. */
function indexAt(layout, x, y) {
  if (layout.isBars) return inside(layout, Math.floor(x / (BAR.width + BAR.gap)));
  const { tile, columns } = layout;
  const [column, row] = [Math.floor(x / (tile.width + 1)), Math.floor(y / (tile.height + 1))];
  const [left, top] = [x - column * (tile.width + 1), y - row * (tile.height + 1)];
  if (left >= tile.width || top >= tile.height) return -1;
  return inside(layout, ((row * columns + column) * tile.height + top) * tile.width + left);
}

const inside = (layout, index) => (index >= 0 && index < layout.size ? index : -1);

/** The pixels that a value has on the figure: {x, y, width, height}. */
function boxOf(layout, index) {
  if (layout.isBars) return { x: index * (BAR.width + BAR.gap), y: 0, width: BAR.width + BAR.gap, height: BAR.height };
  const { tile, columns } = layout;
  const map = Math.floor(index / (tile.width * tile.height));
  const within = index % (tile.width * tile.height);
  return {
    x: (map % columns) * (tile.width + 1) + (within % tile.width),
    y: Math.floor(map / columns) * (tile.height + 1) + Math.floor(within / tile.width),
    width: 1,
    height: 1,
  };
}

export class BottleneckFigure {
  chosen = -1;
  #layout = null;
  #values = null;

  /** `hovered(index)` with -1 for none, and `chose(index)`, are called with the position of a value. */
  constructor(canvas, mark, { hovered, chose }) {
    this.canvas = canvas;
    this.mark = mark;
    canvas.addEventListener('pointermove', (event) => hovered(this.#indexOf(event)));
    canvas.addEventListener('pointerleave', () => hovered(-1));
    canvas.addEventListener('click', (event) => this.#choose(this.#indexOf(event), chose));
    canvas.addEventListener('keydown', (event) => this.#key(event, chose));
  }

  /** Show another bottleneck's layout; nothing is chosen. */
  lay(shape, view) {
    this.#layout = layoutOf(shape, view);
    const { width, height, isBars } = this.#layout;
    resize(this.canvas, width, height);
    const zoom = isBars ? 1 : Math.max(2, Math.floor(Math.min(520 / width, 320 / height)));
    this.canvas.style.width = `${width * zoom}px`;
    this.canvas.style.aspectRatio = isBars ? 'auto' : `${width} / ${height}`;
    this.canvas.style.height = isBars ? `${height}px` : 'auto';
    this.canvas.classList.toggle('bars', isBars);
    this.#choose(-1, () => undefined);
  }

  /** Paint values (a flat array); returns lowest and highest, the ends of the scale. */
  show(values) {
    const layout = this.#layout;
    const [low, high] = reach(values);
    const colourOf = (value) => sequential(high > low ? (value - low) / (high - low) : 0);
    this.#values = values;
    if (layout.isBars) this.#paintBars(values, low, high, colourOf);
    else this.#paintTiles(values, colourOf);
    return [low, high];
  }

  #paintTiles(values, colourOf) {
    const { width, height } = this.#layout;
    paint(this.canvas, width, height, () => [0, 0, 0]);
    const context = this.canvas.getContext('2d');
    const pixels = context.createImageData(width, height);
    values.forEach((value, index) => {
      const { x, y } = boxOf(this.#layout, index);
      pixels.data.set([...colourOf(value), 255], 4 * (y * width + x));
    });
    context.putImageData(pixels, 0, 0);
  }

  #paintBars(values, low, high, colourOf) {
    const context = this.canvas.getContext('2d');
    const [bottom, top] = [Math.min(0, low), Math.max(0, high)];
    const yOf = (value) => (BAR.height - 2) * (top > bottom ? (top - value) / (top - bottom) : 1) + 1;
    context.clearRect(0, 0, this.canvas.width, BAR.height);
    values.forEach((value, index) => {
      context.fillStyle = `rgb(${colourOf(value).join(' ')})`;
      const [from, to] = [yOf(Math.max(0, value)), yOf(Math.min(0, value))];
      context.fillRect(index * (BAR.width + BAR.gap), from - 0.5, BAR.width, to - from + 1);
    });
  }

  #indexOf(event) {
    if (!this.#layout) return -1;
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * this.#layout.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * this.#layout.height);
    return indexAt(this.#layout, x, y);
  }

  #choose(index, chose) {
    this.chosen = index;
    this.mark.hidden = index < 0;
    if (index >= 0) {
      const { x, y, width, height } = boxOf(this.#layout, index);
      const percent = (part, whole) => `${(100 * part) / whole}%`;
      Object.assign(this.mark.style, {
        left: percent(x, this.#layout.width),
        top: percent(y, this.#layout.height),
        width: percent(width, this.#layout.width),
        height: percent(height, this.#layout.height),
      });
    }
    chose(index);
  }

  /** Arrow keys go to the next value in their direction, over gaps. */
  #key(event, chose) {
    if (!(event.key in STEPS) || !this.#values) return;
    event.preventDefault();
    if (this.chosen < 0) return this.#choose(0, chose);
    const [right, down] = STEPS[event.key];
    const box = boxOf(this.#layout, this.chosen);
    for (const far of [1, 2]) {
      const [x, y] = [box.x + right * (box.width - 1 + far), box.y + down * (box.height - 1 + far)];
      const isInside = x >= 0 && y >= 0 && x < this.#layout.width && y < this.#layout.height;
      const index = isInside ? indexAt(this.#layout, x, y) : -1;
      if (index >= 0) return this.#choose(index, chose);
    }
  }
}
