/** Elements of the page by their id, new ones, and sentences with `code` in them. */

export const element = (id) => document.getElementById(id);

/** A new element with attributes and children; text stays text. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Text in which `backquotes` mark code, as nodes. */
export function sentence(text) {
  return text.split('`').map((part, index) => (index % 2 ? make('code', {}, part) : part));
}

/** Show or hide what has that id; returns whether it shows. */
export function showIf(id, isShown) {
  element(id).hidden = !isShown;
  return isShown;
}

export function say(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}
