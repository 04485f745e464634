//! A member's commands: how the consortium stands, its votes, and what each member does for itself.
//!
//! Each command is one function over a [`Council`], the chain as seen by one member. It first looks at the chain, so that
//! what is done already is not done again and what the chain would refuse is refused here, with the reason; then it sends
//! at most one call, and afterwards looks again. What a decision does is the pallets' matter.
//!
//! **Privacy.** The consortium's life is public; only the members' keys are secret, and they stay in their files.

pub mod cli;
pub mod council;
pub mod describe;
#[cfg(test)]
mod fake;
pub mod keys;
pub mod member;
pub mod motions;
pub mod peers;
pub mod propose;
pub mod run;
pub mod status;
#[cfg(test)]
mod tests;
pub mod upgrade;
mod words;

use gridveil_chain_client::{show_account, ConsortiumStatus, Head, MemberStatus};

use crate::error::Error;
use council::Council;

/// How many of the members are at least two thirds.
pub fn two_thirds(members: usize) -> u32 {
    // A consortium has at most a hundred members.
    u32::try_from(members.saturating_mul(2).div_ceil(3)).unwrap_or(u32::MAX)
}

/// The consortium and, in it, the member whose key was given.
async fn as_member<C: Council>(council: &C, at: Head) -> Result<(ConsortiumStatus, MemberStatus), Error> {
    let account = council.account().ok_or(Error::Missing {
        what: "the key of the member's account",
        flag: "--key-file",
    })?;
    let consortium = council.consortium(at).await?;
    match consortium.members.iter().find(|member| member.account == account) {
        Some(member) => {
            let member = member.clone();
            Ok((consortium, member))
        }
        None => Err(Error::NotAMember {
            account: show_account(&account),
        }),
    }
}
