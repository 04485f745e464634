//! The runtime's bounds on what one call may carry, as far as the operators keep to them.
//!
//! [`LEFT_OUT`] must be the runtime's own: it decides between opening a period and withholding it, and the chain
//! insists on the same decision. The others only have to be no larger than the runtime's.

/// The most meters that an opening can leave out (`Masks.MaxLeftOut`); where more are missing, the period is withheld.
pub const LEFT_OUT: usize = 1_000;
/// The most shares that can be excluded from a period's sum (`Masks.MaxExcluded`).
pub const EXCLUDED: usize = 2_000;
/// The most users or bills in one call (`Registry.MaxBatch`, `Billing.MaxBatch`).
pub const BATCH: usize = 500;
/// The most manifests in one call (`Masks.MaxManifests`).
pub const MANIFESTS: usize = 500;
/// The most bytes of manifests in one call, unless one alone has more: a fifth of a block.
pub const MANIFEST_BYTES: usize = 1 << 20;
/// The most bytes of a decision's reason (`Finality`'s `Reason`).
pub const REASON: usize = 256;
/// The most bytes of a runtime's code: as text of twice that length it must pass a node's RPC, which takes ten million.
pub const CODE: u64 = 4 << 20;
