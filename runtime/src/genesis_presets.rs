//! Ready-made geneses for development: one member alone, or four on one machine.
//!
//! Both use well-known keys and must not be used for anything else: the members are `//Alice` and so on, the key centre is
//! `//KeyCentre`, the control centre is `//ControlCentre`. Regions 1 to 3 exist from the start, their aggregators taken
//! from the members in turn.

use crate::{AccountId, BlockNumber, RuntimeGenesisConfig, SessionKeys};
use alloc::{vec, vec::Vec};
use frame_support::build_struct_json_patch;
use gridveil_primitives::{Price, RegionId};
use serde_json::Value;
use sp_core::hex2array;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// The public key of `//KeyCentre`.
pub const KEY_CENTRE: [u8; 32] = hex2array!("9805bb2175ba66bd2efbfa42fcfa03bca0664a1a226a5f15f1a12d775213fe44");
/// The public key of `//ControlCentre`.
pub const CONTROL_CENTRE: [u8; 32] = hex2array!("6a20dd11cd10099de5f2f99013335480e375ae005218872b772ecd986181744c");
/// The regions of both presets.
pub const REGIONS: [RegionId; 3] = [1, 2, 3];
/// The fewest meters of a region whose total may be opened.
pub const MINIMUM_METERS: u32 = 3;
/// The price of a period whose total is withheld, in millionths of the currency unit per kWh.
pub const FALLBACK_PRICE: Price = 200_000;

/// A member by name, with the session keys of that name.
fn member(aura: Sr25519Keyring, grandpa: Ed25519Keyring) -> (AccountId, SessionKeys) {
    (
        aura.to_account_id(),
        SessionKeys {
            aura: aura.public().into(),
            grandpa: grandpa.public().into(),
        },
    )
}

/// A genesis with these members, slots of `slot_ms` milliseconds and terms of `term_blocks`, as a patch of the default one.
fn genesis(members: Vec<(AccountId, SessionKeys)>, slot_ms: u64, term_blocks: BlockNumber) -> Value {
    let accounts: Vec<AccountId> = members.iter().map(|(account, _)| account.clone()).collect();
    let regions = REGIONS
        .into_iter()
        .zip(accounts.iter().cycle())
        .map(|(region, aggregator)| (region, aggregator.clone(), MINIMUM_METERS, FALLBACK_PRICE))
        .collect::<Vec<_>>();
    build_struct_json_patch!(RuntimeGenesisConfig {
        finality: pallet_finality::GenesisConfig {
            members: accounts,
            slot_ms,
            term_blocks
        },
        session: pallet_session::GenesisConfig {
            keys: members
                .into_iter()
                .map(|(account, keys)| (account.clone(), account, keys))
                .collect::<Vec<_>>(),
        },
        registry: pallet_registry::GenesisConfig {
            key_centres: vec![AccountId::from(KEY_CENTRE)],
            control_centres: vec![AccountId::from(CONTROL_CENTRE)],
            regions,
        },
    })
}

/// Alice alone, with slots of one second and terms of ten minutes: who is alone has every slot, whoever leads.
fn development() -> Value {
    genesis(vec![member(Sr25519Keyring::Alice, Ed25519Keyring::Alice)], 1_000, 600)
}

/// Alice, Bob, Charlie and Dave, with slots of three seconds and terms of five minutes, to see leaders come and go.
fn local_testnet() -> Value {
    let members = vec![
        member(Sr25519Keyring::Alice, Ed25519Keyring::Alice),
        member(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
        member(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
        member(Sr25519Keyring::Dave, Ed25519Keyring::Dave),
    ];
    genesis(members, 3_000, 100)
}

/// The preset called `id` as JSON; `None` where there is no such preset.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    let patch = match id.as_str() {
        DEV_RUNTIME_PRESET => development(),
        LOCAL_TESTNET_RUNTIME_PRESET => local_testnet(),
        _ => return None,
    };
    serde_json::to_vec(&patch).ok()
}

/// The names of the presets.
pub fn preset_names() -> Vec<PresetId> {
    vec![
        PresetId::from(DEV_RUNTIME_PRESET),
        PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
    ]
}
