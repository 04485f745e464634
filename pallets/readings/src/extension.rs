//! How a meter's transaction becomes a meter's call, and an aggregator's batch the call of many.
//!
//! [`AuthenticateMeter`] stands before `RequireRole` and `CheckNonce`. Where a `submit` is signed, it takes the signer for
//! a pseudonym, checks everything that could be wrong with the share (DESIGN section 4, step 3) and replaces the origin by
//! [`Origin::Meter`]; so the pseudonym needs neither role nor account, and no later extension gives it one. Where a
//! `submit_batch` is signed by the region's aggregator, it does the same for each of its shares and makes the origin
//! [`Origin::Aggregator`]; a batch needs no nonce, since none of its pseudonyms can be used again. Every other
//! transaction passes as it came, one of these without a signer included, which the call then turns away.
//!
//! Checking reads and does not write. When the transaction is applied, the same checks run again in the block, right
//! before the call: between them and the call nothing happens, and of two shares under one pseudonym the second finds the
//! first one stored. That is what lets the call be free. What the checks weigh depends on what the period holds already;
//! the worst is asked for beforehand and given back afterwards.
//!
//! **Privacy.** It keeps nothing; a refusal tells the sender what the public state tells anyone.

use crate::{batch::Admitted, weights::WeightInfo, Call, Config, Origin, Pallet, Tallies};
use codec::{Decode, DecodeWithMemTracking, Encode};
use core::marker::PhantomData;
use frame_support::{
    ensure,
    traits::{Get, IsSubType, OriginTrait, Time},
    weights::Weight,
    CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound,
};
use gridveil_host_functions::points;
use gridveil_primitives::{filter, Moment, PeriodKey, Prid, Refusal};
use scale_info::TypeInfo;
use sp_runtime::{
    traits::{
        AsSystemOriginSigner, DispatchInfoOf, DispatchOriginOf, Dispatchable, Hash, Implication, PostDispatchInfoOf,
        TransactionExtension, ValidateResult,
    },
    transaction_validity::{
        InvalidTransaction, TransactionLongevity, TransactionPriority, TransactionSource, TransactionValidityError,
        ValidTransaction,
    },
    BoundedVec, DispatchResult,
};

/// What the tag of a share in the pool starts with.
pub(crate) const TAG_PREFIX: &str = "gridveil/share";
/// What the tag of a batch in the pool starts with.
pub(crate) const BATCH_TAG_PREFIX: &str = "gridveil/batch";

/// A share, alone or in a batch, goes before the calls of members and roles, which cost nothing either: a period has only so
/// many shares, and each has its window, so whoever floods the pool must not keep them out of blocks or of the pool.
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

/// What the checks found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// A transaction of another kind.
    Other,
    /// A share under this pseudonym.
    Share {
        /// The pseudonym.
        prid: Prid,
        /// How many batches of its period were looked through.
        batches: u32,
    },
    /// A batch.
    Batch {
        /// How many batches of its period were looked through.
        batches: u32,
        /// How many entries of single shares were looked at.
        singles: u32,
    },
}

impl<T: Config> AuthenticateMeter<T> {
    /// When the share's window closes and how many batches its period has, if `prid` may send it at `now`. The cheapest
    /// checks come first; the filter, which is long, is read last.
    pub(crate) fn check(key: &PeriodKey, prid: &Prid, now: Moment) -> Result<(Moment, u32), Refusal> {
        ensure!(
            pallet_registry::Regions::<T>::contains_key(key.region),
            Refusal::UnknownRegion
        );
        let closes = Pallet::<T>::open_until(key, now)?;
        let batches = Tallies::<T>::get(key).batches;
        ensure!(
            Pallet::<T>::accepted(key, batches, prid).is_none(),
            Refusal::AlreadyUsed
        );
        let manifest = pallet_masks::Pallet::<T>::manifest(key).ok_or(Refusal::NoManifest)?;
        ensure!(filter::contains_prid(&manifest.filter, key, prid), Refusal::NotInFilter);
        Ok((closes, batches))
    }

    /// For how many blocks from now a transaction may wait in the pool.
    fn longevity(closes: Moment, now: Moment) -> TransactionLongevity {
        let blocks: TransactionLongevity = closes
            .saturating_sub(now)
            .checked_div(T::SlotDuration::get())
            .unwrap_or_default();
        blocks.max(1)
    }

