//! What must hold of a chain after each of its blocks, whatever happened in it.
//!
//! [`Watch`] keeps its own books of what members did, from what nodes see: the owners of slots as Aura has them, the calls
//! that were made and whether they succeeded. The pallet's storage has to agree with them.

use super::{
    chain::{account, announced, member, owners, voters, Call, ACCOUNTS},
    rounds::Member,
};
use crate::{
    mock::*, schedule, Away, Evidence, FinalityBehind, KeysInForce, Leader, Members, Offence, Records, RotationsDue,
    TermStarted, Votes,
};
use frame_support::traits::Get;
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};
use sp_consensus_aura::AURA_ENGINE_ID;
use sp_consensus_grandpa::GRANDPA_ENGINE_ID;
use sp_runtime::{DigestItem, DispatchResult};
use sp_staking::SessionIndex;
use std::collections::{BTreeMap, BTreeSet};

type Checked = Result<(), TestCaseError>;
/// A piece of evidence: against whom, whether of two votes, and of which session.
type Evident = (Member, bool, SessionIndex);

/// What a chain looks like before a block.
pub(super) struct Before {
    owners: Vec<Member>,
    authorities: usize,
    leader: Option<Member>,
    term: SessionIndex,
    last_slot: u64,
    is_due: bool,
    is_behind: bool,
}

impl Before {
    pub(super) fn look(term_blocks: u64) -> Self {
        let age = System::block_number() + 1 - TermStarted::<Test>::get();
        Self {
            owners: owners(),
            authorities: Session::validators().len(),
            leader: Leader::<Test>::get().map(member),
            term: Session::current_index(),
            last_slot: slot(),
            is_due: RotationsDue::<Test>::get() > 0 || age >= term_blocks,
            is_behind: FinalityBehind::<Test>::get(),
        }
    }
}

/// How often something happened on chains that were watched.
pub(super) type Seen = BTreeMap<&'static str, usize>;

/// What has to happen now and then, or the checks have nothing to look at.
pub(super) const OF_INTEREST: [&str; 17] = [
    "blocks",
    "slots missed",
    "votes",
    "terms with a leader",
    "leaders deposed",
    "sets announced",
    "members added",
    "members removed",
    "members left",
    "members back",
    "keys set",
    "stalls noted",
    "calls refused",
    "offences of past terms",
    "cheats put out",
    "cheats kept",
    "cheats voted in again",
];

/// The books of one chain.
pub(super) struct Watch {
    /// No set is ever smaller.
    floor: usize,
    /// What each member made of its slots: how many it used and how many it let go by.
    records: BTreeMap<Member, (u32, u32)>,
    votes: BTreeMap<Member, Member>,
    /// How many of its slots in a row the leader has let go by.
    missed_in_a_row: u32,
    /// Since when a member has been out of the set, by its own will or that of others.
    out_since: BTreeMap<Member, u64>,
    /// Who was put out as a cheat and not voted in again.
    outcasts: BTreeSet<Member>,
    evidence: BTreeSet<Evident>,
    keys_set: BTreeMap<Member, u64>,
    left: BTreeMap<Member, u64>,
    /// For how many blocks GRANDPA has had another set than the one in force, without waiting for a forced change.
    behind_for: u32,
    pub(super) seen: Seen,
}

impl Watch {
    pub(super) fn new(members: usize) -> Self {
        let floor: u32 = <Test as crate::Config>::MinMembers::get();
        Self {
            floor: members.min(floor as usize),
            records: BTreeMap::new(),
            votes: BTreeMap::new(),
            missed_in_a_row: 0,
            out_since: BTreeMap::new(),
            outcasts: BTreeSet::new(),
            evidence: BTreeSet::new(),
            keys_set: BTreeMap::new(),
            left: BTreeMap::new(),
            behind_for: 0,
            seen: Seen::new(),
        }
    }

    fn saw(&mut self, what: &'static str, happened: bool) {
        *self.seen.entry(what).or_default() += usize::from(happened);
    }

