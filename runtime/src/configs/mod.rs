//! How the runtime sets its pallets up, by topic.
//!
//! [`system`] has blocks, their limits and time; [`consensus`] has who forms and finalises blocks; [`consortium`] has the
//! votes of the members and who may call what; [`grid`] has the pallets of the protocol.

pub mod consensus;
pub mod consortium;
pub mod grid;
pub mod system;
