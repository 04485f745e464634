//! An aggregator's batch: real extrinsics with real shares, beside those of the meters themselves.

use gridveil_primitives::{batch::SignedShare, PeriodKey, PeriodStatus, PeriodView, Refusal, Share};
use gridveil_runtime::{
    configs::grid::{MAX_BATCHES, MAX_BATCH_SHARES},
    Hash, Runtime, RuntimeCall, RuntimeEvent, System, UncheckedExtrinsic,
};
use sp_runtime::{
    generic::Preamble,
    transaction_validity::{InvalidTransaction, UnknownTransaction},
};

use crate::{
    grid::{schedule, submit, Region},
    harness::{key_centre, Chain, Signer, GENESIS},
};

const PERIODS: u16 = 2;
const HOMES: u8 = 4;

/// The aggregator of region 1.
fn alice() -> Signer {
    Signer::uri("//Alice")
}

/// A chain on which period 0 of a region of four homes has just ended.
fn after_the_first_period() -> (Chain, Region) {
    let mut chain = Chain::new("local_testnet");
    let region = Region::new(1, HOMES);
    let schedule = schedule(&mut chain, PERIODS);
    region.publish(&mut chain, PERIODS);
    chain.block_at(schedule.ends(0).unwrap(), vec![]);
    (chain, region)
}

/// The shares of these homes for period 0, signed for a batch.
fn signed(region: &Region, homes: impl IntoIterator<Item = u8>) -> Vec<SignedShare> {
    let key = region.key(0);
    let mut shares: Vec<_> = homes
        .into_iter()
        .flat_map(|home| region.shares(home.into(), 0, 250))
        .map(|(signer, value)| match signer {
            Signer::Meter(signer) => signer.sign_share(&GENESIS.0, &key, value),
            Signer::Account(_) => panic!("meters have one-time keys"),
        })
        .collect();
    shares.sort_by_key(|share| share.prid);
    shares
}

fn batch(key: PeriodKey, shares: &[SignedShare]) -> RuntimeCall {
    let call = pallet_readings::Call::<Runtime>::submit_batch {
        region: key.region,
        cycle: key.cycle,
        period: key.period,
        shares: shares.to_vec().try_into().expect("a few shares"),
    };
    call.into()
}

fn stored(shares: &[SignedShare]) -> Vec<Share> {
    let stored = |share: &SignedShare| Share {
        prid: share.prid,
        value: share.value,
    };
    shares.iter().map(stored).collect()
}

fn refused(refusal: Refusal) -> InvalidTransaction {
    InvalidTransaction::Custom(refusal.code())
}

#[test]
fn an_aggregators_batch_completes_a_period_and_takes_neither_fee_nor_nonce() {
    let (mut chain, region) = after_the_first_period();
    let key = region.key(0);
    let shares = signed(&region, 0..HOMES);
    let nonce = chain.query(|| System::account_nonce(alice().account()));
    let extrinsic = chain.sign_with_nonce(&alice(), 0, batch(key, &shares));
    assert!(chain.validate(extrinsic.clone()).is_ok());
    assert_eq!(chain.block(vec![extrinsic]), vec![Ok(Ok(()))]);
    assert!(chain
        .events()
        .contains(&RuntimeEvent::Readings(pallet_readings::Event::BatchAccepted {
            key,
            number: 0,
            count: 8
        })));
    assert_eq!(chain.query(|| System::account_nonce(alice().account())), nonce);
    assert_eq!(chain.call::<Vec<Share>>("GridApi_shares", key), stored(&shares));
    assert_eq!(chain.call::<(u32, u32)>("GridApi_batches", key), (1, MAX_BATCHES));
    assert_eq!(chain.call::<u32>("GridApi_batch_limit", ()), MAX_BATCH_SHARES);

    let closes = chain.now() + 30_000;
    chain.block_at(closes, vec![]);
    chain.block(vec![]);
    let view: Option<PeriodView> = chain.call("GridApi_period", key);
    let view = view.expect("it has a manifest");
    assert_eq!((view.status, view.count), (PeriodStatus::Complete, 8));
    assert_eq!(view.tally, region.tally(0));
}

#[test]
fn shares_of_both_ways_meet_in_one_block_and_each_pseudonym_counts_once() {
    let (mut chain, region) = after_the_first_period();
    let key = region.key(0);
    let shares = signed(&region, 0..HOMES);
    let [(meter, value), (other, second)] = region.shares(0, 0, 250);
    let before = chain.sign(&meter, submit(key, value));
    let all = chain.sign_with_nonce(&alice(), 0, batch(key, &shares));
    let after = chain.sign(&other, submit(key, second));
    let again = chain.sign_with_nonce(&alice(), 0, batch(key, &shares));
    let used = Err(refused(Refusal::AlreadyUsed).into());
    assert_eq!(
        chain.block(vec![before, all, after, again]),
        vec![Ok(Ok(())), Ok(Ok(())), used, used]
    );
    assert_eq!(chain.call::<Vec<Share>>("GridApi_shares", key), stored(&shares));
    let prid: [u8; 32] = meter.account().into();
    assert_eq!(
        chain.call::<Option<u8>>("GridApi_refusal", (key, prid)),
        Some(Refusal::AlreadyUsed.code())
    );
}

