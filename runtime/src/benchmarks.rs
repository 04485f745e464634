//! The pallets whose weights are measured with this runtime: ours, and the stock ones with calls that exist for someone.

frame_benchmarking::define_benchmarks!(
    [frame_system, SystemBench::<Runtime>]
    [frame_system_extensions, SystemExtensionsBench::<Runtime>]
    [pallet_timestamp, Timestamp]
    [pallet_finality, Finality]
    [pallet_collective, Consortium]
    [pallet_registry, Registry]
    [pallet_masks, Masks]
    [pallet_readings, Readings]
    [pallet_pricing, Pricing]
    [pallet_billing, Billing]
);
