/** A model's facts on the page: the choice of one, its name and figures, and its card. */

import { element, make, say } from './elements.js';
import { bytes, doing, figuresTable, headFigures, mainFigure, sections } from './text.js';

/** Fill the choice from the index, grouped by assignment. */
export function listModels(entries) {
  const groups = Map.groupBy(entries, ({ assignment }) => assignment);
  element('model').replaceChildren(...[...groups].map(([assignment, members]) => {
    const options = members.map((entry) => make('option', { value: entry.name }, optionOf(entry)));
    return make('optgroup', { label: assignment }, ...options);
  }));
  element('model').disabled = false;
}

function optionOf(entry) {
  const recipe = entry.name.slice(entry.assignment.length + 1);
  return [recipe, entry.task, mainFigure(entry)].filter(Boolean).join(' · ');
}

/** Name, task and figures of a model of the index. */
export function showAbout(entry) {
  document.title = `${entry.name} · aezoo`;
  say('name', entry.name);
  say('task', doing(entry));
  element('figures').replaceChildren(...headFigures(entry).map((fact) => make('li', {}, fact)));
}

/** The whole card: its sections, the test figures, and the files with their sha256. */
export function showCard(card) {
  const parts = sections(card).map(([heading, rows]) => make('section', {}, make('h3', {}, heading), list(rows)));
  const head = ['file', 'size', 'sha256'];
  const files = Object.entries(card.files).map(([name, file]) => [name, bytes(file.bytes), file.sha256]);
  element('facts').replaceChildren(
    make('div', { class: 'facts' }, ...parts),
    make('div', { class: 'wide' }, table(figuresTable(card))),
    make('div', { class: 'wide' }, table([head, ...files], 'files')),
  );
}

function list(rows) {
  if (rows.every(([label]) => !label)) return make('ul', {}, ...rows.map(([, text]) => make('li', {}, text)));
  return make('dl', {}, ...rows.flatMap(([label, text]) => [make('dt', {}, label), make('dd', {}, String(text))]));
}

function table([head, ...rows], kind = 'numbers') {
  const cells = rows.map(([label, ...values]) => make('tr', {}, make('th', { scope: 'row' }, label),
    ...values.map((value) => make('td', {}, value))));
  return make('table', { class: kind },
    make('thead', {}, make('tr', {}, ...head.map((name) => make('th', { scope: 'col' }, name)))),
    make('tbody', {}, ...cells));
}
