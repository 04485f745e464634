//! What the node does for the runtime in native code: the check of a batch of shares, and sums of points.
//!
//! Curve arithmetic takes about six times as long in WebAssembly. [`shares::check`] is
//! [`gridveil_primitives::batch::check`] on the node's side of the boundary: all signatures of a batch at once, the look
//! into the filter, and the sum of the pseudonyms, on points that are decompressed once. It reads its arguments and nothing
//! else, and what it answers is defined by `batch::check_each`, one share after another, so that it is no matter of trust
//! between nodes. It falls back on that way by itself for a batch that fails. [`points::sum`] is
//! [`gridveil_primitives::tally::sum`], for what comes on its own.
//!
//! A node without these functions can't run the runtime: it refuses the code, naming the import, in place of coming to other
//! blocks. So a consortium updates its nodes before it decides on a runtime that asks for a new version of a function,
//! and an old version stays as it is for as long as there are blocks that need it. Tools that run the runtime natively or
//! with a host of their own link this crate.
//!
//! **Privacy.** Everything that passes is public in the block.

#![cfg_attr(not(feature = "std"), no_std)]

use gridveil_primitives::{
    batch::{BadShare, SignedShare},
    PeriodKey, PointBytes,
};
use sp_runtime_interface::{
    pass_by::{
        AllocateAndReturnByCodec, PassFatPointerAndDecode, PassFatPointerAndDecodeSlice, PassFatPointerAndRead,
        PassPointerAndReadCopy,
    },
    runtime_interface,
};

/// The functions, for an executor's list.
#[cfg(feature = "std")]
pub type HostFunctions = (shares::HostFunctions, points::HostFunctions);

/// Batches of shares.
#[runtime_interface]
pub trait Shares {
    /// T of these shares of a period, if each is in order; otherwise the first that is not, and why. See
    /// [`gridveil_primitives::batch::check`].
    fn check(
        genesis: PassPointerAndReadCopy<[u8; 32], 32>,
        key: PassFatPointerAndDecode<PeriodKey>,
        filter: PassFatPointerAndRead<&[u8]>,
        shares: PassFatPointerAndDecodeSlice<&[SignedShare]>,
    ) -> AllocateAndReturnByCodec<Result<PointBytes, BadShare>> {
        gridveil_primitives::batch::check(&genesis, &key, filter, shares)
    }
}

/// Points of the group.
#[runtime_interface]
pub trait Points {
    /// The sum of these points; `None` if one is not in its canonical form. See [`gridveil_primitives::tally::sum`].
    fn sum(points: PassFatPointerAndDecodeSlice<&[PointBytes]>) -> AllocateAndReturnByCodec<Option<PointBytes>> {
        gridveil_primitives::tally::sum(points.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_primitives::{
        batch::{check_each, Fault},
        filter::Builder,
        keys::{MeterSecret, SpendKey},
        pseudonym::OneTimeKey,
        Half,
    };

    const KEY: PeriodKey = PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };

    #[test]
    fn the_function_answers_what_the_shares_one_by_one_answer() {
        let keys = MeterSecret::from_bytes([2; 32]).cycle_keys();
        let mut shares = Half::BOTH.map(|half| {
            OneTimeKey::derive(&SpendKey::from_seed(&[1; 32]), &keys, half, 0).sign_share(&[7; 32], &KEY, 5)
        });
        shares.sort_by_key(|share| share.prid);
        let mut filter = Builder::period(&KEY, 1);
        shares.iter().for_each(|share| filter.insert_prid(&share.prid));
        let filter = filter.finish();
        let good = shares::check([7; 32], KEY, &filter, &shares);
        assert!(good.is_ok());
        assert_eq!(good, check_each(&[7; 32], &KEY, &filter, &shares));
        let bad = shares::check([8; 32], KEY, &filter, &shares);
        assert_eq!(
            bad,
            Err(BadShare {
                index: 0,
                fault: Fault::BadSignature
            })
        );
        assert_eq!(bad, check_each(&[8; 32], &KEY, &filter, &shares));
    }

    #[test]
    fn points_are_added_and_what_is_none_is_refused() {
        let [one, two] = [1, 2].map(|seed| SpendKey::from_seed(&[seed; 32]).public().to_bytes());
        assert_eq!(points::sum(&[one, two]), gridveil_primitives::tally::add(&one, &two));
        assert_eq!(points::sum(&[one]), Some(one));
        assert_eq!(points::sum(&[]), Some(gridveil_primitives::tally::EMPTY));
        assert_eq!(points::sum(&[one, [255; 32]]), None);
    }

    #[test]
    fn the_functions_have_the_names_that_the_runtime_asks_for() {
        use sp_runtime_interface::sp_wasm_interface::HostFunctions as _;
        let names: Vec<_> = HostFunctions::host_functions()
            .iter()
            .map(|function| function.name())
            .collect();
        assert_eq!(names, ["ext_shares_check_version_1", "ext_points_sum_version_1"]);
    }
}
