//! What a transaction carries beside its call, and what its signature covers: for nodes, which sign and check transactions
//! without the runtime's state.
//!
//! **Privacy.** Nothing but what is in every transaction.

use crate::{Hash, Nonce, RuntimeCall, SignedPayload, TxExtension};
use sp_runtime::generic::Era;
use sp_version::RuntimeVersion;

/// The extension of a transaction that holds for an era and is its sender's `nonce`th. A meter's is its first.
pub fn extension(era: Era, nonce: Nonce) -> TxExtension {
    (
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(era),
        pallet_readings::AuthenticateMeter::new(),
        pallet_registry::RequireRole::new(),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        frame_system::WeightReclaim::new(),
    )
}

/// What the signature covers, under the versions that the chain's runtime has, which need not be this one. `birth` is the
/// block with which the era begins; of a transaction without an era that is `genesis` again.
pub fn payload(
    call: RuntimeCall,
    extension: TxExtension,
    version: &RuntimeVersion,
    genesis: Hash,
    birth: Hash,
) -> SignedPayload {
    let (spec, transaction) = (version.spec_version, version.transaction_version);
    let implicit = ((), spec, transaction, genesis, birth, (), (), (), (), ());
    SignedPayload::from_raw(call, extension, implicit)
}
