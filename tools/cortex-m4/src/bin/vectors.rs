//! Computes the test vectors of shares, signatures and batched shares on the device and compares. Prints how many agreed; ends
//! with an error at the first that does not.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use cortex_m_semihosting::{heprintln, hprintln};
use gridveil_cortex_m4::{fail, succeed};
use gridveil_primitives::{
    batch::{verify_share, SignedShare},
    keys::{MeterSecret, SpendKey, SplitKey},
    pseudonym::{verify, OneTimeKey},
    share::{split_and_mask, unmask, MaskedPair},
    CycleId, Half, PeriodIndex, PeriodKey, Prid,
};

/// A reading and the pair that it becomes.
struct ShareCase {
    meter_secret: [u8; 32],
    split_key: [u8; 32],
    cycle: CycleId,
    period: PeriodIndex,
    reading: i64,
    first: u64,
    second: u64,
}

/// A message and its signature under a pseudonym.
struct SignatureCase {
    spend_seed: [u8; 32],
    meter_secret: [u8; 32],
    half: Half,
    period: PeriodIndex,
    message: &'static [u8],
    prid: Prid,
    signature: [u8; 64],
}

/// A share as an aggregator takes it.
struct BatchedCase {
    genesis: [u8; 32],
    key: PeriodKey,
    share: SignedShare,
}

include!(concat!(env!("OUT_DIR"), "/cases.rs"));

impl ShareCase {
    fn holds(&self) -> bool {
        let keys = MeterSecret::from_bytes(self.meter_secret).cycle_keys();
        let split = SplitKey::from_bytes(self.split_key);
        let MaskedPair { first, second } = split_and_mask(self.reading, &split, &keys, self.cycle, self.period);
        (first, second) == (self.first, self.second) && unmask(first, second, &keys, self.period) == self.reading
    }
}

impl SignatureCase {
    fn holds(&self) -> bool {
        let keys = MeterSecret::from_bytes(self.meter_secret).cycle_keys();
        let key = OneTimeKey::derive(&SpendKey::from_seed(&self.spend_seed), &keys, self.half, self.period);
        key.prid() == self.prid
            && key.sign(self.message) == self.signature
            && verify(&self.prid, self.message, &self.signature)
    }
}

impl BatchedCase {
    /// Signed by its pseudonym, whoever's that is; and where it is that of a meter whose keys are in the other vectors, the same
    /// that this device would send.
    fn holds(&self) -> bool {
        let Self { genesis, key, share } = self;
        let ours = SIGNATURES.iter().map(|case| {
            let keys = MeterSecret::from_bytes(case.meter_secret).cycle_keys();
            OneTimeKey::derive(&SpendKey::from_seed(&case.spend_seed), &keys, case.half, key.period)
        });
        verify_share(genesis, key, share)
            && ours
                .filter(|own| own.prid() == share.prid)
                .all(|own| own.sign_share(genesis, key, share.value) == *share)
    }

    /// Whether this is a share of the meter of the other vectors.
    fn is_ours(&self) -> bool {
        SIGNATURES.iter().any(|case| {
            let keys = MeterSecret::from_bytes(case.meter_secret).cycle_keys();
            let own = OneTimeKey::derive(
                &SpendKey::from_seed(&case.spend_seed),
                &keys,
                case.half,
                self.key.period,
            );
            own.prid() == self.share.prid
        })
    }
}

#[entry]
fn main() -> ! {
    if !BATCHED.iter().any(BatchedCase::is_ours) {
        heprintln!("no batch of the vectors has a share of the meter whose keys they give");
        fail();
    }
    let checks = SHARES
        .iter()
        .map(ShareCase::holds)
        .chain(SIGNATURES.iter().map(SignatureCase::holds))
        .chain(BATCHED.iter().map(BatchedCase::holds));
    let mut agreed = 0;
    for (number, holds) in checks.enumerate() {
        if !holds {
            heprintln!("vector {} differs", number);
            fail();
        }
        agreed += 1;
    }
    hprintln!("{{\"vectors\":{}}}", agreed);
    succeed();
}
