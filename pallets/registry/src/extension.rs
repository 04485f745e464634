//! Default deny: a signed call passes only if the runtime permits it to its signer.
//!
//! [`RequireRole`] stands after the extension that authenticates meters and before `CheckNonce`. It looks at the call
//! at the top level and nowhere else, so a call wrapped in another passes only if the permission names the wrapper: a
//! role's call inside a batch is refused. An origin that an earlier extension made (a meter's) passes untouched, since
//! that extension answers for it; of the system's own origins only a permitted signed one does. What a call's origin
//! must be is still checked by the call itself.
//!
//! **Privacy.** It reveals nothing: its decision depends on the signer's role, which is public.

use crate::{weights::WeightInfo, Config};
use codec::{Decode, DecodeWithMemTracking, Encode};
use core::marker::PhantomData;
use frame_support::{
    traits::OriginTrait, weights::Weight, CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound,
};
use frame_system::RawOrigin;
use scale_info::TypeInfo;
use sp_runtime::{
    impl_tx_ext_default,
    traits::{DispatchInfoOf, DispatchOriginOf, Implication, TransactionExtension, ValidateResult},
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction},
};

/// Which account may make which call. The runtime implements it; everything that it does not name is refused.
pub trait CallPermission<AccountId, RuntimeCall> {
    /// Whether `who` may make `call`, as it is at the top level of a transaction.
    fn permits(who: &AccountId, call: &RuntimeCall) -> bool;
}

/// Refuses every signed call that [`Config::Permission`] does not permit, with [`InvalidTransaction::Call`], and every
/// transaction whose origin is no account and no other pallet's, with [`InvalidTransaction::UnknownOrigin`]. Encodes to
/// zero bytes.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    CloneNoBound,
    DebugNoBound,
    DefaultNoBound,
    EqNoBound,
    PartialEqNoBound,
)]
#[scale_info(skip_type_params(T))]
pub struct RequireRole<T>(PhantomData<T>);

impl<T> RequireRole<T> {
    /// The extension; it has no content.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Config + Send + Sync> TransactionExtension<T::RuntimeCall> for RequireRole<T> {
    const IDENTIFIER: &'static str = "RequireRole";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn weight(&self, _: &T::RuntimeCall) -> Weight {
        T::WeightInfo::require_role()
    }

    fn validate(
        &self,
        origin: DispatchOriginOf<T::RuntimeCall>,
        call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _self_implicit: Self::Implicit,
        _inherited_implication: &impl Implication,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, T::RuntimeCall> {
        let refusal = match origin.as_system_ref() {
            None => None,
            Some(RawOrigin::Signed(who)) if T::Permission::permits(who, call) => None,
            Some(RawOrigin::Signed(_)) => Some(InvalidTransaction::Call),
            Some(RawOrigin::Root | RawOrigin::None | RawOrigin::Authorized) => Some(InvalidTransaction::UnknownOrigin),
        };
        match refusal {
            None => Ok((ValidTransaction::default(), (), origin)),
            Some(refusal) => Err(TransactionValidityError::Invalid(refusal)),
        }
    }

    impl_tx_ext_default!(T::RuntimeCall; prepare);
}
