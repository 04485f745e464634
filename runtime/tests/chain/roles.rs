//! Default deny: every signed call is refused but those of the signer's role.

use gridveil_primitives::{CycleSchedule, PeriodKey, RegionInfo, Role};
use gridveil_runtime::{Runtime, RuntimeCall, SessionKeys, System, UncheckedExtrinsic};
use sp_core::{ed25519, sr25519};
use sp_runtime::{generic::Preamble, transaction_validity::InvalidTransaction};

use crate::{
    harness::{control_centre, key_centre, Chain, Signer},
    keys::Keys,
};

const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 0,
    period: 0,
};

fn chain() -> Chain {
    Chain::new("local_testnet")
}

fn member() -> Signer {
    Signer::uri("//Alice")
}

fn stranger() -> Signer {
    Signer::uri("//Mallory")
}

/// Everyone who can sign: a member, both roles, and a stranger.
fn everyone() -> [Signer; 4] {
    [member(), key_centre(), control_centre(), stranger()]
}

fn key_centres_calls() -> Vec<RuntimeCall> {
    let schedule = CycleSchedule {
        start: u64::MAX / 2,
        period_ms: 60_000,
        window_ms: 30_000,
        periods: 2,
    };
    let opening = pallet_masks::OpeningOf::<Runtime> {
        excluded: Default::default(),
        left_out: Default::default(),
        mask_sum: 0,
        blinding: [0; 32],
    };
    vec![
        pallet_registry::Call::register_users {
            users: vec![([1; 32], [2; 32])].try_into().unwrap(),
        }
        .into(),
        pallet_registry::Call::schedule_cycle { cycle: 0, schedule }.into(),
        pallet_masks::Call::publish_cycle_filter {
            region: 1,
            cycle: 0,
            meters: 4,
            filter: Default::default(),
        }
        .into(),
        pallet_masks::Call::publish_manifests {
            region: 1,
            cycle: 0,
            first: 0,
            manifests: Default::default(),
        }
        .into(),
        pallet_masks::Call::revise_cycle {
            region: 1,
            cycle: 0,
            from: 0,
            meters: 4,
            filter: Default::default(),
        }
        .into(),
        pallet_masks::Call::open { key: KEY, opening }.into(),
        pallet_masks::Call::withhold {
            key: KEY,
            excluded: Default::default(),
        }
        .into(),
        pallet_billing::Call::publish_bills {
            region: 1,
            cycle: 0,
            bills: Default::default(),
        }
        .into(),
        pallet_billing::Call::finish_cycle { cycle: 0 }.into(),
        pallet_billing::Call::reconcile {
            region: 1,
            cycle: 0,
            opening: gridveil_primitives::bill::open(Default::default(), []),
        }
        .into(),
    ]
}

fn control_centres_calls() -> Vec<RuntimeCall> {
    vec![pallet_pricing::Call::set_price {
        key: KEY,
        price: 200_000,
    }
    .into()]
}

fn decisions() -> Vec<RuntimeCall> {
    let account = stranger().account();
    let info = RegionInfo {
        aggregator: member().account().into(),
        minimum_meters: 3,
        fallback_price: 1,
    };
    vec![
        pallet_registry::Call::grant_role {
            account: account.clone(),
            role: Role::ControlCentre,
        }
        .into(),
        pallet_registry::Call::revoke_role { account }.into(),
        pallet_registry::Call::register_region { region: 9, info }.into(),
        pallet_finality::Call::add_member {
            account: stranger().account(),
            reason: Default::default(),
        }
        .into(),
        pallet_finality::Call::remove_member {
            account: Signer::uri("//Dave").account(),
            reason: Default::default(),
        }
        .into(),
        pallet_finality::Call::note_stalled {
            delay: 10,
            best_finalized: 1,
        }
        .into(),
        pallet_finality::Call::authorize_upgrade {
            code_hash: Default::default(),
        }
        .into(),
    ]
}

/// What a member says about itself, and the code that it may bring.
fn members_own_calls(member: &Signer) -> Vec<RuntimeCall> {
    let keys = Keys::uri("//Alice//2");
    vec![
        pallet_finality::Call::leave {}.into(),
        pallet_finality::Call::rejoin {}.into(),
        pallet_finality::Call::set_keys {
            keys: keys.public(),
            proof: keys.proof(&member.account()),
        }
        .into(),
        pallet_finality::Call::set_nodes {
            nodes: Default::default(),
        }
        .into(),
        frame_system::Call::apply_authorized_upgrade { code: vec![] }.into(),
    ]
}

/// What no signature can bring about.
fn nobodys_calls() -> Vec<RuntimeCall> {
    let keys = SessionKeys {
        aura: sr25519::Public::default().into(),
        grandpa: ed25519::Public::default().into(),
    };
    let remark = || Box::new(frame_system::Call::remark { remark: vec![] }.into());
    vec![
        frame_system::Call::remark { remark: vec![] }.into(),
        frame_system::Call::remark_with_event { remark: vec![] }.into(),
        frame_system::Call::set_code { code: vec![] }.into(),
        frame_system::Call::set_storage { items: vec![] }.into(),
        pallet_grandpa::Call::note_stalled {
            delay: 1,
            best_finalized_block_number: 0,
        }
        .into(),
        pallet_session::Call::set_keys { keys, proof: vec![] }.into(),
        pallet_session::Call::purge_keys {}.into(),
        RuntimeCall::Consortium(pallet_collective::Call::set_members {
            new_members: vec![],
            prime: None,
            old_count: 4,
        }),
        RuntimeCall::Consortium(pallet_collective::Call::execute {
            proposal: remark(),
            length_bound: 100,
        }),
        RuntimeCall::Consortium(pallet_collective::Call::propose {
            threshold: 1,
            proposal: remark(),
            length_bound: 100,
        }),
        RuntimeCall::Consortium(pallet_collective::Call::disapprove_proposal {
            proposal_hash: Default::default(),
        }),
        RuntimeCall::Consortium(pallet_collective::Call::kill {
            proposal_hash: Default::default(),
        }),
    ]
}

