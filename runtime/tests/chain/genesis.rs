//! What a chain starts with, and what it says about itself.

use codec::Encode;
use frame_metadata::RuntimeMetadata;
use gridveil_primitives::{RegionInfo, Role};
use gridveil_runtime::{genesis_presets, AccountId, Runtime, RuntimeGenesisConfig};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::{AuthorityId as GrandpaId, AuthorityList};
use sp_core::{ed25519, sr25519, Pair};
use sp_runtime::BuildStorage;

use crate::{
    harness::{control_centre, genesis_of, key_centre, Chain, Signer},
    status::status,
};

const NAMES: [&str; 4] = ["//Alice", "//Bob", "//Charlie", "//Dave"];

/// A member's account and keys, derived from its name.
fn derived(name: &str) -> (AccountId, AuraId, GrandpaId) {
    let aura = sr25519::Pair::from_string(name, None)
        .expect("a well-formed secret URI")
        .public();
    let grandpa = ed25519::Pair::from_string(name, None)
        .expect("a well-formed secret URI")
        .public();
    (aura.into(), aura.into(), grandpa.into())
}

#[test]
fn the_roles_of_the_presets_are_the_accounts_of_their_names() {
    assert_eq!(key_centre().account(), AccountId::from(genesis_presets::KEY_CENTRE));
    assert_eq!(
        control_centre().account(),
        AccountId::from(genesis_presets::CONTROL_CENTRE)
    );
    for preset in ["development", "local_testnet"] {
        let mut chain = Chain::new(preset);
        assert_eq!(
            chain.call::<Option<Role>>("GridApi_role", key_centre().account()),
            Some(Role::KeyCentre)
        );
        assert_eq!(
            chain.call::<Option<Role>>("GridApi_role", control_centre().account()),
            Some(Role::ControlCentre)
        );
        assert_eq!(
            chain.call::<Option<Role>>("GridApi_role", Signer::uri("//Alice").account()),
            None
        );
    }
}

#[test]
fn the_presets_are_listed_and_there_are_no_others() {
    let names = genesis_presets::preset_names();
    assert_eq!(names, ["development", "local_testnet"]);
    assert!(names.iter().all(|name| genesis_presets::get_preset(name).is_some()));
    assert_eq!(genesis_presets::get_preset(&"production".into()), None);
}

#[test]
fn a_preset_names_only_what_it_sets() {
    let preset: serde_json::Value =
        serde_json::from_slice(&genesis_presets::get_preset(&"local_testnet".into()).unwrap()).unwrap();
    let parts: Vec<_> = preset.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(parts, ["finality", "registry", "session"]);
}

#[test]
fn the_members_drive_aura_and_grandpa_each_once_and_with_its_own_keys() {
    for (preset, names, slot_ms) in [
        ("development", &NAMES[..1], 1_000),
        ("local_testnet", &NAMES[..], 3_000),
    ] {
        let mut chain = Chain::new(preset);
        let mut members: Vec<_> = names.iter().map(|name| derived(name)).collect();
        members.sort();
        let accounts: Vec<_> = members.iter().map(|(account, ..)| account.clone()).collect();
        let aura: Vec<_> = members.iter().map(|(_, aura, _)| aura.clone()).collect();
        let grandpa: AuthorityList = members.iter().map(|(.., grandpa)| (grandpa.clone(), 1)).collect();
        assert_eq!(chain.call::<Vec<AccountId>>("GridApi_members", ()), accounts);
        assert_eq!(chain.call::<Vec<AuraId>>("AuraApi_authorities", ()), aura);
        assert_eq!(
            chain.call::<AuthorityList>("GrandpaApi_grandpa_authorities", ()),
            grandpa
        );
        assert_eq!(chain.call::<u64>("AuraApi_slot_duration", ()), slot_ms);
    }
}

#[test]
fn a_preset_begins_without_a_leader_and_with_its_members_in_office() {
    for (preset, members, term_blocks) in [("development", 1, 600), ("local_testnet", 4, 100)] {
        let status = status(&mut Chain::new(preset));
        assert_eq!(
            (status.term, status.term_started, status.term_blocks),
            (0, 0, term_blocks)
        );
        assert_eq!((status.leader, status.members.len()), (None, members));
        assert!(status.members.iter().all(|member| member.authority && !member.away));
    }
}

