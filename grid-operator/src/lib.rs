//! The two operators of a grid, the [`key_centre`] and the [`control_centre`], the members of its [`consortium`], and whoever
//! wants to [`audit`] it.
//!
//! The binary `grid-operator` is this library behind a command line. Every command acts on finalised state only (but for
//! a member that asks for the best chain, to end a stall of finality),
//! decides on disk before it sends, and can be killed and given again at any moment. The chain is behind
//! [`grid::Grid`] and [`consortium::council::Council`], so that all of it also runs against a chain in memory. Who may do
//! what is decided on chain; the operators only bring the key of their role.
//!
//! **Privacy.** The key centre can unmask readings and does so for bills alone; the control centre sees regional
//! totals. Neither writes a reading to disk, to a log or to the chain.

pub mod audit;
pub mod cli;
pub mod commands;
pub mod config;
pub mod consortium;
pub mod control_centre;
pub mod error;
#[cfg(test)]
mod fake;
pub mod follow;
pub mod grid;
pub mod key_centre;
pub mod ledger;
pub mod limits;
pub mod lock;
pub mod output;
pub mod root_key;
pub mod state;
#[cfg(test)]
mod tests;
pub mod work;
