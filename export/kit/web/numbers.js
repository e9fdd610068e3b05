/** Noise, errors and probabilities, of plain float arrays. */

/** `count` draws of a standard normal, always the same: mulberry32 and Box and Muller. */
function gaussian(count, seed = 1) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const one = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float32Array.from({ length: count }, one);
}

/** The image with noise of that standard deviation, clipped to [0, 1]. */
export function withNoise(image, sigma) {
  if (sigma === 0) return image;
  const noise = gaussian(image.length);
  return image.map((value, index) => Math.min(1, Math.max(0, value + sigma * noise[index])));
}

export function mse(left, right) {
  return left.reduce((sum, value, index) => sum + (value - right[index]) ** 2, 0) / left.length;
}

export function largestDifference(left, right) {
  return left.length === right.length
    ? left.reduce((largest, value, index) => worse(largest, Math.abs(value - right[index])), 0)
    : Infinity;
}

/** The larger of two; what is not a number stays and fails every comparison. */
const worse = (left, right) => (left >= right || Number.isNaN(left) ? left : right);

export function softmax(logits) {
  const top = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - top));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/** Lowest and highest of the finite values. */
export function reach(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 0];
}
