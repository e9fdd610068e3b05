/**
 * The page: chooses a bundle, runs its graphs on what is on the pad, and shows the outputs.
 *
 * ?model=NAME     the model that is shown
 * ?bundles=URL    where index.json lies; ../../ without it
 * ?prove=1        run the test vectors at once
 */

import { BottleneckFigure } from './bottleneck.js';
import { Bundle, PageError, canCheck, readIndex } from './bundles.js';
import { element, make, say, sentence, showIf } from './elements.js';
import { Graph, newest, start } from './engine.js';
import { listModels, showAbout, showCard } from './facts.js';
import { softmax, withNoise } from './numbers.js';
import { Pad } from './pad.js';
import { label, showClasses, showInputs, showOutput } from './panels.js';
import { fitted, hasBrightBorder, invert, luma, onTheme, paint, paintImage, sequential } from './pictures.js';
import { Plane, SIDE, gridPoints, mosaic } from './plane.js';
import { listProof, prove } from './proof.js';
import { number, steady, times } from './text.js';

const parameters = new URLSearchParams(location.search);
const folder = new URL(`${(parameters.get('bundles') ?? '../../').replace(/index\.json$|\/?$/, '')}/`, location.href);

const GREY_INKS = { white: 'white', black: 'black' };
const INKS = {
  black: '#1c1c1c', white: '#ffffff', red: '#c8352b', orange: '#e8822e', yellow: '#f2cf3b',
  green: '#3f9b46', blue: '#2f7fd1', violet: '#7a4fb5', brown: '#8a5a34', grey: '#8fa3b3',
};
// Panels that not every model has.
const PANELS = ['noisy', 'output', 'own', 'difference', 'classes', 'bottleneck', 'plane'];
const SAME = new Set(['reconstruct', 'denoise', 'generate']); // tasks whose output should be what went in

let entries = [];
let model = null; // {bundle, card, graph, decoder, input, output, bottleneck, vectors}, of an opened bundle
let wanted = ''; // the name that was chosen last
let source = { kind: 'test', index: 0 }; // what stands on the pad
let answer = null; // {input, clean, target, outputs, milliseconds} of the newest run
let changes = new Map(); // bottleneck values that were set by hand: index → value
let changed = null; // {bottleneck, reconstruction} with those
let point = null; // the position on the latent plane that was pointed at; null follows the image
let decodedPoint = null; // {point, reconstruction}
let proof = null;
let sha256 = '';
let pending = 0;

/* Errors */

const errors = new Map(); // part of the page → sentence

function report(about, text) {
  if (text) errors.set(about, text);
  else errors.delete(about);
  element('errors').replaceChildren(...[...errors.values()].map((line) => make('p', {}, ...sentence(line))));
}

/** Do something; an error becomes a sentence on the page. */
async function attempt(about, work) {
  pending += 1;
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof PageError)) console.warn(error);
    report(about, error instanceof PageError ? error.message : `This went wrong: ${error.message}`);
    return false;
  } finally {
    pending -= 1;
  }
}

/* A model */

/** Show the model of that name: its facts at once, its answers when its files are read and checked. */
async function choose(name) {
  wanted = name;
  const entry = entries.find((one) => one.name === name);
  remember(name);
  leave();
  showAbout(entry);
  say('progress', `reading ${name} …`);
  const isOpen = await attempt('model', async () => {
    const opened = await open(entry);
    if (wanted !== name) return close(opened);
    enter(opened);
    await update();
    await update(); // the first run of a session takes longer than any other
  });
  if (wanted !== name) return;
  if (!isOpen && !model) refuse();
  showState();
  say('progress', '');
}

function remember(name) {
  const url = new URL(location.href);
  url.searchParams.set('model', name);
  history.replaceState(null, '', url.href.replaceAll('%2F', '/'));
  element('model').value = name;
}

/** Forget the model that was shown; the pad keeps its image. */
function leave() {
  if (model) close(model);
  [model, answer, changed, point, decodedPoint, proof, sha256] = [null, null, null, null, null, null, ''];
  changes = new Map();
  for (const about of ['model', 'engine', 'proof']) report(about, '');
  element('work').classList.add('loading');
  showIf('proof', false);
  say('proof-summary', '');
  showState();
}

/** Show nothing of a model that could not be opened. */
function refuse() {
  sha256 = errors.get('model').includes('sha256') ? 'refused' : '';
  for (const id of ['work', 'proof-panel', 'card']) showIf(id, false);
}

const close = ({ graph, decoder }) => [graph, decoder].forEach((one) => one?.close());

