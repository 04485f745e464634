//! Decisions of the consortium: two thirds of the members, and nothing less.

use gridveil_primitives::{RegionInfo, Role};
use gridveil_runtime::{Consortium, Runtime, RuntimeCall, System};
use pallet_collective::Instance1;
use sp_runtime::DispatchError;

use crate::{
    harness::{control_centre, Chain, Signer},
    motions::{close, decide, executed, propose, vote, ALL, ENOUGH},
};

type Collective = pallet_collective::Error<Runtime, Instance1>;

/// Makes an account the second control centre.
fn grant() -> RuntimeCall {
    let account = Signer::uri("//SecondControlCentre").account();
    pallet_registry::Call::grant_role {
        account,
        role: Role::ControlCentre,
    }
    .into()
}

fn role_granted(chain: &mut Chain) -> Option<Role> {
    chain.call("GridApi_role", Signer::uri("//SecondControlCentre").account())
}

#[test]
fn three_of_four_members_grant_a_role_with_which_its_account_can_sign() {
    let mut chain = Chain::new("local_testnet");
    assert_eq!(decide(&mut chain, grant(), &ENOUGH), Ok(()));
    assert_eq!(role_granted(&mut chain), Some(Role::ControlCentre));

    let key = gridveil_primitives::PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };
    let call = pallet_pricing::Call::<Runtime>::set_price { key, price: 1 };
    let result = chain
        .submit(&Signer::uri("//SecondControlCentre"), call)
        .expect("the role may set prices");
    assert_eq!(result, Err(pallet_pricing::Error::<Runtime>::NoTotal.into()));
}

#[test]
fn three_of_four_members_register_a_region() {
    let mut chain = Chain::new("local_testnet");
    let info = RegionInfo {
        aggregator: Signer::uri("//Bob").account().into(),
        minimum_meters: 5,
        fallback_price: 123,
    };
    let decision = pallet_registry::Call::register_region { region: 9, info };
    assert_eq!(decide(&mut chain, decision, &ENOUGH), Ok(()));
    let regions: Vec<(u32, RegionInfo)> = chain.call("GridApi_regions", ());
    assert!(regions.contains(&(9, info)));
}

#[test]
fn three_of_four_members_revoke_a_role() {
    let mut chain = Chain::new("local_testnet");
    let decision = pallet_registry::Call::revoke_role {
        account: control_centre().account(),
    };
    assert_eq!(decide(&mut chain, decision, &ENOUGH), Ok(()));
    assert_eq!(
        chain.call::<Option<Role>>("GridApi_role", control_centre().account()),
        None
    );
}

#[test]
fn two_of_four_members_decide_nothing_even_where_the_motion_asks_for_no_more() {
    let mut chain = Chain::new("local_testnet");
    assert_eq!(decide(&mut chain, grant(), &ENOUGH[..2]), Err(DispatchError::BadOrigin));
    assert_eq!(role_granted(&mut chain), None);
}

#[test]
fn a_motion_of_one_member_is_executed_at_once_and_decides_nothing() {
    let mut chain = Chain::new("local_testnet");
    propose(&mut chain, &grant(), 1);
    assert_eq!(executed(&mut chain), Some(Err(DispatchError::BadOrigin)));
    assert_eq!(role_granted(&mut chain), None);
}

#[test]
fn a_motion_short_of_its_votes_stays_open() {
    let mut chain = Chain::new("local_testnet");
    propose(&mut chain, &grant(), 3);
    vote(&mut chain, &grant(), &ENOUGH[..2]);
    assert_eq!(close(&mut chain, &grant()), Err(Collective::TooEarly.into()));
    assert_eq!(role_granted(&mut chain), None);
}

#[test]
fn a_member_that_does_not_vote_has_voted_no() {
    let mut chain = Chain::new("local_testnet");
    propose(&mut chain, &grant(), 3);
    vote(&mut chain, &grant(), &ENOUGH[..2]);
    // A week of blocks in one step; a few more, so that clients have blocks to sign on.
    let week = gridveil_runtime::configs::consortium::MotionDuration::get();
    chain.query(|| System::set_block_number(System::block_number() + week));
    chain.block(vec![]);
    chain.block(vec![]);
    assert_eq!(close(&mut chain, &grant()), Ok(()));
    assert_eq!(executed(&mut chain), None);
    assert_eq!(role_granted(&mut chain), None);
    assert!(
        chain.query(|| pallet_collective::ProposalOf::<Runtime, Instance1>::iter()
            .next()
            .is_none())
    );
}

#[test]
fn the_members_of_genesis_are_the_collective() {
    let mut chain = Chain::new("local_testnet");
    let seated = chain.query(pallet_collective::Members::<Runtime, Instance1>::get);
    let expected: Vec<_> = chain.call("GridApi_members", ());
    assert_eq!(seated, expected);
    assert_eq!(seated.len(), 4);
    let members = ALL.map(|name| Signer::uri(name).account());
    assert!(chain.query(|| members.iter().all(Consortium::is_member)));
}

#[test]
fn a_consortium_of_one_decides_alone() {
    let mut chain = Chain::new("development");
    propose(&mut chain, &grant(), 1);
    assert_eq!(executed(&mut chain), Some(Ok(())));
    assert_eq!(role_granted(&mut chain), Some(Role::ControlCentre));
}
