// A user's page: which bills there are, and one of them fetched, checked, opened and shown.
//
// **Privacy.** The key is read into memory for one opening and forgotten; it is in no storage, no address and no request.
// The decrypted bill is in this page alone. The server sees who asks for which bill, sealed.

import type { BillRecord, Chain } from './chain';
import { chart } from './chart';
import { h, table, trouble } from './dom';
import { addsUp, cidText, identityIn, isOfCid, isOfHash, open, otherPrices, reportIn, type Report } from './report';
import { amount, clock, figure, many, price } from './words';

/** What is wrong, and what to do about it. */
class Trouble extends Error {
  constructor(what: string, readonly remedy: string) {
    super(what);
  }
}

const PROVIDER = 'Do not pay the bill; tell the bill provider.';

async function fetchBill(record: BillRecord): Promise<Uint8Array<ArrayBuffer>> {
  const cid = cidText(record.cid);
  const answer = await fetch(`/ipfs/${cid}`).catch(() => null);
  if (!answer) throw new Trouble('The bill could not be fetched.', 'Check that you are online and try again.');
  if (answer.status === 404) throw new Trouble(`The store does not have ${cid}.`, 'Ask the bill provider to store it again.');
  if (!answer.ok) throw new Trouble(`The store answers with ${answer.status}.`, 'Try again later; tell the operator of this page if it stays so.');
  return new Uint8Array(await answer.arrayBuffer());
}

/** Goes through all steps; `done` hears of each one that holds. Rejects with the first that does not. */
async function examine(chain: Chain, bid: string, record: BillRecord, identity: string, done: (what: string) => void): Promise<{ page: string; report: Report }> {
  const bytes = await fetchBill(record);
  done(`Fetched: ${figure(bytes.length)} bytes`);
  if (!(await isOfCid(bytes, record.cid)) || !isOfHash(bytes, record.hash)) {
    throw new Trouble('The store returned other bytes than the chain names.', 'They were not opened. Try again later, or take the bill from another store with meter-client.');
  }
  done('Its CID and its hash are those on the chain');
  const page = await open(bytes, identity).catch(() => {
    throw new Trouble('Your key does not open this bill.', 'Take the identity.txt of the meter whose BID this is.');
  });
  done('Opened with your key, in this browser');
  let report: Report;
  try {
    report = reportIn(page);
  } catch (cause) {
    throw new Trouble('What is in it cannot be read as a bill.', `${(cause as Error).message}. ${PROVIDER}`);
  }
  if (report.bid !== bid || report.cycle !== record.cycle) throw new Trouble('It is the bill of another home or another cycle.', PROVIDER);
  done('It is for this BID and this cycle');
  if (!addsUp(report)) throw new Trouble('Its sums are not what its periods add up to.', PROVIDER);
  done('Its sums are what its periods add up to');
  const others = otherPrices(report, await chain.prices(report.region, report.cycle));
  if (others.length) throw new Trouble(`In ${many(others.length, 'period')}, the first being ${others[0]}, its price is not the chain’s.`, PROVIDER);
  done('Every price is the one on the chain');
  return { page, report };
}

function shown({ page, report }: { page: string; report: Report }): HTMLElement {
  const { lines, currency, start, period_ms: periodMs } = report;
  const at = (period: number) => clock(start + period * periodMs, periodMs);
  const missing = lines.filter(([, energy]) => energy === null).length;
  const save = h('a', { class: 'button', download: `bill-${report.cycle}.html`, href: URL.createObjectURL(new Blob([page], { type: 'text/html' })) }, 'Save the bill');
  return h('section', { 'aria-labelledby': 'the-bill' },
    h('h3', { id: 'the-bill', tabindex: -1 }, `Bill of cycle ${report.cycle}`),
    h('dl', { class: 'figures' },
      h('div', {}, h('dt', {}, report.amount < 0 ? 'Paid to you' : 'To pay'), h('dd', { id: 'amount' }, amount(Math.abs(report.amount), currency))),
      h('div', {}, h('dt', {}, 'Used'), h('dd', { id: 'energy' }, `${figure(report.energy / 1_000, 3)} kWh`)),
      h('div', {}, h('dt', {}, 'Periods'), h('dd', {}, figure(lines.length), missing > 0 && h('small', {}, `, ${missing} without a reading and not billed`)))),
    chart(`Use by period in Wh, price as a line; the table below has the same figures`,
      lines.map(([period, value, each]) => ({ label: at(period), value, price: each === null ? null : each / 1e6 })), 'Wh', `${currency}/kWh`),
    ...report.notes.map((note) => h('p', { class: 'note' }, note)),
    h('details', {}, h('summary', {}, 'Period by period'),
      table('Use and price by period', ['Period', 'Use', 'Price'], lines.map(([period, energy, each]) => [
        at(period), energy === null ? 'no reading' : `${figure(energy)} Wh`, each === null ? '–' : price(each, currency)]))),
    h('p', {}, save, ' ', h('small', {}, 'That each reading is the meter’s own, only the meter can check: ', h('code', {}, 'meter-client bill verify'), '.')));
}

