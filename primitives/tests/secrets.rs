//! What keys promise beyond their values.

use gridveil_primitives::{
    bill::BillSecret,
    commitment::PeriodCommitments,
    keys::{MeterSecret, RootKey, SpendKey, SplitKey},
    prf::Seed,
    pseudonym::OneTimeKey,
    Half,
};
use rand_core::{CryptoRng, RngCore};

/// Counts up, so that two keys made with it differ.
struct Counter(u64);

impl RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        rand_core::impls::fill_bytes_via_next(self, dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Counter {}

#[test]
fn a_secret_prints_its_name_and_nothing_else() {
    let bytes = [0xab; 32];
    let keys = MeterSecret::from_bytes(bytes).cycle_keys();
    let one_time = OneTimeKey::derive(&SpendKey::from_seed(&bytes), &keys, Half::First, 0);
    assert_eq!(format!("{:?}", RootKey::from_bytes(bytes)), "RootKey(..)");
    assert_eq!(format!("{:?}", MeterSecret::from_bytes(bytes)), "MeterSecret(..)");
    assert_eq!(format!("{:?}", SpendKey::from_seed(&bytes)), "SpendKey(..)");
    assert_eq!(format!("{:?}", BillSecret::from_bytes(bytes)), "BillSecret(..)");
    assert_eq!(format!("{:?}", SplitKey::from_bytes(bytes)), "SplitKey(..)");
    assert_eq!(format!("{:?}", Seed::from_bytes(bytes)), "Seed(..)");
    assert_eq!(format!("{one_time:?}"), "OneTimeKey(..)");
    assert_eq!(
        format!("{keys:?}"),
        "CycleKeys { pseudonym: [Seed(..), Seed(..)], mask: [Seed(..), Seed(..)] }"
    );
    assert_eq!(
        format!("{:?}", Seed::from_bytes(bytes).leaves(3, 2)),
        "Leaves { from: 3, end: 5, .. }"
    );
    let period = PeriodCommitments::build(&[(77, [1; 32])], &bytes);
    let expected = format!(
        "PeriodCommitments {{ meters: 1, commitment: {:?}, .. }}",
        period.commitment()
    );
    assert_eq!(format!("{period:?}"), expected);
}

#[test]
fn secrets_are_wiped_when_they_are_dropped() {
    // Holds if the types say so; that `zeroize` does it is its own promise.
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<RootKey>();
    wiped::<MeterSecret>();
    wiped::<SpendKey>();
    wiped::<SplitKey>();
    wiped::<Seed>();
}

#[test]
fn a_secret_survives_being_stored() {
    let secret = MeterSecret::from_bytes([5; 32]).ratchet();
    let stored = MeterSecret::from_bytes(*secret.to_bytes());
    assert_eq!(*stored.ratchet().to_bytes(), *secret.ratchet().to_bytes());
    assert_ne!(*stored.ratchet().to_bytes(), *secret.to_bytes());
}

#[test]
fn every_generated_spend_key_is_another_one() {
    let mut rng = Counter(0);
    let (one, other) = (SpendKey::generate(&mut rng), SpendKey::generate(&mut rng));
    assert_ne!(one.public(), other.public());
    let stored = SpendKey::from_bytes(*one.to_bytes()).expect("a generated key is canonical");
    assert_eq!(stored.public(), one.public());
}

#[test]
fn the_seeds_of_a_cycle_are_four_different_ones() {
    let keys = MeterSecret::from_bytes([9; 32]).cycle_keys();
    let seeds: std::collections::BTreeSet<[u8; 32]> = keys
        .pseudonym
        .iter()
        .chain(&keys.mask)
        .map(|seed| *seed.to_bytes())
        .collect();
    assert_eq!(seeds.len(), 4);
}