    /// Books the slots up to a block's, whose author has to be the one that Aura says, and the term that may begin with it.
    pub(super) fn begun(&mut self, before: &Before, slot: u64) -> Checked {
        let owner = |slot: u64| before.owners[slot as usize % before.owners.len()];
        let is_member = |member| Finality::is_member(&account(member));
        let most = before.owners.len() as u64;
        let first = if before.last_slot == 0 {
            slot
        } else {
            before.last_slot + 1
        };
        let mut is_deposed = false;
        for skipped in first.max(slot - most)..slot {
            self.saw("slots missed", true);
            if is_member(owner(skipped)) {
                self.records.entry(owner(skipped)).or_default().1 += 1;
            }
            if before.leader == Some(owner(skipped)) {
                self.missed_in_a_row += 1;
                is_deposed |= self.missed_in_a_row >= <Test as crate::Config>::MaxMissedSlots::get();
            }
        }
        if is_member(owner(slot)) {
            self.records.entry(owner(slot)).or_default().0 += 1;
        }
        if before.leader == Some(owner(slot)) {
            self.missed_in_a_row = 0;
        }
        prop_assert_eq!(crate::Author::<Test>::get(), Some(account(owner(slot))), "the author");

        let leader = Leader::<Test>::get().map(member);
        let is_new_term = Session::current_index() != before.term;
        prop_assert!(is_new_term || !before.is_due, "a term that was due has not begun");
        prop_assert!(
            !is_new_term || before.is_due || before.is_behind,
            "a term has begun that was not due"
        );
        if is_new_term {
            prop_assert_eq!(Session::current_index(), before.term + 1);
            self.new_term(before, leader)?;
        } else if is_deposed {
            prop_assert_eq!(leader, None, "who misses its slots leads on");
            self.missed_in_a_row = 0;
        } else {
            prop_assert_eq!(leader, before.leader, "the leader changed within a term");
        }
        self.saw("blocks", true);
        self.saw("leaders deposed", is_deposed);
        self.vote_of(owner(slot))
    }

    /// Nobody leads without more than half of the votes of the set that voted, and whoever has them leads, if it is still
    /// in the set.
    fn new_term(&mut self, before: &Before, leader: Option<Member>) -> Checked {
        let votes = std::mem::take(&mut self.votes);
        let votes_for = |candidate| votes.values().filter(|other| **other == candidate).count();
        let has_most = |candidate: &Member| votes_for(*candidate) * 2 > before.authorities;
        if let Some(leader) = leader {
            prop_assert!(
                has_most(&leader),
                "{leader} leads with {votes:?} of {}",
                before.authorities
            );
        }
        let authorities = Session::validators();
        let can_lead =
            |candidate: &Member| authorities.contains(&account(*candidate)) && next_set().contains(candidate);
        let elected = (0..ACCOUNTS).find(|candidate| has_most(candidate) && can_lead(candidate));
        prop_assert_eq!(leader, elected, "the leader of {:?}", votes);
        self.saw("terms with a leader", leader.is_some());
        self.missed_in_a_row = 0;
        for record in self.records.values_mut() {
            *record = (record.0 / 2, record.1 / 2);
        }
        Ok(())
    }

    /// A block has at most one vote, its author's, and nobody votes twice in a term.
    fn vote_of(&mut self, author: Member) -> Checked {
        let votes = Votes::<Test>::get();
        let stored: BTreeMap<Member, Member> = votes
            .iter()
            .map(|(voter, candidate)| (member(*voter), member(*candidate)))
            .collect();
        prop_assert_eq!(stored.len(), votes.len(), "two votes of one member");
        let is_new = !self.votes.contains_key(&author);
        if let Some(vote) = stored.get(&author).filter(|_| is_new) {
            self.votes.insert(author, *vote);
            self.saw("votes", true);
        }
        prop_assert_eq!(&stored, &self.votes, "the votes");
        if self.votes.contains_key(&author) {
            let candidate = account(author);
            let again = Finality::vote_leader(RuntimeOrigin::none(), candidate);
            prop_assert_eq!(again, Err(crate::Error::<Test>::AlreadyVoted.into()));
        }
        Ok(())
    }

