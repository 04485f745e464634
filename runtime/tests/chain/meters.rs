//! A meter's transaction: what lets it in, and everything that keeps it out.

use gridveil_primitives::{PeriodKey, Refusal, Share};
use gridveil_runtime::{Hash, Runtime, RuntimeCall, Signature, System, UncheckedExtrinsic};
use sp_runtime::{
    generic::Preamble,
    transaction_validity::{InvalidTransaction, UnknownTransaction},
    DispatchError,
};

use crate::{
    grid::{schedule, submit, Region},
    harness::{key_centre, Chain, Signer},
};

const PERIODS: u16 = 3;

/// A chain on which period 0 of a region of four homes has just ended.
fn after_the_first_period() -> (Chain, Region) {
    let mut chain = Chain::new("local_testnet");
    let region = Region::new(1, 4);
    let schedule = schedule(&mut chain, PERIODS);
    region.publish(&mut chain, PERIODS);
    chain.block_at(schedule.ends(0).unwrap(), vec![]);
    (chain, region)
}

fn refused(refusal: Refusal) -> InvalidTransaction {
    InvalidTransaction::Custom(refusal.code())
}

#[test]
fn a_share_is_taken_from_a_pseudonym_without_an_account_and_leaves_no_account_behind() {
    let (mut chain, region) = after_the_first_period();
    let [(signer, share), _] = region.shares(0, 0, 250);
    let extrinsic = chain.sign(&signer, submit(region.key(0), share));
    assert!(chain.validate(extrinsic.clone()).is_ok());
    assert_eq!(chain.block(vec![extrinsic]), vec![Ok(Ok(()))]);

    chain.query(|| {
        assert!(!frame_system::Account::<Runtime>::contains_key(signer.account()));
        assert_eq!(System::account_nonce(signer.account()), 0);
    });
    let shares: Vec<Share> = chain.call("GridApi_shares", region.key(0));
    assert_eq!(
        shares,
        vec![Share {
            prid: signer.account().into(),
            value: share
        }]
    );
}

#[test]
fn a_share_makes_no_event_but_that_of_its_success() {
    let (mut chain, region) = after_the_first_period();
    let before = chain.events().len();
    chain.block(vec![]);
    let idle = chain.events().len();
    assert!(idle <= before);
    let [(signer, share), _] = region.shares(0, 0, 250);
    chain.must(&signer, submit(region.key(0), share));
    assert_eq!(chain.events().len(), idle + 1);
}

#[test]
fn a_share_signed_for_another_chain_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let mut other = Chain::with_genesis("local_testnet", Hash::repeat_byte(8));
    let [(signer, share), _] = region.shares(0, 0, 250);
    let extrinsic = other.sign(&signer, submit(region.key(0), share));
    chain.must_refuse(extrinsic, InvalidTransaction::BadProof);
}

#[test]
fn a_share_with_a_bad_signature_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let [(signer, share), (other, _)] = region.shares(0, 0, 250);
    let good = chain.sign(&signer, submit(region.key(0), share));
    let Preamble::Signed(address, signature, extension) = good.preamble.clone() else {
        panic!("it is signed")
    };

    let Signature::Sr25519(mut raw) = signature.clone() else {
        panic!("pseudonyms are sr25519 keys")
    };
    raw.0[7] ^= 1;
    let changed = UncheckedExtrinsic::new_signed(good.function.clone(), address, raw.into(), extension.clone());
    chain.must_refuse(changed, InvalidTransaction::BadProof);

    let of_another =
        UncheckedExtrinsic::new_signed(good.function.clone(), other.account().into(), signature, extension);
    chain.must_refuse(of_another, InvalidTransaction::BadProof);
    assert_eq!(chain.block(vec![good]), vec![Ok(Ok(()))]);
}

#[test]
fn a_share_with_any_field_altered_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let key = region.key(0);
    let [(signer, share), _] = region.shares(0, 0, 250);
    let good = chain.sign(&signer, submit(key, share));
    let Preamble::Signed(address, signature, extension) = good.preamble.clone() else {
        panic!("it is signed")
    };
    for altered in [
        submit(PeriodKey { region: 2, ..key }, share),
        submit(PeriodKey { cycle: 1, ..key }, share),
        submit(PeriodKey { period: 1, ..key }, share),
        submit(key, share ^ 1),
    ] {
        let extrinsic = UncheckedExtrinsic::new_signed(altered, address.clone(), signature.clone(), extension.clone());
        chain.must_refuse(extrinsic, InvalidTransaction::BadProof);
    }
    assert_eq!(chain.block(vec![good]), vec![Ok(Ok(()))]);
}

#[test]
fn a_pseudonym_can_be_used_once_and_for_one_value() {
    let (mut chain, region) = after_the_first_period();
    let [(signer, share), _] = region.shares(0, 0, 250);
    let first = chain.sign(&signer, submit(region.key(0), share));
    let second = chain.sign(&signer, submit(region.key(0), share.wrapping_add(1)));
    let used = Err(refused(Refusal::AlreadyUsed).into());
    assert_eq!(
        chain.block(vec![first.clone(), second.clone(), first.clone()]),
        vec![Ok(Ok(())), used, used]
    );
    chain.must_refuse(first, refused(Refusal::AlreadyUsed));
    chain.must_refuse(second, refused(Refusal::AlreadyUsed));
}

