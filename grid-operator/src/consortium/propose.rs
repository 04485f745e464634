//! Putting a decision to the vote.
//!
//! **Privacy.** A motion is public, with its reason.

use std::path::Path;

use gridveil_chain_client::{Decision, Error as ChainError, Head};
use gridveil_primitives::{RegionInfo, Role};
use serde::Serialize;

use super::{
    as_member,
    cli::{ProposeCommand, RoleName},
    council::{carry_out, Act, Council},
    describe::{show_hash, Described},
    motions::{look_up, MotionLine},
    two_thirds,
    upgrade::read_code,
};
use crate::{error::Error, limits};

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is put to the vote.
    Proposed,
    /// The same was put to the vote before, and the vote is open.
    Open,
    /// One vote was enough, and it was carried out at once.
    CarriedOut,
    /// It is so already; there is nothing to decide.
    InForce,
}

/// A proposal and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// What became of it.
    pub state: State,
    /// What was proposed.
    pub proposal: Described,
    /// The hash of its call.
    pub hash: String,
    /// The open motion.
    pub motion: Option<MotionLine>,
}

/// The decision that the command line asks for.
pub fn decision(command: ProposeCommand) -> Result<Decision, Error> {
    Ok(match command {
        ProposeCommand::AddMember { account, reason } => Decision::AddMember {
            account,
            reason: fitting(reason)?,
        },
        ProposeCommand::RemoveMember { account, reason } => Decision::RemoveMember {
            account,
            reason: fitting(reason)?,
        },
        ProposeCommand::NoteStalled { delay, best_finalised } => Decision::NoteStalled { delay, best_finalised },
        ProposeCommand::AuthorizeUpgrade { code } => authorize(&code)?,
        ProposeCommand::GrantRole { account, role } => Decision::GrantRole {
            account,
            role: match role {
                RoleName::KeyCentre => Role::KeyCentre,
                RoleName::ControlCentre => Role::ControlCentre,
            },
        },
        ProposeCommand::RevokeRole { account } => Decision::RevokeRole { account },
        ProposeCommand::RegisterRegion {
            region,
            aggregator,
            minimum_meters,
            fallback_price,
        } => Decision::RegisterRegion {
            region,
            info: RegionInfo {
                aggregator,
                minimum_meters,
                fallback_price,
            },
        },
    })
}

fn authorize(code: &Path) -> Result<Decision, Error> {
    let code_hash = read_code(code)?.hash;
    Ok(Decision::AuthorizeUpgrade { code_hash })
}

/// A reason that the chain takes.
fn fitting(reason: String) -> Result<String, Error> {
    let length = reason.len();
    if reason.trim().is_empty() {
        let problem = "is empty; say why, for those who read the chain later".into();
        return Err(Error::Flag {
            flag: "--reason",
            problem,
        });
    }
    if length > limits::REASON {
        let problem = format!("has {length} bytes; the chain takes {}", limits::REASON);
        return Err(Error::Flag {
            flag: "--reason",
            problem,
        });
    }
    Ok(reason)
}

/// Whether the chain is already as a decision would make it.
async fn in_force<C: Council>(council: &C, decision: &Decision, at: Head) -> Result<bool, ChainError> {
    let is_member = |account: [u8; 32]| async move {
        let members = council.consortium(at).await?.members;
        Ok::<_, ChainError>(members.iter().any(|member| member.account == account))
    };
    Ok(match decision {
        Decision::AddMember { account, .. } => is_member(*account).await?,
        Decision::RemoveMember { account, .. } => !is_member(*account).await?,
        Decision::NoteStalled { .. } => false,
        Decision::AuthorizeUpgrade { code_hash } => {
            council.authorised_upgrade(at).await? == Some(*code_hash) || council.code_hash(at).await? == *code_hash
        }
        Decision::GrantRole { account, role } => council.role_of(*account, at).await? == Some(*role),
        Decision::RevokeRole { account } => council.role_of(*account, at).await?.is_none(),
        Decision::RegisterRegion { region, info } => council.region(*region, at).await? == Some(*info),
    })
}

/// Puts a decision to the vote, with a threshold or else with two thirds of the members; unless it is in force, or the vote
/// on it is open.
pub async fn propose<C: Council>(council: &C, decision: Decision, threshold: Option<u32>) -> Result<Proposed, Error> {
    let at = council.head().await?;
    let (consortium, _) = as_member(council, at).await?;
    let members = consortium.members.len();
    let least = two_thirds(members);
    let threshold = threshold.unwrap_or(least);
    if threshold < least || u32::try_from(members).is_ok_and(|members| threshold > members) {
        return Err(Error::Flag {
            flag: "--threshold",
            problem: format!("is {threshold}; of {members} members, {least} to {members} carry a decision"),
        });
    }
    let hash = council.motion_hash(&decision, at).await?;
    let told = |state, motion| Proposed {
        state,
        proposal: (&decision).into(),
        hash: show_hash(&hash),
        motion,
    };
    if in_force(council, &decision, at).await? {
        return Ok(told(State::InForce, None));
    }
    if let Some(open) = look_up(council, hash).await? {
        return Ok(told(State::Open, Some(open)));
    }
    let act = Act::Propose {
        threshold,
        decision: decision.clone(),
    };
    let wanted = &decision;
    let done = |at| async move {
        let open = council.motions(at).await?;
        // One vote may have been enough.
        Ok(open.iter().any(|open| open.motion.hash == hash) || in_force(council, wanted, at).await?)
    };
    carry_out(council, &act, done).await?;
    let state = match threshold {
        1 => State::CarriedOut,
        _ => State::Proposed,
    };
    Ok(told(state, look_up(council, hash).await?))
}
