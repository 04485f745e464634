//! The one place that talks to a gridveil node from outside.
//!
//! [`Chain`] reads finalised state, follows finalised heads and submits two kinds of transactions: a meter's share,
//! signed by the pseudonym of its period, and calls of an account with a role; a share can also be handed to its region's
//! aggregator, against a receipt. (With [`View::Best`] it does so on the best
//! chain, for the one case where nothing becomes final until the consortium has voted.) It is given a list of nodes, uses one of
//! them at a time and moves on to the next when one fails, is silent, or belongs to another chain. Every request has a
//! time-out and a bounded number of retries with growing pauses; what remains is an [`Error`] that says what to do.
//! What to submit and when is the caller's business; keeping state is too.
//!
//! **Privacy.** A node learns the network address behind each request. A meter that does not want its two shares to be
//! linked by that sends them at different times and to different nodes; the shares themselves carry nothing in common.

mod account;
mod advice;
mod batch;
mod chain;
mod consortium;
mod decision;
mod error;
mod heads;
mod keys;
mod link;
mod pool;
mod proof;
mod reads;
mod runtime;
mod session_keys;
mod share;
mod socket;
mod submit;
mod upgrade;

pub mod calls;
pub mod enrolment;

pub use account::{parse_account, show_account, NoAccount};
pub use advice::ADVICE;
pub use calls::{Call, Motion};
pub use chain::{Chain, Head, Inclusion, Options, View};
pub use consortium::{ConsortiumStatus, ListedNodes, MemberStatus, OpenMotion};
pub use decision::{Decision, Proposal};
pub use error::Error;
pub use gridveil_primitives::Refusal;
pub use heads::Heads;
pub use keys::{KeyError, RoleKey};
pub use proof::{Authorities, AuthorityKey, Proof};
pub use session_keys::SessionKeys;
pub use submit::Applied;
