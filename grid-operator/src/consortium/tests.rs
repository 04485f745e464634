//! A member's commands against a consortium in memory.

use gridveil_chain_client::{show_account, Authorities, AuthorityKey, Decision};
use gridveil_primitives::{hash::blake2b_256, RegionInfo, Role};

use super::{
    cli::{ConsortiumCommand, MotionName},
    council::Council,
    fake::{account, FakeCouncil, FakeNode, Fate, COOLDOWN, TERM},
    keys::set_keys,
    member::{list_nodes, step},
    motions::{close, motions, vote, Standing},
    peers::show_peer,
    propose::{propose, State},
    run::carry,
    status::status,
    two_thirds,
    upgrade::apply_upgrade,
    words,
};
use crate::error::Error;

/// Both ways in which the network can come between a member and the chain.
const FATES: [Fate; 2] = [Fate::AnswerLost, Fate::NodeFails];

fn add(number: u8) -> Decision {
    Decision::AddMember {
        account: account(number),
        reason: "it asked".into(),
    }
}

fn remove(number: u8) -> Decision {
    Decision::RemoveMember {
        account: account(number),
        reason: "it is gone".into(),
    }
}

/// Proposes a decision and lets the members with these numbers vote for it.
async fn voted(council: &FakeCouncil, decision: Decision, ayes: &[u8]) -> MotionName {
    let proposed = propose(council, decision, None).await.unwrap();
    let name = MotionName::Index(proposed.motion.unwrap().index);
    for number in ayes {
        vote(&council.by(Some(account(*number))), name, true).await.unwrap();
    }
    name
}

async fn standing(council: &FakeCouncil) -> Standing {
    motions(council).await.unwrap()[0].standing
}

#[test]
fn two_thirds_are_rounded_up() {
    for members in 1..=100_usize {
        let ayes = two_thirds(members) as usize;
        assert!(ayes * 3 >= members * 2 && (ayes - 1) * 3 < members * 2, "{members}");
    }
}

