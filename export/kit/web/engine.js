/** onnxruntime-web: started once, one run of a session at a time, and only the newest of many questions. */

import { PageError } from './bundles.js';

const FOLDER = new URL('ort/', import.meta.url).href;

let started;

/** Start onnxruntime-web from ort/ beside the page. */
export function start() {
  started ??= load();
  return started;
}

async function load() {
  let ort;
  try {
    ort = await import(`${FOLDER}ort.wasm.min.mjs`);
  } catch {
    throw new PageError('onnxruntime-web is missing beside this page (ort/): '
      + '`aezoo export NAME --bundle DIR --kit` brings it.');
  }
  ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send
  ort.env.wasm.wasmPaths = FOLDER;
  return ort;
}

/** A graph in a session; a value is {data: Float32Array, shape: with the batch first}. */
export class Graph {
  #ort;
  #session;
  #turn = Promise.resolve();

  constructor(ort, session) {
    this.#ort = ort;
    this.#session = session;
  }

  static async open(bytes, name) {
    const ort = await start();
    try {
      return new Graph(ort, await ort.InferenceSession.create(new Uint8Array(bytes), { executionProviders: ['wasm'] }));
    } catch (error) {
      throw new PageError(`onnxruntime-web could not open ${name}: ${error.message}`);
    }
  }

  /** Answer {input: value} with {output: value}, after the runs that were requested before. */
  run(values) {
    const answer = this.#turn.then(() => this.#run(values));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #run(values) {
    const feeds = mapped(values, ({ data, shape }) => new this.#ort.Tensor('float32', data, shape));
    return mapped(await this.#session.run(feeds), ({ data, dims }) => ({ data, shape: [...dims] }));
  }

  /** Give the session's memory back, after its last run. */
  close() {
    return this.#turn.then(() => this.#session.release());
  }
}

function mapped(values, change) {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}

/** Make of async `work` one that answers only the newest question, one at a time; its promise waits for all. */
export function newest(work) {
  let waiting = null;
  let running = null;
  const drain = async () => {
    try {
      while (waiting) {
        const { question } = waiting;
        waiting = null;
        await work(question);
      }
    } finally {
      running = null;
    }
  };
  return (question) => {
    waiting = { question };
    running ??= drain();
    return running;
  };
}
