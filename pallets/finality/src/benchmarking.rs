//! The benchmarks of the pallet's calls and of its hook.
//!
//! Each runs with as many members as the consortium may have, all with keys and all authorities of the present term, and a
//! leader. The keys are the node's own: the host makes them.
//!
//! **Privacy.** They reveal nothing.

use super::*;
use alloc::{boxed::Box, format, vec, vec::Vec};
use codec::{Decode, Encode};
use frame_benchmarking::{account, v2::*, BenchmarkError};
use frame_support::{
    traits::{ChangeMembers, EnsureOrigin, Get, Hooks, KeyOwnerProofSystem, UnfilteredDispatchable},
    BoundedVec,
};
use frame_system::{pallet_prelude::HeaderFor, RawOrigin};
use sp_consensus_aura::digests::CompatibleDigestItem;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_consensus_slots::Slot;
use sp_runtime::{
    traits::{Hash, Header, Saturating},
    transaction_validity::TransactionSource,
    Digest, DigestItem, RuntimeAppPublic,
};

const NO_KEYS: BenchmarkError = BenchmarkError::Stop("session keys are not an Aura key and a GRANDPA key");

fn consortium<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    T::ManageOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

fn member<T: Config>(index: u32) -> T::AccountId {
    account("member", index, 0)
}

/// The `number`th session keys of `owner`'s, which the node keeps, and the proof that they are. From seeds: the host takes
/// milliseconds for a key that it is to make up.
fn keys<T: Config>(owner: &T::AccountId, number: u32) -> Result<(T::Keys, Vec<u8>), BenchmarkError>
where
    <T::AuthorityId as RuntimeAppPublic>::ProofOfPossession: Encode,
{
    let seed = <T as frame_system::Config>::Hashing::hash_of(&(owner, number));
    let seed = Some(format!("{seed:?}").into_bytes());
    let mut aura = <T::AuthorityId as RuntimeAppPublic>::generate_pair(seed.clone());
    let mut grandpa = <GrandpaId as RuntimeAppPublic>::generate_pair(seed);
    let owner = owner.encode();
    let proof = (
        aura.generate_proof_of_possession(&owner).ok_or(NO_KEYS)?,
        grandpa.generate_proof_of_possession(&owner).ok_or(NO_KEYS)?,
    );
    let keys = T::Keys::decode(&mut &(aura, grandpa).encode()[..]).map_err(|_| NO_KEYS)?;
    Ok((keys, proof.encode()))
}

/// The full consortium in a term of its own, in place of what genesis has. Returns the members, ascending.
fn full_term<T: Config>() -> Result<Vec<T::AccountId>, BenchmarkError>
where
    <T::AuthorityId as RuntimeAppPublic>::ProofOfPossession: Encode,
{
    let mut members: Vec<_> = (0..T::MaxMembers::get()).map(member::<T>).collect();
    members.sort();
    for account in &members {
        frame_system::Pallet::<T>::inc_providers(account);
        let (keys, proof) = keys::<T>(account, 0)?;
        let signer: T::RuntimeOrigin = RawOrigin::Signed(account.clone()).into();
        pallet_session::Pallet::<T>::set_keys(signer, keys, proof)?;
    }
    let all = BoundedVec::try_from(members.clone()).map_err(|_| BenchmarkError::Stop("too many members"))?;
    T::MembershipChanged::set_members_sorted(&members, &Members::<T>::get());
    Members::<T>::put(all);
    Away::<T>::kill();
    let _ = Records::<T>::clear(u32::MAX, None);
    // One rotation plans the set, the next brings it into force.
    pallet_session::Pallet::<T>::rotate_session();
    pallet_session::Pallet::<T>::rotate_session();
    pallet_grandpa::Pallet::<T>::on_finalize(frame_system::Pallet::<T>::block_number());
    assert_eq!(pallet_session::Validators::<T>::get(), members);
    Ok(members)
}

/// That the block claims `slot`.
fn claim<T: Config>(slot: u64) -> DigestItem {
    type SignatureOf<T> = <<T as pallet_aura::Config>::AuthorityId as RuntimeAppPublic>::Signature;
    <DigestItem as CompatibleDigestItem<SignatureOf<T>>>::aura_pre_digest(Slot::from(slot))
}

/// A header of `slot` on top of some block, sealed with a key of the node's.
fn sealed<T: Config>(slot: u64, parent: u8, key: &T::AuthorityId) -> Result<HeaderFor<T>, BenchmarkError> {
    let parent = <T as frame_system::Config>::Hashing::hash(&[parent]);
    let digest = Digest {
        logs: vec![claim::<T>(slot)],
    };
    let mut header = HeaderFor::<T>::new(1u32.into(), Default::default(), Default::default(), parent, digest);
    let seal = key.sign(&header.hash()).ok_or(NO_KEYS)?;
    header
        .digest_mut()
        .push(<DigestItem as CompatibleDigestItem<_>>::aura_seal(seal));
    Ok(header)
}