    /// What the checks of a batch weigh, with `batches` in the period already and a look at `singles` entries.
    fn weight_of_batch(length: u32, batches: u32, singles: u32) -> Weight {
        let checks = <T as Config>::WeightInfo::authenticate_batch(length, batches);
        checks.saturating_add(<T as Config>::WeightInfo::look_at_singles(singles))
    }

    /// The number of a batch's shares.
    fn length(shares: &[gridveil_primitives::batch::SignedShare]) -> u32 {
        u32::try_from(shares.len()).unwrap_or(u32::MAX)
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
    type Val = Checked;
    /// What the checks weighed less than was asked for.
    type Pre = Weight;

    fn weight(&self, call: &T::RuntimeCall) -> Weight {
        match call.is_sub_type() {
            Some(Call::submit { .. }) => <T as Config>::WeightInfo::authenticate(T::MaxBatches::get()),
            Some(Call::submit_batch { shares, .. }) => {
                let length = Self::length(shares);
                Self::weight_of_batch(length, T::MaxBatches::get(), length)
            }
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
        let Some(signer) = origin.as_system_origin_signer() else {
            return Ok((ValidTransaction::default(), Checked::Other, origin));
        };
        let signer: [u8; 32] = signer.clone().into();
        let now = T::Clock::now();
        let (validity, closes, checked) = match call.is_sub_type() {
            Some(Call::submit {
                region, cycle, period, ..
            }) => {
                let key = PeriodKey {
                    region: *region,
                    cycle: *cycle,
                    period: *period,
                };
                let (closes, batches) = Self::check(&key, &signer, now).map_err(invalid)?;
                origin.set_caller(Origin::Meter(signer).into());
                let validity = ValidTransaction::with_tag_prefix(TAG_PREFIX).and_provides((key, signer));
                let checked = Checked::Share { prid: signer, batches };
                (validity, closes, checked)
            }
            Some(Call::submit_batch {
                region,
                cycle,
                period,
                shares,
            }) => {
                let key = PeriodKey {
                    region: *region,
                    cycle: *cycle,
                    period: *period,
                };
                let Admitted {
                    closes,
                    tally,
                    used,
                    batches,
                    singles,
                } = Pallet::<T>::check_batch(&key, &signer, shares, now).map_err(invalid)?;
                // There are no more places than a batch has shares.
                let used = BoundedVec::truncate_from(used);
                origin.set_caller(Origin::Aggregator { tally, used }.into());
                let validity = ValidTransaction::with_tag_prefix(BATCH_TAG_PREFIX)
                    .and_provides((key, T::Hashing::hash_of(shares)));
                (validity, closes, Checked::Batch { batches, singles })
            }
            _ => return Ok((ValidTransaction::default(), Checked::Other, origin)),
        };
        let validity = validity
            .priority(PRIORITY)
            .longevity(Self::longevity(closes, now))
            .propagate(true);
        Ok((validity.into(), checked, origin))
    }

    fn prepare(
        self,
        val: Self::Val,
        _origin: &DispatchOriginOf<T::RuntimeCall>,
        call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
    ) -> Result<Self::Pre, TransactionValidityError> {
        let weighed = match val {
            // A signature under the pseudonym shows that it is a point. The tally depends on it, so this does not rest on
            // how transactions are signed.
            Checked::Share { prid, .. } if points::sum(&[prid]).is_none() => {
                return Err(invalid(Refusal::NotAPoint));
            }
            Checked::Share { batches, .. } => <T as Config>::WeightInfo::authenticate(batches),
            Checked::Batch { batches, singles } => {
                let length = match call.is_sub_type() {
                    Some(Call::submit_batch { shares, .. }) => Self::length(shares),
                    _ => 0,
                };
                Self::weight_of_batch(length, batches, singles)
            }
            Checked::Other => Weight::zero(),
        };
        Ok(self.weight(call).saturating_sub(weighed))
    }

    fn post_dispatch_details(
        pre: Self::Pre,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _post_info: &PostDispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _result: &DispatchResult,
    ) -> Result<Weight, TransactionValidityError> {
        Ok(pre)
    }
}
