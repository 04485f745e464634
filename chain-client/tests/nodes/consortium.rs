use crate::node::{hex, metadata, options, Node, Outcome, Pool, World};
use codec::{Decode, Encode};
use frame_support::{storage::storage_prefix, Blake2_128Concat, StorageHasher, Twox64Concat};
use gridveil_chain_client::{
    calls, Chain, ConsortiumStatus, Decision, Error, Head, ListedNodes, MemberStatus, Motion, Proposal, RoleKey, View,
    ADVICE,
};
use gridveil_primitives::{hash::blake2b_256, Role};
use std::{
    sync::{atomic::Ordering, Arc},
    time::Duration,
};
use subxt::{
    ext::scale_value::{scale::decode_as_type, Composite, Value, ValueDef},
    Metadata,
};

/// The runtime's metadata.
fn runtime() -> Metadata {
    let encoded = Option::<Vec<u8>>::decode(&mut &metadata(16)[..]).unwrap().unwrap();
    Metadata::decode_from(&encoded).unwrap()
}

/// A chain with one node, and a client of it.
async fn setup() -> (Arc<World>, Node, Chain) {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    (world, node, chain)
}

/// Puts a value into the chain's storage, at a plain place or, with the hash of a key, in a map.
fn store(world: &World, pallet: &str, entry: &str, key: &[u8], value: impl Encode) {
    let place = [&storage_prefix(pallet.as_bytes(), entry.as_bytes())[..], key].concat();
    world.storage.lock().unwrap().insert(hex::encode(place), value.encode());
}

fn member() -> RoleKey {
    RoleKey::from_uri("//Alice").unwrap()
}

fn status() -> ConsortiumStatus {
    let member = |number: u8| MemberStatus {
        account: [number; 32],
        authority: true,
        away: false,
        authored: 10,
        missed: 3,
        vote: Some([2; 32]),
    };
    ConsortiumStatus {
        term: 7,
        term_started: 4_200,
        term_blocks: 600,
        leader: Some([2; 32]),
        leader_missed: 1,
        members: vec![member(1), member(2)],
    }
}

fn listed() -> ListedNodes {
    ListedNodes {
        listed_peers_only: true,
        nodes: vec![([1; 32], vec![vec![1, 2, 3]])],
    }
}

/// What the runtime's own type of an answer makes of the client's bytes, which must be used up.
fn as_the_runtime_reads(method: &str, bytes: &[u8]) -> Value<u32> {
    let metadata = runtime();
    let api = metadata.runtime_api_trait_by_name("FinalityApi").unwrap();
    let kind = api.method_by_name(method).unwrap().output_ty();
    let mut rest = bytes;
    let value = decode_as_type(&mut rest, kind, metadata.types()).unwrap();
    assert!(rest.is_empty(), "{method}");
    value
}

