//! A consortium in memory, with the rules of the pallets as far as the members' commands rely on them, for tests.
//!
//! A test can lose the answer to an act, or make the node fail before the chain hears of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use gridveil_chain_client::{
    Applied, Authorities, AuthorityKey, ConsortiumStatus, Decision, Error, Head, Inclusion, ListedNodes, MemberStatus,
    Motion, OpenMotion, Proposal, SessionKeys,
};
use gridveil_primitives::{hash::blake2b_256, RegionId, RegionInfo, Role};

use super::council::{Act, Council, OwnNode};

/// What befalls an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The chain takes it, and the answer is lost.
    AnswerLost,
    /// The node fails before the chain hears of it.
    NodeFails,
}

/// The fewest members that form blocks.
const FLOOR: usize = 3;
/// How long a motion is open, in blocks.
const DURATION: u32 = 100;
/// How many blocks lie between two changes of a member's keys.
pub const COOLDOWN: u32 = 50;
/// A term's blocks.
pub const TERM: u32 = 20;

/// A member.
#[derive(Clone, Default)]
pub struct Seat {
    pub away: bool,
    pub keys: Option<Vec<u8>>,
    pub keys_set_at: Option<u32>,
    pub nodes: Vec<Vec<u8>>,
}

/// What the chain holds.
#[derive(Default)]
pub struct World {
    pub height: u32,
    pub members: BTreeMap<[u8; 32], Seat>,
    pub leader: Option<[u8; 32]>,
    pub motions: Vec<OpenMotion>,
    pub proposed: u32,
    pub roles: BTreeMap<[u8; 32], Role>,
    pub regions: BTreeMap<RegionId, RegionInfo>,
    pub allowed: Option<[u8; 32]>,
    pub code: [u8; 32],
    pub version: u32,
    /// Whether the next runtime is none that the chain takes.
    pub broken: bool,
    /// Every act that the chain heard of.
    pub acts: Vec<Act>,
    /// What befalls the next act.
    pub fate: Option<Fate>,
}

/// The chain, seen by one account.
#[derive(Clone)]
pub struct FakeCouncil {
    world: Arc<Mutex<World>>,
    account: Option<[u8; 32]>,
}

/// The account with a number.
pub fn account(number: u8) -> [u8; 32] {
    [number; 32]
}

impl FakeCouncil {
    /// A consortium of members 1 to `members`, all with keys, seen by the first.
    pub fn of(members: u8) -> FakeCouncil {
        let seat = |number: u8| Seat {
            keys: Some(vec![number]),
            ..Seat::default()
        };
        let world = World {
            height: 1_000,
            members: (1..=members).map(|number| (account(number), seat(number))).collect(),
            version: 1,
            ..World::default()
        };
        FakeCouncil {
            world: Arc::new(Mutex::new(world)),
            account: Some(account(1)),
        }
    }

    /// The same chain, seen by another account.
    pub fn by(&self, account: Option<[u8; 32]>) -> FakeCouncil {
        FakeCouncil {
            account,
            ..self.clone()
        }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panics while it holds the world")
    }

    /// How many acts the chain heard of.
    pub fn acts(&self) -> usize {
        self.world().acts.len()
    }
}

/// The error of a call that was applied and failed.
fn refuse<T>(pallet: &str, error: &str) -> Result<T, Error> {
    Err(Error::Dispatch {
        call: "an act".into(),
        pallet: pallet.into(),
        error: error.into(),
        doc: "as the test wants".into(),
    })
}

fn ensure(holds: bool, pallet: &str, error: &str) -> Result<(), Error> {
    match holds {
        true => Ok(()),
        false => refuse(pallet, error),
    }
}

/// The hash of a decision's call.
fn hash_of(decision: &Decision) -> [u8; 32] {
    blake2b_256(&[format!("{decision:?}").as_bytes()])
}

impl World {
    /// Whether the set keeps enough members without this one.
    fn spares(&self, account: &[u8; 32]) -> bool {
        let in_set = |(member, seat): &(&[u8; 32], &Seat)| *member != account && !seat.away && seat.keys.is_some();
        self.members.iter().filter(in_set).count() >= FLOOR
    }

    /// Carries a decision out that `ayes` members voted for.
    fn decide(&mut self, decision: &Decision, ayes: usize) -> Result<(), Error> {
        ensure(ayes * 3 >= self.members.len() * 2, "System", "BadOrigin")?;
        match decision {
            Decision::AddMember { account, .. } => {
                ensure(!self.members.contains_key(account), "Finality", "AlreadyAMember")?;
                self.members.insert(*account, Seat::default());
            }
            Decision::RemoveMember { account, .. } => {
                ensure(self.members.contains_key(account), "Finality", "NotAMember")?;
                ensure(self.spares(account), "Finality", "TooFewMembers")?;
                self.members.remove(account);
            }
            Decision::NoteStalled { .. } => {}
            Decision::AuthorizeUpgrade { code_hash } => self.allowed = Some(*code_hash),
            Decision::GrantRole { account, role } => {
                self.roles.insert(*account, *role);
            }
            Decision::RevokeRole { account } => {
                self.roles.remove(account);
            }
            Decision::RegisterRegion { region, info } => {
                self.regions.insert(*region, *info);
            }
        }
        Ok(())
    }

