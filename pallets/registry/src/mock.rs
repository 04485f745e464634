//! A runtime with two pallets of its own beside the registry: one whose call wraps another, and one whose origin is a
//! meter's.

use crate::{CallPermission, RequireRole};
use frame_support::{
    construct_runtime, derive_impl,
    dispatch::{DispatchInfo, GetDispatchInfo},
    traits::{ConstU32, Contains},
};
use frame_system::{EnsureRoot, RawOrigin};
use gridveil_primitives::Role;
use sp_runtime::{
    traits::{DispatchTransaction, IdentityLookup},
    transaction_validity::{TransactionSource, TransactionValidityError},
    AccountId32, BuildStorage,
};

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Registry: crate,
        Wrapper: wrapper,
        Meters: meters,
    }
);

type Block = frame_system::mocking::MockBlock<Test>;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type Block = Block;
}

#[derive_impl(pallet_timestamp::config_preludes::TestDefaultConfig)]
impl pallet_timestamp::Config for Test {}

impl crate::Config for Test {
    type WeightInfo = crate::weights::SubstrateWeight<Test>;
    type ConsortiumOrigin = EnsureRoot<AccountId32>;
    type IsAggregator = Aggregators;
    type Permission = ByRole;
    type Clock = Timestamp;
    type MaxRegions = ConstU32<3>;
    type MaxBatch = ConstU32<4>;
}

impl wrapper::Config for Test {}
impl meters::Config for Test {}

/// The account of the key centre in [`new_test_ext`].
pub const KEY_CENTRE: AccountId32 = AccountId32::new([1; 32]);
/// The account of the control centre in [`new_test_ext`].
pub const CONTROL_CENTRE: AccountId32 = AccountId32::new([2; 32]);
/// An account that no one has heard of.
pub const STRANGER: AccountId32 = AccountId32::new([3; 32]);
/// A member of the consortium.
pub const AGGREGATOR: AccountId32 = AccountId32::new([0xA0; 32]);
/// The time at which tests start.
pub const NOW: u64 = 1_000_000;

/// [`AGGREGATOR`] and no one else.
pub struct Aggregators;

impl Contains<AccountId32> for Aggregators {
    fn contains(who: &AccountId32) -> bool {
        *who == AGGREGATOR
    }
}

/// The registry's own calls to the key centre, as a runtime would have it.
pub struct ByRole;

impl CallPermission<AccountId32, RuntimeCall> for ByRole {
    fn permits(who: &AccountId32, call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::Registry(crate::Call::register_users { .. } | crate::Call::schedule_cycle { .. }) => {
                Registry::has_role(who, Role::KeyCentre)
            }
            _ => false,
        }
    }
}

/// A call that wraps another, as batches do.
#[frame_support::pallet]
pub mod wrapper {
    use alloc::boxed::Box;
    use frame_support::{dispatch::DispatchResult, pallet_prelude::*};
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Dispatchable;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        #[pallet::call_index(0)]
        #[pallet::weight(Weight::zero())]
        pub fn wrap(origin: OriginFor<T>, call: Box<<T as frame_system::Config>::RuntimeCall>) -> DispatchResult {
            call.dispatch(origin).map(|_| ()).map_err(|failure| failure.error)
        }
    }
}

/// An origin of a pallet's own, as an earlier extension makes for a meter.
#[frame_support::pallet]
pub mod meters {
    use frame_support::pallet_prelude::*;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    #[pallet::origin]
    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
    pub enum Origin {
        Meter([u8; 32]),
    }
}

/// A chain at [`NOW`] with a key centre, a control centre, and region 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    crate::GenesisConfig::<Test> {
        key_centres: vec![KEY_CENTRE],
        control_centres: vec![CONTROL_CENTRE],
        regions: vec![(1, AGGREGATOR, 3, 200_000)],
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| {
        System::set_block_number(1);
        pallet_timestamp::Now::<Test>::put(NOW);
    });
    ext
}

/// What [`RequireRole`] makes of a transaction: the origin that it is dispatched with, or the refusal.
pub fn validate(
    origin: impl Into<RuntimeOrigin>,
    call: &RuntimeCall,
) -> Result<RuntimeOrigin, TransactionValidityError> {
    let info: DispatchInfo = call.get_dispatch_info();
    RequireRole::<Test>::new()
        .validate_only(origin.into(), call, &info, 0, TransactionSource::External, 0)
        .map(|(_, (), origin)| origin)
}

/// The signed origin of an account.
pub fn signed(who: AccountId32) -> RawOrigin<AccountId32> {
    RawOrigin::Signed(who)
}
