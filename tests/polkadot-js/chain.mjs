// What a test does with `@polkadot/api` again and again: send, follow the finalised chain, look at the metadata.
//
// **Privacy.** Development keys only.

/// What went wrong with a call, in the metadata's words.
export class CallFailed extends Error {
  constructor({ section, name, docs }) {
    const [error, words] = [`${section}.${name}`, docs.join(' ').trim()];
    super(`${error}: ${words}`);
    Object.assign(this, { error, docs: words });
  }
}

/// Signs a call, sends it and waits until it is final; resolves to its events. Rejects with `CallFailed` where the call
/// fails, with the node's own error where the node does not take it.
export const send = (tx, signer) =>
  new Promise((resolve, reject) => {
    const follow = ({ status, events, dispatchError, isError }) => {
      if (dispatchError?.isModule) reject(new CallFailed(tx.registry.findMetaError(dispatchError.asModule)));
      else if (dispatchError || isError) reject(new Error(`${dispatchError ?? status}`));
      else if (status.isFinalized) resolve(events.map(({ event }) => event));
    };
    tx.signAndSend(signer, follow).catch(reject);
  });

/// An event's name, as `pallet.Event`.
export const nameOf = ({ section, method }) => `${section}.${method}`;

/// Follows the finalised chain. `until(look)` resolves to what `look` finds in all events so far and the time of the last
/// block, asked again with every block; `stop()` ends it.
export async function follow(api) {
  const seen = { events: [], now: 0 };
  let waiting = [];
  const look = () => {
    waiting = waiting.filter(({ find, resolve }) => {
      const found = find(seen);
      if (found) resolve(found);
      return !found;
    });
  };
  // Blocks are read one after the other, in their order.
  let turn = Promise.resolve();
  const stop = await api.derive.chain.subscribeFinalizedHeads(({ hash }) => {
    turn = turn.then(async () => {
      const { query } = await api.at(hash);
      seen.events.push(...(await query.system.events()).map(({ event }) => event));
      seen.now = (await query.timestamp.now()).toNumber();
      look();
    });
  });
  const until = (find) =>
    new Promise((resolve) => {
      waiting.push({ find, resolve });
      look();
    });
  return { until, stop };
}

/// The variants of a lookup type: calls, events or errors of a pallet.
export const variants = (registry, pallet, kind) => {
  const found = pallet[kind].unwrapOr(undefined);
  return found ? [...registry.lookup.getSiType(found.type).def.asVariant.variants] : [];
};
