/** Bundles: the index, a card, and the files that the card lists with their sha256. */

const FORMAT = 'aezoo/1';
const EXPORT = '`aezoo export NAME --bundle DIR`';

/** What whoever looks at the page can mend; the message is one sentence for the page. */
export class PageError extends Error {}

const PATH = /^[a-z0-9][a-z0-9_-]*\/[a-z0-9][\w.,=@+-]*$/; // assignment/recipe, and never another server

/** Read index.json below `base`; returns its entries. */
export async function readIndex(base) {
  const url = new URL('index.json', base);
  const missing = `There is no index.json at ${url}: write bundles with ${EXPORT} and serve DIR.`;
  const found = parse(await fetched(url, missing), `${url}`);
  if (found.format !== FORMAT) throw new PageError(`${url} has format ${found.format}, and this page reads ${FORMAT}.`);
  if (!found.bundles?.length) throw new PageError(`${url} lists no bundle: write one with ${EXPORT}.`);
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
    if (!PATH.test(entry.path)) throw new PageError(`The index lists '${entry.path}', which is not a bundle's folder.`);
    const folder = new URL(`${entry.path.split('/').map(encodeURIComponent).join('/')}/`, base);
    const missing = `${entry.name} has no card.json: export the bundle again.`;
    const data = await fetched(new URL('card.json', folder), missing);
    await check(data, entry.card.sha256, `${entry.name}/card.json is not the card that index.json lists`);
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
    const path = `${this.entry.name}/${name}`;
    if (!this.has(name)) throw new PageError(`${path} is not on the card: export the bundle again.`);
    const missing = `${path} is on the card and not in the bundle: export it again.`;
    const data = await fetched(new URL(name, this.base), missing);
    await check(data, this.card.files[name].sha256, `${path} is not the file that card.json lists`);
    return data;
  }

  /** Files that were read so far, the card among them. */
  get read() {
    return this.#files.size + 1;
  }

  /** test/vectors.json and its tensors: {graphs, images, tensors: name → {data, shape}}. */
  async vectors() {
    const listing = parse(await this.file('test/vectors.json'), `${this.entry.name}/test/vectors.json`);
    const named = Object.entries(listing.tensors).map(async ([name, { file, shape }]) => {
      const data = new Float32Array(await this.file(`test/${file}`));
      return [name, { data, shape }];
    });
    return { ...listing, tensors: Object.fromEntries(await Promise.all(named)) };
  }
}

/** Whether this page can compute sha256: browsers have it for https and localhost only. */
export const canCheck = () => globalThis.crypto?.subtle !== undefined;

async function check(data, sha256, what) {
  if (!canCheck()) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== sha256) throw new PageError(`${what} (another sha256), so it is refused: export the bundle again.`);
}

async function fetched(url, missing) {
  let response;
  try {
    response = await fetch(url, { cache: 'no-cache' }); // checks whether it changed: old files never meet a new card
  } catch {
    throw new PageError(`${url} could not be read: the server does not answer, or refuses this page.`);
  }
  if (response.status === 404) throw new PageError(missing);
  if (!response.ok) throw new PageError(`${url} could not be read: the server says ${response.status}.`);
  return response.arrayBuffer();
}

function parse(data, source) {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    throw new PageError(`${source} is not JSON: export the bundle again.`);
  }
}
