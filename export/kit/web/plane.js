/** The latent plane: decoded pictures behind axes, the image's mean and deviation, and a point that moves. */

import { paintImage, resize } from './pictures.js';

export const SIDE = 12; // pictures in a row
const FAR = 3;
const MARGIN = { left: 38, right: 10, top: 10, bottom: 40 };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** The middles of the plane's pictures, row by row from the top left: values (SIDE · SIDE, 2). */
export function gridPoints() {
  const step = (2 * FAR) / SIDE;
  const points = new Float32Array(2 * SIDE * SIDE);
  for (let index = 0; index < SIDE * SIDE; index += 1) {
    points[2 * index] = -FAR + step * ((index % SIDE) + 0.5);
    points[2 * index + 1] = FAR - step * (Math.floor(index / SIDE) + 0.5);
  }
  return points;
}

/** Pictures (SIDE · SIDE, C, H, W) side by side on a canvas of their own. */
export function mosaic(data, [count, channels, height, width]) {
  const whole = new OffscreenCanvas(SIDE * width, SIDE * height);
  const one = new OffscreenCanvas(width, height);
  for (let index = 0; index < count; index += 1) {
    paintImage(one, data, [channels, height, width], index * channels * height * width);
    whole.getContext('2d').drawImage(one, (index % SIDE) * width, Math.floor(index / SIDE) * height);
  }
  return whole;
}

const clamp = (value) => Math.min(FAR, Math.max(-FAR, value));

export class Plane {
  #shown = { grid: null, mean: null, deviation: null, point: null };

  /** `moved(point)` is called with [x, y], and with null to follow the image again. */
  constructor(canvas, moved) {
    this.canvas = canvas;
    this.moved = moved;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener('pointermove', (event) => this.#point(event));
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#point(event);
    });
    canvas.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Show some of {grid: canvas, mean: [x, y], deviation: [x, y] or null, point: [x, y]}. */
  show(changes) {
    this.#shown = { ...this.#shown, ...changes };
    this.draw();
  }

  draw() {
    const size = this.canvas.clientWidth;
    if (!size) return;
    const ratio = devicePixelRatio;
    resize(this.canvas, Math.round(size * ratio), Math.round(size * ratio));
    const context = this.canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size, size);
    this.#drawGrid(context);
    this.#drawAxes(context);
    context.save();
    context.beginPath();
    context.rect(this.#box.left, this.#box.top, this.#box.width, this.#box.height);
    context.clip();
    this.#drawMean(context);
    this.#drawPoint(context);
    context.restore();
  }

  get #box() {
    const size = this.canvas.clientWidth;
    return {
      left: MARGIN.left,
      top: MARGIN.top,
      width: size - MARGIN.left - MARGIN.right,
      height: size - MARGIN.top - MARGIN.bottom,
    };
  }

  #xOf = (value) => this.#box.left + ((value + FAR) / (2 * FAR)) * this.#box.width;

  #yOf = (value) => this.#box.top + ((FAR - value) / (2 * FAR)) * this.#box.height;

  #colour(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name);
  }

  #drawGrid(context) {
    const { left, top, width, height } = this.#box;
    context.fillStyle = 'black';
    context.fillRect(left, top, width, height);
    if (!this.#shown.grid) return;
    context.globalAlpha = 0.75;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#shown.grid, left, top, width, height);
    context.globalAlpha = 1;
  }

  #drawAxes(context) {
    const { left, top, width, height } = this.#box;
    context.font = '12px system-ui, "DejaVu Sans", sans-serif';
    context.fillStyle = this.#colour('--muted');
    context.strokeStyle = this.#colour('--muted');
    context.lineWidth = 1;
    for (let value = -FAR; value <= FAR; value += 1) {
      const text = String(value).replace('-', '−');
      const [x, y] = [Math.round(this.#xOf(value)) + 0.5, Math.round(this.#yOf(value)) + 0.5];
      context.beginPath();
      context.moveTo(x, top + height);
      context.lineTo(x, top + height + 4);
      context.moveTo(left, y);
      context.lineTo(left - 4, y);
      context.stroke();
      context.textAlign = 'center';
      context.textBaseline = 'top';
      context.fillText(text, x, top + height + 6);
      context.textAlign = 'right';
      context.textBaseline = 'middle';
      context.fillText(text, left - 7, y);
    }
    context.textAlign = 'center';
    context.textBaseline = 'bottom';
    context.fillText('first value', left + width / 2, top + height + MARGIN.bottom);
    context.save();
    context.translate(1, top + height / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = 'top';
    context.fillText('second value', 0, 0);
    context.restore();
  }

  #drawMean(context) {
    const { mean, deviation } = this.#shown;
    if (!mean) return;
    const [x, y] = [this.#xOf(clamp(mean[0])), this.#yOf(clamp(mean[1]))];
    const unit = this.#box.width / (2 * FAR);
    context.strokeStyle = context.fillStyle = this.#colour('--mean');
    context.lineWidth = 2;
    if (deviation) {
      context.beginPath();
      const [across, up] = deviation.map((value) => value * unit);
      context.ellipse(this.#xOf(mean[0]), this.#yOf(mean[1]), across, up, 0, 0, 2 * Math.PI);
      context.stroke();
    }
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fill();
  }

  #drawPoint(context) {
    const { point } = this.#shown;
    if (!point) return;
    const [x, y] = [this.#xOf(point[0]), this.#yOf(point[1])];
    for (const [colour, width] of [['black', 4], [this.#colour('--point'), 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, 9, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  #point(event) {
    const frame = this.canvas.getBoundingClientRect();
    const { left, top, width, height } = this.#box;
    const x = ((event.clientX - frame.left - left) / width) * 2 * FAR - FAR;
    const y = FAR - ((event.clientY - frame.top - top) / height) * 2 * FAR;
    this.moved([clamp(x), clamp(y)]);
  }

  #key(event) {
    if (event.key === 'Home') this.moved(null);
    else if (event.key in STEPS) {
      const step = event.shiftKey ? 0.5 : 0.1;
      const [x, y] = this.#shown.point ?? [0, 0];
      const [right, up] = STEPS[event.key];
      this.moved([clamp(x + right * step), clamp(y + up * step)]);
    } else return;
    event.preventDefault();
  }
}
