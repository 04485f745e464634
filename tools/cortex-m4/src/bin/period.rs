//! One period of a meter: its reading becomes two masked shares, each signed under its own pseudonym. Prints the shares and
//! what they took, as JSON.

#![no_std]
#![no_main]

use core::{fmt, hint::black_box, mem::size_of};
use cortex_m::Peripherals;
use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, scalar::Scalar};
use gridveil_cortex_m4::{deepest_stack, fail, flash, succeed, variables, Counter};
use gridveil_primitives::{
    batch::{share_message, verify_share},
    keys::{MeterSecret, SpendKey, SplitKey},
    meter::Meter,
    pseudonym::OneTimeKey,
    share::unmask,
    Half, PeriodKey,
};

const GENESIS: [u8; 32] = [7; 32];
const PERIOD: PeriodKey = PeriodKey {
    region: 1,
    cycle: 3,
    period: 719,
};
const READING: i64 = 412;

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[entry]
fn main() -> ! {
    let Some(peripherals) = Peripherals::take() else { fail() };
    let counter = Counter::start(peripherals.SYST);
    let spend = SpendKey::from_seed(&[1; 32]);
    let split = SplitKey::from_bytes([2; 32]);
    let secret = MeterSecret::from_bytes([3; 32]);

    let (keys, cycle_instructions) = counter.count(|| secret.cycle_keys());
    let mut meter = Meter::new(spend.clone(), split.clone(), keys.clone());
    // The first period of a day or so finds the place in the trees that the others start from.
    let (_, first_instructions) = counter.count(|| meter.shares(&GENESIS, &PERIOD, 0));
    let (shares, instructions) = counter.count(|| meter.shares(&GENESIS, &PERIOD, black_box(READING)));
    let stack = deepest_stack();

    // The limit: two multiplications of the base point, as they are sent, and two signatures.
    let scalar = Scalar::from_bytes_mod_order(black_box([0x5a; 32]));
    let (_, multiplication) = counter.count(|| black_box((&scalar * RISTRETTO_BASEPOINT_TABLE).compress()));
    let key = OneTimeKey::derive(&spend, &keys, Half::First, PERIOD.period);
    let message = share_message(&GENESIS, &PERIOD, black_box(1));
    let (_, signature) = counter.count(|| black_box(key.sign(&message)));

    let [first, second] = &shares;
    if unmask(first.value, second.value, &keys, PERIOD.period) != READING {
        fail();
    }
    for share in &shares {
        if !verify_share(&GENESIS, &PERIOD, share) {
            fail();
        }
        hprintln!(
            "{{\"prid\":\"{}\",\"value\":\"{}\",\"signature\":\"{}\"}}",
            Hex(&share.prid),
            share.value,
            Hex(&share.signature)
        );
    }
    hprintln!(
        "{{\"period_instructions\":{},\"multiplication_instructions\":{},\"signature_instructions\":{},\
         \"first_period_instructions\":{},\"cycle_instructions\":{},\"state_bytes\":{},\"flash_bytes\":{},\"variables_bytes\":{},\"stack_bytes\":{},\"heap_bytes\":0}}",
        instructions,
        multiplication,
        signature,
        first_instructions,
        cycle_instructions,
        size_of::<Meter>(),
        flash(),
        variables(),
        stack
    );
    succeed();
}
