/** Bundles: the index, a card, and files that are what the card names, by their sha256. */

const FORMAT = 'aezoo/1';
const EXPORT = '`aezoo export NAME --bundle DIR`';

/** What a reader of the page can mend; its message is one sentence for the page. */
export class Trouble extends Error {}

const PATH = /^[a-z0-9][a-z0-9_-]*\/[a-z0-9][\w.,=@+-]*$/; // assignment/recipe, and never another server

/** Read index.json below `base`; returns its entries. */
export async function readIndex(base) {
  const url = new URL('index.json', base);
  const missing = `There is no index.json at ${url}: write bundles with ${EXPORT} and serve DIR.`;
  const found = parse(await fetched(url, missing), `${url}`);
  if (found.format !== FORMAT) throw new Trouble(`${url} has format ${found.format}, and this page reads ${FORMAT}.`);
  if (!found.bundles?.length) throw new Trouble(`${url} lists no bundle: write one with ${EXPORT}.`);
  return found.bundles;
}

/** A bundle's files, each read once and checked against the card, and the card against the index. */
export class Bundle {
  #files = new Map();

  constructor(base, entry, card) {
    this.base = base;
    this.entry = entry;
    this.card = card;
  }

  static async open(base, entry) {
    if (!PATH.test(entry.path)) throw new Trouble(`The index tells of '${entry.path}', which is no bundle's folder.`);
    const folder = new URL(`${entry.path.split('/').map(encodeURIComponent).join('/')}/`, base);
    const missing = `${entry.name} has no card.json: export the bundle again.`;
    const data = await fetched(new URL('card.json', folder), missing);
    await check(data, entry.card.sha256, `${entry.name}/card.json is not the card that index.json names`);
    return new Bundle(folder, entry, parse(data, `${entry.name}/card.json`));
  }

  /** The names of its graphs. */
  graphs() {
    return Object.keys(this.card.files ?? {}).filter((name) => name.endsWith('.onnx'));
  }

  has(name) {
    return name in this.card.files;
  }

  /** The bytes of a file of the card. */
  file(name) {
    if (!this.#files.has(name)) this.#files.set(name, this.#read(name));
    return this.#files.get(name);
  }

  async #read(name) {
    const told = `${this.entry.name}/${name}`;
    if (!this.has(name)) throw new Trouble(`The card of ${this.entry.name} lists no ${name}: export the bundle again.`);
    const missing = `${told} is on the card and not in the bundle: export it again.`;
    const data = await fetched(new URL(name, this.base), missing);
    await check(data, this.card.files[name].sha256, `${told} is not the file that card.json names`);
    return data;
  }

  /** Files that were read so far, the card among them. */
  get read() {
    return this.#files.size + 1;
  }

  /** test/vectors.json and its tensors: {graphs, images, tensors: name → {data, shape}}. */
  async vectors() {
    const told = parse(await this.file('test/vectors.json'), `${this.entry.name}/test/vectors.json`);
    const named = Object.entries(told.tensors).map(async ([name, { file, shape }]) => {
      const data = new Float32Array(await this.file(`test/${file}`));
      return [name, { data, shape }];
    });
    return { ...told, tensors: Object.fromEntries(await Promise.all(named)) };
  }
}

/** Whether this page can compute sha256: browsers lend it to https and localhost only. */
export const canCheck = () => globalThis.crypto?.subtle !== undefined;

async function check(data, sha256, what) {
  if (!canCheck()) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== sha256) throw new Trouble(`${what} (another sha256), so it is refused: export the bundle again.`);
}

async function fetched(url, missing) {
  let answer;
  try {
    answer = await fetch(url, { cache: 'no-cache' }); // asks whether it changed: old files never meet a new card
  } catch {
    throw new Trouble(`${url} could not be read: the server does not answer, or does not allow this page to ask.`);
  }
  if (answer.status === 404) throw new Trouble(missing);
  if (!answer.ok) throw new Trouble(`${url} could not be read: the server says ${answer.status}.`);
  return answer.arrayBuffer();
}

function parse(data, told) {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    throw new Trouble(`${told} is not JSON: export the bundle again.`);
  }
}
