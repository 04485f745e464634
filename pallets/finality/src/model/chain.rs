//! The mock runtime as a chain that is cheap to copy, so that it can go two ways.
//!
//! Accounts are known by their places, from 0 on; account 0 is number 1 of the mock's. Each has some generations of session
//! keys; genesis has those of generation 0.

use super::rounds::Member;
use crate::{mock::*, KeyOwners, LeaderVote, SlotMs};
use codec::{Decode, Encode};
use frame_support::{
    inherent::ProvideInherent,
    traits::{KeyOwnerProofSystem, OnFinalize, OnInitialize},
};
use sp_consensus_aura::{
    digests::CompatibleDigestItem,
    sr25519::{AuthorityId as AuraId, AuthorityPair as AuraPair, AuthoritySignature as AuraSignature},
    AURA_ENGINE_ID,
};
use sp_consensus_grandpa::{AuthorityId as GrandpaId, AuthorityPair as GrandpaPair, ConsensusLog, GRANDPA_ENGINE_ID};
use sp_consensus_slots::Slot;
use sp_core::{crypto::KeyTypeId, storage::Storage, Pair, H256};
use sp_runtime::{
    key_types::{AURA, GRANDPA},
    traits::{Dispatchable, Header as _},
    BuildStorage, Digest, DigestItem, DispatchResult,
};
use sp_session::MembershipProof;
use sp_state_machine::BasicExternalities;
use std::{cell::RefCell, collections::BTreeMap, sync::LazyLock};

/// How many accounts there are.
pub(super) const ACCOUNTS: usize = 9;
/// How many session keys each account has in the course of its life.
pub(super) const GENERATIONS: u8 = 3;

type Header = sp_runtime::generic::Header<u64, sp_runtime::traits::BlakeTwo256>;

/// The session keys of one generation of an account.
struct SessionPairs {
    aura: (AuraPair, AuraId),
    grandpa: (GrandpaPair, GrandpaId),
}

static PAIRS: LazyLock<Vec<SessionPairs>> = LazyLock::new(|| {
    let seeds = 1..=ACCOUNTS as u64 * u64::from(GENERATIONS);
    let both = |seed| SessionPairs {
        aura: (aura(seed), aura(seed).public()),
        grandpa: (grandpa(seed), grandpa(seed).public()),
    };
    seeds.map(both).collect()
});

/// Where an account's keys of a generation are.
fn place(member: Member, generation: u8) -> usize {
    member + ACCOUNTS * usize::from(generation)
}

fn pairs(member: Member, generation: u8) -> &'static SessionPairs {
    &PAIRS[place(member, generation)]
}

/// The account of a member.
pub(super) fn account(member: Member) -> u64 {
    member as u64 + 1
}

/// The member with an account.
pub(super) fn member(account: u64) -> Member {
    account as usize - 1
}

/// The member with a key for blocks.
fn member_of_aura(key: &AuraId) -> Member {
    let found = PAIRS.iter().position(|pairs| pairs.aura.1 == *key);
    found.expect("it is of the model") % ACCOUNTS
}

/// The member with a key for finality.
fn member_of_grandpa(key: &GrandpaId) -> Member {
    let found = PAIRS.iter().position(|pairs| pairs.grandpa.1 == *key);
    found.expect("it is of the model") % ACCOUNTS
}

/// The owners of one round of slots, as Aura has them.
pub(super) fn owners() -> Vec<Member> {
    pallet_aura::Authorities::<Test>::get()
        .iter()
        .map(member_of_aura)
        .collect()
}

/// Who votes on finality, as GRANDPA has them.
pub(super) fn voters() -> Vec<Member> {
    let voters = Grandpa::grandpa_authorities();
    assert!(voters.iter().all(|(_, weight)| *weight == 1), "each vote counts once");
    voters.iter().map(|(key, _)| member_of_grandpa(key)).collect()
}

/// What a member did against the rules, and what proves that it was it.
#[derive(Clone, Debug)]
pub(super) struct Crime {
    pub(super) cheat: Member,
    generation: u8,
    deed: Deed,
    ownership: MembershipProof,
}

/// Two of something where one is allowed.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Blocks { slot: u64 },
    Votes { set: u64, round: u64 },
}

impl Crime {
    /// Two blocks in a slot, by the key that the member has in force now; `None` where it has none.
    pub(super) fn blocks(cheat: Member, slot: u64) -> Option<Self> {
        let public = |generation| pairs(cheat, generation).aura.1.as_ref();
        Self::new(cheat, Deed::Blocks { slot }, AURA, public)
    }

    /// Two votes in a round of the present set, likewise.
    pub(super) fn votes(cheat: Member, round: u64) -> Option<Self> {
        let public = |generation| pairs(cheat, generation).grandpa.1.as_ref();
        let set = Grandpa::current_set_id();
        Self::new(cheat, Deed::Votes { set, round }, GRANDPA, public)
    }

