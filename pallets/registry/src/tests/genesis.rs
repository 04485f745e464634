//! What a chain starts with.

use super::*;

#[test]
fn the_genesis_has_its_roles_and_regions() {
    new_test_ext().execute_with(|| {
        assert!(Registry::has_role(&KEY_CENTRE, Role::KeyCentre));
        assert!(Registry::has_role(&CONTROL_CENTRE, Role::ControlCentre));
        let info = RegionInfo {
            aggregator: AGGREGATOR.into(),
            minimum_meters: 3,
            fallback_price: 200_000,
        };
        assert_eq!(Registry::regions(), [(1, info)]);
        assert_ok!(Registry::check_state());
    });
}

#[test]
#[should_panic(expected = "cannot have the role")]
fn a_genesis_that_gives_an_account_two_roles_is_refused() {
    let config = crate::GenesisConfig::<Test> {
        key_centres: vec![STRANGER],
        control_centres: vec![STRANGER],
        ..Default::default()
    };
    let _ = config.build_storage();
}

#[test]
#[should_panic(expected = "region 7 cannot be registered")]
fn a_genesis_with_a_strangers_region_is_refused() {
    let config = crate::GenesisConfig::<Test> {
        regions: vec![(7, STRANGER, 3, 1)],
        ..Default::default()
    };
    let _ = config.build_storage();
}

#[test]
fn the_runtimes_constants_are_usable() {
    new_test_ext().execute_with(Registry::integrity_test);
}
