/** From values to pixels and back: grey and colour images, the bottleneck's scale, the signed one, and fitting. */

// Nine stops of viridis (Smith and van der Walt, CC0), the scale that the viewer has too.
const VIRIDIS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];
const NEGATIVE = [[5, 66, 140], [67, 147, 205]]; // blue: darker than it should be
const POSITIVE = [[233, 120, 60], [165, 30, 15]]; // orange to red: brighter
const NEUTRAL = { light: [247, 247, 247], dark: [24, 27, 32] };
const GAP = [128, 128, 128]; // not a number

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Call `then` whenever the page turns dark or light. */
export const onTheme = (then) => dark.addEventListener('change', then);

/** The colour [r, g, b] at a position in [0, 1] on evenly spaced stops. */
function between(stops, position) {
  if (!Number.isFinite(position)) return GAP;
  const at = Math.min(1, Math.max(0, position)) * (stops.length - 1);
  const below = Math.min(Math.floor(at), stops.length - 2);
  return stops[below].map((value, channel) => value + (stops[below + 1][channel] - value) * (at - below));
}

export const sequential = (position) => between(VIRIDIS, position);

const diverging = (position) => between([...NEGATIVE, NEUTRAL[dark.matches ? 'dark' : 'light'], ...POSITIVE], position);

/** Paint a canvas of its native size, `colourAt(index)` giving [r, g, b] row by row. */
export function paint(canvas, width, height, colourAt) {
  const pixels = new ImageData(width, height);
  for (let index = 0; index < width * height; index += 1) pixels.data.set([...colourAt(index), 255], 4 * index);
  resize(canvas, width, height);
  canvas.getContext('2d').putImageData(pixels, 0, 0);
}

/** Give a canvas its native size; setting it anew would blank it. */
export function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Paint an image in [0, 1]; shape (…, C, H, W), one channel or three, and `at` is the first value. */
export function paintImage(canvas, data, shape, at = 0) {
  const [channels, height, width] = shape.slice(-3);
  const size = height * width;
  const plane = (channel) => at + (channel % channels) * size;
  paint(canvas, width, height, (index) => [0, 1, 2].map((channel) => 255 * data[plane(channel) + index]));
}

/** Paint output − target, the mean over colours, from blue below to red above; returns how far it reaches. */
export function paintDifference(canvas, output, target, shape) {
  const [channels, height, width] = shape.slice(-3);
  const size = height * width;
  const values = new Float64Array(size);
  for (let index = 0; index < channels * size; index += 1) {
    values[index % size] += (output[index] - target[index]) / channels;
  }
  const far = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  paint(canvas, width, height, (index) => diverging(far ? 0.5 + values[index] / far / 2 : 0.5));
  return far;
}

/** The luma of RGB; of equal parts it is exactly that value. */
export function luma(red, green, blue) {
  return red === green && green === blue ? red : 0.299 * red + 0.587 * green + 0.114 * blue;
}

/**
 * Fit any picture to a model's size: the largest centred part of its proportions, averaged over areas, on white.
 * Returns {pixels: RGBA bytes of width × height, description}.
 */
export function fitted(picture, width, height, grey) {
  const scale = Math.min(picture.width / width, picture.height / height);
  const [cutWidth, cutHeight] = [width * scale, height * scale];
  const less = Math.min(1, 2048 / Math.max(cutWidth, cutHeight)); // phones have no room for larger canvases
  const [across, down] = [cutWidth, cutHeight].map((size) => Math.max(1, Math.round(size * less)));
  const canvas = new OffscreenCanvas(across, down);
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  const [left, top] = [(picture.width - cutWidth) / 2, (picture.height - cutHeight) / 2];
  context.drawImage(picture, left, top, cutWidth, cutHeight, 0, 0, canvas.width, canvas.height);
  const pixels = averaged(context.getImageData(0, 0, canvas.width, canvas.height), width, height);
  if (grey) toGrey(pixels);
  const cut = picture.width * height === picture.height * width ? [] : [width === height ? 'centre square' : 'centre'];
  const steps = [`${picture.width}×${picture.height}`, ...cut, `${width}×${height}`];
  return { pixels, description: `${steps.join(' → ')}, ${grey ? 'grey' : 'colour'}` };
}

/** Average the areas that fall on each pixel of width × height; RGBA bytes. */
function averaged(source, width, height) {
  const columns = shares(source.width, width);
  const rows = shares(source.height, height);
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const sums = [0, 0, 0];
      for (const [row, down] of rows[y]) {
        for (const [column, across] of columns[x]) {
          const at = 4 * (row * source.width + column);
          const share = down * across;
          for (let channel = 0; channel < 3; channel += 1) sums[channel] += share * source.data[at + channel];
        }
      }
      pixels.set(sums, 4 * (y * width + x));
    }
  }
  return pixels;
}

/** For each of `to` positions the [index, share] of the `from` positions below it; the shares add up to 1. */
function shares(from, to) {
  const span = from / to;
  return Array.from({ length: to }, (_, position) => {
    const [start, end] = [position * span, (position + 1) * span];
    const found = [];
    for (let index = Math.floor(start); index < Math.min(from, Math.ceil(end)); index += 1) {
      const share = (Math.min(end, index + 1) - Math.max(start, index)) / span;
      if (share > 1e-9) found.push([index, share]);
    }
    return found;
  });
}

export function toGrey(pixels) {
  for (let at = 0; at < pixels.length; at += 4) {
    pixels.fill(luma(pixels[at], pixels[at + 1], pixels[at + 2]), at, at + 3);
  }
}

export function invert(pixels) {
  for (let at = 0; at < pixels.length; at += 1) if (at % 4 !== 3) pixels[at] = 255 - pixels[at];
}

/** Whether the border of RGBA pixels is brighter than their middle grey: dark ink on light paper. */
export function hasBrightBorder(pixels, width, height) {
  let [sum, found] = [0, 0];
  for (let index = 0; index < width * height; index += 1) {
    const [x, y] = [index % width, Math.floor(index / width)];
    if (x > 0 && y > 0 && x < width - 1 && y < height - 1) continue;
    sum += luma(pixels[4 * index], pixels[4 * index + 1], pixels[4 * index + 2]);
    found += 1;
  }
  return sum / found > 127.5;
}