    fn motion(&mut self, motion: &Motion) -> Result<&mut OpenMotion, Error> {
        match self.motions.iter_mut().find(|open| open.motion == *motion) {
            Some(open) => Ok(open),
            None => refuse("Consortium", "ProposalMissing"),
        }
    }

    fn close(&mut self, motion: &Motion) -> Result<Vec<&'static str>, Error> {
        let (members, height) = (self.members.len(), self.height);
        let open = self.motion(motion)?.clone();
        let threshold = open.threshold as usize;
        let carried = open.ayes.len() >= threshold;
        let decided = carried || members - open.nays.len() < threshold || height >= open.end;
        ensure(decided, "Consortium", "TooEarly")?;
        // A motion that is closed is gone, even if its call fails.
        self.motions.retain(|other| other.motion != *motion);
        match open.proposal {
            Proposal::Decision(decision) if carried => {
                self.decide(&decision, open.ayes.len())?;
                Ok(vec!["Closed", "Approved", "Executed"])
            }
            _ => Ok(vec!["Closed", "Disapproved"]),
        }
    }

    fn apply(&mut self, by: [u8; 32], act: &Act) -> Result<Vec<&'static str>, Error> {
        ensure(self.members.contains_key(&by), "Finality", "NotAMember")?;
        let height = self.height;
        let spared = self.spares(&by);
        match act {
            Act::Propose { threshold, decision } => {
                let hash = hash_of(decision);
                let open = self.motions.iter().any(|open| open.motion.hash == hash);
                ensure(!open, "Consortium", "DuplicateProposal")?;
                if *threshold < 2 {
                    self.decide(decision, 1)?;
                    return Ok(vec!["Executed"]);
                }
                self.motions.push(OpenMotion {
                    motion: Motion {
                        hash,
                        index: self.proposed,
                        length: 40,
                    },
                    proposal: Proposal::Decision(decision.clone()),
                    threshold: *threshold,
                    ayes: Vec::new(),
                    nays: Vec::new(),
                    end: height + DURATION,
                });
                self.proposed += 1;
                return Ok(vec!["Proposed"]);
            }
            Act::Vote(motion, approve) => {
                let open = self.motion(motion)?;
                let (these, those) = match approve {
                    true => (&mut open.ayes, &mut open.nays),
                    false => (&mut open.nays, &mut open.ayes),
                };
                ensure(!these.contains(&by), "Consortium", "DuplicateVote")?;
                those.retain(|other| *other != by);
                these.push(by);
                return Ok(vec!["Voted"]);
            }
            Act::Close(motion) => return self.close(motion),
            Act::ApplyUpgrade(code) => {
                let hash = blake2b_256(&[code]);
                ensure(self.allowed.is_some(), "System", "NothingAuthorized")?;
                ensure(self.allowed.take() == Some(hash), "System", "Unauthorized")?;
                ensure(!self.broken, "System", "SpecVersionNeedsToIncrease")?;
                self.code = hash;
                self.version += 1;
                return Ok(vec!["CodeUpdated"]);
            }
            _ => {}
        }
        let seat = self.members.get_mut(&by).expect("it was looked for above");
        match act {
            Act::Leave => {
                ensure(!seat.away, "Finality", "AlreadyAway")?;
                ensure(spared, "Finality", "TooFewMembers")?;
                seat.away = true;
            }
            Act::Rejoin => {
                ensure(seat.away, "Finality", "NotAway")?;
                seat.away = false;
            }
            Act::SetKeys(keys) => {
                let fresh = seat.keys_set_at.is_some_and(|set| height < set + COOLDOWN);
                ensure(!fresh, "Finality", "KeysTooSoon")?;
                ensure(keys.proof == by, "Finality", "InvalidProof")?;
                (seat.keys, seat.keys_set_at) = (Some(keys.keys.clone()), Some(height));
            }
            Act::ListNodes(nodes) => seat.nodes = nodes.clone(),
            _ => unreachable!("the others were seen to above"),
        }
        Ok(Vec::new())
    }
}

impl Council for FakeCouncil {
    fn genesis(&self) -> [u8; 32] {
        [0x6e; 32]
    }

