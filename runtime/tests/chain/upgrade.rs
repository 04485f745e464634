//! A new runtime: decided on by two thirds, brought by any member, and everything that was there is still there.
//!
//! The code is the runtime for WebAssembly where the build made one, and an empty module where it did not
//! (`SKIP_WASM_BUILD`); either way it says which version it is where nodes look for that, in the section
//! `runtime_version`, and the node's own executor reads it from there. What the blocks after an upgrade do is this
//! runtime's doing all the same, since these tests run it natively.

use std::collections::BTreeMap;

use frame_support::storage::unhashed;
use gridveil_primitives::{CycleSchedule, Manifest, PeriodView, RegionInfo, Share};
use gridveil_runtime::{Hash, Runtime, RuntimeCall, RuntimeEvent, UncheckedExtrinsic, VERSION};
use pallet_finality::{Call, Event, LeaderVote};
use sp_core::storage::well_known_keys::CODE;
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    transaction_validity::InvalidTransaction,
    DispatchError,
};
use sp_version::RuntimeVersion;

use crate::{
    grid::{schedule, submit, Region},
    harness::{control_centre, key_centre, Chain, Signer},
    motions::{decide, ALL, ENOUGH},
    status::status,
};

type SystemCall = frame_system::Call<Runtime>;
type SystemError = frame_system::Error<Runtime>;
type SystemEvent = frame_system::Event<Runtime>;

/// Code that says it is this version.
fn code(version: RuntimeVersion) -> Vec<u8> {
    let empty = &[0, b'a', b's', b'm', 1, 0, 0, 0];
    let code = gridveil_runtime::WASM_BINARY_BLOATY.unwrap_or(empty);
    sp_version::embed::embed_runtime_version(code, version).expect("a module takes a section")
}

/// Code of a spec version.
fn version(spec_version: u32) -> Vec<u8> {
    code(RuntimeVersion {
        spec_version,
        ..VERSION
    })
}

fn next() -> Vec<u8> {
    version(VERSION.spec_version + 1)
}

fn authorize(code: &[u8]) -> Call<Runtime> {
    Call::authorize_upgrade {
        code_hash: BlakeTwo256::hash(code),
    }
}

fn apply(code: Vec<u8>) -> SystemCall {
    SystemCall::apply_authorized_upgrade { code }
}

/// Everything that the chain stores.
fn storage(chain: &mut Chain) -> BTreeMap<Vec<u8>, Vec<u8>> {
    chain.query(|| {
        let mut all = BTreeMap::new();
        let mut key = vec![];
        while let Some(next) = sp_io::storage::next_key(&key) {
            all.insert(next.clone(), unhashed::get_raw(&next).expect("it is there"));
            key = next;
        }
        all
    })
}

/// What of it is the grid's and the consortium's, and no block changes by itself.
fn data(chain: &mut Chain) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let pallets = [
        "Registry",
        "Masks",
        "Readings",
        "Pricing",
        "Billing",
        "Consortium",
        "Session",
        "Historical",
        "Grandpa",
    ];
    let prefixes = pallets.map(|name| sp_io::hashing::twox_128(name.as_bytes()));
    let mut all = storage(chain);
    // The cursor over periods moves with time.
    let cursor = pallet_readings::NextClose::<Runtime>::hashed_key();
    all.retain(|key, _| prefixes.iter().any(|prefix| key.starts_with(prefix)) && key[..] != cursor[..]);
    assert!(!all.is_empty());
    all
}

fn in_storage(chain: &mut Chain) -> Option<Vec<u8>> {
    chain.query(|| unhashed::get_raw(CODE))
}

/// What a client reads of the grid.
type View = (
    Vec<(u32, RegionInfo)>,
    Option<CycleSchedule>,
    Option<Manifest>,
    Option<PeriodView>,
    Vec<Share>,
    Option<[u8; 32]>,
);

fn view(chain: &mut Chain, region: &Region) -> View {
    let key = region.key(0);
    (
        chain.call("GridApi_regions", ()),
        chain.call("GridApi_cycle", key.cycle),
        chain.call("GridApi_manifest", key),
        chain.call("GridApi_period", key),
        chain.call("GridApi_shares", key),
        chain.call("GridApi_user", region.homes[0].bid),
    )
}