#[test]
fn the_chain_says_beforehand_what_it_would_refuse() {
    let (mut chain, region) = after_the_first_period();
    let prid = signed(&region, [0])[0].prid;
    let refusal = |chain: &mut Chain, key: PeriodKey, prid: [u8; 32]| {
        chain
            .call::<Option<u8>>("GridApi_refusal", (key, prid))
            .and_then(Refusal::from_code)
    };
    let key = region.key(0);
    assert_eq!(refusal(&mut chain, key, prid), None);
    assert_eq!(refusal(&mut chain, key, [1; 32]), Some(Refusal::NotInFilter));
    assert_eq!(refusal(&mut chain, region.key(1), prid), Some(Refusal::TooEarly));
    let elsewhere = PeriodKey { region: 99, ..key };
    assert_eq!(refusal(&mut chain, elsewhere, prid), Some(Refusal::UnknownRegion));
}

#[test]
fn a_batch_of_another_member_or_role_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let shares = signed(&region, 0..HOMES);
    let [(meter, _), _] = region.shares(0, 0, 250);
    for signer in [Signer::uri("//Bob"), key_centre(), Signer::uri("//Mallory"), meter] {
        let extrinsic = chain.sign_with_nonce(&signer, 0, batch(region.key(0), &shares));
        chain.must_refuse(extrinsic, refused(Refusal::NotTheAggregator));
    }
}

#[test]
fn a_batch_without_a_signature_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let call = batch(region.key(0), &signed(&region, 0..HOMES));
    let signed = chain.sign_with_nonce(&alice(), 0, call.clone());
    let Preamble::Signed(_, _, extension) = signed.preamble else {
        panic!("it is signed")
    };
    let general = UncheckedExtrinsic::new_transaction(call.clone(), extension);
    chain.must_refuse(general, InvalidTransaction::UnknownOrigin);
    assert_eq!(
        chain.validate(UncheckedExtrinsic::new_bare(call)),
        Err(UnknownTransaction::NoUnsignedValidator.into())
    );
}

#[test]
fn a_batch_with_a_share_altered_or_signed_for_another_chain_is_refused() {
    let (mut chain, region) = after_the_first_period();
    let key = region.key(0);
    let mut shares = signed(&region, 0..HOMES);
    shares[5].value ^= 1;
    let extrinsic = chain.sign_with_nonce(&alice(), 0, batch(key, &shares));
    chain.must_refuse(extrinsic, refused(Refusal::BadSignature));

    let (mut other, region) = {
        let mut chain = Chain::with_genesis("local_testnet", Hash::repeat_byte(8));
        let region = Region::new(1, HOMES);
        let schedule = schedule(&mut chain, PERIODS);
        region.publish(&mut chain, PERIODS);
        chain.block_at(schedule.ends(0).unwrap(), vec![]);
        (chain, region)
    };
    let extrinsic = other.sign_with_nonce(&alice(), 0, batch(key, &signed(&region, 0..HOMES)));
    other.must_refuse(extrinsic, refused(Refusal::BadSignature));
}

#[test]
fn a_block_has_room_for_the_shares_of_three_million_meters() {
    use frame_support::dispatch::{DispatchClass, GetDispatchInfo};
    use gridveil_runtime::configs::system::{RuntimeBlockWeights, MAX_NORMAL_BYTES};
    use sp_runtime::traits::TransactionExtension;

    let share = SignedShare {
        prid: [1; 32],
        value: 1,
        signature: [0; 64],
    };
    let key = PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };
    let full = batch(key, &vec![share; MAX_BATCH_SHARES as usize]);
    let weight =
        full.get_dispatch_info().call_weight + pallet_readings::AuthenticateMeter::<Runtime>::new().weight(&full);
    let normal = RuntimeBlockWeights::get()
        .get(DispatchClass::Normal)
        .max_total
        .expect("limited");
    let fit = normal.ref_time() / weight.ref_time();
    // Two shares each in half an hour, of which a slot is three seconds.
    let needed = 2 * 3_000_000 * 3 / 1_800;
    assert!(
        fit * u64::from(MAX_BATCH_SHARES) >= needed,
        "{fit} full batches in a block"
    );
    let bytes = u64::from(MAX_NORMAL_BYTES) / (104 * u64::from(MAX_BATCH_SHARES));
    assert!(bytes >= fit, "time is scarcer than bytes");
}