    /// Makes a call, which has to succeed exactly if it may.
    pub(super) fn call(&mut self, call: &Call) -> Checked {
        let now = System::block_number();
        let has_cooled = |last: Option<&u64>| last.is_none_or(|last| now - last >= COOLDOWN);
        let is_member = |member: &Member| Finality::is_member(&account(*member));
        let is_away = |member: &Member| Away::<Test>::get().contains(&account(*member));
        let can_go = |member: &Member| {
            let next = next_set();
            !next.contains(member) || next.len() > self.floor
        };
        let most: u32 = <Test as crate::Config>::MaxMembers::get();
        let has_room = Members::<Test>::get().len() < most as usize;
        let may = match call {
            Call::Add(newcomer) => Some(!is_member(newcomer) && has_room),
            Call::Remove(member) => Some(is_member(member) && can_go(member)),
            Call::Leave(member) => {
                let may_leave = is_member(member) && !is_away(member) && has_cooled(self.left.get(member));
                Some(may_leave && can_go(member))
            }
            Call::Return(member) => Some(is_member(member) && is_away(member)),
            Call::SetKeys(member, _) => Some(is_member(member) && has_cooled(self.keys_set.get(member))),
            Call::NoteStalled { .. } | Call::Report(_) => None,
        };
        let goes = matches!(call, Call::Report(crime) if is_member(&crime.cheat) && can_go(&crime.cheat));
        let result = call.dispatch();
        if let Some(may) = may {
            prop_assert_eq!(result.is_ok(), may, "{:?} gave {:?}", call, result);
        }
        self.saw("calls refused", result.is_err());
        match call {
            Call::Report(crime) => return self.judged(crime.cheat, goes, result),
            _ if result.is_ok() => self.done(call, now),
            _ => {}
        }
        Ok(())
    }

    fn done(&mut self, call: &Call, now: u64) {
        let what = match *call {
            Call::Add(newcomer) => {
                self.out_since.remove(&newcomer);
                let was_outcast = self.outcasts.remove(&newcomer);
                self.saw("cheats voted in again", was_outcast);
                "members added"
            }
            Call::Remove(member) => {
                self.forget(member, now);
                "members removed"
            }
            Call::Leave(member) => {
                self.left.insert(member, now);
                self.out_since.insert(member, now);
                "members left"
            }
            Call::Return(member) => {
                self.out_since.remove(&member);
                "members back"
            }
            Call::SetKeys(member, _) => {
                self.keys_set.insert(member, now);
                "keys set"
            }
            Call::NoteStalled { .. } => "stalls noted",
            Call::Report(_) => return,
        };
        self.saw(what, true);
    }

    fn forget(&mut self, member: Member, now: u64) {
        self.out_since.insert(member, now);
        self.records.remove(&member);
        self.votes.remove(&member);
        self.keys_set.remove(&member);
        self.left.remove(&member);
    }

    /// A report that is accepted adds one piece of evidence, and puts the cheat out if it is a member that can go.
    fn judged(&mut self, cheat: Member, goes: bool, result: DispatchResult) -> Checked {
        let evidence = evidence();
        if result.is_err() {
            prop_assert_eq!(&evidence, &self.evidence, "a refused report left evidence");
            return Ok(());
        }
        let new: Vec<_> = evidence.difference(&self.evidence).copied().collect();
        prop_assert!(new.len() == 1 && new[0].0 == cheat, "a report of {cheat} gave {new:?}");
        self.saw("offences of past terms", new[0].2 < Session::current_index());
        self.evidence.extend(new);
        let is_member = Finality::is_member(&account(cheat));
        if goes {
            prop_assert!(!is_member, "{cheat} stays");
            self.forget(cheat, System::block_number());
            self.outcasts.insert(cheat);
        }
        self.saw("cheats put out", goes);
        self.saw("cheats kept", !goes && is_member);
        Ok(())
    }