    fn new(cheat: Member, deed: Deed, kind: KeyTypeId, public: impl Fn(u8) -> &'static [u8]) -> Option<Self> {
        let proof = |generation| KeyOwners::<Test>::prove((kind, public(generation))).map(|proof| (generation, proof));
        let (generation, ownership) = (0..GENERATIONS).find_map(proof)?;
        Some(Self {
            cheat,
            generation,
            deed,
            ownership,
        })
    }

    fn report(&self) -> RuntimeCall {
        let pairs = pairs(self.cheat, self.generation);
        let key_owner_proof = self.ownership.clone();
        match self.deed {
            Deed::Blocks { slot } => {
                let [first_header, second_header] = [1, 2].map(|parent| sealed(&pairs.aura.0, slot, parent));
                let proof = sp_consensus_slots::EquivocationProof {
                    offender: pairs.aura.1.clone(),
                    slot: slot.into(),
                    first_header,
                    second_header,
                };
                RuntimeCall::Finality(crate::Call::report_block_equivocation {
                    equivocation_proof: Box::new(proof),
                    key_owner_proof,
                })
            }
            Deed::Votes { set, round } => {
                let [first, second] = [1, 2].map(|target| prevote(&pairs.grandpa.0, set, round, target));
                let equivocation = sp_consensus_grandpa::Equivocation::Prevote(finality_grandpa::Equivocation {
                    round_number: round,
                    identity: pairs.grandpa.1.clone(),
                    first,
                    second,
                });
                RuntimeCall::Grandpa(pallet_grandpa::Call::report_equivocation_unsigned {
                    equivocation_proof: Box::new(sp_consensus_grandpa::EquivocationProof::new(set, equivocation)),
                    key_owner_proof,
                })
            }
        }
    }
}

/// A header that claims a slot, on top of some block, with its author's seal.
fn sealed(pair: &AuraPair, slot: u64, parent: u8) -> Header {
    let claim = <DigestItem as CompatibleDigestItem<AuraSignature>>::aura_pre_digest(slot.into());
    let digest = Digest { logs: vec![claim] };
    let mut header = Header::new(7, H256::zero(), H256::zero(), H256::repeat_byte(parent), digest);
    let seal = pair.sign(header.hash().as_ref());
    header.digest_mut().push(CompatibleDigestItem::aura_seal(seal));
    header
}

type Prevote = finality_grandpa::Prevote<H256, u64>;

/// A prevote for some block, with its signature.
fn prevote(
    pair: &GrandpaPair,
    set: u64,
    round: u64,
    target: u8,
) -> (Prevote, sp_consensus_grandpa::AuthoritySignature) {
    let prevote = Prevote::new(H256::repeat_byte(target), 7);
    let message = finality_grandpa::Message::Prevote(prevote.clone());
    let payload = sp_consensus_grandpa::localized_payload(round, set, &message);
    (prevote, pair.sign(&payload))
}

/// What somebody wants a block to do.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// The consortium takes in an account.
    Add(Member),
    /// The consortium removes a member.
    Remove(Member),
    /// A member steps out.
    Leave(Member),
    /// A member steps back in.
    Return(Member),
    /// A member sets the session keys of one of its generations.
    SetKeys(Member, u8),
    /// The consortium notes that finality has stalled.
    NoteStalled { delay: u64 },
    /// Somebody reports a crime.
    Report(Box<Crime>),
}

impl Call {
    /// Does it.
    pub(super) fn dispatch(&self) -> DispatchResult {
        let signed = |member: &Member| RuntimeOrigin::signed(account(*member));
        let reason = crate::Reason::default();
        let (call, origin) = match self {
            Self::Add(newcomer) => {
                let account = account(*newcomer);
                (
                    crate::Call::add_member { account, reason }.into(),
                    RuntimeOrigin::root(),
                )
            }
            Self::Remove(member) => {
                let account = account(*member);
                (
                    crate::Call::remove_member { account, reason }.into(),
                    RuntimeOrigin::root(),
                )
            }
            Self::Leave(member) => (crate::Call::leave {}.into(), signed(member)),
            Self::Return(member) => (crate::Call::rejoin {}.into(), signed(member)),
            Self::SetKeys(member, generation) => {
                let call = crate::Call::set_keys {
                    keys: public_keys(*member, *generation),
                    proof: ownership_of(*member, *generation),
                };
                (call.into(), signed(member))
            }
            Self::NoteStalled { delay } => {
                let best_finalized = System::block_number();
                let call = crate::Call::note_stalled {
                    delay: *delay,
                    best_finalized,
                };
                (call.into(), RuntimeOrigin::root())
            }
            Self::Report(crime) => (crime.report(), RuntimeOrigin::none()),
        };
        let call: RuntimeCall = call;
        call.dispatch(origin).map(|_| ()).map_err(|failed| failed.error)
    }
}

fn public_keys(member: Member, generation: u8) -> Keys {
    let pairs = pairs(member, generation);
    Keys {
        aura: pairs.aura.1.clone(),
        grandpa: pairs.grandpa.1.clone(),
    }
}

