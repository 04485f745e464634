//! Offences: what proves one, and what comes of it.
//!
//! Two blocks of one authority in one slot are judged here; two votes in one round by GRANDPA's own report system, which
//! [`VoteEquivocations`] wraps to keep the proof. Both end in one sentence: the evidence is kept, and the offender, if it is
//! a member, is removed, or kept where the set would get too small without it.
//!
//! An offence is filed under the term in which it was done, not under the term of the key proof, which the reporter
//! chooses among all in which the key was in force. For a block that is the term of its slot; for a vote, which names a
//! GRANDPA set, the set's first term. Otherwise a member that came back by vote could be put out again for what it was put
//! out for before.
//!
//! Reports come from the node that saw the offence or are in a block; they are not passed on between nodes.
//!
//! **Privacy.** The evidence names a member and holds what it signed, which the network has seen.

use crate::{
    Call, Config, Error, Event, Evidence, KeyOwners, Offence, OffenceRecord, Pallet, Proof, TermBlocks, Testimony,
};
use alloc::{boxed::Box, vec::Vec};
use codec::Encode;
use core::marker::PhantomData;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get, KeyOwnerProofSystem},
};
use frame_system::{
    offchain::{CreateBare, SubmitTransaction},
    pallet_prelude::{BlockNumberFor, HeaderFor},
};
use pallet_grandpa::{EquivocationOffence, EquivocationReportSystem, TimeSlot};
use pallet_session::historical::IdentificationTuple;
use sp_consensus_aura::digests::CompatibleDigestItem;
use sp_consensus_grandpa::SetId;
use sp_consensus_slots::{EquivocationProof, Slot};
use sp_runtime::{
    traits::{Hash, Header, SaturatedConversion},
    transaction_validity::{
        InvalidTransaction, TransactionPriority, TransactionSource, TransactionValidity, TransactionValidityError,
        ValidTransaction,
    },
    DigestItem, DispatchError, RuntimeAppPublic,
};
use sp_session::{GetSessionNumber, MembershipProof};
use sp_staking::{
    offence::{OffenceError, OffenceReportSystem, ReportOffence},
    SessionIndex,
};

/// Two blocks of one authority in one slot.
pub type BlockEquivocationProof<T> = EquivocationProof<HeaderFor<T>, <T as pallet_aura::Config>::AuthorityId>;

/// Two votes of one authority in one round, and whose key signed them.
type VoteReport<T> = (
    sp_consensus_grandpa::EquivocationProof<<T as frame_system::Config>::Hash, BlockNumberFor<T>>,
    <T as pallet_grandpa::Config>::KeyOwnerProof,
);

/// GRANDPA's own report system, with our judgement and our key proofs.
type StockReports<T> = EquivocationReportSystem<T, Pallet<T>, KeyOwners<T>, ReportLongevity<T>>;

/// How many blocks a report is good for: as long as a key is proved.
pub struct ReportLongevity<T>(PhantomData<T>);

impl<T: Config> Get<u64> for ReportLongevity<T> {
    fn get() -> u64 {
        let term: u64 = TermBlocks::<T>::get().saturated_into();
        term.saturating_mul(T::HistoryDepth::get().into())
    }
}

impl<T: Config> Pallet<T> {
    /// Judges a report of two blocks.
    pub(crate) fn judge_blocks(
        proof: BlockEquivocationProof<T>,
        key_owner_proof: <T as Config>::KeyOwnerProof,
    ) -> DispatchResult {
        let (offender, session) = Self::examine(&proof, &key_owner_proof)?;
        let (hash, text) = Self::testimony_of(&(proof, key_owner_proof));
        Self::sentence(offender, Offence::BlockEquivocation, session, hash, text)
    }

