//! A smart meter, and its owner.
//!
//! The meter takes readings from a [`source`], splits and masks each, fixes both shares in its [`state`] directory and
//! then brings them to the finalised chain ([`run`]). Its owner lists, fetches, opens and [`verify`]s the bills that come
//! of them ([`bill`]), and makes and checks [`receipt`]s for them; an auditor to whom it gives a [`disclosure`] reads some of
//! its periods. This library is the program `meter-client` without its command line; the protocol itself is
//! `gridveil_primitives`, and talking to nodes is `gridveil_chain_client`.
//!
//! **Privacy.** A reading leaves the meter only as two masked shares under two one-time pseudonyms. Keys, readings and
//! bills stay in the state directory, readable by its owner alone.

#![forbid(unsafe_code)]

pub mod bill;
pub mod clock;
pub mod config;
mod deliver;
pub mod disclosure;
pub mod enrol;
pub mod event;
pub mod keys;
pub mod node;
mod period;
pub mod port;
pub mod receipt;
pub mod records;
pub mod register;
pub mod replay;
pub mod run;
pub mod source;
pub mod state;
pub mod status;
pub mod telegram;
pub mod verify;
pub mod witness;

#[cfg(test)]
mod testing;
