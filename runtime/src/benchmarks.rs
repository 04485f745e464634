//! The pallets whose weights are measured with this runtime: ours. The stock ones bring weights of their own.

frame_benchmarking::define_benchmarks!(
    [pallet_finality, Finality]
    [pallet_registry, Registry]
    [pallet_masks, Masks]
    [pallet_readings, Readings]
    [pallet_pricing, Pricing]
    [pallet_billing, Billing]
);
