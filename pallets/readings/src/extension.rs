//! How a meter's transaction becomes a meter's call.
//!
//! [`AuthenticateMeter`] stands before `RequireRole` and `CheckNonce`. Where a `submit` is signed, it takes the signer for
//! a pseudonym, checks everything that could be wrong with the share (DESIGN section 4, step 3) and replaces the origin by
//! [`Origin::Meter`]; so the pseudonym needs neither role nor account, and no later extension gives it one. Every other
//! transaction passes as it came, a `submit` without a signer included, which the call then turns away.
//!
//! Checking reads and does not write. When the transaction is applied, the same checks run again in the block, right
//! before the call: between them and the call nothing happens, and of two shares under one pseudonym the second finds the
//! first one stored. That is what lets the call be free.
//!
//! **Privacy.** It keeps nothing; a refusal tells the sender what the public state tells anyone.

use crate::{weights::WeightInfo, Call, Config, Origin, Shares};
use codec::{Decode, DecodeWithMemTracking, Encode};
use core::marker::PhantomData;
use frame_support::{
    ensure,
    traits::{Get, IsSubType, OriginTrait, Time},
    weights::Weight,
    CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound,
};
use gridveil_primitives::{filter, tally, Moment, PeriodKey, Prid, Refusal};
use scale_info::TypeInfo;
use sp_runtime::{
    traits::{
        AsSystemOriginSigner, DispatchInfoOf, DispatchOriginOf, Dispatchable, Implication, TransactionExtension,
        ValidateResult,
    },
    transaction_validity::{
        InvalidTransaction, TransactionLongevity, TransactionPriority, TransactionSource, TransactionValidityError,
        ValidTransaction,
    },
};

/// What the tag of a share in the pool starts with.
pub(crate) const TAG_PREFIX: &str = "gridveil/share";

/// A share goes before the calls of members and roles, which cost nothing either: a period has only so many shares, and each
/// has its window, so whoever floods the pool must not keep them out of blocks or of the pool.
pub(crate) const PRIORITY: TransactionPriority = TransactionPriority::MAX / 2;

/// Admits a share whose pseudonym may send it now, and refuses any other with [`InvalidTransaction::Custom`] and the code of
/// a [`Refusal`]. Encodes to zero bytes and adds nothing to what is signed.
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
pub struct AuthenticateMeter<T>(PhantomData<T>);

impl<T> AuthenticateMeter<T> {
    /// The extension; it has no content.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Config> AuthenticateMeter<T> {
    /// When the share's window closes, if `prid` may send it at `now`. The cheapest checks come first; the filter, which is
    /// long, is read last.
    fn check(key: &PeriodKey, prid: &Prid, now: Moment) -> Result<Moment, Refusal> {
        ensure!(
            pallet_registry::Regions::<T>::contains_key(key.region),
            Refusal::UnknownRegion
        );
        let schedule = pallet_registry::Pallet::<T>::schedule(key.cycle).ok_or(Refusal::UnknownCycle)?;
        let ends = schedule.ends(key.period).ok_or(Refusal::UnknownPeriod)?;
        let closes = schedule.closes(key.period).ok_or(Refusal::UnknownPeriod)?;
        ensure!(now >= ends, Refusal::TooEarly);
        ensure!(now < closes, Refusal::TooLate);
        let used = Shares::<T>::contains_key((key.cycle, key.region, key.period, prid));
        ensure!(!used, Refusal::AlreadyUsed);
        let manifest = pallet_masks::Manifests::<T>::get(key).ok_or(Refusal::NoManifest)?;
        ensure!(filter::contains_prid(&manifest.filter, key, prid), Refusal::NotInFilter);
        Ok(closes)
    }
}

/// The error that carries a refusal to the sender.
fn invalid(refusal: Refusal) -> TransactionValidityError {
    InvalidTransaction::Custom(refusal.code()).into()
}

impl<T: Config + Send + Sync> TransactionExtension<T::RuntimeCall> for AuthenticateMeter<T>
where
    T::RuntimeCall: Dispatchable<RuntimeOrigin = T::RuntimeOrigin>,
    T::RuntimeOrigin: AsSystemOriginSigner<T::AccountId>,
{
    const IDENTIFIER: &'static str = "AuthenticateMeter";
    type Implicit = ();
    /// The pseudonym, where there is one to consume.
    type Val = Option<Prid>;
    type Pre = ();

    fn weight(&self, call: &T::RuntimeCall) -> Weight {
        match call.is_sub_type() {
            Some(Call::submit { .. }) => <T as Config>::WeightInfo::authenticate(),
            _ => Weight::zero(),
        }
    }

    fn validate(
        &self,
        mut origin: DispatchOriginOf<T::RuntimeCall>,
        call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _self_implicit: Self::Implicit,
        _inherited_implication: &impl Implication,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, T::RuntimeCall> {
        let Some(Call::submit {
            region, cycle, period, ..
        }) = call.is_sub_type()
        else {
            return Ok((ValidTransaction::default(), None, origin));
        };
        let Some(signer) = origin.as_system_origin_signer() else {
            return Ok((ValidTransaction::default(), None, origin));
        };
        let prid: Prid = signer.clone().into();
        let key = PeriodKey {
            region: *region,
            cycle: *cycle,
            period: *period,
        };
        let now = T::Clock::now();
        let closes = Self::check(&key, &prid, now).map_err(invalid)?;

        origin.set_caller(Origin::Meter(prid).into());
        let blocks: TransactionLongevity = closes
            .saturating_sub(now)
            .checked_div(T::SlotDuration::get())
            .unwrap_or_default();
        let validity = ValidTransaction::with_tag_prefix(TAG_PREFIX)
            .priority(PRIORITY)
            .and_provides((key, prid))
            .longevity(blocks.max(1))
            .propagate(true);
        Ok((validity.into(), Some(prid), origin))
    }

    fn prepare(
        self,
        val: Self::Val,
        _origin: &DispatchOriginOf<T::RuntimeCall>,
        _call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
    ) -> Result<Self::Pre, TransactionValidityError> {
        // A signature under the pseudonym shows that it is a point. The tally depends on it, so this does not rest on how
        // transactions are signed.
        match val {
            Some(prid) if tally::add(&tally::EMPTY, &prid).is_none() => Err(invalid(Refusal::NotAPoint)),
            _ => Ok(()),
        }
    }
}
