//! The bounded types against the wire types, and the constants.

use super::*;

#[test]
fn a_manifest_encodes_as_on_the_wire() {
    let wire = Meters::new(5).wire_manifest(0);
    let bounded = ManifestOf::<Test>::try_from(wire.clone()).unwrap();
    assert_eq!(bounded.encode(), wire.encode());
    assert_eq!(ManifestOf::<Test>::decode(&mut &wire.encode()[..]), Ok(bounded.clone()));
    assert_eq!(Manifest::from(bounded), wire);
}

#[test]
fn an_opening_encodes_as_on_the_wire() {
    let wire = Meters::new(5).wire_opening(0, &[1, 3], &[[1; 32], [2; 32], [3; 32]]);
    assert_eq!((wire.excluded.len(), wire.left_out.len()), (3, 2));
    assert!(wire.left_out.iter().any(|left_out| !left_out.proof.is_empty()));
    let bounded = OpeningOf::<Test>::try_from(wire.clone()).unwrap();
    assert_eq!(bounded.encode(), wire.encode());
    assert_eq!(OpeningOf::<Test>::decode(&mut &wire.encode()[..]), Ok(bounded.clone()));
    assert_eq!(Opening::from(bounded), wire);
}

#[test]
fn what_is_longer_than_its_bound_is_refused() {
    let manifest = Manifest {
        filter: vec![1; 9],
        ..Meters::new(5).wire_manifest(0)
    };
    assert_eq!(BoundedManifest::<ConstU32<8>>::try_from(manifest.clone()), Err(TooLong));
    assert!(BoundedManifest::<ConstU32<8>>::decode(&mut &manifest.encode()[..]).is_err());
    assert!(BoundedManifest::<ConstU32<9>>::try_from(manifest).is_ok());

    type Small = BoundedOpening<ConstU32<1>, ConstU32<1>>;
    let opening = |left_out: &[usize], excluded: &[Prid]| Meters::new(5).wire_opening(0, left_out, excluded);
    assert!(Small::try_from(opening(&[1], &[[1; 32]])).is_ok());
    assert_eq!(Small::try_from(opening(&[1, 2], &[])), Err(TooLong));
    assert_eq!(Small::try_from(opening(&[], &[[1; 32], [2; 32]])), Err(TooLong));
    let mut long_proof = opening(&[1], &[]);
    long_proof.left_out[0].proof = vec![[0; 32]; 21];
    assert_eq!(Small::try_from(long_proof), Err(TooLong));
}

#[test]
fn no_bounded_value_is_longer_than_it_says() {
    let wire = Manifest {
        filter: vec![1; 8],
        ..Meters::new(5).wire_manifest(0)
    };
    assert!(wire.encoded_size() <= BoundedManifest::<ConstU32<8>>::max_encoded_len());
}

#[test]
fn a_proof_over_the_greatest_region_fits() {
    assert!(1u64 << MAX_PROOF >= u64::from(MAX_METERS));
    assert_eq!(MAX_PROOF, 20);
}

#[test]
fn a_filter_can_have_as_many_bits_set_as_its_entries_have_positions() {
    use crate::types::fits_entries;
    let positions = filter::POSITIONS;
    let full = vec![0xFF; positions / 8];
    assert!(fits_entries(&full, 1));
    assert!(!fits_entries(&[&full[..], &[1]].concat(), 1));
    assert!(fits_entries(&[&full[..], &[1]].concat(), 2));
    assert!(!fits_entries(&[0, 0], 1));
    assert!(!fits_entries(&[], 1));
}

#[test]
fn the_runtimes_constants_are_usable() {
    new_test_ext().execute_with(Masks::integrity_test);
}
