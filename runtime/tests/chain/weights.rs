//! Every call weighs what was measured of it, and none is too heavy for a block.

use codec::Decode;
use frame_support::{
    dispatch::{DispatchClass, GetDispatchInfo},
    traits::{Get, GetCallMetadata},
};
use gridveil_runtime::{configs::system::RuntimeBlockWeights, Runtime, RuntimeCall};
use std::collections::{BTreeMap, BTreeSet};

/// What the benchmarks of our pallets wrote.
const MEASURED: [(&str, &str); 6] = [
    ("Billing", include_str!("../../../pallets/billing/src/weights.rs")),
    ("Finality", include_str!("../../../pallets/finality/src/weights.rs")),
    ("Masks", include_str!("../../../pallets/masks/src/weights.rs")),
    ("Pricing", include_str!("../../../pallets/pricing/src/weights.rs")),
    ("Readings", include_str!("../../../pallets/readings/src/weights.rs")),
    ("Registry", include_str!("../../../pallets/registry/src/weights.rs")),
];
/// The pallets that come with weights of their own, which were measured on slower machines than ours.
const STOCK: [&str; 5] = ["System", "Timestamp", "Grandpa", "Session", "Consortium"];
/// What a file starts with that the benchmarks wrote.
const HEAD: &str = ", as `scripts/benchmark-weights` measured them and wrote them here.";

/// Those of the calls that a pallet's file has no measured weight for.
fn not_measured<'a>(calls: &[&'a str], file: &str) -> Vec<&'a str> {
    let written = file.lines().next().is_some_and(|line| line.ends_with(HEAD));
    let functions = file
        .lines()
        .filter_map(|line| line.strip_prefix("    fn ")?.split_once('('));
    let functions: BTreeSet<_> = functions.map(|(name, _)| name).collect();
    let missing = calls.iter().filter(|call| !written || !functions.contains(**call));
    missing.copied().collect()
}

#[test]
fn every_call_of_our_pallets_has_a_benchmark_of_its_name() {
    for (pallet, file) in MEASURED {
        let calls = RuntimeCall::get_call_names(pallet);
        assert!(!calls.is_empty(), "{pallet} has no calls");
        assert_eq!(not_measured(calls, file), [""; 0], "{pallet}");
    }
    let known: BTreeSet<_> = MEASURED.into_iter().map(|(pallet, _)| pallet).chain(STOCK).collect();
    let all: BTreeSet<_> = RuntimeCall::get_module_names().iter().copied().collect();
    assert_eq!(all, known, "the pallets with calls are ours or stock");
}

#[test]
fn a_call_without_a_benchmark_is_found() {
    let (_, file) = MEASURED[2];
    assert_eq!(not_measured(&["open", "reopen"], file), ["reopen"]);
    let estimated = file.replacen("measured", "estimated", 1);
    assert_eq!(not_measured(&["open"], &estimated), ["open"]);
}

/// A call of each name, with as little in its arguments as there can be.
fn calls() -> BTreeMap<(&'static str, &'static str), RuntimeCall> {
    let numbers = (0..=u8::MAX).flat_map(|pallet| (0..=u8::MAX).map(move |call| [pallet, call]));
    numbers
        .filter_map(|number| RuntimeCall::decode(&mut &[&number[..], &[0; 1_024]].concat()[..]).ok())
        .map(|call| {
            let names = call.get_call_metadata();
            ((names.pallet_name, names.function_name), call)
        })
        .collect()
}

#[test]
fn no_call_weighs_nothing() {
    let calls = calls();
    for pallet in RuntimeCall::get_module_names() {
        for name in RuntimeCall::get_call_names(pallet) {
            // There are no tasks, so nobody can make the call that does one.
            if (*pallet, *name) == ("System", "do_task") {
                continue;
            }
            let call = calls.get(&(*pallet, *name));
            let weight = call
                .unwrap_or_else(|| panic!("no {pallet}::{name}"))
                .get_dispatch_info()
                .call_weight;
            assert!(weight.ref_time() > 0, "{pallet}::{name}");
        }
    }
}

#[test]
fn every_call_fits_into_a_block_at_its_greatest() {
    use pallet_billing::{Config as Billing, WeightInfo as _};
    use pallet_finality::{Config as Finality, WeightInfo as _};
    use pallet_masks::{Config as Masks, WeightInfo as _};
    use pallet_readings::{Config as Readings, WeightInfo as _};
    use pallet_registry::{Config as Registry, WeightInfo as _};
    let (excluded, left_out) = (
        <Runtime as Masks>::MaxExcluded::get(),
        <Runtime as Masks>::MaxLeftOut::get(),
    );
    let meters = <Runtime as Masks>::MaxMeters::get();
    let shares = <Runtime as Readings>::MaxBatchShares::get();
    let batches = <Runtime as Readings>::MaxBatches::get();
    let greatest = [
        (
            "register_users",
            <Runtime as Registry>::WeightInfo::register_users(<Runtime as Registry>::MaxBatch::get()),
        ),
        (
            "publish_cycle_filter",
            <Runtime as Masks>::WeightInfo::publish_cycle_filter(),
        ),
        (
            "publish_manifests",
            <Runtime as Masks>::WeightInfo::publish_manifests(meters),
        ),
        ("revise_cycle", <Runtime as Masks>::WeightInfo::revise_cycle()),
        ("open", <Runtime as Masks>::WeightInfo::open(excluded, left_out)),
        ("withhold", <Runtime as Masks>::WeightInfo::withhold(excluded)),
        (
            "submit",
            <Runtime as Readings>::WeightInfo::authenticate(batches) + <Runtime as Readings>::WeightInfo::submit(),
        ),
        (
            "submit_batch",
            <Runtime as Readings>::WeightInfo::authenticate_batch(shares, batches)
                + <Runtime as Readings>::WeightInfo::look_at_singles(shares)
                + <Runtime as Readings>::WeightInfo::submit_batch(shares),
        ),
        (
            "publish_bills",
            <Runtime as Billing>::WeightInfo::publish_bills(<Runtime as Billing>::MaxBills::get()),
        ),
        ("reconcile", <Runtime as Billing>::WeightInfo::reconcile()),
        ("remove_member", <Runtime as Finality>::WeightInfo::remove_member()),
        (
            "report_block_equivocation",
            <Runtime as Finality>::WeightInfo::report_block_equivocation(),
        ),
    ];
    let most = RuntimeBlockWeights::get()
        .get(DispatchClass::Normal)
        .max_extrinsic
        .expect("limited");
    for (call, weight) in greatest {
        assert!(weight.all_lte(most), "{call} weighs {weight} of {most}");
    }
}