/// A chain in the middle of a period's window, with users, filters and shares, led by Bob.
fn busy_chain() -> (Chain, Region) {
    let mut chain = Chain::new("local_testnet");
    chain.vote = Some(LeaderVote::For(Signer::uri("//Bob").account()));
    chain.next_term();
    let region = Region::new(1, 4);
    let users = vec![(region.homes[0].bid, [9; 32])].try_into().expect("few");
    chain.must(
        &key_centre(),
        pallet_registry::Call::<Runtime>::register_users { users },
    );
    let schedule = schedule(&mut chain, 2);
    region.publish(&mut chain, 2);
    while chain.now() < schedule.ends(0).expect("a period") {
        chain.block(vec![]);
    }
    let shares: Vec<UncheckedExtrinsic> = (0..3)
        .flat_map(|home| region.shares(home, 0, 250))
        .map(|(signer, share)| chain.sign(&signer, submit(region.key(0), share)))
        .collect();
    assert_eq!(chain.block(shares), vec![Ok(Ok(())); 6]);
    (chain, region)
}

#[test]
fn a_runtime_decided_on_by_two_thirds_replaces_the_code_and_keeps_everything_else() {
    let (mut chain, region) = busy_chain();
    assert_eq!(decide(&mut chain, authorize(&next()), &ENOUGH), Ok(()));
    let code_hash = BlakeTwo256::hash(&next());
    let event = RuntimeEvent::Finality(Event::UpgradeAuthorized { code_hash });
    assert!(chain.events().contains(&event));
    assert_ne!(in_storage(&mut chain), Some(next()));

    let (data_before, view_before) = (data(&mut chain), view(&mut chain, &region));
    let consortium = status(&mut chain);
    assert_eq!(consortium.leader, Some(Signer::uri("//Bob").account()));
    // Dave wasn't among those who decided, and brings it.
    chain.must(&Signer::uri("//Dave"), apply(next()));
    assert!(chain
        .events()
        .contains(&RuntimeEvent::System(SystemEvent::CodeUpdated { hash: code_hash })));
    assert_eq!(in_storage(&mut chain), Some(next()));
    assert_eq!(data(&mut chain), data_before);
    assert_eq!(view(&mut chain, &region), view_before);
    assert_eq!(status(&mut chain).leader, consortium.leader);
    assert!(chain
        .header()
        .digest
        .logs
        .contains(&sp_runtime::DigestItem::RuntimeEnvironmentUpdated));

    // The first block of a new version runs every pallet's upgrade.
    chain.query(|| {
        let older = frame_system::LastRuntimeUpgradeInfo {
            spec_version: (VERSION.spec_version - 1).into(),
            spec_name: VERSION.spec_name,
        };
        frame_system::LastRuntimeUpgrade::<Runtime>::put(older);
    });
    chain.block(vec![]);
    let last = chain.query(frame_system::LastRuntimeUpgrade::<Runtime>::get);
    assert_eq!(last.expect("upgraded").spec_version.0, VERSION.spec_version);
    assert_eq!(data(&mut chain), data_before);
    assert_eq!(view(&mut chain, &region), view_before);
    assert_eq!(status(&mut chain).leader, consortium.leader);

    // And life goes on: the last home's shares arrive.
    let shares: Vec<UncheckedExtrinsic> = region
        .shares(3, 0, 250)
        .into_iter()
        .map(|(signer, share)| chain.sign(&signer, submit(region.key(0), share)))
        .collect();
    assert_eq!(chain.block(shares), vec![Ok(Ok(())); 2]);
}

#[test]
fn two_of_four_members_authorize_no_upgrade() {
    let mut chain = Chain::new("local_testnet");
    assert_eq!(
        decide(&mut chain, authorize(&next()), &ENOUGH[..2]),
        Err(DispatchError::BadOrigin)
    );
    let result = chain.submit(&Signer::uri("//Alice"), apply(next()));
    assert_eq!(result, Ok(Err(SystemError::NothingAuthorized.into())));
}

#[test]
fn code_that_was_not_authorized_is_refused() {
    let mut chain = Chain::new("local_testnet");
    let before = in_storage(&mut chain);
    assert_eq!(decide(&mut chain, authorize(&next()), &ENOUGH), Ok(()));
    let other = version(VERSION.spec_version + 2);
    let result = chain.submit(&Signer::uri("//Alice"), apply(other.clone()));
    assert_eq!(result, Ok(Err(SystemError::Unauthorized.into())));
    let bare = UncheckedExtrinsic::new_bare(apply(other).into());
    chain.must_refuse(bare, InvalidTransaction::Call);
    assert_eq!(in_storage(&mut chain), before);
    // The one that was is still welcome.
    chain.must(&Signer::uri("//Alice"), apply(next()));
    assert_eq!(in_storage(&mut chain), Some(next()));
}

