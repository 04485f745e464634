// The demo with `--keep`: what it leaves up shows the day that it replayed, names its address, and ends with it.
//
// `GRIDVEIL_BIN` names the folder with the programs, `CHROMIUM` the browser, `/usr/bin/chromium` by default. `dist` is what
// `npm run build` made.
//
// **Privacy.** Development keys and public readings.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const DASHBOARD = fileURLToPath(new URL('..', import.meta.url));
const LAST = 'Ctrl-C ends it all';

describe('the demo that stays up', { timeout: 900_000 }, () => {
  const lines = [];
  let dir, demo, ended, browser, page;
  const said = (pattern) => lines.map((line) => pattern.exec(line)).findLast((match) => match) ?? assert.fail(`${pattern} is not in\n${lines.join('\n')}`);

  before(async () => {
    assert.ok(process.env.GRIDVEIL_BIN, 'GRIDVEIL_BIN does not say where the programs are');
    dir = await mkdtemp(join(tmpdir(), 'gridveil-dashboard-demo-'));
    const program = join(process.env.GRIDVEIL_BIN, 'gridveil-demo');
    demo = spawn('setpriv', ['--pdeathsig', 'TERM', program, '--short', '--keep', '--dashboard', DASHBOARD], {
      env: { ...process.env, TMPDIR: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    ended = once(demo, 'exit');
    for await (const line of createInterface({ input: demo.stdout })) {
      lines.push(line);
      if (line === LAST) break;
    }
    assert.equal(lines.at(-1), LAST, lines.join('\n'));
    const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
    page = await browser.newPage({ locale: 'en-GB' });
  });

  after(async () => {
    await browser?.close();
    if (demo?.exitCode === null) {
      demo.kill();
      await ended;
    }
    if (dir) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });

  it('names its dashboard, which shows the day’s regions and the four aggregators', async () => {
    const [, url] = said(/^The dashboard is at (http:\/\/127\.0\.0\.1:\d+)$/);
    await page.goto(url);
    await page.getByText('Connected', { exact: true }).waitFor();
    await page.getByRole('article').first().getByRole('img', { name: /load by period/ }).waitFor();
    assert.equal(await page.getByRole('article').count(), 3);
    await page.goto(`${url}/#/consortium`);
    for (const name of ['alice', 'bob', 'charlie', 'dave']) await page.getByRole('row', { name }).waitFor();
  });

  it('names a bill, which the dashboard opens with its user’s key', async () => {
    const [, bid, key] = said(/^The bill of \w+: BID ([0-9a-f]{64}), key in (.*)$/);
    await page.goto(`${said(/^The dashboard is at (.*)$/)[1]}/#/bill`);
    await page.getByLabel('Your BID').fill(bid);
    await page.getByRole('button', { name: 'Find my bills' }).click();
    await page.getByLabel('Your key').setInputFiles(key);
    await page.getByRole('button', { name: 'Open the bill of cycle 0' }).click();
    await page.getByRole('heading', { name: 'Bill of cycle 0' }).waitFor();
  });

  it('ends with SIGTERM, its nodes and its dashboard too, and leaves no file', async () => {
    // The kernel lists them by the thread that started them.
    const threads = (await readdir(`/proc/${demo.pid}/task`)).map((thread) => `/proc/${demo.pid}/task/${thread}/children`);
    const listed = await Promise.all(threads.map((file) => readFile(file, 'utf8')));
    const processes = listed.join(' ').split(/\s+/).filter(Boolean);
    assert.equal(processes.length, 5, 'four nodes and the dashboard');
    const rest = createInterface({ input: demo.stdout });
    rest.on('line', (line) => lines.push(line));
    demo.kill();
    const [[code]] = await Promise.all([ended, once(rest, 'close')]);
    assert.equal(code, 0, lines.join('\n'));
    assert.match(lines.at(-1), /^\d+ passed, 0 failed$/);
    assert.deepEqual(processes.filter((process) => existsSync(`/proc/${process}`)), []);
    assert.deepEqual(await readdir(dir), []);
  });
});
