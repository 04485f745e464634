//! The runtime as nodes and clients meet it: real extrinsics, signed for real, in real blocks.

mod consortium;
mod cycle;
mod genesis;
mod grid;
mod harness;
mod meters;
mod roles;