#[test]
fn a_spec_version_that_is_not_higher_is_refused_even_where_it_was_authorized() {
    for spec_version in [VERSION.spec_version, VERSION.spec_version - 1] {
        let mut chain = Chain::new("local_testnet");
        let before = in_storage(&mut chain);
        let code = version(spec_version);
        assert_eq!(decide(&mut chain, authorize(&code), &ENOUGH), Ok(()));
        chain.must(&Signer::uri("//Alice"), apply(code.clone()));
        let event = RuntimeEvent::System(SystemEvent::RejectedInvalidAuthorizedUpgrade {
            code_hash: BlakeTwo256::hash(&code),
            error: SystemError::SpecVersionNeedsToIncrease.into(),
        });
        assert!(chain.events().contains(&event));
        assert_eq!(in_storage(&mut chain), before);
        // It takes another vote to try another code.
        let result = chain.submit(&Signer::uri("//Alice"), apply(next()));
        assert_eq!(result, Ok(Err(SystemError::NothingAuthorized.into())));
    }
}

#[test]
fn code_of_another_chain_or_of_no_version_is_refused_even_where_it_was_authorized() {
    let foreign = code(RuntimeVersion {
        spec_name: "somebody-elses".into(),
        spec_version: VERSION.spec_version + 1,
        ..VERSION
    });
    for (code, error) in [
        (foreign, SystemError::InvalidSpecName),
        (b"no module".to_vec(), SystemError::FailedToExtractRuntimeVersion),
    ] {
        let mut chain = Chain::new("local_testnet");
        let before = in_storage(&mut chain);
        assert_eq!(decide(&mut chain, authorize(&code), &ENOUGH), Ok(()));
        chain.must(&Signer::uri("//Alice"), apply(code.clone()));
        let event = RuntimeEvent::System(SystemEvent::RejectedInvalidAuthorizedUpgrade {
            code_hash: BlakeTwo256::hash(&code),
            error: error.into(),
        });
        assert!(chain.events().contains(&event));
        assert_eq!(in_storage(&mut chain), before);
    }
}

#[test]
fn a_later_decision_takes_the_place_of_an_earlier_one() {
    let mut chain = Chain::new("local_testnet");
    let later = version(VERSION.spec_version + 2);
    assert_eq!(decide(&mut chain, authorize(&next()), &ENOUGH), Ok(()));
    assert_eq!(decide(&mut chain, authorize(&later), &ENOUGH), Ok(()));
    let result = chain.submit(&Signer::uri("//Alice"), apply(next()));
    assert_eq!(result, Ok(Err(SystemError::Unauthorized.into())));
    chain.must(&Signer::uri("//Alice"), apply(later.clone()));
    assert_eq!(in_storage(&mut chain), Some(later));
}

#[test]
fn whoever_is_no_member_cannot_bring_code_with_a_signature() {
    let mut chain = Chain::new("local_testnet");
    assert_eq!(decide(&mut chain, authorize(&next()), &ENOUGH), Ok(()));
    for signer in [key_centre(), control_centre(), Signer::uri("//Mallory")] {
        let extrinsic = chain.sign(&signer, apply(next()));
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
    }
}

#[test]
fn no_other_way_to_set_code_is_open_to_a_signature_or_a_motion() {
    let mut chain = Chain::new("local_testnet");
    let code_hash: Hash = BlakeTwo256::hash(&next());
    let calls: Vec<RuntimeCall> = vec![
        SystemCall::set_code { code: next() }.into(),
        SystemCall::set_code_without_checks { code: next() }.into(),
        SystemCall::authorize_upgrade { code_hash }.into(),
        SystemCall::authorize_upgrade_without_checks { code_hash }.into(),
        authorize(&next()).into(),
    ];
    for name in ALL {
        for call in calls.clone() {
            let extrinsic = chain.sign(&Signer::uri(name), call);
            chain.must_refuse(extrinsic, InvalidTransaction::Call);
        }
        for call in &calls[..4] {
            let wrapped = RuntimeCall::Consortium(pallet_collective::Call::propose {
                threshold: 3,
                proposal: Box::new(call.clone()),
                length_bound: u32::MAX,
            });
            let extrinsic = chain.sign(&Signer::uri(name), wrapped);
            chain.must_refuse(extrinsic, InvalidTransaction::Call);
        }
    }
}