/** Read a bundle and open its graphs; without onnxruntime its facts and test images are there all the same. */
async function open(entry) {
  const bundle = await Bundle.open(folder, entry);
  const { card } = bundle;
  const vectors = await bundle.vectors();
  const opened = {
    bundle,
    card,
    vectors,
    graph: null,
    decoder: null,
    input: card.inputs[0],
    output: card.outputs.find(({ kind }) => kind === 'image'),
    bottleneck: card.outputs.find(({ kind }) => kind === 'bottleneck' || kind === 'features'),
  };
  const whole = await bundle.file('model.onnx');
  const decoder = bundle.has('decoder.onnx') ? await bundle.file('decoder.onnx') : null;
  await attempt('engine', async () => {
    say('progress', 'starting onnxruntime …');
    await start();
    opened.graph = await Graph.open(whole, `${entry.name}/model.onnx`);
    if (decoder) opened.decoder = await Graph.open(decoder, `${entry.name}/decoder.onnx`);
  });
  return opened;
}

/** Take an opened model in: pad, panels and card are laid for it. */
function enter(opened) {
  model = opened;
  sha256 = canCheck() ? 'ok' : 'not checked here';
  for (const id of ['work', 'proof-panel', 'card']) showIf(id, true);
  element('work').classList.remove('loading');
  for (const id of PANELS) showIf(`${id}-panel`, false);
  showCard(model.card);
  layPad();
  layBottleneck();
  const tests = Array.from({ length: model.vectors.images }, (_, index) => testButton(index));
  element('tests').replaceChildren(...tests);
  showAgain();
  element('prove').disabled = !model.graph;
  if (isPlanar()) layPlane();
}

/** Bring what stood on the pad to this model's size, from as near to its origin as there is. */
function showAgain() {
  if (source.kind === 'test') showTest(Math.min(source.index, model.vectors.images - 1), true);
  else if (source.kind === 'file') showPicture(source.picture);
  else showSource();
}

const shapeOf = ({ shape }) => shape.slice(1); // without the batch
const isPlanar = () => Boolean(model.decoder) && shapeOf(model.bottleneck).join() === '2';
const isColour = () => [model.input, model.output].some((port) => port && shapeOf(port)[0] === 3);

/* The pad */

const pad = new Pad(element('pad'), element('pen'), (how) => {
  source = { kind: how };
  showSource();
  update();
});

function layPad() {
  const [, height, width] = shapeOf(model.input);
  const isGrey = !isColour();
  pad.fit(width, height, isGrey);
  const inks = Object.entries(isGrey ? GREY_INKS : INKS);
  if (!inks.some(([, ink]) => ink === pad.ink)) [[, pad.ink]] = inks;
  element('inks').replaceChildren(...inks.map(inkButton));
  const isRow = showIf('cells', height === 1);
  for (const id of ['inks', 'brush-row']) showIf(id, !isRow);
  say('input-title', isRow ? 'choose a class' : 'draw');
  const cells = Array.from({ length: isRow ? width : 0 }, (_, index) => cellButton(index, width));
  element('cells').replaceChildren(...cells);
  say('pad-hint', isRow ? 'one pixel a class' : 'or drop, paste or choose an image');
}

function inkButton([name, ink]) {
  const input = make('input', { type: 'radio', name: 'ink', value: ink, 'aria-label': name });
  input.checked = ink === pad.ink;
  input.addEventListener('change', () => (pad.ink = ink));
  const swatch = make('span');
  swatch.style.background = ink;
  return make('label', { class: 'ink' }, input, swatch);
}

function cellButton(index, count) {
  const button = make('button', { type: 'button' }, String(index + 1));
  button.addEventListener('click', () => {
    showValues(Float32Array.from({ length: count }, (_, position) => Number(position === index)), false);
    source = { kind: 'drawn' };
    showSource();
    update();
  });
  return button;
}

function testButton(index) {
  const button = make('button', { type: 'button' }, `test image ${index + 1}`);
  button.addEventListener('click', () => {
    showTest(index, false);
    update();
  });
  return button;
}

function showTest(index, isGuest) {
  const { data, shape } = model.vectors.tensors[model.input.name];
  const size = data.length / shape[0];
  showValues(data.subarray(index * size, (index + 1) * size), isGuest);
  source = { kind: 'test', index };
  showSource();
}