    /// The pool's and the block's check of a report of two blocks.
    pub(crate) fn validate_report(source: TransactionSource, call: &Call<T>) -> TransactionValidity {
        let Call::report_block_equivocation {
            equivocation_proof,
            key_owner_proof,
        } = call
        else {
            return InvalidTransaction::Call.into();
        };
        if !matches!(source, TransactionSource::Local | TransactionSource::InBlock) {
            return InvalidTransaction::Call.into();
        }
        Self::examine(equivocation_proof, key_owner_proof).map_err(|error| match error {
            Error::KnownOffence => InvalidTransaction::Stale,
            _ => InvalidTransaction::BadProof,
        })?;
        ValidTransaction::with_tag_prefix("gridveil/two-blocks")
            .priority(TransactionPriority::MAX)
            .and_provides((equivocation_proof.offender.clone(), equivocation_proof.slot))
            .longevity(ReportLongevity::<T>::get())
            .propagate(false)
            .build()
    }

    /// A block's check of what is in it without a signature.
    pub(crate) fn admit_to_block(call: &Call<T>) -> Result<(), TransactionValidityError> {
        match call {
            // The inherent's call checks everything, and a block in which it fails is not valid.
            Call::vote_leader { .. } => Ok(()),
            report => Self::validate_report(TransactionSource::InBlock, report).map(|_| ()),
        }
    }

    /// Sends a report of two blocks to this node's pool; `None` where the pool does not take it. For use off chain.
    pub fn submit_block_equivocation_report(
        equivocation_proof: BlockEquivocationProof<T>,
        key_owner_proof: <T as Config>::KeyOwnerProof,
    ) -> Option<()>
    where
        T: CreateBare<Call<T>>,
    {
        let call = Call::report_block_equivocation {
            equivocation_proof: Box::new(equivocation_proof),
            key_owner_proof,
        };
        SubmitTransaction::<T, Call<T>>::submit_transaction(T::create_bare(call.into())).ok()
    }

    /// Who made the two blocks, and in which session; an error where that is not proved, or known.
    fn examine(
        proof: &BlockEquivocationProof<T>,
        key_owner_proof: &<T as Config>::KeyOwnerProof,
    ) -> Result<(T::AccountId, SessionIndex), Error<T>> {
        ensure!(is_equivocation(proof), Error::<T>::InvalidProof);
        let session = Self::session_of(proof.slot, key_owner_proof.session()).ok_or(Error::<T>::InvalidProof)?;
        let key = (<T::AuthorityId as RuntimeAppPublic>::ID, proof.offender.clone());
        let (offender, _) =
            T::KeyOwnerSystem::check_proof(key, key_owner_proof.clone()).ok_or(Error::<T>::InvalidProof)?;
        let is_known = Evidence::<T>::contains_key(&offender, (Offence::BlockEquivocation, session));
        ensure!(!is_known, Error::<T>::KnownOffence);
        Ok((offender, session))
    }

    /// Keeps the evidence of a proven offence, and removes the offender if it is a member that can be spared.
    fn sentence(
        account: T::AccountId,
        offence: Offence,
        session: SessionIndex,
        evidence: T::Hash,
        proof: Proof,
    ) -> DispatchResult {
        let is_known = Evidence::<T>::contains_key(&account, (offence, session));
        ensure!(!is_known, Error::<T>::KnownOffence);
        let record = OffenceRecord {
            kind: offence,
            session,
            reported_at: frame_system::Pallet::<T>::block_number(),
            proof,
        };
        Evidence::<T>::insert(&account, (offence, session), record);
        let event = if !Self::is_member(&account) {
            Event::OffenceRecorded {
                account,
                offence,
                evidence,
            }
        } else if !Self::can_be_spared(&account) {
            Event::OffenderKept {
                account,
                offence,
                evidence,
            }
        } else {
            Self::take_out(&account);
            Event::OffenderRemoved {
                account,
                offence,
                evidence,
            }
        };
        Self::deposit_event(event);
        Ok(())
    }

    /// The hash of a report, and its text as far as it is kept.
    fn testimony_of(report: &impl Encode) -> (T::Hash, Proof) {
        let text: Vec<u8> = report.encode();
        let hash = <T as frame_system::Config>::Hashing::hash(&text);
        (hash, Proof::try_from(text).unwrap_or_default())
    }