/// The names of a struct's fields.
fn fields(value: &Value<u32>) -> Vec<&str> {
    match &value.value {
        ValueDef::Composite(Composite::Named(fields)) => fields.iter().map(|(name, _)| name.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

/// A struct's field.
fn field<'a>(value: &'a Value<u32>, wanted: &str) -> &'a Value<u32> {
    match &value.value {
        ValueDef::Composite(Composite::Named(fields)) => &fields.iter().find(|(name, _)| name == wanted).unwrap().1,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_client_and_the_runtime_mean_the_same_by_a_consortium() {
    let value = as_the_runtime_reads("consortium", &status().encode());
    let names = [
        "term",
        "term_started",
        "term_blocks",
        "leader",
        "leader_missed",
        "members",
    ];
    assert_eq!(fields(&value), names);
    assert_eq!(field(&value, "term_started").as_u128(), Some(4_200));
    let ValueDef::Composite(Composite::Unnamed(members)) = &field(&value, "members").value else {
        panic!("{value:?}");
    };
    let names = ["account", "authority", "away", "authored", "missed", "vote"];
    assert_eq!(fields(&members[0]), names);
    assert_eq!(field(&members[1], "authored").as_u128(), Some(10));

    let value = as_the_runtime_reads("nodes", &listed().encode());
    assert_eq!(fields(&value), ["listed_peers_only", "nodes"]);
}

#[tokio::test]
async fn the_consortium_and_its_nodes_are_read() {
    let (world, _, chain) = setup().await;
    *world.consortium.lock().unwrap() = status().encode();
    *world.listed.lock().unwrap() = listed().encode();
    assert_eq!(chain.consortium().await.unwrap(), status());
    assert_eq!(chain.listed_nodes_at(world.hash(1)).await.unwrap(), listed());
}

#[tokio::test]
async fn open_motions_are_read_with_what_they_would_do() {
    let (world, _, chain) = setup().await;
    let head = chain.finalised().await.unwrap();
    assert_eq!(chain.motions(head).await.unwrap(), []);

    let metadata = runtime();
    let number = |pallet: &str, call: &str| {
        let pallet = metadata.pallet_by_name(pallet).unwrap();
        [pallet.call_index(), pallet.call_variant_by_name(call).unwrap().index]
    };
    let granted = Decision::GrantRole {
        account: [8; 32],
        role: Role::ControlCentre,
    };
    let grant = [&number("Registry", "grant_role")[..], &([8_u8; 32], 1_u8).encode()].concat();
    let set = [&number("Timestamp", "set")[..], &codec::Compact(5_u64).encode()].concat();
    let mut hashes = Vec::new();
    for (index, call) in [(9_u32, &set), (4, &grant)] {
        let hash = blake2b_256(&[call]);
        hashes.push(hash);
        let votes = (index, 3_u32, vec![[1_u8; 32], [2; 32]], vec![[3_u8; 32]], 5_000_u32);
        store(&world, "Consortium", "Voting", &hash, votes);
        let place = [&storage_prefix(b"Consortium", b"ProposalOf")[..], &hash].concat();
        world.storage.lock().unwrap().insert(hex::encode(place), call.clone());
    }
    store(&world, "Consortium", "Proposals", &[], &hashes);

    let motions = chain.motions(head).await.unwrap();
    assert_eq!(motions.iter().map(|open| open.motion.index).collect::<Vec<_>>(), [4, 9]);
    let expected = Motion {
        hash: hashes[1],
        index: 4,
        length: grant.len() as u32,
    };
    assert_eq!(motions[0].motion, expected);
    assert_eq!(motions[0].proposal, Proposal::Decision(granted.clone()));
    assert_eq!((motions[0].threshold, motions[0].end), (3, 5_000));
    assert_eq!(
        (motions[0].ayes.as_slice(), motions[0].nays.as_slice()),
        (&[[1; 32], [2; 32]][..], &[[3; 32]][..])
    );
    let other = Proposal::Other {
        pallet: "Timestamp".into(),
        function: "set".into(),
        arguments: vec![20],
    };
    assert_eq!(motions[1].proposal, other);
    // The hash by which a proposal is looked for is the one by which the chain keeps it.
    assert_eq!(chain.call_hash(&granted.call(), head).await.unwrap(), hashes[1]);
}

#[tokio::test]
async fn a_members_keys_and_their_cooldown_are_read() {
    let (world, _, chain) = setup().await;
    let head = chain.finalised().await.unwrap();
    assert_eq!(chain.session_keys([1; 32], head).await.unwrap(), None);
    assert_eq!(chain.keys_settable_from([1; 32], head).await.unwrap(), 0);

    let place = [
        &storage_prefix(b"Session", b"NextKeys")[..],
        &Twox64Concat::hash(&[1; 32]),
    ]
    .concat();
    world.storage.lock().unwrap().insert(hex::encode(place), vec![9; 64]);
    store(
        &world,
        "Finality",
        "KeysSetAt",
        &Blake2_128Concat::hash(&[1; 32]),
        1_000_u32,
    );
    assert_eq!(chain.session_keys([1; 32], head).await.unwrap(), Some(vec![9; 64]));
    let finality = runtime();
    let finality = finality.pallet_by_name("Finality").unwrap();
    let cooldown = u32::decode(&mut finality.constant_by_name("KeyCooldown").unwrap().value()).unwrap();
    assert!(cooldown > 0);
    assert_eq!(chain.keys_settable_from([1; 32], head).await.unwrap(), 1_000 + cooldown);
    assert_eq!(chain.keys_settable_from([2; 32], head).await.unwrap(), 0);
}

#[tokio::test]
async fn a_node_makes_keys_for_their_owner_and_knows_them_again() {
    let (_, node, chain) = setup().await;
    let keys = chain.make_session_keys([7; 32]).await.unwrap();
    assert_eq!(
        (keys.keys.as_slice(), keys.proof.as_slice()),
        (&[0; 64][..], &[0xab, 0xcd][..])
    );
    assert_eq!(node.state.made.lock().unwrap()[0].0, hex(&[7; 32]));
    assert!(chain.has_session_keys(&keys.keys).await.unwrap());
    assert!(!chain.has_session_keys(&[5; 64]).await.unwrap());
}

#[tokio::test]
async fn a_node_that_does_not_trust_the_caller_makes_no_keys_and_is_named() {
    let (_, node, chain) = setup().await;
    node.state.trusting.store(false, Ordering::Relaxed);
    for error in [
        chain.make_session_keys([7; 32]).await.map(|_| ()).unwrap_err(),
        chain.has_session_keys(&[0; 64]).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(
            matches!(error, Error::NotTrusted { .. }) && !error.is_transient(),
            "{error}"
        );
        assert!(error.to_string().contains(&node.url), "{error}");
    }
    assert_eq!(node.state.made.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn keys_are_asked_for_once_though_the_node_fails() {
    let (_, node, _) = setup().await;
    let mut impatient = options([&node]);
    (impatient.request_timeout, impatient.retries) = (Duration::from_millis(300), 3);
    let chain = Chain::connect(impatient).await.unwrap();
    node.state.silent.store(true, Ordering::Relaxed);
    assert!(matches!(
        chain.make_session_keys([7; 32]).await,
        Err(Error::TimedOut { .. })
    ));
    assert_eq!(node.calls_of("author_rotateKeysWithOwner"), 1);
}

#[tokio::test]
async fn the_code_that_may_come_and_the_code_that_is_there_are_told_apart() {
    let (world, _, chain) = setup().await;
    let head = chain.finalised().await.unwrap();
    assert_eq!(chain.authorised_upgrade(head).await.unwrap(), None);
    store(&world, "System", "AuthorizedUpgrade", &[], ([3_u8; 32], true));
    assert_eq!(chain.authorised_upgrade(head).await.unwrap(), Some([3; 32]));
    assert_eq!(chain.code_hash(head).await.unwrap(), [0xc0; 32]);
    assert_eq!(chain.spec_version(head).await.unwrap(), 1);
}

/// The number of a pallet's event.
fn event(pallet: &str, event: &str) -> (u8, u8) {
    let metadata = runtime();
    let pallet = metadata.pallet_by_name(pallet).unwrap();
    let found = pallet.event_variants().unwrap().iter().find(|one| one.name == event);
    (pallet.event_index(), found.unwrap().index)
}

#[tokio::test]
async fn what_the_runtime_reports_of_a_call_reaches_the_caller() {
    let (world, _, chain) = setup().await;
    let (pallet, approved) = event("Consortium", "Approved");
    let report = Outcome::Report(pallet, approved, vec![7; 32]);
    world.outcomes.lock().unwrap().push_back(report);
    let motion = Motion {
        hash: [7; 32],
        index: 0,
        length: 34,
    };
    let applied = chain.apply(&member(), calls::close(&motion)).await.unwrap();
    assert!(applied.reports("Consortium", "Approved"));
    assert!(!applied.reports("Consortium", "Disapproved"));
    assert_eq!(applied.inclusion.number, 2);
}

#[tokio::test]
async fn an_upgrade_that_is_taken_and_turned_down_is_reported_as_failed() {
    let (world, _, chain) = setup().await;
    let (system, rejected) = event("System", "RejectedInvalidAuthorizedUpgrade");
    let metadata = runtime();
    let errors = metadata.pallet_by_name("System").unwrap();
    let errors = errors.error_variants().unwrap();
    let reason = errors
        .iter()
        .find(|error| error.name == "SpecVersionNeedsToIncrease")
        .unwrap();
    // The code's hash, then a module's error: variant 3, its pallet, and four bytes of which the first is the error.
    let fields = ([7_u8; 32], 3_u8, 0_u8, [reason.index, 0, 0, 0]).encode();
    world
        .outcomes
        .lock()
        .unwrap()
        .push_back(Outcome::Report(system, rejected, fields));
    let call = calls::apply_authorized_upgrade(b"\0asm");
    match chain.apply(&member(), call).await {
        Err(error @ Error::Dispatch { .. }) => {
            let said = error.to_string();
            assert!(
                said.contains("SpecVersionNeedsToIncrease") && said.contains("later spec version"),
                "{said}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn while_finality_stands_still_a_call_goes_over_the_best_chain_if_that_is_asked_for() {
    let (world, node, _) = setup().await;
    // Blocks are made, more of them than a transaction lives, and none is finalised.
    for _ in 0..500 {
        world.make(Vec::new());
    }
    let mut options = options([&node]);
    (options.view, options.transaction_timeout) = (View::Best, Duration::from_secs(60));
    let chain = Chain::connect(options.clone()).await.unwrap();
    let best = Head {
        number: 501,
        hash: world.hash(501),
    };
    assert_eq!(chain.finalised().await.unwrap(), best);
    assert_eq!(chain.heights().await.unwrap(), (1, 501));
    node.script([Pool::Include]);
    let applied = chain.apply(&member(), calls::note_stalled(10, 1)).await.unwrap();
    assert_eq!((applied.inclusion.number, world.finalised()), (502, 1));

    // Without being asked to, nobody takes a best block for a final one.
    (options.view, options.transaction_timeout) = (View::Finalised, Duration::from_millis(500));
    let chain = Chain::connect(options).await.unwrap();
    assert_eq!(chain.finalised().await.unwrap().number, 1);
    assert_eq!(chain.heights().await.unwrap(), (1, 502));
    node.script([Pool::Include]);
    let failed = chain.apply(&member(), calls::note_stalled(10, 1)).await;
    assert!(matches!(failed, Err(Error::Unresolved { .. })), "{failed:?}");
}

#[test]
fn advice_is_given_about_errors_that_the_runtime_has() {
    let metadata = runtime();
    for (pallet, error, advice) in ADVICE {
        let found = metadata
            .pallet_by_name(pallet)
            .unwrap_or_else(|| panic!("no pallet {pallet}"));
        let mut errors = found.error_variants().unwrap().iter();
        assert!(
            errors.any(|known| known.name == *error),
            "{pallet} has no error {error}"
        );
        let text = Error::Dispatch {
            call: "A.b".into(),
            pallet: (*pallet).into(),
            error: (*error).into(),
            doc: "It is wrong.".into(),
        };
        let text = text.to_string();
        assert!(text.ends_with(&format!("It is wrong; {advice}")), "{text}");
    }
}
