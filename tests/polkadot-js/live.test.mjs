// gridveil's chain through `@polkadot/api` as it comes, without types or RPC definitions of our own, against a live node.
//
// Every role signs and sends its calls, a cycle of two periods goes from the users' registration to their bills, and what
// the chain says about itself (events, errors, metadata) is looked at. `GRIDVEIL_NODE` names the node's program.
//
// **Privacy.** Development keys and made-up readings.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { stringToU8a, u8aCmp, u8aConcat, u8aToBigInt, u8aToHex } from '@polkadot/util';
import { base58Decode, blake2AsHex, cryptoWaitReady, sha256AsU8a, sr25519PairFromSeed } from '@polkadot/util-crypto';
import { follow, nameOf, send, variants } from './chain.mjs';
import { OUR_APIS, OURS } from './metadata.mjs';
import { startNode } from './node.mjs';
import { commit, cycleFilter, h, masked, periodFilter, scalar, shareMessage, signForBatch, tally } from './protocol.mjs';

const OUR_EXTENSIONS = ['AuthenticateMeter', 'RequireRole'];

/// The cycle: its region and number, when it begins after it is scheduled, its two periods, in milliseconds.
const [REGION, CYCLE] = [1, 0];
const LEAD_MS = 20_000;
const SCHEDULE = { periodMs: 2_000, windowMs: 20_000, periods: 2 };
/// What each meter used in each period, in watt-hours; the third one feeds in during the first.
const READINGS = [[310n, 275n], [1_204n, 990n], [-512n, 40n]];
const TOTAL = 310 + 1_204 - 512;
/// The share that never comes, so that period 1 is faulty.
const isSilent = ({ period, meter, half }) => period === 1 && meter === 2 && half === 1;
/// In millionths of the currency unit per kWh.
const PRICE = 142_280;

/// 32 bytes that a name and some small numbers stand for.
const bytes = (what, ...of) => h(what, new Uint8Array(of)).subarray(0, 32);
const word = (what, ...of) => u8aToBigInt(bytes(what, ...of).subarray(0, 8));
const BLINDING = scalar(bytes('blinding'));
const SEALED_BILL = stringToU8a('a bill that only its user can read');
const CID = u8aConcat([0x01, 0x55, 0x12, 0x20], sha256AsU8a(SEALED_BILL));