/** Put an image in [0, 1] of the model's input on the pad. */
function showValues(values, isGuest) {
  const [channels, height, width] = shapeOf(model.input);
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let index = 0; index < height * width; index += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      pixels[4 * index + channel] = 255 * values[(channel % channels) * height * width + index];
    }
  }
  pad.show(pixels, isGuest);
}

/** Show a file that was dropped, pasted or chosen. */
function showFile(file) {
  return attempt('file', async () => {
    if (!model) throw new PageError('No model is open that an image could go into.');
    const picture = await createImageBitmap(file).catch(() => {
      throw new PageError(`${file.name || 'What was pasted'} is not an image that this browser can read.`);
    });
    showPicture(picture);
    report('file', '');
    await update();
  });
}

/** Fit a picture to the pad; dark ink on light paper is inverted. */
function showPicture(picture) {
  const [, height, width] = shapeOf(model.input);
  const { pixels, description } = fitted(picture, width, height, !isColour());
  const isInverted = !isColour() && hasBrightBorder(pixels, width, height);
  if (isInverted) invert(pixels);
  pad.show(pixels, false);
  source = { kind: 'file', picture, description, isInverted };
  showSource();
}

/** Say where the picture on the pad is from, and offer to invert it. */
function showSource() {
  const { kind, index, description, isInverted } = source;
  const size = `${pad.width}×${pad.height}`;
  const texts = {
    test: () => `test image ${index + 1} of the bundle, ${size}, as it is`,
    file: () => description + (isInverted ? ', inverted' : ''),
    drawn: () => `${pad.canvas.width}×${pad.canvas.height} → ${size}`,
  };
  say('fit', texts[kind]?.() ?? '');
  showIf('invert-row', kind === 'file' && !isColour());
  element('invert').checked = Boolean(isInverted);
  element('undo').disabled = !pad.canUndo;
}

function toggleInvert() {
  pad.invert();
  source = { ...source, isInverted: element('invert').checked };
  showSource();
  update();
}

/* Running the model */

const sigma = () => Number(element('sigma').value);

/** What goes in without noise, and what should come out, or null where that is not known. */
function modelInput() {
  const colours = pad.values();
  const size = pad.width * pad.height;
  const greyAt = (_, at) => luma(colours[at], colours[size + at], colours[2 * size + at]);
  const grey = Float32Array.from({ length: size }, greyAt);
  const clean = shapeOf(model.input)[0] === 1 ? grey : colours;
  const hasColours = grey.some((value, at) => value !== colours[at] || value !== colours[size + at]);
  const isKnown = model.card.task === 'colourise' ? hasColours : SAME.has(model.card.task);
  const target = model.card.task === 'colourise' ? colours : clean;
  return { requested: model, clean, target: isKnown ? target : null, noise: sigma() };
}

const runModel = newest(async ({ requested, clean, target, noise }) => {
  if (requested !== model) return;
  const input = withNoise(clean, noise);
  const began = performance.now();
  const shape = [1, ...shapeOf(requested.input)];
  const outputs = await requested.graph.run({ [requested.input.name]: { data: input, shape } });
  const milliseconds = performance.now() - began;
  if (requested !== model) return;
  answer = { input, clean, target, noise, outputs, milliseconds };
  showAnswer();
  await decodeAgain();
});

/** Run the model on what is on the pad now. */
function update() {
  if (!model) return undefined;
  const requested = modelInput();
  showInputs(model, requested.clean, withNoise(requested.clean, requested.noise), requested.noise);
  return model.graph ? attempt('model', () => runModel(requested)) : undefined;
}

const decode = (requested, data, batch = 1) =>
  requested.decoder.run({ [requested.bottleneck.name]: { data, shape: [batch, ...shapeOf(requested.bottleneck)] } });

/** What follows from the newest answer: the changed bottleneck, or the point that goes with the image. */
function decodeAgain() {
  if (!model.decoder) return undefined;
  return isPlanar() ? runPoint(model) : runChanged(model);
}

const runChanged = newest(async (requested) => {
  if (requested !== model || !answer) return;
  const bottleneck = Float32Array.from(answer.outputs[requested.bottleneck.name].data);
  for (const [index, value] of changes) bottleneck[index] = value;
  const { [requested.output.name]: reconstruction } = await decode(requested, bottleneck);
  if (requested !== model) return;
  changed = { bottleneck, reconstruction };
  showBottleneck();
});

const runPoint = newest(async (requested) => {
  if (requested !== model || !answer) return;
  const position = Float32Array.from(point ?? answer.outputs[requested.bottleneck.name].data);
  const { [requested.output.name]: reconstruction } = await decode(requested, position);
  if (requested !== model) return;
  decodedPoint = { point: position, reconstruction };
  showPoint();
});

