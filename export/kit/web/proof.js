/** The test vectors of a bundle, run through all its graphs. */

import { PageError } from './bundles.js';
import { element, make, say, showIf } from './elements.js';
import { Graph } from './engine.js';
import { largestDifference } from './numbers.js';
import { number } from './text.js';

/**
 * Returns [{graph, output, difference, tolerance, ok}]; `opened` holds graphs that have a session already, by file
 * name, and `starts(file)` is called before each graph.
 */
export async function prove(bundle, opened, starts) {
  const { graphs, tensors } = await bundle.vectors();
  const found = [];
  for (const file of bundle.graphs())
    if (!Object.keys(graphs[file]?.outputs ?? {}).length)
      throw new PageError(`test/vectors.json has no vector for ${file}: export the bundle again.`);
  for (const [file, { input, outputs }] of Object.entries(graphs).filter(([name]) => bundle.has(name))) {
    starts(file);
    const graph = opened[file] ?? (await Graph.open(await bundle.file(file), `${bundle.entry.name}/${file}`));
    const answers = await graph.run({ [input]: tensors[input] });
    for (const [output, { tolerance }] of Object.entries(outputs)) {
      const difference = largestDifference(answers[output].data, tensors[output].data);
      found.push({ graph: file, output, difference, tolerance, ok: difference <= tolerance });
    }
    if (!opened[file]) await graph.close();
  }
  return found;
}

/** List the comparisons, with a summary above them. */
export function listProof(proof) {
  const failed = proof.filter(({ ok }) => !ok).length;
  say('proof-summary', failed ? `FAILED: ${failed} of ${proof.length} outputs are further off than rounding explains.`
    : `ok: all ${proof.length} outputs are what torch computed, within rounding.`);
  element('proof-summary').classList.toggle('bad', failed > 0);
  showIf('proof', true);
  element('proof').tBodies[0].replaceChildren(...proof.map(line));
}

function line({ graph, output, difference, tolerance, ok }) {
  return make('tr', {},
    make('th', { scope: 'row' }, `${graph} ${output}`),
    make('td', {}, number(difference, 2)),
    make('td', {}, number(tolerance, 2)),
    make('td', { class: ok ? 'ok' : 'bad' }, ok ? 'ok' : 'FAILED'));
}
