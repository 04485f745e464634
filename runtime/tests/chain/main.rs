//! The runtime as nodes and clients meet it: real extrinsics, signed for real, in real blocks.

mod batches;
mod cheats;
mod consortium;
mod cycle;
mod genesis;
mod grid;
mod harness;
mod keys;
mod leaders;
mod membership;
// The interfaces for benchmarks and for trying a runtime out are in no runtime that a chain runs.
#[cfg(not(any(feature = "runtime-benchmarks", feature = "try-runtime")))]
mod metadata;
mod meters;
mod motions;
mod nodes;
mod revisions;
mod roles;
mod session_keys;
mod stall;
mod status;
mod upgrade;
mod weights;
