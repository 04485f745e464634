//! The meter's library, with the world that its own tests put around it.
//!
//! **Privacy.** Keys and readings are made up.

pub use gridveil_meter_client::*;

#[allow(dead_code)]
#[path = "../../../meter-client/src/testing.rs"]
pub mod testing;
