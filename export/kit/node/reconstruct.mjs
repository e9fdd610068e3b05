// Check a bundle of aezoo, and run its model on a PNG: node reconstruct.mjs BUNDLE [IMAGE OUTPUT]
//
// Needs onnxruntime-node and pngjs (npm install), and a little-endian machine.
// Exit code: 0 all good, 1 a check failed, 2 bad usage or an unreadable file.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { PNG } from "pngjs";

const INSIDE = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.\/-]*$/; // the name of a file in the bundle, never one outside it
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const scientific = (value) => value.toExponential(1).replace(/(e[+-])(\d)$/, (_, e, digit) => `${e}0${digit}`);

/** Return the files that a card lists, a Map by name, or null where a sha256 differs. */
function load(bundle, card) {
  const listed = Object.entries(card.files ?? {});
  if (!listed.length) throw new Error("card.json lists no file");
  for (const [name] of listed)
    if (!INSIDE.test(name)) throw new Error(`card.json names '${name}', which is not a file of the bundle`);
  const files = new Map(listed.map(([name]) => [name, readFileSync(join(bundle, name))]));
  const wrong = listed.filter(([name, { sha256: wanted }]) => sha256(files.get(name)) !== wanted);
  for (const [name] of wrong) console.log(`sha256 FAILED: ${name}`);
  if (wrong.length) return null;
  console.log(`sha256 ok: ${files.size} files`);
  return files;
}

function file(files, name) {
  if (!files.has(name)) throw new Error(`the bundle has no '${name}'`);
  return files.get(name);
}

/** Return a graph ready to run, on one thread: the graphs are too small to share out. */
function session(graph) {
  return InferenceSession.create(graph, { executionProviders: ["cpu"], intraOpNumThreads: 1, logSeverityLevel: 3 });
}

/** Return the largest |difference|; it is not a number where one of the values is not. */
function difference(a, b) {
  if (`${a.dims}` !== `${b.dims}`) throw new Error("a graph gives another shape than test/vectors.json");
  return a.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b.data[i])), 0);
}

/** Run the test vectors through every graph, print each largest difference, return whether all are allowed. */
async function check(files) {
  const vectors = JSON.parse(file(files, "test/vectors.json"));
  const tensors = {};
  for (const [name, entry] of Object.entries(vectors.tensors)) {
    const bytes = new Uint8Array(file(files, `test/${entry.file}`)); // a copy, which begins where a float32 may
    tensors[name] = new Tensor("float32", new Float32Array(bytes.buffer), entry.shape);
  }
  for (const name of files.keys())
    if (name.endsWith(".onnx") && !Object.keys(vectors.graphs[name]?.outputs ?? {}).length)
      throw new Error(`test/vectors.json has no vector for ${name}`);
  let good = true;
  for (const [graph, { input, outputs }] of Object.entries(vectors.graphs)) {
    const network = await session(file(files, graph));
    const answers = await network.run({ [input]: tensors[input] }, Object.keys(outputs));
    for (const [name, { tolerance }] of Object.entries(outputs)) {
      const found = difference(answers[name], tensors[name]);
      const near = found <= tolerance; // false also where the difference is not a number
      console.log(`${graph} ${name}: ${scientific(found)} of ${scientific(tolerance)} ${near ? "ok" : "FAILED"}`);
      good &&= near;
    }
  }
  return good;
}

/** Return {width, height, data: always RGBA}; A is left aside. */
function readPng(path) {
  const bytes = readFileSync(path);
  try {
    return PNG.sync.read(bytes);
  } catch (error) {
    throw new Error(`cannot read ${path} as a PNG: ${error.message}`);
  }
}

/** Read a PNG as the input of a graph: cropped around the centre, each pixel the mean of those that it covers. */
function readImage(path, [, channels, height, width]) {
  const png = readPng(path);
  const wide = Math.max(1, Math.min(png.width, Math.floor((png.height * width) / height)));
  const high = Math.max(1, Math.min(png.height, Math.floor((png.width * height) / width)));
  const left = Math.floor((png.width - wide) / 2);
  const top = Math.floor((png.height - high) / 2);
  const weights = { 1: [[0.299, 0.587, 0.114]], 3: [[1, 0, 0], [0, 1, 0], [0, 0, 1]] }[channels]; // grey; R, G, B
  if (!weights) throw new Error("the model's input is no image");
  const values = [];
  for (const [red, green, blue] of weights)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let [sum, count] = [0, 0];
        for (let v = top + Math.floor((y * high) / height); v < top + ((y + 1) * high) / height; v++)
          for (let u = left + Math.floor((x * wide) / width); u < left + ((x + 1) * wide) / width; u++, count++) {
            const at = 4 * (v * png.width + u);
            sum += red * png.data[at] + green * png.data[at + 1] + blue * png.data[at + 2];
          }
        values.push(sum / count / 255);
      }
  return new Tensor("float32", values, [1, channels, height, width]);
}

function writeImage(path, { data, dims: [, channels, height, width] }) {
  const bytes = Buffer.alloc(data.length);
  data.forEach((value, i) => {
    const [channel, at] = [Math.floor(i / (height * width)), i % (height * width)];
    bytes[at * channels + channel] = Math.round(255 * Math.min(Math.max(value, 0), 1));
  });
  const colorType = channels === 1 ? 0 : 2; // grey or RGB
  const options = { colorType, inputColorType: colorType, inputHasAlpha: false };
  writeFileSync(path, PNG.sync.write({ width, height, data: bytes }, options));
}

/** Return what a classifier takes the image for: the class with the largest softmax of its logits. */
function named(logits, classes) {
  const best = Math.max(...logits);
  const sum = logits.reduce((total, value) => total + Math.exp(value - best), 0);
  return `named: ${classes[logits.indexOf(best)]} (${(1 / sum).toFixed(2)})`;
}

/** Run an image through the model: save the reconstruction, or print what a classifier takes it for. */
async function run(card, model, image, output) {
  const [input] = card.inputs;
  const feeds = { [input.name]: readImage(image, input.shape) };
  const classifier = card.outputs.find((port) => port.name === "logits");
  const network = await session(model);
  if (classifier) {
    const { logits } = await network.run(feeds, ["logits"]);
    console.log(named(logits.data, classifier.classes));
    return;
  }
  const start = performance.now();
  const { reconstruction } = await network.run(feeds, ["reconstruction"]);
  const milliseconds = performance.now() - start;
  writeImage(output, reconstruction);
  const [, , height, width] = reconstruction.dims;
  console.log(`wrote ${output}: ${width}×${height}, ${milliseconds.toFixed(1)} ms`);
}

async function main([bundle, image, output, ...more]) {
  if (!bundle || (image && !output) || more.length) {
    console.error("usage: node reconstruct.mjs BUNDLE [IMAGE OUTPUT]");
    return 2;
  }
  try {
    const card = JSON.parse(readFileSync(join(bundle, "card.json")));
    const files = load(bundle, card);
    if (!files || !(await check(files))) return 1;
    if (image) await run(card, file(files, "model.onnx"), image, output);
    return 0;
  } catch (error) {
    const where = error instanceof SyntaxError ? "card.json or test/vectors.json is not JSON: " : "";
    console.error(`reconstruct.mjs: ${where}${error.message.replace(/\s+/g, " ")}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