    fn account(&self) -> Option<[u8; 32]> {
        self.account
    }

    async fn head(&self) -> Result<Head, Error> {
        let number = self.world().height;
        Ok(Head {
            number,
            hash: [0x6e; 32],
        })
    }

    async fn heights(&self) -> Result<(u32, u32), Error> {
        let height = self.world().height;
        Ok((height, height + 2))
    }

    async fn consortium(&self, _: Head) -> Result<ConsortiumStatus, Error> {
        let world = self.world();
        let members = world.members.iter().map(|(account, seat)| MemberStatus {
            account: *account,
            authority: seat.keys.is_some() && !seat.away,
            away: seat.away,
            authored: u32::from(account[0]) * 10,
            missed: u32::from(account[0]),
            vote: world.leader,
        });
        Ok(ConsortiumStatus {
            term: 7,
            term_started: world.height - 5,
            term_blocks: TERM,
            leader: world.leader,
            leader_missed: 0,
            members: members.collect(),
        })
    }

    async fn authorities(&self, _: Head) -> Result<Authorities, Error> {
        let world = self.world();
        let seated = world.members.iter().filter(|(_, seat)| seat.keys.is_some());
        Ok(Authorities {
            genesis: self.genesis(),
            set: 2,
            keys: seated.map(|(account, _)| AuthorityKey(*account)).collect(),
        })
    }

    async fn listed_nodes(&self, _: Head) -> Result<ListedNodes, Error> {
        let world = self.world();
        let listed = world.members.iter().filter(|(_, seat)| !seat.nodes.is_empty());
        Ok(ListedNodes {
            listed_peers_only: true,
            nodes: listed.map(|(account, seat)| (*account, seat.nodes.clone())).collect(),
        })
    }

    async fn motions(&self, _: Head) -> Result<Vec<OpenMotion>, Error> {
        Ok(self.world().motions.clone())
    }

    async fn motion_hash(&self, decision: &Decision, _: Head) -> Result<[u8; 32], Error> {
        Ok(hash_of(decision))
    }

    async fn role_of(&self, account: [u8; 32], _: Head) -> Result<Option<Role>, Error> {
        Ok(self.world().roles.get(&account).copied())
    }

    async fn region(&self, region: RegionId, _: Head) -> Result<Option<RegionInfo>, Error> {
        Ok(self.world().regions.get(&region).copied())
    }

    async fn session_keys(&self, member: [u8; 32], _: Head) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.world().members.get(&member).and_then(|seat| seat.keys.clone()))
    }

    async fn keys_settable_from(&self, member: [u8; 32], _: Head) -> Result<u32, Error> {
        let set = self.world().members.get(&member).and_then(|seat| seat.keys_set_at);
        Ok(set.map_or(0, |set| set + COOLDOWN))
    }

    async fn authorised_upgrade(&self, _: Head) -> Result<Option<[u8; 32]>, Error> {
        Ok(self.world().allowed)
    }

    async fn code_hash(&self, _: Head) -> Result<[u8; 32], Error> {
        Ok(self.world().code)
    }

    async fn spec_version(&self, _: Head) -> Result<u32, Error> {
        Ok(self.world().version)
    }

    async fn act(&self, act: &Act) -> Result<Applied, Error> {
        let mut world = self.world();
        let fate = world.fate.take();
        let lost = Err(Error::Unresolved {
            call: "an act".into(),
            after: Duration::from_secs(1),
        });
        if fate == Some(Fate::NodeFails) {
            return lost;
        }
        world.acts.push(act.clone());
        world.height += 1;
        let by = self.account.expect("acts have an account");
        let applied = world.apply(by, act);
        if fate == Some(Fate::AnswerLost) {
            return lost;
        }
        let events = applied?.into_iter().map(|event| ("Consortium".into(), event.into()));
        Ok(Applied {
            inclusion: Inclusion {
                block: [0x6e; 32],
                number: world.height,
            },
            events: events.collect(),
        })
    }
}

/// A member's node, which makes keys for whom it is asked to.
#[derive(Default)]
pub struct FakeNode {
    pub made: Mutex<Vec<SessionKeys>>,
}

impl OwnNode for FakeNode {
    async fn has(&self, keys: &[u8]) -> Result<bool, Error> {
        let made = self.made.lock().expect("no test panics while it holds the keys");
        Ok(made.iter().any(|one| one.keys == keys))
    }

    async fn make(&self, member: [u8; 32]) -> Result<SessionKeys, Error> {
        let mut made = self.made.lock().expect("no test panics while it holds the keys");
        let keys = SessionKeys {
            keys: vec![0xaa, u8::try_from(made.len()).expect("few keys are made")],
            proof: member.to_vec(),
        };
        made.push(keys.clone());
        Ok(keys)
    }
}