#[tokio::test]
async fn a_decision_is_proposed_voted_on_and_carried_out() {
    let council = FakeCouncil::of(4);
    let proposed = propose(&council, add(9), None).await.unwrap();
    let motion = proposed.motion.unwrap();
    assert_eq!(
        (proposed.state, motion.threshold, motion.missing.len()),
        (State::Proposed, 3, 4)
    );

    let name = voted(&council, add(9), &[1, 2]).await;
    assert_eq!(standing(&council).await, Standing::Open);
    let third = vote(&council.by(Some(account(3))), name, true).await.unwrap();
    let motion = third.motion.clone().unwrap();
    assert_eq!(
        (motion.standing, motion.missing),
        (Standing::Carried, vec![show_account(&account(4))])
    );
    assert!(
        words::voted(&third).contains("3 ayes of 3 needed"),
        "{}",
        words::voted(&third)
    );

    let closed = close(&council, name).await.unwrap();
    assert_eq!(closed.carried, Some(true));
    assert!(council.world().members.contains_key(&account(9)));
    assert_eq!(motions(&council).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_proposed_or_in_force_is_not_proposed_again() {
    let council = FakeCouncil::of(4);
    let info = RegionInfo {
        aggregator: account(2),
        minimum_meters: 3,
        fallback_price: 1,
    };
    {
        let mut world = council.world();
        world.roles.insert(account(8), Role::KeyCentre);
        world.regions.insert(4, info);
        world.allowed = Some([1; 32]);
        world.code = [2; 32];
    }
    let role = |account, role| Decision::GrantRole { account, role };
    for (decision, expected) in [
        (add(2), State::InForce),
        (remove(9), State::InForce),
        (role(account(8), Role::KeyCentre), State::InForce),
        (role(account(8), Role::ControlCentre), State::Proposed),
        (role(account(8), Role::ControlCentre), State::Open),
        (Decision::RevokeRole { account: account(9) }, State::InForce),
        (Decision::RegisterRegion { region: 4, info }, State::InForce),
        (Decision::RegisterRegion { region: 5, info }, State::Proposed),
        (Decision::AuthorizeUpgrade { code_hash: [1; 32] }, State::InForce),
        (Decision::AuthorizeUpgrade { code_hash: [2; 32] }, State::InForce),
        (Decision::AuthorizeUpgrade { code_hash: [3; 32] }, State::Proposed),
    ] {
        let acts = council.acts();
        let proposed = propose(&council, decision.clone(), None).await.unwrap();
        assert_eq!(proposed.state, expected, "{decision:?}");
        assert_eq!(
            council.acts() - acts,
            usize::from(expected == State::Proposed),
            "{decision:?}"
        );
    }
}

#[tokio::test]
async fn one_member_alone_decides_at_once() {
    let council = FakeCouncil::of(1);
    let proposed = propose(&council, add(2), None).await.unwrap();
    assert_eq!((proposed.state, proposed.motion), (State::CarriedOut, None));
    assert_eq!(council.world().members.len(), 2);
}

#[tokio::test]
async fn a_threshold_that_carries_nothing_or_that_nobody_can_reach_is_refused() {
    let council = FakeCouncil::of(4);
    for threshold in [1, 2, 5] {
        let refused = propose(&council, add(9), Some(threshold))
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("3 to 4 carry"), "{refused}");
    }
    assert_eq!(council.acts(), 0);
    let all = propose(&council, add(9), Some(4)).await.unwrap();
    assert_eq!(all.motion.unwrap().threshold, 4);
}

#[tokio::test]
async fn only_members_act_and_the_others_are_told_who_they_are() {
    let council = FakeCouncil::of(4);
    let stranger = council.by(Some(account(9)));
    let name = voted(&council, remove(4), &[1, 2, 3]).await;
    let acts = council.acts();
    let errors = [
        propose(&stranger, add(9), None).await.map(|_| ()).unwrap_err(),
        vote(&stranger, name, true).await.map(|_| ()).unwrap_err(),
        close(&stranger, name).await.map(|_| ()).unwrap_err(),
        step(&stranger, true).await.map(|_| ()).unwrap_err(),
        set_keys(&stranger, &FakeNode::default(), false)
            .await
            .map(|_| ())
            .unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains(&show_account(&account(9))), "{error}");
        assert!(matches!(error, Error::NotAMember { .. }));
    }
    assert!(matches!(
        step(&council.by(None), true).await,
        Err(Error::Missing { flag: "--key-file", .. })
    ));
    assert_eq!(council.acts(), acts);
    // Looking is everybody's.
    assert_eq!(motions(&council.by(None)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_vote_is_cast_once_and_can_be_changed() {
    let council = FakeCouncil::of(4);
    let name = voted(&council, add(9), &[1]).await;
    let acts = council.acts();
    let again = vote(&council, name, true).await.unwrap();
    assert_eq!((again.new, council.acts()), (false, acts));
    let changed = vote(&council, name, false).await.unwrap();
    let motion = changed.motion.unwrap();
    assert_eq!((changed.new, motion.ayes.len(), motion.nays.len()), (true, 0, 1));
}

#[tokio::test]
async fn a_motion_that_is_not_there_is_named_with_those_that_are() {
    let council = FakeCouncil::of(4);
    let error = vote(&council, MotionName::Index(0), true)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no motion 0") && error.contains("no other either"),
        "{error}"
    );
    voted(&council, add(9), &[]).await;
    voted(&council, add(8), &[]).await;
    let error = close(&council, MotionName::Hash([7; 32]))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("0x0707") && error.contains("only 0, 1"), "{error}");
    assert_eq!(council.acts(), 2);
}

#[tokio::test]
async fn a_motion_is_found_by_its_hash_too() {
    let council = FakeCouncil::of(4);
    voted(&council, add(9), &[]).await;
    let hash = council.world().motions[0].motion.hash;
    assert!(vote(&council, MotionName::Hash(hash), true).await.unwrap().new);
}

#[tokio::test]
async fn an_open_motion_is_not_closed_and_what_it_lacks_is_said() {
    let council = FakeCouncil::of(4);
    let name = voted(&council, add(9), &[1, 2]).await;
    let acts = council.acts();
    let error = close(&council, name).await.unwrap_err();
    assert!(matches!(error, Error::Undecided { ayes: 2, needed: 3, .. }), "{error}");
    assert_eq!(council.acts(), acts);
}

#[tokio::test]
async fn a_motion_that_two_of_four_are_against_is_rejected() {
    let council = FakeCouncil::of(4);
    let name = voted(&council, add(9), &[1]).await;
    for number in [2, 3] {
        vote(&council.by(Some(account(number))), name, false).await.unwrap();
    }
    assert_eq!(standing(&council).await, Standing::Rejected);
    assert_eq!(close(&council, name).await.unwrap().carried, Some(false));
    assert!(!council.world().members.contains_key(&account(9)));
}

#[tokio::test]
async fn a_motion_whose_time_is_over_is_closed_without_effect() {
    let council = FakeCouncil::of(4);
    let name = voted(&council, add(9), &[1, 2]).await;
    council.world().height += 1_000;
    assert_eq!(standing(&council).await, Standing::Expired);
    assert_eq!(close(&council, name).await.unwrap().carried, Some(false));
}

#[tokio::test]
async fn a_motion_waits_for_two_thirds_of_the_members_as_they_are_now() {
    let council = FakeCouncil::of(4);
    let name = voted(&council, add(9), &[1, 2, 3]).await;
    council.world().members.insert(account(8), Default::default());
    // Three of four carried it; of five, the chain would throw it away and refuse its call.
    let error = close(&council, name).await.unwrap_err();
    assert!(matches!(error, Error::Undecided { ayes: 3, needed: 4, .. }), "{error}");
    vote(&council.by(Some(account(4))), name, true).await.unwrap();
    assert_eq!(close(&council, name).await.unwrap().carried, Some(true));
}

#[tokio::test]
async fn a_decision_that_the_chain_refuses_is_reported_with_its_name_and_what_to_do() {
    let council = FakeCouncil::of(3);
    let name = voted(&council, remove(3), &[1, 2]).await;
    let error = close(&council, name).await.unwrap_err().to_string();
    assert!(
        error.contains("Finality.TooFewMembers") && error.contains("another member"),
        "{error}"
    );
    assert_eq!(council.world().members.len(), 3);
    // The motion is gone all the same, and the next try says so.
    assert!(matches!(close(&council, name).await, Err(Error::NoMotion { .. })));
}

#[tokio::test]
async fn every_command_is_done_once_through_lost_answers_and_failing_nodes() {
    for fate in FATES {
        let council = FakeCouncil::of(4);
        council.world().fate = Some(fate);
        let name = MotionName::Index(propose(&council, add(9), None).await.unwrap().motion.unwrap().index);
        for number in 1..=3 {
            council.world().fate = Some(fate);
            vote(&council.by(Some(account(number))), name, true).await.unwrap();
        }
        council.world().fate = Some(fate);
        let closed = close(&council, name).await.unwrap();
        // What was decided is lost with the answer; that it was carried out is seen on chain.
        assert_eq!(closed.carried, (fate == Fate::NodeFails).then_some(true));
        assert!(council.world().members.contains_key(&account(9)));
        council.world().fate = Some(fate);
        assert!(step(&council, true).await.unwrap().new);
        council.world().fate = Some(fate);
        let node = FakeNode::default();
        assert!(set_keys(&council, &node, false).await.unwrap().new);
        assert_eq!(node.made.lock().unwrap().len(), 1);
        assert_eq!(council.acts(), 7, "{fate:?}");
    }
}

#[tokio::test]
async fn a_member_leaves_and_comes_back_and_doing_so_twice_does_nothing() {
    let council = FakeCouncil::of(4);
    for (away, new) in [
        (false, false),
        (true, true),
        (true, false),
        (false, true),
        (false, false),
    ] {
        let done = step(&council, away).await.unwrap();
        assert_eq!((done.away, done.new), (away, new));
        assert_eq!(council.world().members[&account(1)].away, away);
    }
    assert_eq!(council.acts(), 2);
}

#[tokio::test]
async fn a_member_that_cannot_be_spared_is_told_why() {
    let council = FakeCouncil::of(3);
    let error = step(&council, true).await.unwrap_err().to_string();
    assert!(error.contains("Finality.TooFewMembers"), "{error}");
    assert!(!council.world().members[&account(1)].away);
}

#[tokio::test]
async fn keys_come_from_the_members_own_node_and_are_not_made_twice() {
    let (council, node) = (FakeCouncil::of(4), FakeNode::default());
    let set = set_keys(&council, &node, false).await.unwrap();
    assert_eq!((set.new, set.keys.as_str()), (true, "0xaa00"));
    // The present term began five blocks before.
    assert_eq!(set.in_force_from, Some(1_000 - 5 + 2 * TERM));
    assert_eq!(council.world().members[&account(1)].keys, Some(vec![0xaa, 0]));

    let again = set_keys(&council, &node, false).await.unwrap();
    assert_eq!((again.new, again.in_force_from), (false, None));
    assert_eq!((council.acts(), node.made.lock().unwrap().len()), (1, 1));

    council.world().height += COOLDOWN;
    let new = set_keys(&council, &node, true).await.unwrap();
    assert_eq!((new.new, new.keys.as_str()), (true, "0xaa01"));
    // Another node of the member's has none of these.
    council.world().height += COOLDOWN;
    assert!(set_keys(&council, &FakeNode::default(), false).await.unwrap().new);
}

#[tokio::test]
async fn keys_that_are_too_fresh_are_refused_before_others_are_made() {
    let (council, node) = (FakeCouncil::of(4), FakeNode::default());
    set_keys(&council, &node, false).await.unwrap();
    let from = council.world().members[&account(1)].keys_set_at.unwrap() + COOLDOWN;
    let error = set_keys(&council, &node, true).await.unwrap_err();
    assert!(
        matches!(error, Error::KeysTooSoon { from: found, .. } if found == from),
        "{error}"
    );
    assert!(error.to_string().contains(&from.to_string()), "{error}");
    assert_eq!(node.made.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nodes_are_listed_whole_and_the_difference_is_told() {
    let council = FakeCouncil::of(4);
    let peer = |number: u8| show_peer(&[&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20][..], &[number; 32]].concat());
    let (one, two, three) = (peer(1), peer(2), peer(3));
    let first = list_nodes(&council, &[two.clone(), one.clone()]).await.unwrap();
    assert_eq!((first.added.len(), first.removed.len()), (2, 0));
    let same = list_nodes(&council, &[one.clone(), two.clone()]).await.unwrap();
    assert_eq!((same.added.len(), council.acts()), (0, 1));
    let moved = list_nodes(&council, &[three.clone(), two.clone()]).await.unwrap();
    assert_eq!((moved.added, moved.removed), (vec![three.clone()], vec![one.clone()]));
    assert_eq!(moved.nodes, [two.clone(), three.clone()]);

    let shown = status(&council).await.unwrap();
    assert_eq!(shown.members[0].nodes, [two, three.clone()]);
    let twice = list_nodes(&council, &[three.clone(), three.clone()])
        .await
        .unwrap_err()
        .to_string();
    assert!(twice.contains(&three) && twice.contains("twice"), "{twice}");
    assert!(list_nodes(&council, &["node-1".into()]).await.is_err());
}

#[tokio::test]
async fn an_upgrade_is_brought_once_and_only_the_one_that_was_allowed() {
    let council = FakeCouncil::of(4);
    let dir = tempfile::tempdir().unwrap();
    let (code, path) = (b"\0asm the next runtime".to_vec(), dir.path().join("next.wasm"));
    std::fs::write(&path, &code).unwrap();
    let error = apply_upgrade(&council, &path).await.unwrap_err().to_string();
    assert!(
        error.contains("allowed no runtime") && error.contains("next.wasm"),
        "{error}"
    );

    council.world().allowed = Some([7; 32]);
    let error = apply_upgrade(&council, &path).await.unwrap_err().to_string();
    assert!(error.contains("0x0707"), "{error}");
    assert_eq!(council.acts(), 0);

    council.world().allowed = Some(blake2b_256(&[&code]));
    let done = apply_upgrade(&council, &path).await.unwrap();
    assert_eq!((done.new, done.from_version, done.spec_version), (true, 1, 2));
    let again = apply_upgrade(&council, &path).await.unwrap();
    assert_eq!((again.new, again.spec_version, council.acts()), (false, 2, 1));
}

#[tokio::test]
async fn an_upgrade_that_the_chain_turns_down_is_reported_even_if_its_answer_is_lost() {
    let council = FakeCouncil::of(4);
    let dir = tempfile::tempdir().unwrap();
    let (code, path) = (b"\0asm the same version".to_vec(), dir.path().join("old.wasm"));
    std::fs::write(&path, &code).unwrap();
    council.world().broken = true;
    council.world().allowed = Some(blake2b_256(&[&code]));
    let error = apply_upgrade(&council, &path).await.unwrap_err().to_string();
    assert!(error.contains("SpecVersionNeedsToIncrease"), "{error}");

    council.world().allowed = Some(blake2b_256(&[&code]));
    council.world().fate = Some(Fate::AnswerLost);
    let error = apply_upgrade(&council, &path).await.unwrap_err().to_string();
    assert!(
        error.contains("turned down") && error.contains("version up to 1"),
        "{error}"
    );
    assert_eq!(council.world().version, 1);
}

#[tokio::test]
async fn the_status_shows_each_member_with_its_part() {
    let council = FakeCouncil::of(4);
    {
        let mut world = council.world();
        world.leader = Some(account(2));
        world.members.get_mut(&account(3)).unwrap().away = true;
        world.members.insert(account(9), Default::default());
    }
    let found = status(&council.by(None)).await.unwrap();
    assert_eq!((found.finalised, found.best, found.block), (1_000, 1_002, 1_000));
    assert_eq!((found.term_started, found.blocks_left), (995, TERM - 6));
    // Three authorities elect a leader with two votes; five members decide with four.
    assert_eq!((found.votes_needed, found.ayes_needed), (2, 4));
    let shown = words::status(&found);
    for part in [
        "finalised block 1000, best block 1002, 2 ahead",
        "member 2 leads",
        "| leads ",
        "| no, left ",
        "| no, without keys ",
        "| 2         |",
    ] {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    assert_eq!(shown.matches(&show_account(&account(2))).count(), 1, "{shown}");
}

#[tokio::test]
async fn a_status_that_is_not_final_says_so() {
    let council = FakeCouncil::of(4);
    let mut found = status(&council).await.unwrap();
    assert!(!words::status(&found).contains("NOT final"));
    found.block = found.best;
    assert!(words::status(&found).contains("block 1002, which is NOT final"));
}

#[tokio::test]
async fn the_authorities_are_the_members_with_keys_in_a_file_that_a_receipt_is_checked_with() {
    let council = FakeCouncil::of(4);
    council.world().members.insert(account(9), Default::default());
    let said = carry(&council.by(None), None::<&FakeNode>, ConsortiumCommand::Authorities)
        .await
        .unwrap();
    let expected = Authorities {
        genesis: council.genesis(),
        set: 2,
        keys: (1..=4).map(|number| AuthorityKey(account(number))).collect(),
    };
    // For people and for programs it is the same file.
    assert_eq!(serde_json::from_str::<Authorities>(&said.words).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Authorities>(said.json).unwrap(), expected);
    assert_eq!(council.acts(), 0);
}