/// The proof that some session keys are an account's.
fn ownership_of(member: Member, generation: u8) -> Vec<u8> {
    let pairs = pairs(member, generation);
    let statement = sp_core::proof_of_possession::statement_of_ownership(&account(member).encode());
    (pairs.aura.0.sign(&statement), pairs.grandpa.0.sign(&statement)).encode()
}

/// Makes the next block, in a slot: what its author's node wants to vote, and what else is in it. Returns what the header
/// tells nodes.
///
/// This is the mock's block without the header's hash and the state's root, which take most of its time.
pub(super) fn block(slot: u64, wish_of: Option<LeaderVote<u64>>, rest: impl FnOnce()) -> Vec<DigestItem> {
    let number = System::block_number() + 1;
    // The collective is outside of the state.
    Seated::set(Finality::members());
    let claim = DigestItem::PreRuntime(AURA_ENGINE_ID, Slot::from(slot).encode());
    System::reset_events();
    System::initialize(&number, &H256::default(), &Digest { logs: vec![claim] });
    AllPalletsWithSystem::on_initialize(number);
    Timestamp::set(RuntimeOrigin::none(), slot * SlotMs::<Test>::get()).expect("slots do not go back");
    if let Some(vote) = wish_of.and_then(|vote| Finality::create_inherent(&wish(vote))) {
        RuntimeCall::from(vote)
            .dispatch(RuntimeOrigin::none())
            .expect("an inherent is made only where it succeeds");
    }
    rest();
    AllPalletsWithSystem::on_finalize(number);
    System::digest().logs
}

/// The set that a block announces to GRANDPA; without one that comes by force.
pub(super) fn announced(logs: &[DigestItem]) -> Option<Vec<Member>> {
    logs.iter().find_map(|log| match log {
        DigestItem::Consensus(GRANDPA_ENGINE_ID, log) => match ConsensusLog::<u64>::decode(&mut &log[..]) {
            Ok(ConsensusLog::ScheduledChange(change)) => {
                assert_eq!(change.delay, 0, "a set is in force at once");
                Some(
                    change
                        .next_authorities
                        .iter()
                        .map(|(key, _)| member_of_grandpa(key))
                        .collect(),
                )
            }
            _ => None,
        },
        _ => None,
    })
}

/// The genesis of the first `members` accounts with terms of `term` blocks.
pub(super) fn genesis(members: usize, term: u64) -> Storage {
    thread_local! {
        static MADE: RefCell<BTreeMap<(usize, u64), Storage>> = const { RefCell::new(BTreeMap::new()) };
    }
    let make = || {
        let accounts: Vec<u64> = (0..members).map(account).collect();
        let mut genesis = configuration(&accounts, &accounts);
        genesis.finality.term_blocks = term;
        genesis.build_storage().expect("the genesis of a mock is in order")
    };
    MADE.with_borrow_mut(|made| made.entry((members, term)).or_insert_with(make).clone())
}

/// A state of the chain, with what nodes read off it.
#[derive(Clone)]
pub(super) struct State {
    storage: Storage,
    owners: Vec<Member>,
    voters: Vec<Member>,
    members: Vec<Member>,
}

impl State {
    /// The state after some work on a copy of a storage, and what that work returned.
    fn after<R>(storage: Storage, work: impl FnOnce() -> R) -> (Self, R) {
        let mut externalities = BasicExternalities::new(storage);
        let (found, owners, voters, members) = externalities.execute_with(|| {
            let found = work();
            Finality::do_try_state().expect("the invariants hold");
            let members = Finality::members().into_iter().map(member).collect();
            (found, owners(), voters(), members)
        });
        let state = Self {
            storage: externalities.into_storages(),
            owners,
            voters,
            members,
        };
        (state, found)
    }

    /// The state of a genesis.
    pub(super) fn genesis(members: usize, term: u64) -> Self {
        Self::after(genesis(members, term), || {}).0
    }

    /// The state after the next block, made in `slot` with these calls, and the set that the block announces. Calls that
    /// fail do nothing.
    pub(super) fn next(&self, slot: u64, calls: &[Call]) -> (Self, Option<Vec<Member>>) {
        let (next, announced) = Self::after(self.storage.clone(), || {
            let logs = block(slot, Some(LeaderVote::Best), || {
                for call in calls {
                    let _: DispatchResult = call.dispatch();
                }
            });
            announced(&logs)
        });
        let expected = announced.as_ref().unwrap_or(&self.voters);
        assert_eq!(next.voters, *expected, "the set changes as the header says");
        (next, announced)
    }

    /// Two blocks of a member in a slot, on top of this state; `None` where it is no authority.
    pub(super) fn two_blocks(&self, cheat: Member, slot: u64) -> Option<Crime> {
        BasicExternalities::new(self.storage.clone()).execute_with(|| Crime::blocks(cheat, slot))
    }

    /// Whose slot it is.
    pub(super) fn owner(&self, slot: u64) -> Member {
        self.owners[slot as usize % self.owners.len()]
    }

    /// Who votes on finality.
    pub(super) fn voters(&self) -> Vec<Member> {
        self.voters.clone()
    }

    pub(super) fn is_member(&self, member: Member) -> bool {
        self.members.contains(&member)
    }
}
