//! How the consortium stands: members, leader, term, votes, missed slots, and how far the chain is.
//!
//! **Privacy.** Shows what the chain shows to anyone.

use gridveil_chain_client::show_account;
use serde::Serialize;

use super::{council::Council, peers::show_peer};
use crate::error::Error;

/// How the consortium stands at the latest finalised block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The chain's genesis hash, in hexadecimal.
    pub genesis: String,
    /// The number of the latest finalised block.
    pub finalised: u32,
    /// The number of the best block.
    pub best: u32,
    /// The number of the block that the rest is about: the finalised one, or the best one where that was asked for.
    pub block: u32,
    /// The version of the runtime's specification.
    pub spec_version: u32,
    /// The number of the term.
    pub term: u32,
    /// The block that it began with.
    pub term_started: u32,
    /// How many blocks a term has.
    pub term_blocks: u32,
    /// How many of them are to come.
    pub blocks_left: u32,
    /// Who leads; `None` while the members take turns.
    pub leader: Option<String>,
    /// How many of its own slots the leader has missed in a row.
    pub leader_missed: u32,
    /// How many votes of this term's authorities elect the next leader.
    pub votes_needed: u32,
    /// How many ayes carry a decision of the consortium.
    pub ayes_needed: u32,
    /// The members.
    pub members: Vec<Member>,
    /// Whether nodes talk to listed ones only.
    pub listed_peers_only: bool,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its account.
    pub account: String,
    /// Whether it forms and finalises blocks in this term.
    pub authority: bool,
    /// Whether it leads.
    pub leads: bool,
    /// Whether it left by itself.
    pub away: bool,
    /// Whether it has set session keys.
    pub keys: bool,
    /// How many blocks it formed; halved with each term.
    pub authored: u32,
    /// How many of its slots it missed; halved with each term.
    pub missed: u32,
    /// Whom it voted for as the next leader.
    pub vote: Option<String>,
    /// The peer ids of its nodes.
    pub nodes: Vec<String>,
}

/// How the consortium stands.
pub async fn status<C: Council>(council: &C) -> Result<Status, Error> {
    let at = council.head().await?;
    let (finalised, best) = council.heights().await?;
    let consortium = council.consortium(at).await?;
    let listed = council.listed_nodes(at).await?;
    let mut members = Vec::new();
    for member in &consortium.members {
        let nodes = listed.nodes.iter().filter(|(by, _)| *by == member.account);
        members.push(Member {
            account: show_account(&member.account),
            authority: member.authority,
            leads: consortium.leader == Some(member.account),
            away: member.away,
            // Nobody gets into the set without keys.
            keys: member.authority || council.session_keys(member.account, at).await?.is_some(),
            authored: member.authored,
            missed: member.missed,
            vote: member.vote.as_ref().map(show_account),
            nodes: nodes.flat_map(|(_, peers)| peers).map(|peer| show_peer(peer)).collect(),
        });
    }
    let authorities = consortium.members.iter().filter(|member| member.authority).count();
    let ends = consortium.term_started.saturating_add(consortium.term_blocks);
    Ok(Status {
        genesis: hex::encode(council.genesis()),
        finalised,
        best,
        block: at.number,
        spec_version: council.spec_version(at).await?,
        term: consortium.term,
        term_started: consortium.term_started,
        term_blocks: consortium.term_blocks,
        blocks_left: ends.saturating_sub(at.number).saturating_sub(1),
        leader: consortium.leader.as_ref().map(show_account),
        leader_missed: consortium.leader_missed,
        votes_needed: u32::try_from(authorities / 2).unwrap_or(u32::MAX).saturating_add(1),
        ayes_needed: super::two_thirds(members.len()),
        members,
        listed_peers_only: listed.listed_peers_only,
    })
}
