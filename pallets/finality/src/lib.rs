//! Who forms blocks and who finalises them: the consortium, its terms and its leaders.
//!
//! A session of `pallet-session` is a leader's term. The pallet promises:
//!
//! - **Members** come and go by decision of the consortium ([`Config::ManageOrigin`]), with a reason. A member holds one
//!   provider reference (so that `CheckNonce` lets it sign) and a seat in the collective. It sets its own session keys,
//!   with proof that it has them and at most once in [`Config::KeyCooldown`] blocks. A member with keys that has not stepped
//!   out is an *authority* of the terms to come. No path makes the authorities of the next set fewer than
//!   [`Config::MinMembers`]: no vote, no leave, no offence.
//! - **Leaders** are elected by one vote per member and term; more than half of the term's authorities elect. A leader owns
//!   every other slot ([`schedule`]); without one the slots rotate. A leader that misses [`Config::MaxMissedSlots`] of its
//!   own slots in a row loses the term by itself. The record of each member is on chain ([`election`]).
//! - **Cheats** are put out. Two blocks of one authority in one slot, or two votes in one round, remove the member, whoever
//!   reports it and in whatever term of the last [`Config::HistoryDepth`] it was done; the evidence stays, and coming back
//!   takes a vote. An offence counts once for each kind and term. Offline is not malicious: it costs the lead only.
//! - **A removal is in force two blocks later**: `pallet-session` plans one session ahead, so the present term and the next
//!   end at once. There are no votes in a term of one block, so plain rotation follows. Additions, returns and new keys wait
//!   for the ordinary terms.
//!
//! It is the session manager, decides when a term ends, and stands in Aura's place among the session handlers, because it
//! hands Aura the schedule; it gives Aura and the timestamp pallet their times, too. Left to others: how decisions are voted
//! on, who may sign what, how blocks are sealed and finalised. With its last reference a removed member's account goes, and
//! its nonce; transactions of members should be mortal, so that none of before a return comes round again.
//!
//! **Privacy.** Members, their keys, votes, records, nodes and offences are public, as a consortium's must be. Nothing here
//! knows of meters or homes.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod constants;
mod currency;
pub mod election;
mod genesis;
mod inherent;
mod keys;
mod members;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod model;
mod offences;
pub mod schedule;
mod sessions;
mod slots;
#[cfg(any(test, feature = "try-runtime"))]
mod state;
#[cfg(test)]
mod tests;
mod types;
pub mod weights;

use alloc::vec::Vec;

pub use constants::*;
pub use currency::NoCurrency;
pub use inherent::INHERENT_IDENTIFIER;
pub use keys::KeyOwners;
pub use offences::{BlockEquivocationProof, ReportLongevity, VoteEquivocations};
pub use pallet::*;
pub use slots::{HalfSlot, SlotDuration};
pub use types::*;
pub use weights::WeightInfo;