/* Showing */

function showState() {
  const files = model ? `, ${model.bundle.read} files` : '';
  showIf('sha256', sha256 !== '');
  say('sha256', `sha256 ${sha256}${sha256 === 'ok' ? files : ''}`);
  element('sha256').classList.toggle('bad', sha256 === 'refused');
  element('sha256').title = canCheck() ? '' : 'browsers compute sha256 on https and on localhost only';
  showIf('time', answer !== null);
  say('time', answer ? `${steady(answer.milliseconds, 1)} ms a run` : '');
}

function showAnswer() {
  const { outputs, target } = answer;
  const logits = model.card.outputs.find(({ kind }) => kind === 'logits');
  if (showIf('output-panel', Boolean(model.output))) showOutput(model, outputs[model.output.name], target);
  showIf('difference-panel', Boolean(model.output && target));
  showIf('own-panel', Boolean(target) && model.card.task === 'colourise');
  if (showIf('classes-panel', Boolean(logits))) showClasses(softmax(outputs[logits.name].data), logits.classes);
  if (showIf('bottleneck-panel', Boolean(model.bottleneck) && !isPlanar())) showBottleneck();
  if (showIf('plane-panel', isPlanar())) showMean(outputs);
  showState();
}

/* The bottleneck */

const figure = new BottleneckFigure(element('bottleneck'), element('mark'), {
  hovered: (index) => showHover(index < 0 ? figure.chosen : index),
  chose: (index) => {
    showHover(index);
    laySlider(index);
  },
});

function layBottleneck() {
  if (!model.bottleneck || isPlanar()) return;
  const shape = shapeOf(model.bottleneck);
  say('bottleneck-title', model.bottleneck.name);
  say('bottleneck-shape', times(shape));
  figure.lay(shape, model.card.bottleneck.view ?? null);
  label('bottleneck', `${model.bottleneck.name}: arrow keys choose a value`);
  showIf('change', Boolean(model.decoder));
}

const values = () => changed?.bottleneck ?? answer?.outputs[model.bottleneck.name].data;

function showBottleneck() {
  const [low, high] = figure.show(values());
  say('low', steady(low));
  say('high', steady(high));
  showHover(figure.chosen);
  element('reset').disabled = changes.size === 0;
  if (!changed) return;
  const { data, shape } = changed.reconstruction;
  paintImage(element('changed'), data, shape);
  const text = `${changes.size} ${changes.size === 1 ? 'value' : 'values'} changed`;
  say('changed-number', changes.size ? text : 'as encoded');
}

function showHover(index) {
  const found = values();
  const hint = model?.decoder ? 'Click a value, then set it.' : 'Point at a value to read it.';
  say('hover', index < 0 || !found ? hint : `${positionOf(index)} = ${steady(found[index], 4)}`);
}

/** A value's position as [map, row, column], or its index. */
function positionOf(index) {
  const shape = shapeOf(model.bottleneck);
  const position = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `${model.bottleneck.name}[${position.join(', ')}]`;
}

/** Give the slider the chosen value, and room to both sides of all values. */
function laySlider(index) {
  const slider = element('value');
  slider.disabled = index < 0;
  if (index < 0 || !answer) return say('value-value', '');
  const encoded = answer.outputs[model.bottleneck.name].data;
  const far = Math.max(1, ...encoded.map(Math.abs)) * 2;
  Object.assign(slider, { min: -far, max: far, step: far / 200, value: values()[index] });
  say('value-value', steady(values()[index]));
}

function setValue() {
  if (!answer) return;
  changes.set(figure.chosen, Number(element('value').value));
  say('value-value', steady(changes.get(figure.chosen)));
  attempt('model', () => runChanged(model));
}

function reset() {
  if (!answer) return;
  changes.clear();
  attempt('model', () => runChanged(model)).then(() => laySlider(figure.chosen));
}

/* The latent plane */

const plane = new Plane(element('plane'), (position) => {
  point = position;
  if (answer) attempt('model', () => runPoint(model));
});

function layPlane() {
  plane.show({ grid: null, mean: null, deviation: null, point: null });
  const requested = model;
  attempt('model', async () => {
    const { [requested.output.name]: { data, shape } } = await decode(requested, gridPoints(), SIDE * SIDE);
    if (requested === model) plane.show({ grid: mosaic(data, shape) });
  });
}

