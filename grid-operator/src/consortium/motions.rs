//! The consortium's open motions: looking at them, voting, closing.
//!
//! **Privacy.** Votes are public, with the names of those who cast them.

use gridveil_chain_client::{show_account, Head, OpenMotion};
use serde::Serialize;

use super::{
    as_member,
    cli::MotionName,
    council::{carry_out, Act, Council},
    describe::{show_hash, Described},
    two_thirds,
};
use crate::error::Error;

/// How the vote on a motion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Votes are missing.
    Open,
    /// It has the ayes that it needs and can be closed.
    Carried,
    /// So many are against it that it cannot get them any more; it can be closed.
    Rejected,
    /// Its last block has passed without them; it can be closed.
    Expired,
}

/// An open motion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MotionLine {
    /// Its number.
    pub index: u32,
    /// The hash of its call.
    pub hash: String,
    /// What it would do.
    pub proposal: Described,
    /// How many ayes it needs.
    pub threshold: u32,
    /// Who voted for it.
    pub ayes: Vec<String>,
    /// Who voted against it.
    pub nays: Vec<String>,
    /// Who has not voted.
    pub missing: Vec<String>,
    /// The block from which on it can be closed whatever the votes.
    pub end: u32,
    /// How the vote stands.
    pub standing: Standing,
}

/// A vote that was cast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Voted {
    /// Whether it was cast now; the same vote may have been cast before.
    pub new: bool,
    /// The vote.
    pub approve: bool,
    /// The motion with the vote; `None` where somebody closed it meanwhile.
    pub motion: Option<MotionLine>,
}

/// A motion that was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// Its number.
    pub index: u32,
    /// The hash of its call.
    pub hash: String,
    /// What it was about.
    pub proposal: Described,
    /// Whether it was carried, and with that carried out; `None` where the chain's answer was lost.
    pub carried: Option<bool>,
}

/// How many ayes a motion needs to have an effect: what its proposer asked for, and two thirds of the members as they are.
fn needed(open: &OpenMotion, members: usize) -> u32 {
    open.threshold.max(two_thirds(members))
}

fn standing(open: &OpenMotion, members: usize, at: Head) -> Standing {
    let count = |votes: &[[u8; 32]]| u32::try_from(votes.len()).unwrap_or(u32::MAX);
    let (ayes, needed) = (count(&open.ayes), needed(open, members));
    let possible = u32::try_from(members)
        .unwrap_or(u32::MAX)
        .saturating_sub(count(&open.nays));
    // With the ayes that its proposer asked for, but not with two thirds, the chain would close a motion and then refuse
    // its call: that is left for when nothing better can come of it.
    let lost = possible < open.threshold || (ayes >= open.threshold && possible < needed);
    if ayes >= needed {
        Standing::Carried
    } else if lost {
        Standing::Rejected
    } else if at.number >= open.end {
        Standing::Expired
    } else {
        Standing::Open
    }
}

fn line(open: &OpenMotion, members: &[[u8; 32]], at: Head) -> MotionLine {
    let shown = |accounts: &[[u8; 32]]| accounts.iter().map(show_account).collect::<Vec<_>>();
    let voted = |account: &&[u8; 32]| open.ayes.contains(account) || open.nays.contains(account);
    MotionLine {
        index: open.motion.index,
        hash: show_hash(&open.motion.hash),
        proposal: (&open.proposal).into(),
        threshold: needed(open, members.len()),
        ayes: shown(&open.ayes),
        nays: shown(&open.nays),
        missing: members
            .iter()
            .filter(|member| !voted(member))
            .map(show_account)
            .collect(),
        end: open.end,
        standing: standing(open, members.len(), at),
    }
}

async fn members<C: Council>(council: &C, at: Head) -> Result<Vec<[u8; 32]>, Error> {
    let consortium = council.consortium(at).await?;
    Ok(consortium.members.iter().map(|member| member.account).collect())
}

/// The open motions.
pub async fn motions<C: Council>(council: &C) -> Result<Vec<MotionLine>, Error> {
    let at = council.head().await?;
    let members = members(council, at).await?;
    let open = council.motions(at).await?;
    Ok(open.iter().map(|open| line(open, &members, at)).collect())
}

/// The open motion with this name.
async fn find<C: Council>(council: &C, name: MotionName, at: Head) -> Result<OpenMotion, Error> {
    let open = council.motions(at).await?;
    let named = |open: &&OpenMotion| match name {
        MotionName::Index(index) => open.motion.index == index,
        MotionName::Hash(hash) => open.motion.hash == hash,
    };
    open.iter().find(named).cloned().ok_or_else(|| Error::NoMotion {
        name: match name {
            MotionName::Index(index) => index.to_string(),
            MotionName::Hash(hash) => show_hash(&hash),
        },
        open: open.iter().map(|open| open.motion.index.to_string()).collect(),
    })
}

/// The open motion with this hash, as a line; `None` once it is closed.
pub(super) async fn look_up<C: Council>(council: &C, hash: [u8; 32]) -> Result<Option<MotionLine>, Error> {
    let at = council.head().await?;
    let members = members(council, at).await?;
    let open = council.motions(at).await?;
    let found = open.iter().find(|open| open.motion.hash == hash);
    Ok(found.map(|open| line(open, &members, at)))
}

/// Votes on a motion. A vote that stands is not cast again; the other one replaces it.
pub async fn vote<C: Council>(council: &C, name: MotionName, approve: bool) -> Result<Voted, Error> {
    let at = council.head().await?;
    let (_, member) = as_member(council, at).await?;
    let open = find(council, name, at).await?;
    let stands = |open: &OpenMotion| {
        let votes = if approve { &open.ayes } else { &open.nays };
        votes.contains(&member.account)
    };
    let (new, hash, stands) = (!stands(&open), open.motion.hash, &stands);
    if new {
        let done = |at| async move {
            let motions = council.motions(at).await?;
            Ok(motions.iter().any(|open| open.motion.hash == hash && stands(open)))
        };
        carry_out(council, &Act::Vote(open.motion, approve), done).await?;
    }
    Ok(Voted {
        new,
        approve,
        motion: look_up(council, hash).await?,
    })
}

/// Closes a motion that is carried, rejected or expired.
pub async fn close<C: Council>(council: &C, name: MotionName) -> Result<Closed, Error> {
    let at = council.head().await?;
    let (consortium, _) = as_member(council, at).await?;
    let open = find(council, name, at).await?;
    let members = consortium.members.len();
    if standing(&open, members, at) == Standing::Open {
        return Err(Error::Undecided {
            index: open.motion.index,
            ayes: open.ayes.len(),
            needed: needed(&open, members),
            end: open.end,
        });
    }
    let hash = open.motion.hash;
    let done = |at| async move { Ok(council.motions(at).await?.iter().all(|open| open.motion.hash != hash)) };
    let applied = carry_out(council, &Act::Close(open.motion), done).await?;
    Ok(Closed {
        index: open.motion.index,
        hash: show_hash(&hash),
        proposal: (&open.proposal).into(),
        carried: applied.map(|applied| applied.reports("Consortium", "Approved")),
    })
}