    /// The first session of a GRANDPA set, as far back as GRANDPA remembers.
    fn first_session_of(set: SetId) -> Option<SessionIndex> {
        match set.checked_sub(1) {
            None => Some(0),
            Some(before) => pallet_grandpa::SetIdSession::<T>::get(before).and_then(|last| last.checked_add(1)),
        }
    }
}

/// Whether two headers claim one slot and one authority signed both. They have to differ in more than the seal: a second
/// signature on one header contradicts nothing.
fn is_equivocation<H: Header, Id: RuntimeAppPublic>(proof: &EquivocationProof<H, Id>) -> bool {
    let sealed = |header: &H| sealed_content(header, proof.slot, &proof.offender);
    match (sealed(&proof.first_header), sealed(&proof.second_header)) {
        (Some(first), Some(second)) => first != second,
        _ => false,
    }
}

/// The hash of the header without its seal, if it claims `slot` and `author` has sealed it.
fn sealed_content<H: Header, Id: RuntimeAppPublic>(header: &H, slot: Slot, author: &Id) -> Option<H::Hash> {
    let mut header = header.clone();
    let seal = header.digest_mut().pop()?;
    let seal = <DigestItem as CompatibleDigestItem<Id::Signature>>::as_aura_seal(&seal)?;
    let claimed = header
        .digest()
        .logs()
        .iter()
        .find_map(<DigestItem as CompatibleDigestItem<Id::Signature>>::as_aura_pre_digest)?;
    let content = header.hash();
    (claimed == slot && author.verify(&content.as_ref(), &seal)).then_some(content)
}

/// Takes GRANDPA's verdicts.
impl<T: Config> ReportOffence<T::AccountId, IdentificationTuple<T>, EquivocationOffence<IdentificationTuple<T>>>
    for Pallet<T>
{
    fn report_offence(
        _: Vec<T::AccountId>,
        offence: EquivocationOffence<IdentificationTuple<T>>,
    ) -> Result<(), OffenceError> {
        let (account, _) = offence.offender;
        let session = Self::first_session_of(offence.time_slot.set_id).unwrap_or(offence.session_index);
        let (hash, proof) = Testimony::<T>::take().unwrap_or_default();
        Self::sentence(account, Offence::VoteEquivocation, session, hash, proof)
            .map_err(|_| OffenceError::DuplicateReport)
    }

    fn is_known_offence(offenders: &[IdentificationTuple<T>], slot: &TimeSlot) -> bool {
        Self::first_session_of(slot.set_id).is_some_and(|session| {
            offenders
                .iter()
                .all(|(account, _)| Evidence::<T>::contains_key(account, (Offence::VoteEquivocation, session)))
        })
    }
}

/// GRANDPA's report system with the pallet as the judge: pallet-grandpa's `EquivocationReportSystem`.
pub struct VoteEquivocations<T>(PhantomData<T>);

impl<T> OffenceReportSystem<Option<T::AccountId>, VoteReport<T>> for VoteEquivocations<T>
where
    T: Config
        + pallet_grandpa::Config<KeyOwnerProof = MembershipProof>
        + pallet_authorship::Config
        + CreateBare<pallet_grandpa::Call<T>>,
{
    type Longevity = ReportLongevity<T>;

    fn publish_evidence(report: VoteReport<T>) -> Result<(), ()> {
        StockReports::<T>::publish_evidence(report)
    }

    fn check_evidence(report: VoteReport<T>) -> Result<(), TransactionValidityError> {
        StockReports::<T>::check_evidence(report)
    }

    fn process_evidence(reporter: Option<T::AccountId>, report: VoteReport<T>) -> Result<(), DispatchError> {
        Testimony::<T>::put(Pallet::<T>::testimony_of(&report));
        let outcome = StockReports::<T>::process_evidence(reporter, report);
        Testimony::<T>::kill();
        outcome
    }
}
