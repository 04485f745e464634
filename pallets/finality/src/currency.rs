//! A currency with no supply, for stock pallets that ask for one.
//!
//! The chain has no token. `pallet-session` can hold a deposit for keys and wants a currency to hold it in; it gets this
//! one, with a deposit of nothing. Nothing can be held, received or moved in it; it keeps no state and has no calls.
//!
//! **Privacy.** Without balances there is no payment that could tell who belongs to whom.

use codec::Encode;
use core::marker::PhantomData;
use frame_support::traits::{
    fungible::{hold, Dust, Inspect, Mutate, Unbalanced},
    tokens::{DepositConsequence, Fortitude, Preservation, Provenance, WithdrawConsequence},
};
use scale_info::TypeInfo;
use sp_runtime::{DispatchError, DispatchResult, TokenError};

/// The currency with no supply; `Reason` is the runtime's type for why funds are held.
pub struct NoCurrency<Reason>(PhantomData<Reason>);

impl<AccountId, Reason> Inspect<AccountId> for NoCurrency<Reason> {
    type Balance = u128;

    fn total_issuance() -> u128 {
        0
    }

    fn minimum_balance() -> u128 {
        0
    }

    fn total_balance(_: &AccountId) -> u128 {
        0
    }

    fn balance(_: &AccountId) -> u128 {
        0
    }

    fn reducible_balance(_: &AccountId, _: Preservation, _: Fortitude) -> u128 {
        0
    }

    fn can_deposit(_: &AccountId, amount: u128, _: Provenance) -> DepositConsequence {
        if amount == 0 {
            DepositConsequence::Success
        } else {
            DepositConsequence::Blocked
        }
    }

    fn can_withdraw(_: &AccountId, amount: u128) -> WithdrawConsequence<u128> {
        if amount == 0 {
            WithdrawConsequence::Success
        } else {
            WithdrawConsequence::BalanceLow
        }
    }
}

impl<AccountId, Reason> Unbalanced<AccountId> for NoCurrency<Reason> {
    fn handle_dust(_: Dust<AccountId, Self>) {}

    fn write_balance(_: &AccountId, amount: u128) -> Result<Option<u128>, DispatchError> {
        only_nothing(amount).map(|()| None)
    }

    fn set_total_issuance(_: u128) {}
}

impl<AccountId: Eq, Reason> Mutate<AccountId> for NoCurrency<Reason> {}

impl<AccountId, Reason: Encode + TypeInfo + 'static> hold::Inspect<AccountId> for NoCurrency<Reason> {
    type Reason = Reason;

    fn total_balance_on_hold(_: &AccountId) -> u128 {
        0
    }

    fn balance_on_hold(_: &Reason, _: &AccountId) -> u128 {
        0
    }
}

impl<AccountId, Reason: Encode + TypeInfo + 'static> hold::Unbalanced<AccountId> for NoCurrency<Reason> {
    fn set_balance_on_hold(_: &Reason, _: &AccountId, amount: u128) -> DispatchResult {
        only_nothing(amount)
    }
}

impl<AccountId, Reason: Encode + TypeInfo + 'static> hold::Mutate<AccountId> for NoCurrency<Reason> {}

/// Refuses every balance but zero.
fn only_nothing(amount: u128) -> DispatchResult {
    if amount == 0 {
        Ok(())
    } else {
        Err(TokenError::Unsupported.into())
    }
}
