/** The drawing pad: one canvas, a whole number of its pixels to each of the model's, that holds what goes in. */

import { invert, resize, toGrey } from './pictures.js';

const ROOM = 300; // a pad is about so many pixels wide
const UNDO = 30;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pad {
  width = 0; // of the model's image
  height = 0;
  zoom = 1; // pad pixels to one of the model's
  isGuest = false; // what is shown leaves with the first stroke
  ink = 'white';
  brush = 2; // in pixels of the model
  #ground = 'black';
  #past = [];
  #pen = { x: 0, y: 0, isDown: false };

  /** `changed(how)` is called after each change: 'drawn', 'cleared', 'undone'. */
  constructor(canvas, cursor, changed) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { willReadFrequently: true });
    this.cursor = cursor;
    this.changed = changed;
    this.#listen();
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  /** Take the model's size and ground; what was drawn is brought along. */
  fit(width, height, isGrey) {
    const old = new OffscreenCanvas(Math.max(1, this.canvas.width), Math.max(1, this.canvas.height));
    old.getContext('2d').drawImage(this.canvas, 0, 0);
    const isNew = this.width === 0;
    Object.assign(this, { width, height, zoom: Math.max(1, Math.round(ROOM / Math.max(width, height))) });
    this.#ground = isGrey ? 'black' : 'white';
    this.#past = [];
    this.#pen = { x: width / 2, y: height / 2, isDown: false };
    resize(this.canvas, width * this.zoom, height * this.zoom);
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.#fill();
    if (!isNew) this.context.drawImage(old, 0, 0, this.canvas.width, this.canvas.height);
    if (isGrey) this.#through(toGrey);
  }

  clear() {
    this.#remember();
    this.#fill();
    this.isGuest = false;
    this.changed('cleared');
  }

  undo() {
    const last = this.#past.pop();
    if (!last) return;
    this.context.putImageData(last, 0, 0);
    this.isGuest = false;
    this.changed('undone');
  }

  /** Show RGBA bytes of the model's size. */
  show(pixels, isGuest) {
    if (!isGuest) this.#remember();
    this.isGuest = isGuest;
    const small = new OffscreenCanvas(this.width, this.height);
    small.getContext('2d').putImageData(new ImageData(pixels, this.width), 0, 0);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
    this.context.imageSmoothingEnabled = true;
  }

  /** Turn bright to dark. */
  invert() {
    this.#remember();
    this.#through(invert);
  }

  /** What stands on the pad, box-filtered to the model's size: red, green and blue in [0, 1], (3, H, W). */
  values() {
    const { width, height, zoom } = this;
    const { data } = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    const size = width * height;
    const sums = new Uint32Array(3 * size);
    for (let y = 0, at = 0; y < height * zoom; y += 1) {
      const row = Math.floor(y / zoom) * width;
      for (let x = 0; x < width * zoom; x += 1, at += 4) {
        const position = row + Math.floor(x / zoom);
        sums[position] += data[at];
        sums[size + position] += data[at + 1];
        sums[2 * size + position] += data[at + 2];
      }
    }
    return Float32Array.from(sums, (sum) => sum / (zoom * zoom * 255));
  }

  #fill() {
    this.context.fillStyle = this.#ground;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  #through(change) {
    const pixels = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    change(pixels.data);
    this.context.putImageData(pixels, 0, 0);
  }

  #remember() {
    this.#past.push(this.context.getImageData(0, 0, this.canvas.width, this.canvas.height));
    if (this.#past.length > UNDO) this.#past.shift();
  }

  #begin() {
    this.#remember();
    if (this.isGuest) this.#fill();
    this.isGuest = false;
  }

  /** A soft line from one position to another, in pixels of the model; a pen that is pressed draws wider. */
  #line(from, to, pressure = 0.5) {
    const { context, zoom } = this;
    context.lineCap = 'round';
    context.strokeStyle = this.ink;
    context.shadowColor = this.ink;
    context.shadowBlur = zoom * 0.8;
    context.lineWidth = Math.max(0.5, this.brush * (0.5 + pressure) - 0.8) * zoom;
    context.beginPath();
    context.moveTo(from.x * zoom, from.y * zoom);
    context.lineTo(to.x * zoom, to.y * zoom);
    context.stroke();
    context.shadowBlur = 0;
  }

  #positionOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.width,
      y: ((event.clientY - box.top) / box.height) * this.height,
    };
  }

  #listen() {
    let last = null;
    const draw = (event) => {
      const position = this.#positionOf(event);
      this.#line(last ?? position, position, event.pointerType === 'pen' ? event.pressure : 0.5);
      last = position;
    };
    this.canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.cursor.hidden = true;
      this.#begin();
      draw(event);
      this.changed('drawn');
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (!last) return;
      const events = event.getCoalescedEvents?.() ?? [];
      (events.length ? events : [event]).forEach(draw);
      this.changed('drawn');
    });
    for (const end of ['pointerup', 'pointercancel']) this.canvas.addEventListener(end, () => (last = null));
    this.canvas.addEventListener('keydown', (event) => this.#key(event));
    this.canvas.addEventListener('blur', () => (this.cursor.hidden = true));
  }

  #key(event) {
    const pen = this.#pen;
    if (event.key in STEPS) {
      const from = { ...pen };
      const [right, down] = STEPS[event.key];
      pen.x = Math.min(this.width - 0.5, Math.max(0.5, pen.x + right));
      pen.y = Math.min(this.height - 0.5, Math.max(0.5, pen.y + down));
      if (pen.isDown) this.#line(from, pen);
    } else if (event.key === ' ') {
      pen.isDown = !pen.isDown;
      if (pen.isDown) {
        this.#begin();
        this.#line(pen, pen);
      }
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    this.#showCursor();
    if (pen.isDown) this.changed('drawn');
  }

  #showCursor() {
    this.cursor.hidden = false;
    this.cursor.classList.toggle('down', this.#pen.isDown);
    this.cursor.style.left = `${(100 * this.#pen.x) / this.width}%`;
    this.cursor.style.top = `${(100 * this.#pen.y) / this.height}%`;
  }
}