#[test]
fn terms_pass_without_a_new_set_as_long_as_the_members_stay() {
    let mut chain = Chain::new("local_testnet");
    let authorities: AuthorityList = chain.call("GrandpaApi_grandpa_authorities", ());
    let blocks = status(&mut chain).term_blocks;
    while chain.number() <= 2 * blocks {
        chain.block(vec![]);
    }
    assert_eq!(status(&mut chain).term, 2);
    assert_eq!(
        chain.call::<AuthorityList>("GrandpaApi_grandpa_authorities", ()),
        authorities
    );
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), 0);
}

#[test]
fn the_regions_of_a_preset_have_the_members_in_turn_as_aggregators() {
    let mut chain = Chain::new("local_testnet");
    let regions: Vec<(u32, RegionInfo)> = chain.call("GridApi_regions", ());
    let expected = NAMES.iter().zip(1..=3).map(|(name, region)| {
        let aggregator = derived(name).0.into();
        (
            region,
            RegionInfo {
                aggregator,
                minimum_meters: 3,
                fallback_price: 200_000,
            },
        )
    });
    assert_eq!(regions, expected.collect::<Vec<_>>());

    let mut alone = Chain::new("development");
    let regions: Vec<(u32, RegionInfo)> = alone.call("GridApi_regions", ());
    assert_eq!(regions.len(), 3);
    assert!(regions
        .iter()
        .all(|(_, info)| info.aggregator == <[u8; 32]>::from(derived("//Alice").0)));
}

#[test]
#[should_panic(expected = "region 7 cannot be registered")]
fn a_genesis_with_a_region_whose_aggregator_is_no_member_is_refused() {
    let mut genesis: RuntimeGenesisConfig = genesis_of("development");
    genesis
        .registry
        .regions
        .push((7, Signer::uri("//Mallory").account(), 3, 1));
    let _ = genesis.build_storage();
}

#[test]
fn no_extension_of_ours_adds_a_byte_to_an_extrinsic() {
    assert_eq!(
        pallet_readings::AuthenticateMeter::<Runtime>::new().encode(),
        Vec::<u8>::new()
    );
    assert_eq!(
        pallet_registry::RequireRole::<Runtime>::new().encode(),
        Vec::<u8>::new()
    );
}

#[test]
fn the_metadata_names_the_pallets_and_the_extensions_in_the_order_clients_expect() {
    let mut chain = Chain::new("development");
    let RuntimeMetadata::V14(metadata) = chain.query(Runtime::metadata).1 else {
        panic!("version 14 is what every client reads")
    };
    let pallets: Vec<_> = metadata.pallets.iter().map(|pallet| pallet.name.as_str()).collect();
    assert_eq!(
        pallets,
        [
            "System",
            "Timestamp",
            "Aura",
            "Grandpa",
            "Authorship",
            "Finality",
            "Session",
            "Historical",
            "Consortium",
            "Registry",
            "Masks",
            "Readings",
            "Pricing",
            "Billing"
        ]
    );
    let extensions: Vec<_> = metadata
        .extrinsic
        .signed_extensions
        .iter()
        .map(|extension| extension.identifier.as_str())
        .collect();
    assert_eq!(
        extensions,
        [
            "CheckNonZeroSender",
            "CheckSpecVersion",
            "CheckTxVersion",
            "CheckGenesis",
            "CheckMortality",
            "AuthenticateMeter",
            "RequireRole",
            "CheckNonce",
            "CheckWeight",
            "WeightReclaim"
        ]
    );
    for extension in metadata.extrinsic.signed_extensions {
        if ["AuthenticateMeter", "RequireRole"].contains(&extension.identifier.as_str()) {
            for part in [extension.ty, extension.additional_signed] {
                assert_eq!(
                    encoded_len(&metadata.types, part.id),
                    Some(0),
                    "{}",
                    extension.identifier
                );
            }
        }
    }
}

/// How many bytes a value of a type without a choice has; `None` for any other type.
fn encoded_len(types: &scale_info::PortableRegistry, id: u32) -> Option<usize> {
    match &types.resolve(id)?.type_def {
        scale_info::TypeDef::Composite(composite) => composite
            .fields
            .iter()
            .map(|field| encoded_len(types, field.ty.id))
            .sum(),
        scale_info::TypeDef::Tuple(tuple) => tuple.fields.iter().map(|field| encoded_len(types, field.id)).sum(),
        _ => None,
    }
}