/** The page. `chain` resolves once there is a connection. */
export function billView(chain: Promise<Chain>): Node[] {
  const bidField = h('input', { id: 'bid', required: true, pattern: '\\s*(0x)?[0-9a-fA-F]{64}\\s*', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', 'aria-describedby': 'bid-help' });
  const bills = h('div', {});
  const keyFile = h('input', { id: 'key-file', type: 'file', accept: '.txt,text/plain', 'aria-describedby': 'key-help' });
  const keyText = h('input', { id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', placeholder: 'AGE-SECRET-KEY-1…', 'aria-describedby': 'key-help' });
  const result = h('div', { 'aria-live': 'polite' });

  const opening = async (bid: string, record: BillRecord) => {
    const text = keyFile.files?.[0] ? await keyFile.files[0].text() : keyText.value;
    // Whatever comes of it, the key is not left in the page.
    keyFile.value = keyText.value = '';
    const identity = identityIn(text);
    const steps = h('ol', { class: 'steps' });
    result.replaceChildren(steps);
    const done = (what: string) => steps.append(h('li', {}, `✓ ${what}`));
    try {
      if (!identity) throw new Trouble('There is no secret key in it.', 'Choose the identity.txt of your meter, or paste its line that starts with AGE-SECRET-KEY-1.');
      result.append(shown(await examine(await chain, bid, record, identity, done)));
      document.getElementById('the-bill')?.focus();
    } catch (cause) {
      result.append(cause instanceof Trouble ? trouble(cause.message, cause.remedy) : trouble('The chain could not be read.', 'Wait until the page is connected again, then try again.'));
    }
  };

  const choices = (bid: string, records: BillRecord[]) =>
    records.length === 0
      ? trouble('The chain has no bill for this BID.', 'Compare it with your meter’s (meter-client status). The first bill comes when the first cycle is over.')
      : h('fieldset', {},
          h('legend', {}, `${many(records.length, 'bill')} on the chain`),
          h('label', { for: 'key-file' }, 'Your key: the meter’s identity.txt'), keyFile,
          h('label', { for: 'key' }, 'or its secret line'), keyText,
          h('p', { id: 'key-help' }, h('small', {}, 'The key stays in this browser and is forgotten at once: it is not stored and not sent.')),
          ...records.map((record) => h('button', { type: 'button', 'data-cycle': record.cycle, click: () => void opening(bid, record) }, `Open the bill of cycle ${record.cycle}`)));

  const form = h('form', {
    submit: (event) => {
      event.preventDefault();
      result.replaceChildren();
      const bid = bidField.value.trim().replace(/^0x/, '').toLowerCase();
      void chain
        .then((connected) => connected.bills(`0x${bid}`))
        .then((records) => bills.replaceChildren(choices(bid, records)))
        .catch(() => bills.replaceChildren(trouble('The chain could not be read.', 'Wait until the page is connected again, then try again.')));
    },
  },
    h('label', { for: 'bid' }, 'Your BID, the bill identifier'), bidField,
    h('p', { id: 'bid-help' }, h('small', {}, '64 hexadecimal digits, from your meter: ', h('code', {}, 'meter-client status'), '.')),
    h('button', {}, 'Find my bills'));
  return [h('p', {}, 'Bills are sealed for their users. Here yours is fetched, checked against the chain, and opened by your own browser.'), form, bills, result];
}
