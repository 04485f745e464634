//! The gridveil protocol: keys, pseudonyms, masks, shares, filters, commitments, money, and the values that cross a wire.
//!
//! This crate is the cryptography of DESIGN section 3 and nothing else. Meter, key centre, control centre and chain all
//! call the same functions, so that they agree to the last bit. It promises that no function panics, whatever its
//! arguments; that bytes from outside become points and scalars only when they are canonical; that secrets are wiped when
//! dropped and never printed. It leaves to others when a function may be called: above all that a mask sum is opened
//! once, after the close (the masks pallet), and that a meter never signs two shares for one pseudonym (the meter).
//!
//! **Privacy.** What each value reveals, and to whom, is said in the module that makes it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`types`] | wire types, re-exported here |
//! | [`refusal`] | why a share is turned away |
//! | [`hash`] | H, with domains |
//! | [`keys`] | root key, meter secrets and their ratchet, spend key, split key |
//! | [`prf`] | f, the GGM tree |
//! | [`pseudonym`] | one-time keys, PRIDs, signatures |
//! | [`mask`] | masks and blindings |
//! | [`share`] | readings into masked shares and back |
//! | [`meter`] | all that a meter computes in a period, in one step |
//! | [`disclosure`] | what an auditor is given to read some periods |
//! | [`batch`] | signed shares that travel together, and their check |
//! | [`filter`] | the Bloom filters BF1 and BF2 |
//! | [`tally`] | sums of pseudonyms |
//! | [`commitment`] | Pedersen commitments to mask sums, and their openings |
//! | [`money`] | energy times price |
//! | [`bill`] | commitments to what bills come to, and the opening of their sum |
//!
//! # The paper's symbols
//!
//! | Oksuz 2024 | here |
//! |---|---|
//! | BID | [`Bid`] |
//! | s, s' | [`keys::CycleKeys::pseudonym`] |
//! | r, r' | [`keys::CycleKeys::mask`] |
//! | f | [`prf::Seed::leaf`] |
//! | x, x' | [`pseudonym::OneTimeKey`], with p0 from [`keys::SpendKey`] added (the paper is p0 = 0) |
//! | PRID, PRID' | [`pseudonym::prid`], one per [`Half`] |
//! | c', c'' | [`share::split_and_mask`] makes them and keeps them in |
//! | rc', rc'' | [`share::MaskedPair`] |
//! | BF1 | [`filter::Builder::period`], [`filter::contains_prid`] |
//! | BF2 | [`filter::Builder::cycle`], [`filter::contains_tally`] |
//! | T | [`tally`] (a sum here, a product in the paper's notation) |
//! | Z | [`Opening::mask_sum`], checked by [`commitment::verify_opening`] |
//! | sum − Z | [`share::total`] |

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod batch;
pub mod bill;
pub mod commitment;
pub mod disclosure;
pub mod filter;
pub mod hash;
pub mod keys;
pub mod mask;
mod merkle;
pub mod meter;
pub mod money;
pub mod prf;
pub mod pseudonym;
pub mod refusal;
pub mod share;
pub mod tail;
pub mod tally;
pub mod types;

pub use pseudonym::Half;
pub use refusal::Refusal;
pub use types::*;
