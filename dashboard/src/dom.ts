// Elements, made node by node: no text is ever read as markup, so that nothing from the chain or a bill can become a script.

type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

function fill<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child != null && child !== false).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/** An HTML element; a function among the attributes listens to the event of that name. */
export const h = <K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]) =>
  fill(document.createElement(tag), attributes, children);

/** An SVG element. */
export const s = <K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

/** A table with a caption for those who don't see it, the first column naming each row. */
export function table(caption: string, heads: string[], rows: Child[][]): HTMLElement {
  const row = (cells: Child[]) => h('tr', {}, ...cells.map((cell, index) => (index ? h('td', {}, cell) : h('th', { scope: 'row' }, cell))));
  return h('div', { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': caption },
    h('table', {},
      h('caption', { class: 'unseen' }, caption),
      h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, ...rows.map(row))));
}

/** What went wrong and what to do about it. */
export const trouble = (what: string, remedy: string) => h('p', { class: 'trouble', role: 'alert' }, h('strong', {}, what), ' ', remedy);
