//! What a member's commands say to people.
//!
//! Accounts are long: where several stand together, members go by their row in the table of `status`.
//!
//! **Privacy.** Says what it is given.

use gridveil_chain_client::Authorities;

use super::{
    keys::KeysSet,
    member::{Listed, Stepped},
    motions::{Closed, MotionLine, Standing, Voted},
    propose::{Proposed, State},
    status::{Member, Status},
    upgrade::Upgraded,
};
use crate::output::table;

/// How the consortium stands.
pub(super) fn status(found: &Status) -> String {
    let row_of = |account: &String| {
        let row = found.members.iter().position(|member| member.account == *account);
        row.map_or(account.clone(), |row| row.saturating_add(1).to_string())
    };
    let Status {
        genesis,
        finalised,
        best,
        spec_version,
        term,
        term_started,
        term_blocks,
        blocks_left,
        ..
    } = found;
    let lag = best.saturating_sub(*finalised);
    let chain = format!("chain {genesis}, runtime version {spec_version}");
    let blocks = format!("finalised block {finalised}, best block {best}, {lag} ahead");
    let shown = match found.block == *finalised {
        true => String::new(),
        false => format!("\nas of block {}, which is NOT final", found.block),
    };
    let leader = match &found.leader {
        Some(leader) => format!(
            "member {} leads, and has missed {} of its own slots in a row",
            row_of(leader),
            found.leader_missed
        ),
        None => "nobody leads: the members take turns".into(),
    };
    let term =
        format!("term {term} of {term_blocks} blocks since block {term_started}, {blocks_left} to come; {leader}");
    let rows = found.members.iter().enumerate().map(|(place, member)| {
        vec![
            place.saturating_add(1).to_string(),
            member.account.clone(),
            part(member).into(),
            member.authored.to_string(),
            member.missed.to_string(),
            member.vote.as_ref().map_or("-".into(), row_of),
        ]
    });
    let members = table(
        &[
            "member",
            "account",
            "in the set",
            "slots used",
            "slots missed",
            "votes for",
        ],
        rows,
    );
    let votes = format!(
        "{} votes elect the next term's leader; {} ayes carry a decision of the consortium",
        found.votes_needed, found.ayes_needed
    );
    let nodes = nodes(found);
    format!("{chain}\n{blocks}{shown}\n{term}\n{members}\n{votes}\n{nodes}")
}

/// Who finalises blocks: the file itself, for people and programs alike.
pub(super) fn authorities(found: &Authorities) -> String {
    serde_json::to_string_pretty(found).unwrap_or_default()
}

/// A member's part in this term.
fn part(member: &Member) -> &'static str {
    match member {
        Member { leads: true, .. } => "leads",
        Member {
            authority: true,
            away: false,
            ..
        } => "yes",
        Member { authority: true, .. } => "yes, left",
        Member { away: true, .. } => "no, left",
        Member { keys: false, .. } => "no, without keys",
        _ => "no, to come",
    }
}

fn nodes(found: &Status) -> String {
    let rows: Vec<_> = found
        .members
        .iter()
        .enumerate()
        .flat_map(|(place, member)| {
            let row = place.saturating_add(1).to_string();
            member.nodes.iter().map(move |peer| vec![row.clone(), peer.clone()])
        })
        .collect();
    let rule = match found.listed_peers_only {
        true => "nodes talk to listed nodes only",
        false => "nodes talk to any node",
    };
    match rows.as_slice() {
        [] => format!("{rule}; none is listed"),
        _ => format!("{rule}; listed are\n{}", table(&["member", "node"], rows)),
    }
}

fn votes(motion: &MotionLine) -> String {
    format!(
        "{} ayes of {} needed, {} nays",
        motion.ayes.len(),
        motion.threshold,
        motion.nays.len()
    )
}

fn standing(motion: &MotionLine) -> String {
    let index = motion.index;
    let close = format!("`consortium close {index}` ends it");
    match motion.standing {
        Standing::Open => format!("open until block {}", motion.end),
        Standing::Carried => format!("carried: `consortium close {index}` carries it out"),
        Standing::Rejected => format!("rejected: {close}"),
        Standing::Expired => format!("expired at block {}: {close}", motion.end),
    }
}