/// The pallet's contents, as FRAME wants them.
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use alloc::boxed::Box;
    use frame_support::{
        pallet_prelude::*,
        traits::{ChangeMembers, ConstU64, InitializeMembers, KeyOwnerProofSystem},
    };
    use frame_system::pallet_prelude::*;
    use pallet_session::historical::{self, IdentificationTuple};
    use sp_consensus_slots::Slot;
    use sp_runtime::KeyTypeId;
    use sp_session::GetSessionNumber;
    use sp_staking::SessionIndex;

    /// What the pallet needs from the runtime.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>>
        + historical::Config<ValidatorId = <Self as frame_system::Config>::AccountId>
        + pallet_aura::Config
        + pallet_grandpa::Config
    {
        /// The weights of the calls and hooks.
        type WeightInfo: WeightInfo;

        /// The consortium's decision about itself.
        type ManageOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// The collective in which the members are seated at genesis.
        type MembershipInitialized: InitializeMembers<Self::AccountId>;

        /// The same collective, told of those who come and go.
        type MembershipChanged: ChangeMembers<Self::AccountId>;

        /// The most members that the consortium may have.
        #[pallet::constant]
        type MaxMembers: Get<u32>;

        /// The floor: the fewest authorities of the next set that a removal or a leave may leave.
        #[pallet::constant]
        type MinMembers: Get<u32>;

        /// How many of its own slots in a row a leader may miss before it has lost the term.
        #[pallet::constant]
        type MaxMissedSlots: Get<u32>;

        /// The blocks between two changes of a member's keys, and between two of its leaves.
        #[pallet::constant]
        type KeyCooldown: Get<BlockNumberFor<Self>>;

        /// The most nodes that a member may list.
        #[pallet::constant]
        type MaxNodes: Get<u32>;

        /// How many sessions back an offence can be reported, at least 1.
        #[pallet::constant]
        type HistoryDepth: Get<SessionIndex>;

        /// The proof that an Aura key was a member's in a session.
        type KeyOwnerProof: Parameter + GetSessionNumber;

        /// What checks such a proof; [`KeyOwners`] does.
        type KeyOwnerSystem: KeyOwnerProofSystem<
            (KeyTypeId, <Self as pallet_aura::Config>::AuthorityId),
            Proof = <Self as Config>::KeyOwnerProof,
            IdentificationTuple = IdentificationTuple<Self>,
        >;
    }

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The members of the consortium, ascending.
    #[pallet::storage]
    pub type Members<T: Config> = StorageValue<_, BoundedVec<T::AccountId, T::MaxMembers>, ValueQuery>;

    /// The members that have stepped out by themselves, ascending.
    #[pallet::storage]
    pub type Away<T: Config> = StorageValue<_, BoundedVec<T::AccountId, T::MaxMembers>, ValueQuery>;

    /// The block in which a member last stepped out, whether it is still away or not.
    #[pallet::storage]
    pub type LeftAt<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, BlockNumberFor<T>>;

    /// The block in which a member last set its keys.
    #[pallet::storage]
    pub type KeysSetAt<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, BlockNumberFor<T>>;

    /// The peer ids of the nodes that a member has listed.
    #[pallet::storage]
    pub type Nodes<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, BoundedVec<NodeId, T::MaxNodes>, ValueQuery>;

    /// Whether a node is to talk to listed nodes only.
    #[pallet::storage]
    pub type ListedPeersOnly<T: Config> = StorageValue<_, bool, ValueQuery>;

    /// The length of a slot, in milliseconds.
    #[pallet::storage]
    pub type SlotMs<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<DEFAULT_SLOT_MS>>;

    /// The blocks of a term where genesis does not say.
    #[pallet::type_value]
    pub fn DefaultTermBlocks<T: Config>() -> BlockNumberFor<T> {
        DEFAULT_TERM_BLOCKS.into()
    }

    /// The blocks of a term that nothing cuts short.
    #[pallet::storage]
    pub type TermBlocks<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery, DefaultTermBlocks<T>>;

    /// The block with which the present term began.
    #[pallet::storage]
    pub type TermStarted<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

    /// The slot of the block with which each of the latest terms began; the term's own slots are the later ones.
    #[pallet::storage]
    pub type TermSlots<T: Config> = StorageMap<_, Twox64Concat, SessionIndex, Slot>;

    /// The authorities of the present term with the keys that are in force, in the order of the set.
    // Bounded by the number of members; the keys' type has no bound of its own.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type KeysInForce<T: Config> = StorageValue<_, Vec<(T::AccountId, T::Keys)>, ValueQuery>;

    /// How many of the next blocks begin a new term, whatever the clock says.
    #[pallet::storage]
    pub type RotationsDue<T: Config> = StorageValue<_, u8, ValueQuery>;

    /// Whether GRANDPA has let a change of the set go by, because it waited for a forced one.
    #[pallet::storage]
    pub type FinalityBehind<T: Config> = StorageValue<_, bool, ValueQuery>;

    /// Who leads the present term.
    #[pallet::storage]
    pub type Leader<T: Config> = StorageValue<_, T::AccountId>;

    /// How many of its own slots in a row the leader has missed up to now.
    #[pallet::storage]
    pub type LeaderMissed<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// The votes of this term for the leader of the next: (voter, candidate), each voter once.
    #[pallet::storage]
    pub type Votes<T: Config> = StorageValue<_, BoundedVec<(T::AccountId, T::AccountId), T::MaxMembers>, ValueQuery>;

    /// What each member has done with its slots.
    #[pallet::storage]
    pub type Records<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Record, ValueQuery>;

    /// The slot of the latest block.
    #[pallet::storage]
    pub type LastSlot<T: Config> = StorageValue<_, Slot>;

    /// The author of the block that is being executed; gone when it ends.
    #[pallet::storage]
    #[pallet::whitelist_storage]
    pub type Author<T: Config> = StorageValue<_, T::AccountId>;

    /// The proven offences, by offender and by kind and term.
    #[pallet::storage]
    pub type Evidence<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Twox64Concat,
        (Offence, SessionIndex),
        OffenceRecord<BlockNumberFor<T>>,
    >;

    /// The hash and the text of the proof that is being judged; gone when the judgement is made.
    #[pallet::storage]
    #[pallet::whitelist_storage]
    pub type Testimony<T: Config> = StorageValue<_, (T::Hash, Proof)>;

    /// The members, the slot and the term of genesis.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// The members of the consortium, in any order, none twice; those with session keys are the first authorities.
        pub members: Vec<T::AccountId>,
        /// The length of a slot in milliseconds, at least [`SHORTEST_SLOT_MS`].
        pub slot_ms: u64,
        /// The blocks of a term, at least [`SHORTEST_TERM_BLOCKS`].
        pub term_blocks: BlockNumberFor<T>,
        /// Whether a node is to talk to listed nodes only.
        pub listed_peers_only: bool,
        /// Nodes of members, by peer id.
        pub nodes: Vec<(T::AccountId, Vec<GenesisNode>)>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            self.set_up();
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A term has begun.
        TermStarted {
            /// The term's number.
            term: SessionIndex,
            /// Who leads it; without a leader the slots rotate.
            leader: Option<T::AccountId>,
        },
        /// The leader has missed too many of its slots in a row and lost the term; the slots rotate.
        LeaderDeposed {
            /// Who led.
            leader: T::AccountId,
        },
        /// A member has voted for the leader of the next term.
        LeaderVoted {
            /// Who voted.
            voter: T::AccountId,
            /// For whom.
            candidate: T::AccountId,
        },
        /// The consortium has taken in a member.
        MemberAdded {
            /// The member.
            account: T::AccountId,
            /// Why.
            reason: Reason,
        },
        /// The consortium has removed a member.
        MemberRemoved {
            /// Who was one.
            account: T::AccountId,
            /// Why.
            reason: Reason,
        },
        /// A member has stepped out of the set.
        MemberLeft {
            /// The member.
            account: T::AccountId,
        },
        /// A member that had stepped out is back for the terms to come.
        MemberReturned {
            /// The member.
            account: T::AccountId,
        },
        /// A member has set its session keys.
        KeysSet {
            /// The member.
            account: T::AccountId,
        },
        /// A member has contradicted itself and is none any more.
        OffenderRemoved {
            /// Who was a member.
            account: T::AccountId,
            /// What it did.
            offence: Offence,
            /// The hash of the proof, which is kept.
            evidence: T::Hash,
        },
        /// A member has contradicted itself and stays, because without it there would be too few.
        OffenderKept {
            /// The member.
            account: T::AccountId,
            /// What it did.
            offence: Offence,
            /// The hash of the proof, which is kept.
            evidence: T::Hash,
        },
        /// Someone who is a member no more has contradicted itself when it was one.
        OffenceRecorded {
            /// Who was a member.
            account: T::AccountId,
            /// What it did.
            offence: Offence,
            /// The hash of the proof, which is kept.
            evidence: T::Hash,
        },
        /// The consortium has noted that finality stands still; the next block gives GRANDPA the set anew.
        StallNoted {
            /// The blocks from then until the set starts over.
            delay: BlockNumberFor<T>,
            /// The block on which it starts over: the highest that anyone has finalised.
            best_finalized: BlockNumberFor<T>,
        },
        /// The consortium has allowed the runtime with this hash to be applied.
        UpgradeAuthorized {
            /// The hash of the code.
            code_hash: T::Hash,
        },
        /// A member has listed its nodes.
        NodesListed {
            /// The member.
            account: T::AccountId,
            /// The peer ids of all its nodes.
            nodes: BoundedVec<NodeId, T::MaxNodes>,
        },
    }

    /// What is wrong with a call.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is not a member of the consortium.
        NotAMember,
        /// The account is a member of the consortium already.
        AlreadyAMember,
        /// The consortium has as many members as it may have.
        TooManyMembers,
        /// The next set would have fewer authorities than it may have.
        TooFewMembers,
        /// The member has stepped out already.
        AlreadyAway,
        /// The member has not stepped out.
        NotAway,
        /// The member has stepped out a short while ago and has to wait before it does so again.
        LeftTooRecently,
        /// The member has set its keys a short while ago and has to wait before it does so again.
        KeysTooSoon,
        /// The member has voted in this term.
        AlreadyVoted,
        /// The voter or the candidate is not an authority of the present term.
        NotAnAuthority,
        /// The author of the block is unknown.
        NoAuthor,
        /// The report does not prove what it says.
        InvalidProof,
        /// The offence, or another of its kind by the same account in the same term, has been reported before.
        KnownOffence,
        /// A change of the set is under way; what is asked has to wait until it is done.
        SetIsChanging,
        /// A stall was noted a short while ago; GRANDPA takes the next note after twice the delay of that one.
        StallNotedTooRecently,
        /// One of the nodes is not named by a peer id.
        NotAPeerId,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            <T as Config>::WeightInfo::on_initialize(Self::note_slot(now))
        }

        fn on_finalize(_: BlockNumberFor<T>) {
            Author::<T>::kill();
        }

        fn integrity_test() {
            Self::check_constants();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// The vote of the block's author for the leader of the next term, once in a term. Voter and candidate are
        /// authorities of the present one.
        ///
        /// Origin: none, put in by the author itself. Event: [`Event::LeaderVoted`].
        #[pallet::call_index(0)]
        #[pallet::weight((<T as Config>::WeightInfo::vote_leader(), DispatchClass::Mandatory))]
        pub fn vote_leader(origin: OriginFor<T>, candidate: T::AccountId) -> DispatchResult {
            ensure_none(origin)?;
            let voter = Author::<T>::get().ok_or(Error::<T>::NoAuthor)?;
            Self::check_vote(&voter, &candidate)?;
            Votes::<T>::try_append((voter.clone(), candidate.clone())).map_err(|()| Error::<T>::TooManyMembers)?;
            Self::deposit_event(Event::LeaderVoted { voter, candidate });
            Ok(())
        }

        /// Takes in a member. It is an authority once it has set its keys and two ordinary terms have begun. What it did
        /// when it was a member before stays on record.
        ///
        /// Origin: [`Config::ManageOrigin`]. Event: [`Event::MemberAdded`].
        #[pallet::call_index(1)]
        #[pallet::weight((<T as Config>::WeightInfo::add_member(), DispatchClass::Operational))]
        pub fn add_member(origin: OriginFor<T>, account: T::AccountId, reason: Reason) -> DispatchResult {
            T::ManageOrigin::ensure_origin(origin)?;
            Self::take_in(&account)?;
            Self::deposit_event(Event::MemberAdded { account, reason });
            Ok(())
        }

        /// Removes a member with its keys, its votes, its record and its nodes. If it is an authority, the set without it
        /// is in force two blocks later.
        ///
        /// Origin: [`Config::ManageOrigin`]. Event: [`Event::MemberRemoved`].
        #[pallet::call_index(2)]
        #[pallet::weight((<T as Config>::WeightInfo::remove_member(), DispatchClass::Operational))]
        pub fn remove_member(origin: OriginFor<T>, account: T::AccountId, reason: Reason) -> DispatchResult {
            T::ManageOrigin::ensure_origin(origin)?;
            ensure!(Self::is_member(&account), Error::<T>::NotAMember);
            ensure!(Self::can_be_spared(&account), Error::<T>::TooFewMembers);
            Self::take_out(&account);
            Self::deposit_event(Event::MemberRemoved { account, reason });
            Ok(())
        }

        /// Steps out of the set of authorities, two blocks from now, and stays a member with a seat and a vote in the
        /// collective; at most once in [`Config::KeyCooldown`] blocks.
        ///
        /// Origin: signed by a member. Event: [`Event::MemberLeft`].
        #[pallet::call_index(3)]
        #[pallet::weight(<T as Config>::WeightInfo::leave())]
        pub fn leave(origin: OriginFor<T>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            Self::step_out(&account)?;
            Self::deposit_event(Event::MemberLeft { account });
            Ok(())
        }

        /// Steps back into the set of authorities, from the second ordinary term on that begins after this.
        ///
        /// Origin: signed by a member that has stepped out. Event: [`Event::MemberReturned`].
        #[pallet::call_index(4)]
        #[pallet::weight(<T as Config>::WeightInfo::rejoin())]
        pub fn rejoin(origin: OriginFor<T>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            Self::step_in(&account)?;
            Self::deposit_event(Event::MemberReturned { account });
            Ok(())
        }

        /// Sets the keys with which the member forms and finalises blocks, from the second ordinary term on that begins
        /// after this. `proof` is what `SessionKeys_generate_session_keys` returns for the member's account: the keys'
        /// signatures on it.
        ///
        /// Origin: signed by a member. Event: [`Event::KeysSet`].
        #[pallet::call_index(5)]
        #[pallet::weight(<T as Config>::WeightInfo::set_keys())]
        pub fn set_keys(origin: OriginFor<T>, keys: T::Keys, proof: Vec<u8>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            Self::replace_keys(&account, keys, proof)?;
            Self::deposit_event(Event::KeysSet { account });
            Ok(())
        }

        /// Reports two blocks of one authority in one slot. The slot's term is one of the last [`Config::HistoryDepth`],
        /// and the key proof is from that term or one beside it.
        ///
        /// The proof says nothing about the chain that the blocks are of: keys must not be used on two chains.
        ///
        /// Origin: none, put in by a block's author or its node. Event: [`Event::OffenderRemoved`],
        /// [`Event::OffenderKept`] or [`Event::OffenceRecorded`].
        #[pallet::call_index(6)]
        #[pallet::weight((<T as Config>::WeightInfo::report_block_equivocation(), DispatchClass::Operational))]
        pub fn report_block_equivocation(
            origin: OriginFor<T>,
            equivocation_proof: Box<BlockEquivocationProof<T>>,
            key_owner_proof: <T as Config>::KeyOwnerProof,
        ) -> DispatchResult {
            ensure_none(origin)?;
            Self::judge_blocks(*equivocation_proof, key_owner_proof)
        }

        /// Notes that finality stands still, while nothing about the set is changing. The term ends with this block; the
        /// next gives GRANDPA its set anew, to start over `delay` blocks later on `best_finalized`, the highest block that
        /// anyone has finalised.
        ///
        /// Origin: [`Config::ManageOrigin`]. Event: [`Event::StallNoted`].
        #[pallet::call_index(7)]
        #[pallet::weight((<T as Config>::WeightInfo::note_stalled(), DispatchClass::Operational))]
        pub fn note_stalled(
            origin: OriginFor<T>,
            delay: BlockNumberFor<T>,
            best_finalized: BlockNumberFor<T>,
        ) -> DispatchResult {
            T::ManageOrigin::ensure_origin(origin)?;
            Self::restart_finality(delay, best_finalized)?;
            Self::deposit_event(Event::StallNoted { delay, best_finalized });
            Ok(())
        }

        /// Allows the runtime with this hash, and a later version than the present one, to be applied by whoever has it.
        ///
        /// Origin: [`Config::ManageOrigin`]. Event: [`Event::UpgradeAuthorized`].
        #[pallet::call_index(8)]
        #[pallet::weight((<T as Config>::WeightInfo::authorize_upgrade(), DispatchClass::Operational))]
        pub fn authorize_upgrade(origin: OriginFor<T>, code_hash: T::Hash) -> DispatchResult {
            T::ManageOrigin::ensure_origin(origin)?;
            frame_system::Pallet::<T>::do_authorize_upgrade(code_hash, true);
            Self::deposit_event(Event::UpgradeAuthorized { code_hash });
            Ok(())
        }

        /// Lists the member's nodes by their peer ids, as bytes, in place of those that it has listed before.
        ///
        /// Origin: signed by a member. Event: [`Event::NodesListed`].
        #[pallet::call_index(9)]
        #[pallet::weight(<T as Config>::WeightInfo::set_nodes(u32::try_from(nodes.len()).unwrap_or(u32::MAX)))]
        pub fn set_nodes(origin: OriginFor<T>, nodes: BoundedVec<NodeId, T::MaxNodes>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            ensure!(Self::is_member(&account), Error::<T>::NotAMember);
            ensure!(nodes.iter().all(|node| is_peer_id(node)), Error::<T>::NotAPeerId);
            Nodes::<T>::insert(&account, nodes.clone());
            Self::deposit_event(Event::NodesListed { account, nodes });
            Ok(())
        }
    }

    #[pallet::inherent]
    impl<T: Config> ProvideInherent for Pallet<T> {
        type Call = Call<T>;
        type Error = MakeFatalError<()>;
        const INHERENT_IDENTIFIER: InherentIdentifier = crate::INHERENT_IDENTIFIER;

        fn create_inherent(data: &InherentData) -> Option<Self::Call> {
            Self::vote_in(data).map(|candidate| Call::vote_leader { candidate })
        }

        fn is_inherent(call: &Self::Call) -> bool {
            matches!(call, Call::vote_leader { .. })
        }
    }

    #[allow(deprecated)]
    #[pallet::validate_unsigned]
    impl<T: Config> ValidateUnsigned for Pallet<T> {
        type Call = Call<T>;

        fn validate_unsigned(source: TransactionSource, call: &Self::Call) -> TransactionValidity {
            Self::validate_report(source, call)
        }

        fn pre_dispatch(call: &Self::Call) -> Result<(), TransactionValidityError> {
            Self::admit_to_block(call)
        }
    }
}
