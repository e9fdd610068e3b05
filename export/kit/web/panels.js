/** The panels of an answer: what goes in, what comes out, the difference, and the classes. */

import { element, make, say, showIf } from './elements.js';
import { mse } from './numbers.js';
import { paintDifference, paintImage } from './pictures.js';
import { number, steady, times } from './text.js';

/** Describe a canvas's content to screen readers. */
export const label = (id, text) => element(id).setAttribute('aria-label', text);

/** Show what goes in: the clean image, and with noise the noisy one. */
export function showInputs({ card, input }, clean, noisy, noise) {
  const shape = input.shape.slice(1);
  paintImage(element('clean'), clean, shape);
  say('clean-title', noise ? 'clean input' : card.task === 'colourise' ? 'grey input' : 'input');
  say('clean-number', times(shape));
  label('clean', 'clean input');
  if (!showIf('noisy-panel', noise > 0)) return;
  paintImage(element('noisy'), noisy, shape);
  say('noisy-number', `mse ${number(mse(noisy, clean))}`);
  label('noisy', 'noisy input');
}

/** Show an image that came out, and how far it is from what should have come; target is null where nobody knows. */
export function showOutput({ card, output }, { data, shape }, target) {
  paintImage(element('output'), data, shape);
  say('output-title', card.task === 'colourise' ? 'predicted colours' : output.name);
  label('output', `${output.name}, ${times(shape.slice(1))}`);
  say('output-number', target ? `mse ${number(mse(data, target))}` : times(shape.slice(1)));
  if (!target) return;
  if (card.task === 'colourise') paintImage(element('own'), target, shape);
  const far = paintDifference(element('difference'), data, target, shape);
  const what = shape.at(-3) > 1 ? 'mean of the colours ' : '';
  say('difference-number', `${what}−${steady(far)} … +${steady(far)}`);
  label('difference', `output minus target, up to ${steady(far)} either way`);
}

/** Show the chances of the classes as bars, and the best one large. */
export function showClasses(chances, classes) {
  const best = chances.indexOf(Math.max(...chances));
  const percent = (chance) => `${steady(100 * chance, 1)} %`;
  element('best').replaceChildren(make('b', {}, classes[best]), ` ${percent(chances[best])}`);
  element('classes').replaceChildren(...chances.map((chance, index) => {
    const bar = make('span', { class: 'bar', 'aria-hidden': 'true' });
    bar.style.setProperty('--share', chance);
    const attributes = index === best ? { class: 'first' } : {};
    return make('li', attributes, make('b', {}, classes[index]), bar, make('span', {}, percent(chance)));
  }));
}
