//! What a chain starts with.

use super::*;
use frame_support::traits::fungible::{Inspect, InspectHold, Mutate, MutateHold};
use sp_runtime::{BuildStorage, TokenError};

fn build(config: crate::GenesisConfig<Test>) {
    config.build_storage().expect("unreachable: the genesis panics");
}

#[test]
fn the_members_are_kept_in_order_and_recognised() {
    consortium(&[5, 2, 9]).execute_with(|| {
        assert_eq!(Finality::members(), vec![2, 5, 9]);
        assert!(Finality::is_member(&5));
        assert!(<Finality as Contains<u64>>::contains(&9));
        assert!(!<Finality as Contains<u64>>::contains(&3));
    });
}

#[test]
fn every_member_is_seated_in_the_collective_and_holds_a_provider_reference() {
    consortium(&[5, 2, 9]).execute_with(|| {
        assert_eq!(Seated::get(), vec![2, 5, 9]);
        for member in [2, 5, 9] {
            assert_eq!(System::providers(&member), 1);
        }
        assert_eq!(System::providers(&3), 0);
    });
}

#[test]
fn the_members_with_keys_are_the_authorities_from_the_first_block_on() {
    chain(configuration(&[5, 2, 9, 7], &[5, 2, 9])).execute_with(|| {
        assert_in_force(&[2, 5, 9]);
        assert_eq!(Session::current_index(), 0);
        for _ in 0..3 {
            next_term();
            assert_in_force(&[2, 5, 9]);
        }
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_configuration_says_in_json_what_people_write() {
    let peer = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    let json = format!(
        r#"{{"members": [1, 2, 3], "slotMs": 1000, "termBlocks": 2, "listedPeersOnly": true,
            "nodes": [[2, ["{peer}"]], [1, [[0, 4, 1, 2, 3, 4]]]]}}"#
    );
    let config: crate::GenesisConfig<Test> = serde_json::from_str(&json).unwrap();
    assert_eq!((config.slot_ms, config.term_blocks), (1_000, 2));
    let back: crate::GenesisConfig<Test> = serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
    assert_eq!(back.nodes, config.nodes);
    assert!(serde_json::to_string(&config).unwrap().contains(peer));

    let state: &mut sp_io::TestExternalities = &mut config.build_storage().unwrap().into();
    state.execute_with(|| {
        let listed = Finality::nodes();
        assert!(listed.listed_peers_only);
        assert_eq!(listed.nodes[0], (1, vec![vec![0, 4, 1, 2, 3, 4]]));
        let (member, nodes) = &listed.nodes[1];
        assert_eq!((*member, nodes.len(), nodes[0].len()), (2, 1, 38));
        assert!(is_peer_id(&nodes[0]));
    });
}

#[test]
fn text_that_is_not_in_base_58_is_no_node() {
    let parsed = serde_json::from_str::<GenesisNode>(r#""0OIl""#);
    assert!(parsed.unwrap_err().to_string().contains("not in base 58"));
}

#[test]
fn a_chain_that_does_not_say_has_slots_of_three_seconds_and_terms_of_half_an_hour() {
    let config = crate::GenesisConfig::<Test>::default();
    assert_eq!((config.slot_ms, config.term_blocks), (3_000, 600));
    assert!(!config.listed_peers_only && config.nodes.is_empty());
    sp_io::TestExternalities::default().execute_with(|| {
        assert_eq!(<SlotDuration<Test> as Get<u64>>::get(), 3_000);
        assert_eq!(TermBlocks::<Test>::get(), 600);
    });
}

#[test]
fn aura_gets_the_slot_of_genesis_and_the_timestamp_half_of_it() {
    let mut config = configuration(&[2], &[2]);
    config.finality.slot_ms = 1_001;
    chain(config).execute_with(|| {
        assert_eq!(<SlotDuration<Test> as Get<u64>>::get(), 1_001);
        assert_eq!(<HalfSlot<Test> as Get<u64>>::get(), 500);
    });
}

#[test]
#[should_panic(expected = "names a member twice")]
fn a_genesis_that_names_a_member_twice_is_refused() {
    build(crate::GenesisConfig {
        members: vec![4, 1, 4],
        ..Default::default()
    });
}

#[test]
#[should_panic(expected = "more members than the runtime's MaxMembers")]
fn a_genesis_with_more_members_than_there_is_room_for_is_refused() {
    build(crate::GenesisConfig {
        members: (0..8).collect(),
        ..Default::default()
    });
}

#[test]
#[should_panic(expected = "slotMs must be at least")]
fn a_genesis_with_a_slot_of_nothing_is_refused() {
    build(crate::GenesisConfig {
        slot_ms: 0,
        ..Default::default()
    });
}

#[test]
#[should_panic(expected = "termBlocks must be at least 2")]
fn a_genesis_with_terms_of_one_block_is_refused() {
    build(crate::GenesisConfig {
        term_blocks: 1,
        ..Default::default()
    });
}

fn with_nodes(nodes: Vec<(u64, Vec<GenesisNode>)>) -> crate::GenesisConfig<Test> {
    crate::GenesisConfig {
        members: vec![1, 2],
        nodes,
        ..Default::default()
    }
}

#[test]
#[should_panic(expected = "nodes of someone who is no member")]
fn a_genesis_with_nodes_of_a_stranger_is_refused() {
    build(with_nodes(vec![(3, vec![node(1)])]));
}

#[test]
#[should_panic(expected = "a member's nodes twice")]
fn a_genesis_that_lists_a_members_nodes_twice_is_refused() {
    build(with_nodes(vec![(1, vec![node(1)]), (1, vec![node(2)])]));
}

#[test]
#[should_panic(expected = "not named by a peer id")]
fn a_genesis_with_a_node_without_a_peer_id_is_refused() {
    build(with_nodes(vec![(1, vec![GenesisNode(vec![1; 38])])]));
}

#[test]
#[should_panic(expected = "more nodes of a member than the runtime's MaxNodes")]
fn a_genesis_with_too_many_nodes_of_a_member_is_refused() {
    build(with_nodes(vec![(1, vec![node(1), node(2), node(3)])]));
}

#[test]
fn nothing_can_be_minted_held_or_moved_in_the_currency_with_no_supply() {
    type Nothing = NoCurrency<RuntimeHoldReason>;
    let reason = RuntimeHoldReason::Session(pallet_session::HoldReason::Keys);
    consortium(&[2, 5]).execute_with(|| {
        assert_noop!(<Nothing as Mutate<u64>>::mint_into(&2, 1), TokenError::Unsupported);
        assert_noop!(
            <Nothing as MutateHold<u64>>::hold(&reason, &2, 1),
            TokenError::FundsUnavailable
        );
        let moved =
            <Nothing as Mutate<u64>>::transfer(&2, &5, 1, frame_support::traits::tokens::Preservation::Expendable);
        assert!(moved.is_err());
        assert_eq!(<Nothing as Inspect<u64>>::total_issuance(), 0);
        assert_eq!(<Nothing as InspectHold<u64>>::balance_on_hold(&reason, &2), 0);
    });
}