#[benchmarks(where <T::AuthorityId as RuntimeAppPublic>::ProofOfPossession: Encode)]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn vote_leader() -> Result<(), BenchmarkError> {
        let members = full_term::<T>()?;
        let (voter, others) = members.split_first().ok_or(NO_KEYS)?;
        for other in others {
            Votes::<T>::try_append((other.clone(), voter.clone())).map_err(|()| NO_KEYS)?;
        }
        Author::<T>::put(voter);

        #[extrinsic_call]
        _(RawOrigin::None, voter.clone());

        assert_eq!(Votes::<T>::get().len(), members.len());
        Ok(())
    }

    #[benchmark]
    fn add_member() -> Result<(), BenchmarkError> {
        let origin = consortium::<T>()?;
        let mut members = full_term::<T>()?;
        let account = members.pop().ok_or(NO_KEYS)?;
        Pallet::<T>::take_out(&account);
        let reason = Reason::truncate_from(vec![b'.'; 256]);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, account.clone(), reason);

        assert!(Pallet::<T>::is_member(&account));
        Ok(())
    }

    #[benchmark]
    fn remove_member() -> Result<(), BenchmarkError> {
        let origin = consortium::<T>()?;
        let account = full_term::<T>()?.pop().ok_or(NO_KEYS)?;
        let reason = Reason::truncate_from(vec![b'.'; 256]);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, account.clone(), reason);

        assert!(!Pallet::<T>::is_member(&account));
        Ok(())
    }

    #[benchmark]
    fn leave() -> Result<(), BenchmarkError> {
        let account = full_term::<T>()?.pop().ok_or(NO_KEYS)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(account.clone()));

        assert_eq!(Away::<T>::get().into_inner(), vec![account]);
        Ok(())
    }

    #[benchmark]
    fn rejoin() -> Result<(), BenchmarkError> {
        let account = full_term::<T>()?.pop().ok_or(NO_KEYS)?;
        Pallet::<T>::step_out(&account)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(account));

        assert!(Away::<T>::get().is_empty());
        Ok(())
    }

    #[benchmark]
    fn set_keys() -> Result<(), BenchmarkError> {
        let account = full_term::<T>()?.pop().ok_or(NO_KEYS)?;
        let (keys, proof) = keys::<T>(&account, 1)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(account.clone()), keys, proof);

        assert!(KeysSetAt::<T>::contains_key(account));
        Ok(())
    }

    /// With the check before the dispatch, which nobody else counts.
    #[benchmark]
    fn report_block_equivocation() -> Result<(), BenchmarkError> {
        full_term::<T>()?;
        let offender = Pallet::<T>::keys_for_blocks().pop().ok_or(NO_KEYS)?;
        let slot = LastSlot::<T>::get().map_or(1, |last| u64::from(last).saturating_add(1));
        let equivocation_proof = Box::new(BlockEquivocationProof::<T> {
            offender: offender.clone(),
            slot: Slot::from(slot),
            first_header: sealed::<T>(slot, 1, &offender)?,
            second_header: sealed::<T>(slot, 2, &offender)?,
        });
        let id = <T::AuthorityId as RuntimeAppPublic>::ID;
        let key_owner_proof = T::KeyOwnerSystem::prove((id, offender)).ok_or(NO_KEYS)?;
        let call = Call::<T>::report_block_equivocation {
            equivocation_proof,
            key_owner_proof,
        };
        let members = Members::<T>::get().len();
        let is_judged;

        #[block]
        {
            is_judged = Pallet::<T>::validate_report(TransactionSource::InBlock, &call).is_ok()
                && call.dispatch_bypass_filter(RawOrigin::None.into()).is_ok();
        }

        assert!(is_judged);
        assert_eq!(Members::<T>::get().len().saturating_add(1), members);
        Ok(())
    }

    #[benchmark]
    fn note_stalled() -> Result<(), BenchmarkError> {
        let origin = consortium::<T>()?;
        full_term::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, 10u32.into(), 1u32.into());

        assert!(pallet_grandpa::Stalled::<T>::exists());
        Ok(())
    }

    #[benchmark]
    fn authorize_upgrade() -> Result<(), BenchmarkError> {
        let origin = consortium::<T>()?;
        let code_hash = <T as frame_system::Config>::Hashing::hash(b"code");

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, code_hash);

        Ok(())
    }

    #[benchmark]
    fn set_nodes(n: Linear<0, { T::MaxNodes::get() }>) -> Result<(), BenchmarkError> {
        let account = full_term::<T>()?.pop().ok_or(NO_KEYS)?;
        let mut node = vec![0x12, 0x20];
        node.resize(34, 7);
        let nodes: Vec<_> = (0..n).map(|_| NodeId::truncate_from(node.clone())).collect();
        let nodes = BoundedVec::try_from(nodes).map_err(|_| BenchmarkError::Stop("too many nodes"))?;

        #[extrinsic_call]
        _(RawOrigin::Signed(account.clone()), nodes.clone());

        assert_eq!(Nodes::<T>::get(account), nodes);
        Ok(())
    }

    /// `n` authorities' records change, and the leader is deposed. It owns the even slots.
    #[benchmark]
    fn on_initialize(n: Linear<4, { T::MaxMembers::get() }>) -> Result<(), BenchmarkError> {
        let leader = full_term::<T>()?.pop().ok_or(NO_KEYS)?;
        Leader::<T>::put(&leader);
        LastSlot::<T>::put(Slot::from(1));
        let number = frame_system::Pallet::<T>::block_number().saturating_add(1u32.into());
        let digest = Digest {
            logs: vec![claim::<T>(u64::from(n).saturating_mul(2))],
        };
        frame_system::Pallet::<T>::initialize(&number, &Default::default(), &digest);

        #[block]
        {
            Pallet::<T>::on_initialize(number);
            Pallet::<T>::on_finalize(number);
        }

        assert_eq!(Leader::<T>::get(), None);
        assert_eq!(u32::try_from(Records::<T>::iter().count()), Ok(n));
        Ok(())
    }
}