    /// What holds at the end of each block.
    pub(super) fn ended(&mut self, logs: &[DigestItem]) -> Checked {
        Finality::do_try_state().map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        prop_assert_eq!(Seated::get(), Finality::members(), "the collective");
        prop_assert_eq!(&evidence(), &self.evidence, "the evidence");
        prop_assert!(
            self.outcasts.iter().all(|cheat| !Finality::is_member(&account(*cheat))),
            "a cheat is back"
        );
        let stored: BTreeMap<Member, (u32, u32)> = Records::<Test>::iter()
            .map(|(account, record)| (member(account), (record.authored, record.missed)))
            .collect();
        self.records.retain(|_, record| *record != (0, 0));
        prop_assert_eq!(&stored, &self.records, "the records");
        let is_members = |account: u64| Finality::is_member(&account);
        prop_assert!(
            pallet_session::NextKeys::<Test>::iter_keys().all(is_members),
            "somebody who is no member has keys"
        );
        for engine in [AURA_ENGINE_ID, GRANDPA_ENGINE_ID] {
            let of_it = |log: &&DigestItem| matches!(log, DigestItem::Consensus(id, _) if *id == engine);
            prop_assert!(logs.iter().filter(of_it).count() <= 1, "two changes in one header");
        }
        self.saw("sets announced", announced(logs).is_some());
        self.schedule()?;
        self.sets()
    }

    /// Aura has the schedule, of the authorities in force and their leader.
    fn schedule(&self) -> Checked {
        let authorities: Vec<Member> = Session::validators().into_iter().map(member).collect();
        let leader = Leader::<Test>::get().map(member);
        let place = leader.and_then(|leader| authorities.iter().position(|other| *other == leader));
        prop_assert_eq!(leader.is_some(), place.is_some(), "the leader is no authority");
        let owners = owners();
        for slot in 0..2 * owners.len() as u64 {
            let owner = schedule::owner(slot, authorities.len(), place).map(|owner| authorities[owner]);
            prop_assert_eq!(Some(owners[slot as usize % owners.len()]), owner, "slot {}", slot);
        }
        for authority in &authorities {
            let slots = owners.iter().filter(|owner| *owner == authority).count();
            let leads = leader == Some(*authority) && authorities.len() > 1;
            prop_assert_eq!(
                slots,
                if leads { authorities.len() - 1 } else { 1 },
                "slots of {}",
                authority
            );
        }
        Ok(())
    }

    /// The sets: none below the floor, each member once, nobody in it who is out, GRANDPA's the one in force.
    fn sets(&mut self) -> Checked {
        let voters = voters();
        let in_force: Vec<Member> = KeysInForce::<Test>::get()
            .into_iter()
            .map(|(account, _)| member(account))
            .collect();
        let planned: Vec<Member> = Session::queued_keys()
            .into_iter()
            .map(|(account, _)| member(account))
            .collect();
        for set in [&voters, &in_force, &planned, &next_set()] {
            prop_assert!(set.len() >= self.floor, "{set:?} is below the floor of {}", self.floor);
            prop_assert_eq!(
                set.iter().collect::<BTreeSet<_>>().len(),
                set.len(),
                "twice in {:?}",
                set
            );
        }
        let waits = pallet_grandpa::PendingChange::<Test>::exists() || pallet_grandpa::Stalled::<Test>::exists();
        let theirs = Grandpa::grandpa_authorities().into_iter().map(|(key, _)| key);
        let is_ours = theirs.eq(KeysInForce::<Test>::get().into_iter().map(|(_, keys)| keys.grandpa));
        self.behind_for = if waits || is_ours { 0 } else { self.behind_for + 1 };
        prop_assert!(self.behind_for <= 3, "GRANDPA does not catch up");
        let now = System::block_number();
        for (out, since) in self.out_since.iter().filter(|(_, since)| now >= **since + 2) {
            prop_assert!(
                !in_force.contains(out) && !planned.contains(out),
                "{out} is out since {since}"
            );
            let lags = waits || self.behind_for > 0;
            prop_assert!(lags || !voters.contains(out), "{out} votes, out since {since}");
        }
        Ok(())
    }
}

/// The authorities of the next set that is planned: members with keys that have not stepped out.
fn next_set() -> Vec<Member> {
    let away = Away::<Test>::get();
    let has_keys = |member: &u64| pallet_session::NextKeys::<Test>::contains_key(member);
    let members = Finality::members().into_iter();
    members
        .filter(|member| !away.contains(member) && has_keys(member))
        .map(member)
        .collect()
}

fn evidence() -> BTreeSet<Evident> {
    Evidence::<Test>::iter()
        .map(|(account, (offence, session), _)| (member(account), offence == Offence::VoteEquivocation, session))
        .collect()
}