#[test]
fn a_share_before_its_periods_end_is_too_early_and_one_after_the_window_too_late() {
    let (mut chain, region) = after_the_first_period();
    let [(signer, share), _] = region.shares(0, 1, 250);
    let early = chain.sign(&signer, submit(region.key(1), share));
    chain.must_refuse(early, refused(Refusal::TooEarly));

    let closes = chain.now() + 30_000;
    chain.block_at(closes, vec![]);
    let [(signer, share), _] = region.shares(0, 0, 250);
    let late = chain.sign(&signer, submit(region.key(0), share));
    chain.must_refuse(late, refused(Refusal::TooLate));
}

#[test]
fn a_share_for_an_unknown_region_cycle_or_period_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let key = region.key(0);
    let [(signer, share), _] = region.shares(0, 0, 250);
    for (key, refusal) in [
        (PeriodKey { region: 99, ..key }, Refusal::UnknownRegion),
        (PeriodKey { cycle: 1, ..key }, Refusal::UnknownCycle),
        (PeriodKey { period: PERIODS, ..key }, Refusal::UnknownPeriod),
        (PeriodKey { region: 2, ..key }, Refusal::NoManifest),
    ] {
        let extrinsic = chain.sign(&signer, submit(key, share));
        chain.must_refuse(extrinsic, refused(refusal));
    }
}

#[test]
fn a_pseudonym_of_another_period_or_region_or_of_nobody_is_refused() {
    let mut chain = Chain::new("local_testnet");
    let (region, other) = (Region::new(1, 4), Region::new(2, 4));
    let schedule = schedule(&mut chain, PERIODS);
    region.publish(&mut chain, PERIODS);
    other.publish(&mut chain, PERIODS);
    chain.block_at(schedule.ends(0).unwrap(), vec![]);

    let [(of_another_period, share), _] = region.shares(0, 1, 250);
    let [(of_another_region, _), _] = other.shares(0, 0, 250);
    for signer in [
        of_another_period,
        of_another_region,
        Signer::uri("//Mallory"),
        key_centre(),
    ] {
        let extrinsic = chain.sign(&signer, submit(region.key(0), share));
        chain.must_refuse(extrinsic, refused(Refusal::NotInFilter));
    }
}

#[test]
fn a_share_wrapped_in_another_call_is_refused_whoever_wraps_it() {
    let (mut chain, region) = after_the_first_period();
    let [(meter, share), _] = region.shares(0, 0, 250);
    let call = Box::new(submit(region.key(0), share));
    for signer in [meter, Signer::uri("//Alice"), key_centre()] {
        let wrapped = pallet_collective::Call::propose {
            threshold: 1,
            proposal: call.clone(),
            length_bound: 100,
        };
        let extrinsic = chain.sign(&signer, RuntimeCall::Consortium(wrapped));
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
        let wrapped = pallet_collective::Call::execute {
            proposal: call.clone(),
            length_bound: 100,
        };
        let extrinsic = chain.sign(&signer, RuntimeCall::Consortium(wrapped));
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
    }
}

#[test]
fn a_share_from_any_other_origin_is_a_bad_origin() {
    use frame_support::dispatch::RawOrigin;
    use gridveil_runtime::RuntimeOrigin;
    use sp_runtime::traits::Dispatchable;

    let (mut chain, region) = after_the_first_period();
    let [(meter, share), _] = region.shares(0, 0, 250);
    let members = pallet_collective::RawOrigin::<_, pallet_collective::Instance1>::Members(4, 4);
    let origins: [RuntimeOrigin; 4] = [
        RawOrigin::Root.into(),
        RawOrigin::None.into(),
        RawOrigin::Signed(meter.account()).into(),
        members.into(),
    ];
    for origin in origins {
        let result = chain.query(|| submit(region.key(0), share).dispatch(origin));
        assert_eq!(
            result.map_err(|error| error.error).map(|_| ()),
            Err(DispatchError::BadOrigin)
        );
    }
}

#[test]
fn a_share_without_a_signature_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let [(signer, share), _] = region.shares(0, 0, 250);
    let signed = chain.sign(&signer, submit(region.key(0), share));
    let Preamble::Signed(_, _, extension) = signed.preamble else {
        panic!("it is signed")
    };

    let general = UncheckedExtrinsic::new_transaction(submit(region.key(0), share), extension);
    chain.must_refuse(general, InvalidTransaction::UnknownOrigin);
    let bare = UncheckedExtrinsic::new_bare(submit(region.key(0), share));
    assert_eq!(
        chain.validate(bare),
        Err(UnknownTransaction::NoUnsignedValidator.into())
    );
}

#[test]
fn a_pseudonym_that_may_send_its_share_may_call_nothing_else() {
    let (mut chain, region) = after_the_first_period();
    let [(signer, _), _] = region.shares(0, 0, 250);
    let extrinsic = chain.sign(
        &signer,
        frame_system::Call::<Runtime>::remark {
            remark: b"here I am".to_vec(),
        },
    );
    chain.must_refuse(extrinsic, InvalidTransaction::Call);
}
