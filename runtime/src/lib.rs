//! The gridveil state transition function.
//!
//! The stock pallets keep time, blocks, sessions and votes; six of ours keep the members, regions and users, manifests and
//! mask sums, shares, prices and bills. There is no token, no fee and no superuser. Who may do what:
//!
//! - a **meter** sends [`pallet_readings`]' `submit`, signed by a one-time pseudonym; `AuthenticateMeter` turns the
//!   signature into the meter's own origin, so that no account is needed or made; or it hands its share to its region's
//!   **aggregator**, who sends many in one `submit_batch`;
//! - the **key centre** and the **control centre** make the calls of their roles, [members](pallet_finality) vote in the
//!   consortium; `RequireRole` refuses every other signed call, wrapped ones included (see
//!   [`configs::consortium::Permission`]);
//! - two thirds of the members decide on members, roles and regions, on upgrades, and on what to do in a stall;
//! - any node reports a member that contradicts itself, without a signature: the evidence speaks for itself.
//!
//! Nodes use the runtime through the APIs of [`apis`]; clients read it through [`grid_api::GridApi`], and everyone reads
//! the consortium through [`finality_api::FinalityApi`].
//!
//! **Privacy.** The runtime adds nothing to what its pallets reveal: it has no accounts for meters, no fees that would
//! have to come from somewhere, and no event for a single reading.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]

extern crate alloc;

/// The runtime for WebAssembly, as the build script made it.
// The constants in the included file are the builder's and have no documentation.
#[cfg(feature = "std")]
#[allow(missing_docs)]
pub mod wasm {
    include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));
}

#[cfg(feature = "runtime-benchmarks")]
#[macro_use]
mod benchmarks;

pub mod apis;
pub mod configs;
pub mod finality_api;
pub mod genesis_presets;
pub mod grid_api;
mod pallets;
pub mod signing;

pub use pallets::*;
#[cfg(feature = "std")]
pub use wasm::{WASM_BINARY, WASM_BINARY_BLOATY};

use alloc::vec::Vec;
use sp_runtime::{
    generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};
use sp_version::{runtime_version, RuntimeVersion};

/// The types that a node needs to handle blocks without knowing what is in them.
pub mod opaque {
    use super::*;

    pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

    /// A block's header.
    pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
    /// A block of extrinsics that are bytes.
    pub type Block = generic::Block<Header, UncheckedExtrinsic>;
}

impl_opaque_keys! {
    /// The keys with which a member forms and finalises blocks.
    pub struct SessionKeys {
        /// Signs blocks.
        pub aura: Aura,
        /// Signs votes on finality.
        pub grandpa: Grandpa,
    }
}

/// What this state transition function is called and which version it has.
#[runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: alloc::borrow::Cow::Borrowed("gridveil"),
    impl_name: alloc::borrow::Cow::Borrowed("gridveil"),
    authoring_version: 1,
    spec_version: 1,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// A signature on an extrinsic: sr25519 for meters and, as a rule, for everyone else.
pub type Signature = MultiSignature;
/// An account: a public key of 32 bytes, be it a member's, a role's or a meter's pseudonym.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// How many transactions an account has sent; always 0 for a meter.
pub type Nonce = u32;
/// A hash of 32 bytes.
pub type Hash = sp_core::H256;
/// The number of a block.
pub type BlockNumber = u32;
/// How an extrinsic names its sender.
pub type Address = MultiAddress<AccountId, ()>;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// What every signed extrinsic passes before it is dispatched, in this order.
///
/// `AuthenticateMeter` comes before `RequireRole` and `CheckNonce`, because a meter's pseudonym has neither a role nor an
/// account: from there on the origin is the meter's, which both let through. None of the two adds a byte to the extrinsic,
/// so that any client library can sign one.
pub type TxExtension = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    pallet_readings::AuthenticateMeter<Runtime>,
    pallet_registry::RequireRole<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// An extrinsic as it is sent.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What an extrinsic's signature covers.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Runs blocks.
pub type Executive =
    frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;