describe('gridveil through polkadot.js', { timeout: 600_000 }, () => {
  const keyring = new Keyring({ type: 'sr25519' });
  let node, provider, api, chain, shares;
  let alice, bob, eve, keyCentre, controlCentre;

  const key = (period) => ({ region: REGION, cycle: CYCLE, period });
  const prids = (period) => shares.filter((share) => share.period === period).map(({ pair }) => pair.publicKey);
  const submit = ({ period, sent, pair }) => send(api.tx.readings.submit(REGION, CYCLE, period, sent), pair);
  /// Shares as a meter hands them to its aggregator, ascending by pseudonym.
  const signed = (some) =>
    some
      .map(({ period, sent, keys }) => ({ prid: keys.publicKey, value: sent, signature: signForBatch(keys, shareMessage(api.genesisHash, key(period), sent)) }))
      .sort((one, other) => u8aCmp(one.prid, other.prid));
  const submitBatch = (period, batch, signer = alice) => send(api.tx.readings.submitBatch(REGION, CYCLE, period, batch), signer);
  const of = (meter, period) => shares.filter((share) => share.meter === meter && share.period === period && !isSilent(share));
  const propose = (threshold, call) => api.tx.consortium.propose(threshold, call, call.encodedLength);
  /// A period's event of the finalised chain, as polkadot.js shows it to people.
  const event = async (name, period) => {
    const isIt = (seen) => nameOf(seen) === name && seen.data.key.period.toNumber() === period;
    return (await chain.until(({ events }) => events.find(isIt))).data;
  };

  before(async () => {
    assert.ok(process.env.GRIDVEIL_NODE, 'GRIDVEIL_NODE does not say where the node is');
    await cryptoWaitReady();
    [alice, bob, eve, keyCentre, controlCentre] = ['Alice', 'Bob', 'Eve', 'KeyCentre', 'ControlCentre'].map((name) =>
      keyring.addFromUri(`//${name}`),
    );
    // Two shares of each reading, each under a pseudonym: a key like any other, which only the period's filter makes one.
    shares = READINGS.flatMap((used, meter) =>
      used.flatMap((reading, period) =>
        [0, 1].map((half) => {
          const split = word('split', meter, period);
          const mask = word('mask', meter, period, half);
          const keys = sr25519PairFromSeed(bytes('pseudonym', meter, period, half));
          const pair = keyring.createFromPair(keys, {}, 'sr25519');
          return { meter, period, half, keys, pair, mask, sent: masked(half ? reading - split : split, mask) };
        }),
      ),
    );
    node = await startNode(process.env.GRIDVEIL_NODE);
    provider = new WsProvider(node.url);
    api = await ApiPromise.create({ provider });
    chain = await follow(api);
  });

  after(async () => {
    await chain?.stop();
    await api?.disconnect();
    await node?.stop();
  });

  describe('the metadata', () => {
    /// Everything of one kind that our pallets have.
    const items = (kind) =>
      api.runtimeMetadata.asLatest.pallets
        .filter(({ name }) => OURS.includes(name.toString()))
        .flatMap((pallet) => {
          if (kind === 'constants') return pallet.constants.map((item) => [pallet, item]);
          if (kind === 'storage') return (pallet.storage.unwrapOr(undefined)?.items ?? []).map((item) => [pallet, item]);
          return variants(api.registry, pallet, kind).map((item) => [pallet, item]);
        })
        .map(([pallet, item]) => ({ name: `${pallet.name}.${item.name}`, item }));
    const undocumented = (docs) => docs.join('').trim() === '';

    for (const kind of ['calls', 'events', 'errors', 'storage', 'constants']) {
      it(`has docs for all ${kind} of our pallets`, () => {
        assert.ok(items(kind).length > 3, `it has ${items(kind).length} of them`);
        assert.deepEqual(items(kind).filter(({ item }) => undocumented(item.docs)).map(({ name }) => name), []);
      });
    }

    it('names every argument of a call and every field of an event', () => {
      const isUnnamed = ({ item }) => item.fields.some((field) => field.name.isNone || field.typeName.isNone);
      assert.deepEqual([...items('calls'), ...items('events')].filter(isUnnamed).map(({ name }) => name), []);
    });

    it('has docs for our runtime APIs and each of their methods', () => {
      const apis = api.runtimeMetadata.asLatest.apis.filter(({ name }) => OUR_APIS.includes(name.toString()));
      assert.equal(apis.length, OUR_APIS.length);
      const entries = apis.flatMap(({ name, docs, methods }) => [
        { name: `${name}`, docs },
        ...methods.map((method) => ({ name: `${name}.${method.name}`, docs: method.docs })),
      ]);
      assert.deepEqual(entries.filter(({ docs }) => undocumented(docs)).map(({ name }) => name), []);
    });

    it('adds no byte to an extrinsic by the extensions that polkadot.js does not know', () => {
      const extensions = api.runtimeMetadata.asLatest.extrinsic.transactionExtensions;
      const ours = extensions.filter(({ identifier }) => OUR_EXTENSIONS.includes(identifier.toString()));
      assert.equal(ours.length, OUR_EXTENSIONS.length);
      for (const id of ours.flatMap(({ type, implicit }) => [type, implicit])) {
        assert.equal(api.registry.createType(api.registry.createLookupType(id)).encodedLength, 0);
      }
    });
  });

  describe('a member of the consortium, which is an aggregator', () => {
    it('decides alone while it is the only one', async () => {
      const info = { aggregator: u8aToHex(alice.publicKey), minimumMeters: 3, fallbackPrice: 250_000 };
      await send(propose(1, api.tx.registry.registerRegion(9, info)), alice);
      assert.deepEqual((await api.query.registry.regions(9)).unwrap().toJSON(), info);

      const events = await send(propose(1, api.tx.finality.addMember(bob.address, 'runs the northern substations')), alice);
      const { account, reason } = events.find((seen) => nameOf(seen) === 'finality.MemberAdded').data;
      assert.deepEqual([account.toString(), reason.toUtf8()], [bob.address, 'runs the northern substations']);
    });

    it('decides with the others by vote', async () => {
      const call = api.tx.registry.grantRole(eve.address, 'ControlCentre');
      const proposed = await send(propose(2, call), alice);
      const { proposalHash, proposalIndex } = proposed.find((seen) => nameOf(seen) === 'consortium.Proposed').data;
      for (const member of [alice, bob]) await send(api.tx.consortium.vote(proposalHash, proposalIndex, true), member);
      const bound = { refTime: 1_000_000_000, proofSize: 100_000 };
      const closed = await send(api.tx.consortium.close(proposalHash, proposalIndex, bound, call.encodedLength), bob);
      assert.ok(closed.map(nameOf).includes('registry.RoleGranted'), closed.map(nameOf).join());
      assert.equal((await api.query.registry.roles(eve.address)).unwrap().type, 'ControlCentre');
    });

    it('sets the session keys that its node makes', async () => {
      // A method that is not among polkadot.js's own definitions goes through its provider.
      const { keys, proof } = await provider.send('author_rotateKeysWithOwner', [u8aToHex(alice.publicKey)]);
      await send(api.tx.finality.setKeys(keys, proof), alice);
      assert.equal((await api.query.session.nextKeys(alice.address)).unwrap().toHex(), keys);
    });

    it('lists its nodes', async () => {
      const peer = u8aToHex(base58Decode((await api.rpc.system.localPeerId()).toString()));
      await send(api.tx.finality.setNodes([peer]), alice);
      assert.deepEqual((await api.query.finality.nodes(alice.address)).toJSON(), [peer]);
    });

    it('steps out and back, and is told by name and in words why it may not', async () => {
      await assert.rejects(send(api.tx.finality.leave(), alice), {
        error: 'finality.TooFewMembers',
        docs: 'The next set would have fewer authorities than it may have.',
      });
      await assert.rejects(send(api.tx.finality.rejoin(), alice), {
        error: 'finality.NotAway',
        docs: 'The member has not stepped out.',
      });
    });
  });

  describe('a cycle', () => {
    it('is prepared by the key centre', async () => {
      const users = READINGS.map((_, meter) => [bytes('bid', meter), bytes('recipient', meter)]);
      const start = (await api.call.gridApi.now()).toNumber() + LEAD_MS;
      const manifests = [0, 1].map((period) => ({
        meters: READINGS.length,
        filter: u8aToHex(periodFilter(key(period), prids(period))),
        commitment: commit(maskSum(period), BLINDING),
        root: bytes('root'),
      }));
      const filter = cycleFilter(REGION, CYCLE, [0, 1].map((period) => tally(prids(period))));
      const seen = [];
      for (const call of [
        api.tx.registry.registerUsers(users),
        api.tx.registry.scheduleCycle(CYCLE, { start, ...SCHEDULE }),
        api.tx.masks.publishCycleFilter(REGION, CYCLE, READINGS.length, u8aToHex(filter)),
        api.tx.masks.publishManifests(REGION, CYCLE, 0, manifests),
      ]) {
        seen.push(...(await send(call, keyCentre)).map(nameOf));
      }
      for (const name of ['UsersRegistered', 'CycleScheduled', 'CycleFilterPublished', 'ManifestsPublished']) {
        assert.ok(seen.some((event) => event.endsWith(`.${name}`)), `${name} is not among ${seen}`);
      }
    });

    it('takes no share before its period has ended, and says so with the code for that', async () => {
      await assert.rejects(submit(shares[0]), { code: 1010, data: 'Custom error: 5' });
    });

    it('takes shares that pseudonyms sign, which have no account and get none', async () => {
      const { start, periodMs } = (await api.query.registry.cycles(CYCLE)).unwrap();
      const ended = start.toNumber() + 2 * periodMs.toNumber();
      await chain.until(({ now }) => now >= ended);
      const sent = [...of(0, 0), ...of(0, 1)];
      await Promise.all(sent.map(submit));
      for (const { period, pair, sent: value } of sent) {
        assert.equal((await api.query.readings.shares(CYCLE, REGION, period, pair.publicKey)).unwrap().toBigInt(), value);
        assert.equal(await provider.send('state_getStorage', [api.query.system.account.key(pair.address)]), null);
      }
    });

    it('takes a batch of the region’s aggregator and of nobody else, and says what is wrong with one', async () => {
      const batch = signed(of(1, 0));
      const forged = batch.map((share, place) => ({ ...share, value: place ? share.value : masked(share.value, 1n) }));
      for (const [wrong, signer, data] of [
        [forged, alice, 'Custom error: 10'],
        [[...batch].reverse(), alice, 'Custom error: 11'],
        [batch, bob, 'Custom error: 12'],
      ]) {
        await assert.rejects(submitBatch(0, wrong, signer), { code: 1010, data });
      }
      for (const period of [0, 1]) {
        const accepted = (await submitBatch(period, signed(of(1, period)))).find((seen) => nameOf(seen) === 'readings.BatchAccepted').data;
        assert.deepEqual([accepted.key.period.toNumber(), accepted.count.toNumber()], [period, 2]);
      }
    });

    it('takes shares by its aggregator’s RPC, which answers with a receipt and brings them to the chain', async () => {
      // What the method takes has no name of its own in the metadata; its parts have.
      const [keyType] = api.tx.masks.open.meta.args.map(({ type }) => type.toString());
      const [, shareType] = /^Vec<(.*)>$/.exec(api.tx.readings.submitBatch.meta.args.at(-1).type.toString());
      const handed = [0, 1].flatMap((period) => signed(of(2, period)).map((share) => [key(period), share]));
      for (const share of handed) {
        const encoded = api.createType(`(${keyType}, ${shareType})`, share);
        const receipt = await provider.send('readings_submitShare', [encoded.toHex()]);
        assert.ok(receipt.startsWith(u8aToHex(u8aConcat(alice.publicKey, encoded.toU8a().subarray(0, 50)))));
      }
      const counts = ({ events }) => events.filter((seen) => nameOf(seen) === 'readings.BatchAccepted').map(({ data }) => data.count.toNumber());
      // Four came in the batches before.
      await chain.until((seen) => counts(seen).reduce((sum, count) => sum + count, 0) === 4 + handed.length);
    });

    it('takes no share twice and none of a stranger, and says so with the codes for that', async () => {
      await assert.rejects(submit(shares[0]), { code: 1010, data: 'Custom error: 8' });
      await assert.rejects(submit({ ...shares[0], pair: eve }), { code: 1010, data: 'Custom error: 7' });
    });

    it('closes a period that has all its shares, and one that has not with a fault', async () => {
      const closed = await event('readings.PeriodClosed', 0);
      assert.equal(closed.count.toNumber(), 6);
      const fault = await event('readings.AggregationFault', 1);
      assert.deepEqual([fault.expected.toNumber(), fault.count.toNumber(), fault.tallyKnown.isTrue], [6, 5, false]);
      const views = await api.call.gridApi.cycleView(REGION, CYCLE);
      assert.deepEqual(views.map(([period, view]) => [period.toNumber(), view.status.type]), [[0, 'Complete'], [1, 'Faulty']]);
    });

    it('is opened and withheld by the key centre, which is told what does not add up', async () => {
      const opening = { excluded: [], leftOut: [], maskSum: maskSum(0), blinding: BLINDING };
      await assert.rejects(send(api.tx.masks.open(key(0), { ...opening, maskSum: maskSum(0) + 1n }), keyCentre), {
        error: 'masks.DoesNotOpen',
        docs: "The opening does not open the period's commitment, less the meters left out.",
      });
      await send(api.tx.masks.open(key(0), opening), keyCentre);
      assert.deepEqual((await api.query.masks.outcomes(key(0))).unwrap().asOpened.toJSON(), { meters: 3, energy: TOTAL });

      const half = shares.find(({ period, meter, half: which }) => period === 1 && meter === 2 && which === 0);
      await send(api.tx.masks.withhold(key(1), [half.pair.publicKey]), keyCentre);
      const fallback = await event('pricing.PriceSet', 1);
      assert.deepEqual([fallback.price.toNumber(), fallback.fallback.isTrue], [200_000, true]);
    });

    it('is priced by the control centre, once', async () => {
      const price = api.tx.pricing.setPrice(key(0), PRICE);
      await send(price, controlCentre);
      assert.equal((await api.query.pricing.prices(key(0))).unwrap().toNumber(), PRICE);
      await assert.rejects(send(price, controlCentre), { error: 'pricing.AlreadyPriced' });
    });

    it('is billed by the key centre, and a user finds its bill', async () => {
      const [bid, hash] = [bytes('bid', 0), blake2AsHex(SEALED_BILL, 256)];
      const [[use]] = READINGS;
      const cost = use * BigInt(PRICE);
      const commitments = { energy: commit(use, BLINDING), amount: commit(cost, BLINDING), apart: commit(0n, BLINDING) };
      await send(api.tx.billing.publishBills(REGION, CYCLE, [[bid, u8aToHex(CID), hash, commitments]]), keyCentre);
      const opening = { sums: { energy: use, amount: cost }, energyBlinding: BLINDING, amountBlinding: BLINDING };
      await send(api.tx.billing.reconcile(REGION, CYCLE, opening), keyCentre);
      await send(api.tx.billing.finishCycle(CYCLE), keyCentre);
      const [[cycle, record]] = (await api.call.gridApi.bills(bid)).toJSON();
      assert.deepEqual([cycle, record.cid, record.hash], [CYCLE, u8aToHex(CID), hash]);
    });
  });

  describe('who may do what', () => {
    const unexpected = { code: 1010, data: 'Transaction call is not expected' };

    it('is the same for every client: a stranger may do nothing', () =>
      assert.rejects(send(api.tx.pricing.setPrice(key(0), 1), keyring.createFromUri('//Mallory')), unexpected));

    it('and a role only its own', async () => {
      await assert.rejects(send(api.tx.billing.finishCycle(CYCLE), controlCentre), unexpected);
      await assert.rejects(send(api.tx.pricing.setPrice(key(0), 1), alice), unexpected);
      await assert.rejects(send(api.tx.registry.grantRole(bob.address, 'KeyCentre'), keyCentre), unexpected);
    });
  });

  /// Z of a period in which all are there.
  function maskSum(period) {
    return shares.filter((share) => share.period === period).reduce((sum, { mask }) => sum + mask, 0n);
  }
});
