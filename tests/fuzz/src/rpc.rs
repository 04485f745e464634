//! What goes over the wire between nodes' RPC and clients, as bytes: shares, receipts, and the runtime's answers.

use codec::{DecodeAll, Encode};
use gridveil_primitives::{
    batch::{verify_share, Receipt, SignedShare},
    keys::SpendKey,
    pseudonym::OneTimeKey,
    BillCommitments, BillRecord, BillSums, CycleSchedule, Manifest, Outcome, PeriodIndex, PeriodKey, PeriodStatus,
    PeriodView, RegionBills, Role, Share, Total,
};
use std::fmt::Debug;

const GENESIS: [u8; 32] = [7; 32];
const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 0,
    period: 3,
};

/// What these bytes are, if they are of this type, which has one encoding of each value.
fn read<T: DecodeAll + Encode + Debug>(bytes: &[u8]) -> Option<T> {
    let value = T::decode_all(&mut &bytes[..]).ok()?;
    assert_eq!(value.encode(), bytes, "two encodings of {value:?}");
    Some(value)
}

/// Takes one byte for what was asked, and the answer.
pub fn rpc(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    match kind % 10 {
        0 => {
            if let Some((key, share)) = read::<(PeriodKey, SignedShare)>(bytes) {
                let good = handed_in();
                assert!((key, share) == (KEY, good) || !verify_share(&GENESIS, &key, &share));
            }
        }
        1 => {
            if let Some(receipt) = read::<Receipt>(bytes) {
                assert!(receipt == accepted() || !receipt.is_signed(&GENESIS));
            }
        }
        2 => {
            if let Some(Some(schedule)) = read::<Option<CycleSchedule>>(bytes) {
                follow(&schedule);
            }
        }
        3 => drop(read::<Option<Manifest>>(bytes)),
        4 => drop(read::<Vec<(PeriodIndex, PeriodView)>>(bytes)),
        5 => drop(read::<Vec<Share>>(bytes)),
        6 => drop(read::<Vec<(u32, BillRecord)>>(bytes)),
        7 => drop(read::<Option<Role>>(bytes)),
        8 => drop(read::<Vec<([u8; 32], u64)>>(bytes)),
        _ => drop(read::<Option<RegionBills>>(bytes)),
    }
}

/// Any schedule has answers for any period, and a valid one all of its own, in order.
fn follow(schedule: &CycleSchedule) {
    for period in [0, 1, schedule.periods.saturating_sub(1), schedule.periods, u16::MAX] {
        let moments = (schedule.opens(period), schedule.ends(period), schedule.closes(period));
        let ours = period < schedule.periods;
        match moments {
            (Some(opens), Some(ends), Some(closes)) => assert!(ours && opens <= ends && ends <= closes),
            _ => assert!(!(ours && schedule.is_valid()), "{schedule:?}"),
        }
    }
    assert!(schedule.end().is_some() || !schedule.is_valid());
}

/// A share as its meter signed it.
fn handed_in() -> SignedShare {
    let keys = gridveil_primitives::keys::MeterSecret::from_bytes([3; 32]).cycle_keys();
    let half = gridveil_primitives::Half::First;
    OneTimeKey::derive(&SpendKey::from_seed(&[2; 32]), &keys, half, KEY.period).sign_share(&GENESIS, &KEY, 5)
}

/// The receipt for it, as its aggregator signed it.
fn accepted() -> Receipt {
    let keys = gridveil_primitives::keys::MeterSecret::from_bytes([4; 32]).cycle_keys();
    let half = gridveil_primitives::Half::First;
    // Any sr25519 key will do for an account.
    let account = OneTimeKey::derive(&SpendKey::from_seed(&[5; 32]), &keys, half, 0);
    let (share, closes) = (handed_in(), 1_750_000_000_000);
    let message = gridveil_primitives::batch::receipt_message(&GENESIS, &KEY, &share.prid, share.value, closes);
    Receipt {
        aggregator: account.prid(),
        key: KEY,
        prid: share.prid,
        value: share.value,
        closes,
        signature: account.sign(&message),
    }
}

/// An answer of each kind.
pub fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let schedule = CycleSchedule {
        start: 1_750_000_000_000,
        period_ms: 1_800_000,
        window_ms: 600_000,
        periods: 1_440,
    };
    let manifest = Manifest {
        meters: 1,
        filter: vec![0x55; 24],
        commitment: [1; 32],
        root: [2; 32],
    };
    let outcome = Outcome::Opened(Total { meters: 1, energy: -5 });
    let view = PeriodView {
        status: PeriodStatus::Faulty,
        meters: 1,
        count: 2,
        sum: 3,
        tally: [4; 32],
        outcome: Some(outcome),
        price: Some(5),
    };
    let share = Share {
        prid: [1; 32],
        value: 2,
    };
    let bill = BillRecord {
        cid: [&[0x01, 0x55, 0x12, 0x20][..], &[1; 32]].concat(),
        hash: [2; 32],
        region: 1,
        commitments: BillCommitments {
            energy: [3; 32],
            amount: [4; 32],
            apart: [5; 32],
        },
    };
    let bills = RegionBills {
        bills: 1,
        energy: [3; 32],
        amount: [4; 32],
        opened: Some(BillSums {
            energy: -1,
            amount: i128::MAX,
        }),
    };
    let answer = |kind: u8, bytes: Vec<u8>| [&[kind][..], &bytes].concat();
    vec![
        ("share", answer(0, (KEY, handed_in()).encode())),
        ("receipt", answer(1, accepted().encode())),
        ("schedule", answer(2, Some(schedule).encode())),
        ("manifest", answer(3, Some(manifest).encode())),
        ("periods", answer(4, vec![(0u16, view), (1, view)].encode())),
        ("shares", answer(5, vec![share; 3].encode())),
        ("bills", answer(6, vec![(0u32, bill)].encode())),
        ("role", answer(7, Some(Role::ControlCentre).encode())),
        ("authorities", answer(8, vec![([1u8; 32], 1u64); 4].encode())),
        ("region-bills", answer(9, Some(bills).encode())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_that_the_corpus_begins_with_are_good() {
        assert!(verify_share(&GENESIS, &KEY, &handed_in()));
        assert!(accepted().is_signed(&GENESIS));
    }
}
