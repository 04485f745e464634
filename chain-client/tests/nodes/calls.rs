use crate::node::{options, Node, Transaction, World};
use codec::{DecodeAll, Encode};
use frame_support::traits::GetCallMetadata;
use gridveil_chain_client::{calls, Call, Chain, Motion, RoleKey, SessionKeys};
use gridveil_primitives::{
    hash::blake2b_256, BillCommitments, BillOpening, BillSums, CycleSchedule, LeftOut, Manifest, Opening, PeriodKey,
    RegionInfo, Revision, Role,
};
use gridveil_runtime::RuntimeCall;

const KEY: PeriodKey = PeriodKey {
    region: 2,
    cycle: 3,
    period: 17,
};

/// One of each call.
fn all() -> Vec<Call> {
    let info = RegionInfo {
        aggregator: [1; 32],
        minimum_meters: 3,
        fallback_price: 200_000,
    };
    let schedule = CycleSchedule {
        start: 1,
        period_ms: 2,
        window_ms: 3,
        periods: 4,
    };
    let manifest = Manifest {
        meters: 3,
        filter: vec![9; 70],
        commitment: [1; 32],
        root: [2; 32],
    };
    let left_out = LeftOut {
        commitment: [3; 32],
        index: 1,
        proof: vec![[4; 32]; 2],
    };
    let opening = Opening {
        excluded: vec![[5; 32]],
        left_out: vec![left_out],
        mask_sum: 1 << 70,
        blinding: [6; 32],
    };
    let motion = Motion {
        hash: [7; 32],
        index: 300,
        length: 70_000,
    };
    // The first byte is a key of its own kind, the second a length.
    let peer = [&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20][..], &[8; 32]].concat();
    let keys = SessionKeys {
        keys: vec![9; 64],
        proof: vec![10; 128],
    };
    let commitments = BillCommitments {
        energy: [4; 32],
        amount: [5; 32],
        apart: [6; 32],
    };
    let bills = BillOpening {
        sums: BillSums {
            energy: -1,
            amount: i128::MAX,
        },
        energy_blinding: [7; 32],
        amount_blinding: [8; 32],
    };
    vec![
        calls::add_member([1; 32], "it asked"),
        calls::remove_member([1; 32], ""),
        calls::note_stalled(10, 77),
        calls::authorize_upgrade([1; 32]),
        calls::apply_authorized_upgrade(&[1; 100]),
        calls::set_keys(&keys),
        calls::leave(),
        calls::rejoin(),
        calls::set_nodes(&[peer.clone(), peer]),
        calls::grant_role([1; 32], Role::ControlCentre),
        calls::revoke_role([1; 32]),
        calls::register_region(1, info),
        calls::register_users(&[([1; 32], [2; 32]), ([3; 32], [4; 32])]),
        calls::schedule_cycle(0, schedule),
        calls::publish_cycle_filter(1, 2, 3, &[4; 100]),
        calls::publish_manifests(1, 2, 3, &[manifest.clone(), manifest]),
        calls::revise_cycle(1, 2, Revision { from: 48, meters: 2 }, &[4; 100]),
        calls::open(&KEY, &opening),
        calls::withhold(&KEY, &[[5; 32], [6; 32]]),
        calls::set_price(&KEY, 345_678),
        calls::publish_bills(1, 2, &[([1; 32], vec![2; 36], [3; 32], commitments)]),
        calls::reconcile(1, 2, &bills),
        calls::finish_cycle(1),
        calls::propose(3, calls::register_region(1, info)),
        calls::propose(3, calls::remove_member([1; 32], "it is gone")),
        calls::vote(&motion, true),
        calls::close(&motion),
    ]
}

#[tokio::test]
async fn the_runtime_reads_every_call_as_the_one_that_was_meant() {
    let node = Node::start(&World::new(1)).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    let key = RoleKey::from_uri("//Alice").unwrap();
    for (place, call) in all().into_iter().enumerate() {
        let (pallet, function) = (call.pallet(), call.function());
        chain.submit(&key, call).await.unwrap();
        let bytes = Transaction::read(&node.posted()[place]).call;
        let read = RuntimeCall::decode_all(&mut &bytes[..])
            .unwrap_or_else(|cause| panic!("{pallet}.{function} cannot be read: {cause}"));
        let names = read.get_call_metadata();
        assert_eq!((names.pallet_name, names.function_name), (pallet, function));
        assert_eq!(read.encode(), bytes);
    }
}

#[tokio::test]
async fn a_motion_is_found_by_its_call() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    let call = calls::revoke_role([1; 32]);
    assert_eq!(chain.motion(&call).await.unwrap(), None);

    // What the motion contains is what the proposal was made of.
    let key = RoleKey::from_uri("//Alice").unwrap();
    chain.submit(&key, calls::propose(3, call.clone())).await.unwrap();
    let proposal = Transaction::read(&node.posted()[0]).call;
    // Two bytes for the call, one each for the threshold and, at the end, the length.
    let inner = &proposal[3..proposal.len() - 1];
    let hash = blake2b_256(&[inner]);
    world
        .storage
        .lock()
        .unwrap()
        .insert(hex::encode(hash), (5_u32, 3_u32).encode());
    let motion = chain.motion(&call).await.unwrap().unwrap();
    assert_eq!(
        motion,
        Motion {
            hash,
            index: 5,
            length: 34
        }
    );
}