function showMean(outputs) {
  const mean = [...outputs[model.bottleneck.name].data];
  const deviation = outputs.logvar ? Array.from(outputs.logvar.data, (value) => Math.exp(value / 2)) : null;
  plane.show({ mean, deviation });
  const spread = deviation ? ` ± (${deviation.map((value) => steady(value)).join(', ')})` : '';
  const outside = mean.some((value) => Math.abs(value) > 3) ? ', outside the plane' : '';
  say('mean', `the image: (${mean.map((value) => steady(value)).join(', ')})${spread}${outside}`);
}

function showPoint() {
  const { point: position, reconstruction } = decodedPoint;
  paintImage(element('decoded'), reconstruction.data, reconstruction.shape);
  plane.show({ point: [...position] });
  say('point', `(${Array.from(position, (value) => steady(value)).join(', ')})`);
  element('follow').disabled = point === null;
}

/* The proof */

async function showProof() {
  const requested = model;
  if (!requested?.graph) return;
  element('prove').disabled = true;
  await attempt('proof', async () => {
    const opened = { 'model.onnx': requested.graph, ...(requested.decoder && { 'decoder.onnx': requested.decoder }) };
    const found = await prove(requested.bundle, opened, (file) => say('proof-summary', `running ${file} …`));
    if (requested !== model) return;
    proof = found;
    report('proof', '');
    listProof(proof);
    showState();
  });
  if (requested !== model) report('proof', '');
  element('prove').disabled = !model?.graph;
}

/* Wiring */

function listen() {
  element('model').addEventListener('change', (event) => choose(event.target.value));
  element('clear').addEventListener('click', () => pad.clear());
  element('undo').addEventListener('click', () => pad.undo());
  element('invert').addEventListener('change', toggleInvert);
  element('sigma').addEventListener('input', () => {
    say('sigma-value', number(sigma()));
    update();
  });
  element('brush').addEventListener('input', layBrush);
  element('value').addEventListener('input', setValue);
  element('reset').addEventListener('click', reset);
  element('follow').addEventListener('click', () => plane.moved(null));
  element('prove').addEventListener('click', showProof);
  element('file').addEventListener('change', ({ target }) => {
    if (target.files[0]) showFile(target.files[0]);
    target.value = ''; // the same file may be chosen again
  });
  listenForFiles();
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== 'z') return;
    event.preventDefault();
    pad.undo();
  });
  onTheme(() => {
    plane.draw();
    if (answer) showAnswer();
  });
}

function listenForFiles() {
  const isOver = (over) => element('input').classList.toggle('over', over);
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    isOver(true);
  });
  document.addEventListener('dragleave', () => isOver(false));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    isOver(false);
    const [file] = event.dataTransfer.files;
    if (file) showFile(file);
    else report('file', 'What was dropped is not a file: save the image, then drop it here.');
  });
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData.files;
    if (file) showFile(file);
  });
}

function layBrush() {
  pad.brush = Number(element('brush').value);
  say('brush-value', `${number(pad.brush)} px`);
}

function layScale() {
  paint(element('scale'), 256, 1, (index) => sequential(index / 255));
}

async function begin() {
  showIf('serve', false);
  listen();
  layBrush();
  layScale();
  say('progress', 'reading the index …');
  const isRead = await attempt('index', async () => (entries = await readIndex(folder)));
  say('progress', '');
  if (!isRead) return;
  showIf('main', true);
  listModels(entries);
  const requested = parameters.get('model');
  const known = entries.find(({ name: one }) => one === requested) ?? entries[0];
  if (requested && known.name !== requested)
    report('index', `There is no model ${requested} in the index; this is ${known.name}.`);
  await choose(known.name);
  if (parameters.get('prove') === '1') await showProof();
}

/** What the page shows, as plain values: for tests, and for pages that embed this one. */
function state() {
  const shapes = {};
  const plain = (values) => Object.fromEntries(Object.entries(values).map(([key, { data, shape }]) => {
    shapes[key] = shape;
    return [key, Array.from(data)];
  }));
  if (model) shapes[model.input.name] = [1, ...shapeOf(model.input)];
  return {
    model: wanted,
    sha256,
    busy: pending > 0,
    errors: [...errors.values()],
    input: answer && Array.from(answer.input),
    outputs: answer ? plain(answer.outputs) : {},
    changed: changed && { bottleneck: [...changed.bottleneck], reconstruction: [...changed.reconstruction.data] },
    plane: decodedPoint && { point: [...decodedPoint.point], reconstruction: [...decodedPoint.reconstruction.data] },
    proof,
    shapes,
  };
}

window.aezoo = { ready: begin(), state };
