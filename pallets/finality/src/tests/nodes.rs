//! The nodes that members list.

use super::*;

fn list(nodes: &[GenesisNode]) -> BoundedVec<NodeId, <Test as Config>::MaxNodes> {
    let ids: Vec<_> = nodes.iter().map(|node| NodeId::truncate_from(node.0.clone())).collect();
    ids.try_into().unwrap()
}

#[test]
fn a_member_lists_its_nodes_in_place_of_those_before() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(Finality::set_nodes(signed(1), list(&[node(1), node(2)])));
        assert_ok!(Finality::set_nodes(signed(1), list(&[node(3)])));
        let event = Event::NodesListed {
            account: 1,
            nodes: list(&[node(3)]),
        };
        assert_eq!(events().last(), Some(&event));
        assert_ok!(Finality::set_nodes(signed(3), list(&[node(4)])));
        let listed = Finality::nodes();
        assert_eq!(listed.nodes, vec![(1, vec![node(3).0]), (3, vec![node(4).0])]);
        assert!(!listed.listed_peers_only);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_member_that_lists_no_nodes_is_left_out() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(Finality::set_nodes(signed(1), list(&[node(1)])));
        assert_ok!(Finality::set_nodes(signed(1), list(&[])));
        assert!(Finality::nodes().nodes.is_empty());
    });
}

#[test]
fn a_list_of_nodes_is_bounded() {
    assert!(BoundedVec::<NodeId, <Test as Config>::MaxNodes>::try_from(vec![NodeId::default(); 3]).is_err());
    assert!(NodeId::try_from(vec![0; 65]).is_err());
}

#[test]
fn peer_ids_are_keys_as_they_are_or_hashes_of_keys() {
    let hash = [&[0x12, 0x20][..], &[9; 32]].concat();
    assert!(is_peer_id(&node(1).0) && is_peer_id(&hash));
    let longest = [&[0, 42][..], &[9; 42]].concat();
    assert!(is_peer_id(&longest));
    let too_long = [&[0, 43][..], &[9; 43]].concat();
    for other in [
        &too_long[..],
        &hash[..33],
        &node(1).0[1..],
        &[0, 0],
        &[0],
        &[],
        b"12D3KooW",
    ] {
        assert!(!is_peer_id(other), "{other:?}");
    }
}

#[test]
fn a_node_without_a_peer_id_is_refused() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let text = GenesisNode(b"12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp".to_vec());
        assert_noop!(
            Finality::set_nodes(signed(1), list(&[node(1), text])),
            Error::<Test>::NotAPeerId
        );
    });
}

#[test]
fn only_members_list_nodes() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_noop!(
            Finality::set_nodes(signed(9), list(&[node(1)])),
            Error::<Test>::NotAMember
        );
        for origin in [RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(Finality::set_nodes(origin, list(&[node(1)])), BadOrigin);
        }
    });
}
