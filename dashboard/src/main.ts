// The dashboard: four pages over one connection to the chain.
//
// Promises to show finalised state only, to make no request but to the server it came from, and to keep nothing: no
// cookie, no storage.

import { billView } from './bill';
import { Chain, type Snapshot } from './chain';
import { config, type Config } from './config';
import { consortiumView } from './consortium';
import { h, trouble } from './dom';
import { faultsView, faultyPeriods, tellFault } from './faults';
import { gridView } from './grid';

const TITLES = { grid: 'Grid', consortium: 'Consortium', faults: 'Faults', bill: 'My bill' };
type Page = keyof typeof TITLES;

const byId = (id: string) => document.getElementById(id)!;
const [content, connection, news] = ['content', 'connection', 'news'].map(byId) as [HTMLElement, HTMLElement, HTMLElement];
const settings: Promise<Config> = config();
let snapshot: Snapshot | undefined;
let best = 0;
let body: HTMLElement | undefined;

const page = (): Page => {
  const asked = location.hash.replace('#/', '');
  return asked in TITLES ? (asked as Page) : 'grid';
};

function tellConnection(isConnected: boolean) {
  connection.className = isConnected ? 'connected' : 'lost';
  connection.textContent = isConnected ? 'Connected' : 'Not connected: the node does not answer. The page tries again by itself; if it stays so, the node or its address (serve.mjs --node) needs a look.';
}

/** Draws the present page anew, but for the bill's, which belongs to the user; what is open stays open. */
async function draw() {
  const shown = page();
  if (!body || shown === 'bill') return;
  const names = await settings;
  if (!snapshot) return body.replaceChildren(h('p', {}, 'Reading the chain…'));
  const open = new Set([...body.querySelectorAll<HTMLDetailsElement>('details[open]')].map(({ dataset }) => dataset.region));
  const focused = document.activeElement?.closest<HTMLElement>('details')?.dataset.region;
  const nodes = shown === 'grid' ? gridView(snapshot.grid, names) : shown === 'consortium' ? consortiumView(snapshot, best, names) : faultsView(snapshot, names);
  body.replaceChildren(...nodes);
  for (const details of body.querySelectorAll('details')) {
    details.open = open.has(details.dataset.region);
    if (focused !== undefined && details.dataset.region === focused) details.querySelector('summary')!.focus({ preventScroll: true });
  }
}

function turnTo(isByUser: boolean) {
  const shown = page();
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#/${shown}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${TITLES[shown]} – gridveil`;
  body = h('div', { id: `page-${shown}` });
  content.replaceChildren(h('h2', {}, TITLES[shown]), body);
  if (shown === 'bill') body.append(...billView(chain));
  else void draw();
  if (isByUser) content.focus();
}

/** Says new faults aloud, once each; not those that were there when the page came. */
const told = new Set<string>();
async function tellNews(seen: Snapshot, isFirst: boolean) {
  const names = await settings;
  for (const fault of faultyPeriods(seen)) {
    const words = tellFault(fault, names);
    if (!isFirst && !told.has(words)) news.textContent = words;
    told.add(words);
  }
}

connection.textContent = 'Connecting…';
const chain = Chain.connect(tellConnection);
addEventListener('hashchange', () => turnTo(true));
turnTo(false);
chain
  .then(async (connected) => {
    await connected.followBest((number) => {
      best = number;
      if (page() === 'consortium') void draw();
    });
    await connected.follow(
      (seen) => {
        void tellNews(seen, snapshot === undefined);
        snapshot = seen;
        void draw();
      },
      () => body && page() !== 'bill' && body.replaceChildren(trouble('The chain could not be read.', 'The page tries again with the next block.')),
    );
  })
  .catch((cause: Error) => body?.replaceChildren(trouble('This is not a chain that the page can read.', `${cause.message}. Check which node serve.mjs was given.`)));
