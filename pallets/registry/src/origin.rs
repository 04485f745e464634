//! The origins of the key centre and of the control centre.
//!
//! Each lets an ordinary signed origin through if its account has the role, and yields the account. Calls of this
//! pallet and of masks, pricing and billing check them, in addition to what [`RequireRole`](crate::RequireRole) refuses
//! earlier.
//!
//! **Privacy.** They reveal nothing.

use crate::{Config, Pallet};
use core::marker::PhantomData;
use frame_support::traits::{EnsureOrigin, OriginTrait};
use frame_system::RawOrigin;
use gridveil_primitives::Role;

/// An account with the role [`Role::KeyCentre`].
pub struct EnsureKeyCentre<T>(PhantomData<T>);

/// An account with the role [`Role::ControlCentre`].
pub struct EnsureControlCentre<T>(PhantomData<T>);

/// The signer of `origin` if it has the role `role`, the origin itself otherwise.
fn signer_with_role<T: Config>(origin: T::RuntimeOrigin, role: Role) -> Result<T::AccountId, T::RuntimeOrigin> {
    match origin.as_system_ref() {
        Some(RawOrigin::Signed(who)) if Pallet::<T>::has_role(who, role) => Ok(who.clone()),
        _ => Err(origin),
    }
}

/// The signed origin of an account of its own that is given the role `role`.
#[cfg(feature = "runtime-benchmarks")]
fn origin_with_role<T: Config>(role: Role) -> Result<T::RuntimeOrigin, ()> {
    let who: T::AccountId = match role {
        Role::KeyCentre => [b'k'; 32].into(),
        Role::ControlCentre => [b'c'; 32].into(),
    };
    if !Pallet::<T>::has_role(&who, role) {
        Pallet::<T>::give_role(&who, role).map_err(|_| ())?;
    }
    Ok(T::RuntimeOrigin::signed(who))
}

impl<T: Config> EnsureOrigin<T::RuntimeOrigin> for EnsureKeyCentre<T> {
    type Success = T::AccountId;

    fn try_origin(origin: T::RuntimeOrigin) -> Result<Self::Success, T::RuntimeOrigin> {
        signer_with_role::<T>(origin, Role::KeyCentre)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin() -> Result<T::RuntimeOrigin, ()> {
        origin_with_role::<T>(Role::KeyCentre)
    }
}

impl<T: Config> EnsureOrigin<T::RuntimeOrigin> for EnsureControlCentre<T> {
    type Success = T::AccountId;

    fn try_origin(origin: T::RuntimeOrigin) -> Result<Self::Success, T::RuntimeOrigin> {
        signer_with_role::<T>(origin, Role::ControlCentre)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin() -> Result<T::RuntimeOrigin, ()> {
        origin_with_role::<T>(Role::ControlCentre)
    }
}