/// The open motions.
pub(super) fn motions(found: &[MotionLine]) -> String {
    if found.is_empty() {
        return "no motion is open".into();
    }
    let one = |motion: &MotionLine| {
        let list = |what: &str, accounts: &[String]| match accounts {
            [] => String::new(),
            accounts => format!("\n  {what}: {}", accounts.join(", ")),
        };
        format!(
            "motion {}: {}\n  {}\n  {}, {}{}{}{}",
            motion.index,
            motion.proposal.words(),
            motion.hash,
            votes(motion),
            standing(motion),
            list("ayes", &motion.ayes),
            list("nays", &motion.nays),
            list("not voted", &motion.missing),
        )
    };
    found.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What became of a proposal.
pub(super) fn proposed(done: &Proposed) -> String {
    let what = done.proposal.words();
    match (done.state, &done.motion) {
        (State::InForce, _) => format!("nothing to decide, it is so already: {what}"),
        (State::CarriedOut, _) => format!("carried out at once, as one vote was enough: {what}"),
        (state, Some(motion)) => {
            let before = match state {
                State::Open => " was proposed before",
                _ => "",
            };
            let index = motion.index;
            let (votes, standing) = (votes(motion), standing(motion));
            format!("motion {index}{before}: {what}\n{votes}, {standing}; vote with `consortium vote {index} yes`")
        }
        (_, None) => format!("proposed, and closed since: {what}"),
    }
}

/// A vote that was cast.
pub(super) fn voted(done: &Voted) -> String {
    let cast = match (done.new, done.approve) {
        (true, true) => "voted yes",
        (true, false) => "voted no",
        (false, true) => "had voted yes before",
        (false, false) => "had voted no before",
    };
    match &done.motion {
        Some(motion) => format!(
            "{cast} on motion {}: {}, {}",
            motion.index,
            votes(motion),
            standing(motion)
        ),
        None => format!("{cast}; the motion is closed by now"),
    }
}

/// A motion that was closed.
pub(super) fn closed(done: &Closed) -> String {
    let what = done.proposal.words();
    let index = done.index;
    match done.carried {
        Some(true) => format!("motion {index} is carried and carried out: {what}"),
        Some(false) => format!("motion {index} is closed without effect: {what}"),
        None => format!("motion {index} is closed, but the answer was lost; see whether this took effect: {what}"),
    }
}

/// A runtime that was brought.
pub(super) fn upgraded(done: &Upgraded) -> String {
    let Upgraded {
        code_hash,
        spec_version,
        from_version,
        ..
    } = done;
    match done.new {
        true => format!("the chain went from version {from_version} to version {spec_version}, runtime {code_hash}"),
        false => format!("the chain runs this runtime already: version {spec_version}, {code_hash}"),
    }
}

/// Session keys.
pub(super) fn keys(done: &KeysSet) -> String {
    let KeysSet { account, keys, .. } = done;
    match done.in_force_from {
        Some(block) => format!(
            "{account} has new session keys, {keys}; they come into force at the second new term from now, about block \
             {block}. Until then the node that has the old ones, if there are any, must run on"
        ),
        None => format!("the chain has the session keys of this node already, {keys}; --new makes others"),
    }
}

/// A member that left or came back.
pub(super) fn stepped(done: &Stepped) -> String {
    let account = &done.account;
    match (done.away, done.new) {
        (true, true) => format!(
            "{account} has left; the set without it is in force two blocks later. Keep its node running until then"
        ),
        (true, false) => format!("{account} had left before"),
        (false, true) => format!("{account} is back; it is in the set from the second new term on, if it has keys"),
        (false, false) => format!("{account} has not left; there is nothing to rejoin"),
    }
}

/// A member's nodes.
pub(super) fn listed(done: &Listed) -> String {
    let change = match (done.added.as_slice(), done.removed.as_slice()) {
        ([], []) => "no change".into(),
        (added, removed) => format!("{} added, {} removed", added.len(), removed.len()),
    };
    let rule = match done.listed_peers_only {
        true => "nodes talk to listed nodes only",
        false => "nodes talk to any node, listed or not",
    };
    format!("{}: {}; {change}; {rule}", done.account, done.nodes.join(", "))
}
