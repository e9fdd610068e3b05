/** Numbers and cards as text. */

const ACCURATE = new Set(['classify', 'translate', 'recall']);
const UNITS = { psnr: ' dB' };

/** A number with so many significant digits, and a true minus. */
export function number(value, digits = 3) {
  if (!Number.isFinite(value)) return 'not a number';
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(digits - 1) : plain(value, digits);
  return text.replaceAll('-', '−');
}

function plain(value, digits) {
  return String(Number(value.toPrecision(digits)));
}

/** A number with so many decimals, and a true minus: of readings that change while one looks. */
export function steady(value, decimals = 2) {
  return Number.isFinite(value) ? value.toFixed(decimals).replace('-', '−') : 'not a number';
}

export const count = (value) => value.toLocaleString('en');
export const times = (shape) => shape.join('×');

/** What a model does, as a sentence from the index of the bundles. */
export function doing({ does, task }) {
  return does ? `${does[0].toUpperCase()}${does.slice(1)}.` : `Task: ${task}.`;
}

export function bytes(size) {
  if (size < 1000) return `${size} bytes`;
  return size < 1e6 ? `${number(size / 1000)} kB` : `${number(size / 1e6)} MB`;
}

/** The figure that says most about a model of that task, as 'mse 0.00471'; '' where it has none. */
export function mainFigure({ task, metrics }) {
  const name = ACCURATE.has(task) && 'accuracy' in metrics ? 'accuracy' : 'mse';
  return name in metrics ? figure(name, metrics[name]) : '';
}

function figure(name, value) {
  return name === 'accuracy' ? `accuracy ${number(value * 100)} %` : `${name} ${number(value)}${UNITS[name] ?? ''}`;
}

/** The few facts below a model's name. */
export function headFigures(entry) {
  const { bottleneck, parameters, metrics } = entry;
  const facts = [`${count(parameters)} parameters`];
  if (bottleneck.shape) facts.push(`bottleneck ${times(bottleneck.shape)}`);
  const main = mainFigure(entry);
  if (main) facts.push(`${main} on the test images`);
  if ('psnr' in metrics && main.startsWith('mse')) facts.push(figure('psnr', metrics.psnr));
  return facts;
}

/** A card as [heading, rows of [label, text]]. */
export function sections(card) {
  return [
    ['what it is', identity(card)],
    ['goes in', card.inputs.map(port)],
    ['comes out', card.outputs.map(port)],
    ['learned from', origin(card)],
    ['chosen where the sheet leaves it open', card.choices.map((choice) => ['', choice])],
    ['made with', Object.entries(card.tools)],
  ].filter(([, rows]) => rows.length);
}

const cell = (value) => (value === undefined ? '–' : number(value, 4));

function identity({ task, summary, parameters, bottleneck, objective }) {
  const rows = [['task', task], ['network', summary], ['parameters', count(parameters)]];
  if (bottleneck.shape) {
    const { shape, size, compression } = bottleneck;
    rows.push(['bottleneck', `${times(shape)} = ${count(size)} values, ${number(compression)} pixels each`]);
  }
  const noise = objective.noise ? `, inputs with noise of ${objective.noise}` : '';
  rows.push(['objective', `${objective.name}${noise}`]);
  return rows;
}

function port({ name, dtype, shape, layout, range, classes }) {
  const facts = [`${dtype} ${times(shape)}`];
  if (range) facts.push(`${layout}, from ${range[0]} to ${range[1]}`);
  if (classes) facts.push(`classes ${classes.join(' ')}`);
  return [name, facts.join(', ')];
}

function origin({ data, training }) {
  return [
    ['data', `${data.name}: ${data.provenance}`],
    ['licence of it', data.licence],
    ['images', `${count(data.train)} to learn from, ${count(data.validation)} to watch, ${count(data.test)} to test; `
      + `${data.split} split`],
    ['training', `${training.epochs} epochs of batches of ${training.batch_size}, learning rate `
      + `${training.learning_rate}, seed ${training.seed}, ${training.precision}, ${training.state}`],
  ];
}

/** The table of test figures: a head, the model, what the sheet published, and every baseline. */
export function figuresTable({ metrics, published, baselines }) {
  const names = [...new Set([...Object.keys(metrics), ...Object.keys(published)])];
  const lines = [['this model', metrics]];
  if (Object.keys(published).length) lines.push(['the sheet', published]);
  lines.push(...Object.entries(baselines));
  return [
    ['on the test images', ...names],
    ...lines.map(([label, values]) => [label, ...names.map((name) => cell(values[name]))]),
  ];
}
