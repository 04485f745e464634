// The dashboard as people meet it: in Chromium, over a real network that runs a cycle meanwhile.
//
// `GRIDVEIL_BIN` names the folder with the programs, `CHROMIUM` the browser, `/usr/bin/chromium` by default; `SHOTS` names a
// folder for pictures, if any are wanted. `dist` is what `npm run build` made.
//
// **Privacy.** Development keys and public readings. That a user's key goes nowhere is one of the tests.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { serve } from '../serve.mjs';
import { PERIODS, startNetwork } from './network.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const CONFIG = {
  currency: 'GBP',
  periodMinutes: 30,
  regions: { 1: { name: 'Harbour', capacityKw: 6 }, 2: { name: 'Old town', capacityKw: 4 } },
  members: { [ALICE]: 'Alice' },
};
const PAGES = ['grid', 'consortium', 'faults', 'bill'];
/// How long the chain may take for a cycle: its lead, its periods, the window, and what follows, on a busy machine.
const CYCLE_MS = 240_000;
const PHONE = { width: 360, height: 740 };

describe('the dashboard', { timeout: 900_000 }, () => {
  let dir, network, site, browser, context, page;
  const requests = [];
  const frames = [];
  const complaints = [];

  const go = async (name) => {
    await page.goto(`${site.url}/#/${name}`);
    await page.getByRole('heading', { level: 2 }).waitFor();
  };
  const region = (name) => page.getByRole('article', { name });
  /// Waits until a region has so many periods in a state.
  const periods = (name, state, count) =>
    region(name).locator(`[data-state=${state}]`, { hasText: new RegExp(` ${count}$`) }).waitFor({ timeout: CYCLE_MS });
  const shot = (name, options = {}) => process.env.SHOTS && page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), ...options });
  const find = async (bid) => {
    await go('bill');
    await page.getByLabel('Your BID').fill(bid);
    await page.getByRole('button', { name: 'Find my bills' }).click();
  };
  const open = () => page.getByRole('button', { name: 'Open the bill of cycle 0' }).click();
  const alert = () => page.getByRole('alert').textContent();

  before(async () => {
    assert.ok(process.env.GRIDVEIL_BIN, 'GRIDVEIL_BIN does not say where the programs are');
    dir = await mkdtemp(join(tmpdir(), 'gridveil-dashboard-config-'));
    await writeFile(join(dir, 'config.json'), JSON.stringify(CONFIG));
    network = await startNetwork(process.env.GRIDVEIL_BIN);
    site = await serve({ node: network.node, store: network.store, port: 0, config: join(dir, 'config.json') });
    // Chromium's own sandbox does not work for root.
    const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
    context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC' });
    context.setDefaultTimeout(60_000);
    page = await context.newPage();
    page.on('request', (request) => requests.push({ url: request.url(), body: request.postData() ?? '' }));
    page.on('websocket', (socket) => {
      requests.push({ url: socket.url(), body: '' });
      socket.on('framesent', ({ payload }) => frames.push(String(payload)));
    });
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
  });

  after(async () => {
    await browser?.close();
    await site?.close();
    await network?.stop();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  it('shows periods open while their shares are expected', async () => {
    await go('grid');
    await page.getByText('Connected', { exact: true }).waitFor();
    await periods('Harbour', 'open', '[1-9]\\d*');
  });

  it('says a new fault aloud', async () => {
    await page.getByRole('log').filter({ hasText: /Old town, period \d: 4 of 6 shares came/ }).waitFor({ state: 'attached', timeout: CYCLE_MS });
  });

  it('shows each region’s load against its capacity, its prices, and how its periods ended', async () => {
    await network.finished;
    await periods('Harbour', 'closed', PERIODS);
    await periods('Old town', 'suppressed', PERIODS);
    const harbour = await region('Harbour').textContent();
    assert.match(harbour, /\d+\.\d kW of 6 kW \(\d+ %\)/);
    assert.match(harbour, /0\.1423 GBP\/kWh/);
    assert.match(harbour, /Aggregator: Alice/);
    const oldTown = await region('Old town').textContent();
    assert.match(oldTown, /not known of 4 kW/);
    assert.match(oldTown, /for 3 meters or more/);
    assert.match(oldTown, /0\.2000 GBP\/kWh/);
    await region('Harbour').getByRole('img', { name: /load by period/ }).waitFor();
    await region('Harbour').getByText(`${PERIODS} periods`).click();
    assert.equal(await region('Harbour').getByRole('row').count(), PERIODS + 1);
    await shot('grid', { fullPage: true });
  });

  it('shows who leads and how far finality is behind, and keeps up with the chain', async () => {
    await go('consortium');
    const row = page.getByRole('row', { name: /Alice/ });
    await row.waitFor();
    // One alone votes for itself, and leads from the term after its first vote on.
    await row.filter({ hasText: '★ leads' }).waitFor();
    await page.locator('dl > div', { hasText: 'Leader' }).getByText('Alice').waitFor();
    const blocks = page.locator('dd', { hasText: 'final' }).filter({ hasText: 'best' });
    const first = await blocks.textContent();
    await blocks.filter({ hasNotText: first }).waitFor();
    await shot('consortium');
  });

  it('names the last faults and what became of them', async () => {
    await go('faults');
    const rows = page.getByRole('row', { name: /Old town/ });
    await rows.first().waitFor();
    assert.equal(await rows.count(), PERIODS);
    assert.match(await rows.first().textContent(), /4 of 6.*too few meters were complete/);
    await page.getByText('No member has contradicted itself.').waitFor();
    await shot('faults');
  });

  it('opens a user’s bill with its key, checks it, and shows it, by keyboard alone', async () => {
    const { bid, identity } = network.users.MAC000002;
    const secret = /AGE-SECRET-KEY-1\w+/.exec(await readFile(identity, 'utf8'))[0];
    await go('grid');
    await page.reload();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    const tabTo = async (isIt, given) => {
      for (let presses = 0; presses < 40; presses += 1) {
        if (await page.evaluate(isIt, given)) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`${isIt} is out of the keyboard's reach`);
    };
    const hasText = (text) => document.activeElement.textContent === text;
    const hasId = (id) => document.activeElement.id === id;
    await tabTo(hasText, 'My bill');
    await page.keyboard.press('Enter');
    await tabTo(hasId, 'bid');
    await page.keyboard.type(bid);
    await page.keyboard.press('Enter');
    await page.getByText('1 bill on the chain').waitFor();
    await tabTo(hasId, 'key');
    await page.keyboard.type(secret);
    await tabTo(hasText, 'Open the bill of cycle 0');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Bill of cycle 0' }).waitFor();
    assert.equal(await page.locator('.steps li').count(), 6);
    assert.match(await page.locator('#amount').textContent(), /^\d+\.\d\d GBP$/);
    await page.getByRole('img', { name: /Use by period/ }).waitFor();
    await page.getByText('Period by period').click();
    assert.equal(await page.locator('tbody tr').count(), PERIODS);
    await shot('bill', { fullPage: true });

    const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Save the bill').click()]);
    assert.match(await readFile(await download.path(), 'utf8'), /<h1>Electricity bill<\/h1>/);

    assert.equal(await page.getByLabel('or its secret line').inputValue(), '');
    const sent = [...requests.map(({ url, body }) => url + body), ...frames].join('\n');
    assert.ok(sent.includes(bid), 'what was sent is looked at');
    assert.ok(!sent.includes(secret) && !sent.includes(secret.slice(20, 50)));
    const kept = await page.evaluate(async () => [localStorage.length, sessionStorage.length, document.cookie.length, (await indexedDB.databases()).length, (await caches.keys()).length]);
    assert.deepEqual(kept, [0, 0, 0, 0, 0]);
  });

  it('takes the identity file itself, too', async () => {
    const { bid, identity } = network.users.MAC000014;
    await find(bid);
    await page.getByLabel('Your key').setInputFiles(identity);
    await open();
    await page.getByRole('heading', { name: 'Bill of cycle 0' }).waitFor();
  });

  it('says what to do where something is wrong', async () => {
    const { bid, identity } = network.users.MAC000031;
    await find('00'.repeat(32));
    assert.match(await alert(), /no bill for this BID.*meter-client status/);

    await find(bid);
    await open();
    assert.match(await alert(), /no secret key.*identity\.txt/);

    await page.getByLabel('Your key').setInputFiles(network.users.MAC000002.identity);
    await open();
    await page.getByText('Your key does not open this bill.').waitFor();

    const [, cid] = /\/ipfs\/(\w+)$/.exec(requests.map(({ url }) => url).filter((url) => url.includes('/ipfs/')).at(-1));
    const file = join(network.store, cid);
    const sealed = await readFile(file);
    await writeFile(file, Buffer.concat([sealed.subarray(0, -1), Buffer.from([sealed.at(-1) ^ 1])]));
    await page.getByLabel('Your key').setInputFiles(identity);
    await open();
    await page.getByText('The store returned other bytes than the chain names.').waitFor();

    await rm(file);
    await page.getByLabel('Your key').setInputFiles(identity);
    await open();
    await page.getByText('Ask the bill provider to store it again.').waitFor();
    await writeFile(file, sealed);
    // Chromium reports the store's 404 by itself.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('404')));
  });

  for (const colorScheme of ['light', 'dark']) {
    it(`has no fault that axe finds, in ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme });
      const axe = await readFile(AXE, 'utf8');
      for (const name of PAGES) {
        await go(name);
        await page.getByText('Reading the chain').waitFor({ state: 'hidden' });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => axe.run());
        assert.deepEqual(violations.map(({ id, nodes }) => `${name}: ${id} ${nodes.map(({ html }) => html).join()}`), []);
      }
      await shot(`faults-${colorScheme}`);
    });
  }

  it('fits on a phone', async () => {
    await page.setViewportSize(PHONE);
    for (const name of PAGES) {
      await go(name);
      await page.getByText('Reading the chain').waitFor({ state: 'hidden' });
      assert.ok((await page.evaluate(() => document.scrollingElement.scrollWidth)) <= PHONE.width, name);
      if (name === 'grid') await shot('phone');
    }
  });

  it('talks to its own server alone, and breaks no rule of its policy', () => {
    const elsewhere = requests.filter(({ url }) => !['blob:', ''].some((before) => url.replace(/^ws/, 'http').startsWith(before + site.url)));
    assert.ok(requests.length > 10);
    assert.deepEqual(elsewhere, []);
    assert.deepEqual(complaints, []);
  });

  it('lets no page of elsewhere through to the node, and serves nothing but its files and bills', async () => {
    const status = async (path, headers = {}) => (await fetch(site.url + path, { headers })).status;
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/ipfs/..%2fkc.key', '/ipfs/x', '/serve.mjs', '/rpc']) assert.equal(await status(path), 404, path);
    const elsewhere = await browser.newPage();
    await elsewhere.goto('about:blank');
    const outcome = await elsewhere.evaluate((url) => new Promise((end) => {
      const socket = new WebSocket(url);
      socket.onopen = () => end('open');
      socket.onerror = () => end('refused');
    }), `${site.url.replace('http', 'ws')}/rpc`);
    assert.equal(outcome, 'refused');
  });
});