/// Checks that the pool and a block refuse these calls from this signer.
fn refused(chain: &mut Chain, signer: &Signer, calls: Vec<RuntimeCall>) {
    for call in calls {
        let extrinsic = chain.sign(signer, call);
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
    }
}

#[test]
fn a_remark_and_every_other_call_that_is_nobodys_is_refused_from_everyone() {
    let mut chain = chain();
    for signer in everyone() {
        refused(&mut chain, &signer, nobodys_calls());
    }
}

#[test]
fn the_time_is_set_by_a_blocks_author_and_by_no_signature() {
    let mut chain = chain();
    for signer in everyone() {
        let now = chain.now() + 60_000;
        let extrinsic = chain.sign(&signer, pallet_timestamp::Call::<Runtime>::set { now });
        assert_eq!(
            chain.validate(extrinsic.clone()),
            Err(InvalidTransaction::MandatoryValidation.into())
        );
        assert_eq!(chain.block(vec![extrinsic]), vec![Err(InvalidTransaction::Call.into())]);
    }
}

#[test]
fn the_key_centres_calls_are_refused_from_an_account_without_the_role() {
    let mut chain = chain();
    for signer in [member(), control_centre(), stranger()] {
        refused(&mut chain, &signer, key_centres_calls());
    }
}

#[test]
fn the_control_centres_calls_are_refused_from_an_account_without_the_role() {
    let mut chain = chain();
    for signer in [member(), key_centre(), stranger()] {
        refused(&mut chain, &signer, control_centres_calls());
    }
}

#[test]
fn a_members_own_calls_are_refused_from_everyone_else() {
    let mut chain = chain();
    for signer in [key_centre(), control_centre(), stranger()] {
        let calls = members_own_calls(&signer);
        refused(&mut chain, &signer, calls);
    }
}

#[test]
fn what_the_consortium_decides_is_refused_from_any_single_account() {
    let mut chain = chain();
    for signer in everyone() {
        refused(&mut chain, &signer, decisions());
    }
}

#[test]
fn each_role_gets_its_own_calls_into_a_block() {
    let mut chain = chain();
    for (signer, calls) in [
        (member(), members_own_calls(&member())),
        (key_centre(), key_centres_calls()),
        (control_centre(), control_centres_calls()),
    ] {
        for call in calls {
            let extrinsic = chain.sign(&signer, call.clone());
            assert!(chain.validate(extrinsic.clone()).is_ok(), "{call:?}");
            // What a call says about its arguments is its pallet's matter.
            let result = chain.include(extrinsic);
            assert!(result.is_ok(), "{call:?}: {result:?}");
        }
    }
}

#[test]
fn a_roles_call_wrapped_in_a_motion_is_refused_from_everyone() {
    let mut chain = chain();
    for signer in everyone() {
        let calls = key_centres_calls().into_iter().chain(control_centres_calls());
        for call in calls.chain(members_own_calls(&signer)) {
            let wrapped = |proposal| {
                RuntimeCall::Consortium(pallet_collective::Call::propose {
                    threshold: 1,
                    proposal,
                    length_bound: 1_000,
                })
            };
            let twice = wrapped(Box::new(wrapped(Box::new(decisions().remove(0)))));
            refused(&mut chain, &signer, vec![wrapped(Box::new(call)), twice]);
        }
    }
}

#[test]
fn votes_are_refused_from_everyone_who_is_not_a_member() {
    let mut chain = chain();
    let hash = Default::default();
    for signer in [key_centre(), control_centre(), stranger()] {
        let propose = decisions().into_iter().map(|call| {
            RuntimeCall::Consortium(pallet_collective::Call::propose {
                threshold: 3,
                proposal: Box::new(call),
                length_bound: 1_000,
            })
        });
        let vote = RuntimeCall::Consortium(pallet_collective::Call::vote {
            proposal: hash,
            index: 0,
            approve: true,
        });
        let calls = propose.chain([vote]).collect();
        refused(&mut chain, &signer, calls);
    }
}

#[test]
fn a_call_without_a_signature_is_refused() {
    let mut chain = chain();
    let call: RuntimeCall = frame_system::Call::remark { remark: vec![] }.into();
    let signed = chain.sign(&member(), call.clone());
    let Preamble::Signed(_, _, extension) = signed.preamble else {
        panic!("it is signed")
    };
    chain.must_refuse(
        UncheckedExtrinsic::new_transaction(call.clone(), extension),
        InvalidTransaction::UnknownOrigin,
    );
    chain.must_refuse(UncheckedExtrinsic::new_bare(call), InvalidTransaction::Call);
}

#[test]
fn an_old_call_of_a_role_cannot_be_played_again() {
    let mut chain = chain();
    let call = pallet_registry::Call::register_users {
        users: vec![([1; 32], [2; 32])].try_into().unwrap(),
    };
    let extrinsic = chain.sign(&key_centre(), call);
    assert_eq!(chain.block(vec![extrinsic.clone()]), vec![Ok(Ok(()))]);
    chain.must_refuse(extrinsic, InvalidTransaction::Stale);
    assert_eq!(chain.query(|| System::account_nonce(key_centre().account())), 1);
}
