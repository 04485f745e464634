//! What it takes to run a whole gridveil on one machine: node, meter and operator processes, and the checks of what came
//! out. The demo and the chaos tests are built from it.
//!
//! Promises no more than its modules do. Leaves the story to the program that uses it.
//!
//! **Privacy.** Development keys and published readings: fit for demonstrations and tests, and for nothing else.

pub mod actors;
pub mod checks;
pub mod data;
pub mod folder;
pub mod network;
pub mod process;
pub mod spec;
