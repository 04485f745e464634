//! What a member does for itself: leave, come back, list its nodes.
//!
//! **Privacy.** All of it is public.

use serde::Serialize;

use super::{
    as_member,
    council::{carry_out, Act, Council},
    peers::{parse_peer, show_peer},
};
use crate::error::Error;
use gridveil_chain_client::show_account;

/// A member that left or came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stepped {
    /// The member.
    pub account: String,
    /// Whether it is away.
    pub away: bool,
    /// Whether that is new.
    pub new: bool,
}

/// A member's nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The member.
    pub account: String,
    /// The peer ids that are listed now.
    pub nodes: Vec<String>,
    /// Those among them that were not before.
    pub added: Vec<String>,
    /// Those that are listed no more.
    pub removed: Vec<String>,
    /// Whether nodes talk to listed ones only.
    pub listed_peers_only: bool,
}

/// Takes the member out of those that form and finalise blocks, or (`away` false) back among them; content where it is so.
pub async fn step<C: Council>(council: &C, away: bool) -> Result<Stepped, Error> {
    let at = council.head().await?;
    let (_, member) = as_member(council, at).await?;
    let new = member.away != away;
    if new {
        let done = |at| async move {
            let members = council.consortium(at).await?.members;
            Ok(members
                .iter()
                .any(|now| now.account == member.account && now.away == away))
        };
        let act = if away { Act::Leave } else { Act::Rejoin };
        carry_out(council, &act, done).await?;
    }
    Ok(Stepped {
        account: show_account(&member.account),
        away,
        new,
    })
}

/// Lists the member's nodes in place of those listed before; content where they are the same.
pub async fn list_nodes<C: Council>(council: &C, peers: &[String]) -> Result<Listed, Error> {
    let mut nodes = peers
        .iter()
        .map(|peer| parse_peer(peer))
        .collect::<Result<Vec<_>, _>>()?;
    nodes.sort();
    if let Some(twice) = nodes.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::Flag {
            flag: "PEER_ID",
            problem: format!("{} is given twice", show_peer(&twice[0])),
        });
    }
    let at = council.head().await?;
    let (_, member) = as_member(council, at).await?;
    let listed = council.listed_nodes(at).await?;
    let of = |listed: &[([u8; 32], Vec<Vec<u8>>)]| {
        let found = listed.iter().find(|(by, _)| *by == member.account);
        let mut nodes = found.map(|(_, nodes)| nodes.clone()).unwrap_or_default();
        nodes.sort();
        nodes
    };
    let before = of(&listed.nodes);
    if before != nodes {
        let (of, wanted) = (&of, &nodes);
        let done = |at| async move { Ok(of(&council.listed_nodes(at).await?.nodes) == *wanted) };
        carry_out(council, &Act::ListNodes(nodes.clone()), done).await?;
    }
    let but = |these: &[Vec<u8>], those: &[Vec<u8>]| {
        let rest = these.iter().filter(|peer| !those.contains(peer));
        rest.map(|peer| show_peer(peer)).collect::<Vec<_>>()
    };
    Ok(Listed {
        account: show_account(&member.account),
        nodes: but(&nodes, &[]),
        added: but(&nodes, &before),
        removed: but(&before, &nodes),
        listed_peers_only: listed.listed_peers_only,
    })
}
