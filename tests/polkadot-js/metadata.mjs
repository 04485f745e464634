// What the chain says of itself, in plain values: our pallets with their calls, events, errors, storage and constants, and our
// runtime APIs.
//
// **Privacy.** Asks a node for its metadata.

import { ApiPromise, WsProvider } from '@polkadot/api';
import { variants } from './chain.mjs';

export const OURS = ['Finality', 'Registry', 'Masks', 'Readings', 'Pricing', 'Billing'];
export const OUR_APIS = ['GridApi', 'FinalityApi'];

const docs = (item) => item.docs.map((line) => line.toString());

function read(api) {
  const { pallets, apis } = api.runtimeMetadata.asLatest;
  const typeName = (id) => {
    const { lookupName, type } = api.registry.lookup.getTypeDef(id);
    return lookupName ?? type;
  };
  const named = (fields) => fields.map(({ name, typeName: written, type }) => ({ name: name.isSome ? name.toString() : '', type: written.isSome ? written.toString() : typeName(type) }));
  const items = (pallet, kind) => variants(api.registry, pallet, kind).map((item) => ({ name: item.name.toString(), docs: docs(item), fields: named(item.fields) }));
  return {
    pallets: pallets.filter(({ name }) => OURS.includes(name.toString())).map((pallet) => ({
      name: pallet.name.toString(),
      index: pallet.index.toNumber(),
      ...Object.fromEntries(['calls', 'events', 'errors'].map((kind) => [kind, items(pallet, kind)])),
      storage: (pallet.storage.unwrapOr(undefined)?.items ?? []).map((item) => ({ name: item.name.toString(), docs: docs(item) })),
      constants: pallet.constants.map((item) => ({
        name: item.name.toString(),
        docs: docs(item),
        value: api.registry.createType(api.registry.createLookupType(item.type), item.value.toU8a(true)).toString(),
      })),
    })),
    apis: apis.filter(({ name }) => OUR_APIS.includes(name.toString())).map((each) => ({
      name: each.name.toString(),
      docs: docs(each),
      methods: each.methods.map((method) => ({
        name: method.name.toString(),
        docs: docs(method),
        fields: method.inputs.map(({ name, type }) => ({ name: name.toString(), type: typeName(type) })),
      })),
    })),
  };
}

/// The metadata of the chain of the node at `url`.
export async function metadata(url) {
  const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
  try {
    return read(api);
  } finally {
    await api.disconnect();
  }
}
