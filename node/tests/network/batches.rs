//! An aggregator's node: a share that it gave a receipt for becomes final, whatever happens to the node in between.

use crate::{
    common::{gridveil_ok, Home, Node, LONG, SOON},
    spec::Spec,
};
use codec::{Decode, Encode};
use gridveil_chain_client::{calls, Chain, Error, Options, Refusal, RoleKey};
use gridveil_primitives::{
    batch::{Receipt, SignedShare},
    commitment,
    filter::Builder,
    keys::{MeterSecret, SpendKey},
    pseudonym::OneTimeKey,
    tally, CycleSchedule, Half, Manifest, Moment, PeriodIndex, PeriodKey,
};
use jsonrpsee::rpc_params;
use serde_json::{json, Value};
use sp_core::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};

/// The one region that is looked at, and its meters.
const REGION: u32 = 1;
const METERS: u32 = 4;
/// Short periods, of which one is taken that is far enough away to be published, with a window in which a node can start again.
const PERIOD_MS: u64 = 5_000;
const WINDOW_MS: u64 = 600_000;
const PERIODS: PeriodIndex = 200;

/// The first pseudonym of a meter in a period.
fn signer(meter: u32, period: PeriodIndex) -> OneTimeKey {
    let spend = SpendKey::from_seed(&[5; 32]);
    let mut secret = [6; 32];
    secret[..4].copy_from_slice(&meter.to_le_bytes());
    OneTimeKey::derive(
        &spend,
        &MeterSecret::from_bytes(secret).cycle_keys(),
        Half::First,
        period,
    )
}

async fn connect(node: &Node) -> Chain {
    let mut options = Options::new(vec![format!("ws://127.0.0.1:{}", node.rpc_port)]);
    options.transaction_timeout = LONG;
    options.request_timeout = SOON;
    Chain::connect(options).await.unwrap()
}

/// The time as the node's clock has it; the chain's stands still until its second block.
fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// Schedules a cycle, publishes a period, and waits until its window is open.
async fn open_period(chain: &Chain) -> PeriodKey {
    let key_centre = RoleKey::from_uri("//KeyCentre").unwrap();
    let start = now() + 20_000;
    let schedule = CycleSchedule {
        start,
        period_ms: PERIOD_MS,
        window_ms: WINDOW_MS,
        periods: PERIODS,
    };
    let submit = |call| chain.submit(&key_centre, call);
    submit(calls::schedule_cycle(0, schedule)).await.unwrap();
    // The period closes after the test; none is known to be complete.
    let mut filter = Builder::cycle(REGION, 0, PERIODS);
    filter.insert_tally(0, &tally::EMPTY);
    submit(calls::publish_cycle_filter(REGION, 0, METERS, &filter.finish()))
        .await
        .unwrap();

    let soon = now() + 10_000;
    let periods = 0..PERIODS;
    let period = periods
        .filter(|period| schedule.opens(*period) >= Some(soon))
        .min()
        .unwrap();
    let key = PeriodKey {
        region: REGION,
        cycle: 0,
        period,
    };
    let mut filter = Builder::period(&key, METERS);
    (0..METERS).for_each(|meter| filter.insert_prid(&signer(meter, period).prid()));
    let manifest = Manifest {
        meters: METERS,
        filter: filter.finish(),
        commitment: commitment::commit(1, &[0; 32]).unwrap(),
        root: [0; 32],
    };
    submit(calls::publish_manifests(REGION, 0, period, &[manifest]))
        .await
        .unwrap();
    let ends = schedule.ends(period).unwrap();
    let ended = |_| async move { Ok((chain.now().await? >= ends).then_some(())) };
    chain.wait_until("the period's end", LONG, ended).await.unwrap();
    key
}

/// Waits until the finalised chain has the share that a receipt is for.
async fn wait_for(chain: &Chain, receipt: &Receipt) {
    let there = |_| async move {
        let shares = chain.shares(&receipt.key).await?;
        let found = shares.iter().find(|share| share.prid == receipt.prid);
        Ok(found.map(|share| assert_eq!(share.value, receipt.value)))
    };
    chain
        .wait_until("a share that was promised", LONG, there)
        .await
        .unwrap();
}

/// How many batches a period has on the finalised chain.
async fn batches(node: &Node, key: &PeriodKey) -> u32 {
    let head: String = node.ask("chain_getFinalizedHead", rpc_params![]).await;
    let arguments = Bytes(key.encode());
    let answer: Bytes = node
        .ask("state_call", rpc_params!["GridApi_batches", arguments, head])
        .await;
    <(u32, u32)>::decode(&mut &answer[..]).unwrap().0
}

/// The number of the best block.
async fn best(node: &Node) -> u64 {
    let header: Value = node.ask("chain_getHeader", rpc_params![]).await;
    crate::common::number_of(&header)
}

#[tokio::test]
async fn a_share_by_batch_becomes_final_and_a_bad_one_is_refused_with_its_reason() {
    let spec = Spec::dev();
    let node = Node::start(&["--chain", &spec.path(), "--alice", "--no-prometheus"]);
    let chain = connect(&node).await;
    let key = open_period(&chain).await;

    let stranger = chain.hand_in_share(&key, 5, &signer(METERS, key.period)).await;
    assert!(
        matches!(stranger, Err(Error::Refused(Refusal::NotInFilter))),
        "{stranger:?}"
    );
    let later = PeriodKey {
        period: PERIODS - 1,
        ..key
    };
    let early = chain.hand_in_share(&later, 5, &signer(0, key.period)).await;
    assert!(matches!(early, Err(Error::Refused(Refusal::TooEarly))), "{early:?}");
    let genuine = signer(0, key.period).sign_share(&chain.genesis_hash(), &key, 5);
    let forged = SignedShare { value: 6, ..genuine };
    let said = node
        .try_ask::<Bytes>("readings_submitShare", rpc_params![Bytes((key, forged).encode())])
        .await
        .unwrap_err();
    assert!(said.contains("BadSignature"), "{said}");

    for meter in 0..2 {
        let value = 100 + u64::from(meter);
        let receipt = chain
            .hand_in_share(&key, value, &signer(meter, key.period))
            .await
            .unwrap();
        wait_for(&chain, &receipt).await;
    }
    // The second was handed in when the first was final.
    assert_eq!(batches(&node, &key).await, 2);
    assert_eq!(chain.shares(&key).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_node_that_is_killed_between_receipt_and_block_keeps_its_promise() {
    let spec = Spec::new("development", json!({ "slotMs": 3_000 }));
    let path = spec.path();
    let args = ["--chain", &path, "--alice", "--no-prometheus"];
    let home = Home::new();
    let mut node = Node::at(&home, &args);
    let key = open_period(&connect(&node).await).await;

    // A block may come in between all the same; then the next meter's share is killed.
    for meter in 0..METERS {
        let chain = connect(&node).await;
        let before = best(&node).await;
        let receipt = chain.hand_in_share(&key, 7, &signer(meter, key.period)).await.unwrap();
        drop(node);
        let info = gridveil_ok(&["chain-info", "--chain", &path, "--base-path", home.path()]);
        let info: Value = serde_json::from_slice(&info).unwrap();
        let is_between = info["best_number"].as_u64().unwrap() == before;

        node = Node::at(&home, &args);
        wait_for(&connect(&node).await, &receipt).await;
        if is_between {
            return;
        }
    }
    panic!("a block came between each receipt and the kill");
}
