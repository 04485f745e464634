//! Whose key it was: proofs of key ownership, with the keys that are in force.
//!
//! The historical sessions prove and check with the keys that members have *set*, which are those of the next session but
//! one. For a session that has passed they have the root that was noted when it was planned; for the present one they
//! compute it from the keys set now. So a cheat that sets new keys first, and one that was just put out, could not be
//! reported until the session is over, nor anyone else with a proof made before. [`KeyOwners`] is the same system with the
//! keys in force: it proves with those, and checks against the noted root in every session. The proofs are the same.
//!
//! Neither changes anything in storage: what has to be different for the stock pallet is put there and taken back.
//!
//! **Privacy.** The keys of members are public.

use crate::{Config, KeysInForce};
use core::marker::PhantomData;
use frame_support::{
    storage::{with_transaction_unchecked, TransactionOutcome},
    traits::KeyOwnerProofSystem,
};
use pallet_session::historical::{self, IdentificationTuple};
use sp_runtime::KeyTypeId;
use sp_session::MembershipProof;
use sp_staking::SessionIndex;

/// The key ownership proofs of the historical sessions, made and checked with the keys in force.
pub struct KeyOwners<T>(PhantomData<T>);

impl<T: Config, Key: AsRef<[u8]>> KeyOwnerProofSystem<(KeyTypeId, Key)> for KeyOwners<T> {
    type Proof = MembershipProof;
    type IdentificationTuple = IdentificationTuple<T>;

    fn prove((id, key): (KeyTypeId, Key)) -> Option<Self::Proof> {
        let key = (id, key.as_ref());
        let proof = undone(|| {
            for (account, keys) in KeysInForce::<T>::get() {
                pallet_session::NextKeys::<T>::insert(account, keys);
            }
            historical::Pallet::<T>::prove(key)
        })?;
        // The stock pallet proves also that a key is nobody's.
        Self::check_proof(key, proof.clone()).map(|_| proof)
    }

    fn check_proof((id, key): (KeyTypeId, Key), proof: Self::Proof) -> Option<Self::IdentificationTuple> {
        let key = (id, key.as_ref());
        undone(|| {
            // No session is the present one then, so each is held against its noted root.
            pallet_session::CurrentIndex::<T>::put(SessionIndex::MAX);
            historical::Pallet::<T>::check_proof(key, proof)
        })
    }
}

/// What `look` finds, with what it did to the storage undone.
fn undone<R>(look: impl FnOnce() -> R) -> R {
    with_transaction_unchecked(|| TransactionOutcome::Rollback(look()))
}
