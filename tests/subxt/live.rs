//! gridveil's chain through subxt as it comes, with the metadata that a live node gives: every role signs and sends its
//! calls, a period goes from the users' registration to their bills, and errors and metadata are looked at.
//! `GRIDVEIL_NODE` names the node's program.
//!
//! **Privacy.** Development keys and made-up readings.

#![cfg(test)]

mod node;

use std::time::Duration;

use gridveil_primitives::{commitment, filter::Builder, hash::tagged, tally, PeriodKey};
use subxt::{
    dynamic::{self, value, At, Value},
    error::{DispatchError, TransactionEventsError, TransactionFinalizedSuccessError},
    ext::scale_value::Composite,
    transactions::DynamicPayload,
    OnlineClient, OnlineClientAtBlock, PolkadotConfig,
};
use subxt_signer::sr25519::Keypair;
use tokio::time::timeout;

use crate::node::Node;

const OURS: [&str; 6] = ["Finality", "Registry", "Masks", "Readings", "Pricing", "Billing"];
/// The one period, whose cycle begins this long after it is scheduled, in milliseconds.
const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 0,
    period: 0,
};
const LEAD_MS: u64 = 20_000;
const PERIOD_MS: u64 = 2_000;
const WINDOW_MS: u64 = 15_000;
/// What each meter used, in watt-hours; the last one feeds in.
const READINGS: [i64; 3] = [310, 1_204, -512];
/// How long the chain may take for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(180);

type Call = DynamicPayload<Composite<()>>;
type Block = OnlineClientAtBlock<PolkadotConfig>;

/// 32 bytes that a name and a number stand for.
fn bytes(what: &str, index: usize) -> [u8; 32] {
    *tagged(what, &[&index.to_le_bytes()])
        .first_chunk()
        .expect("there are 64")
}

fn word(what: &str, index: usize) -> u64 {
    u64::from_le_bytes(*bytes(what, index).first_chunk().expect("there are 32"))
}

fn keys(uri: &str) -> Keypair {
    Keypair::from_uri(&uri.parse().expect("it is a secret URI")).expect("it is a key")
}

fn account(keys: &Keypair) -> Value {
    Value::from_bytes(keys.public_key().0)
}

fn call<const N: usize>(pallet: &str, name: &str, arguments: [Value; N]) -> Call {
    dynamic::tx(pallet, name, Composite::unnamed(arguments))
}

fn period_key() -> Value {
    let PeriodKey { region, cycle, period } = KEY;
    value!({ region: region, cycle: cycle, period: period })
}

/// Why a call had no effect.
#[derive(Debug, PartialEq)]
enum Failure {
    /// The node did not take it, with its words.
    Refused(String),
    /// It was applied and failed: the error's name, as `Pallet::Error`, and its docs.
    Failed(String, String),
}

impl From<TransactionFinalizedSuccessError> for Failure {
    fn from(error: TransactionFinalizedSuccessError) -> Self {
        let TransactionFinalizedSuccessError::SuccessError(TransactionEventsError::ExtrinsicFailed(
            DispatchError::Module(error),
        )) = error
        else {
            return Self::Refused(error.to_string());
        };
        let details = error.details().expect("the metadata has the error");
        Self::Failed(error.details_string(), details.variant.docs.join(" "))
    }
}

/// A node, and a client that knows nothing of it but its address.
struct Chain {
    client: OnlineClient<PolkadotConfig>,
    _node: Node,
}

impl Chain {
    async fn start() -> Self {
        let node = Node::start().await;
        let client = OnlineClient::from_insecure_url(&node.url)
            .await
            .expect("the node answers");
        Self { client, _node: node }
    }

    async fn block(&self) -> Block {
        self.client.at_current_block().await.expect("the node answers")
    }

    /// Signs a call, sends it and waits until it is final; returns its events, as `Pallet.Event` with their fields.
    async fn send(&self, call: &Call, signer: &Keypair) -> Result<Vec<(String, Value)>, Failure> {
        let mut transactions = self.block().await.transactions();
        let sent = transactions.sign_and_submit_then_watch_default(call, signer).await;
        let sent = sent.map_err(|refusal| Failure::Refused(refusal.to_string()))?;
        let events = sent.wait_for_finalized_success().await?;
        let named = events.iter().map(|event| {
            let event = event.expect("subxt reads the event");
            let fields = event.decode_fields_unchecked_as().expect("subxt reads its fields");
            (format!("{}.{}", event.pallet_name(), event.event_name()), fields)
        });
        Ok(named.collect())
    }

    /// [`Chain::send`] of a call that reports an event, whose fields this returns.
    async fn report(&self, call: &Call, signer: &Keypair, event: &str) -> Value {
        let events = self.send(call, signer).await.expect("the call succeeds");
        let found = events.into_iter().find(|(name, _)| name == event);
        found
            .unwrap_or_else(|| panic!("{}.{} does not report {event}", call.pallet_name(), call.call_name()))
            .1
    }

    /// Looks at each finalised block until there is something to see.
    async fn until<T>(&self, look: impl AsyncFn(&Block) -> Option<T>) -> T {
        let looking = async {
            let mut blocks = self.client.stream_blocks().await.expect("the node answers");
            while let Some(block) = blocks.next().await {
                let at = block
                    .expect("the node answers")
                    .at()
                    .await
                    .expect("the node has its block");
                if let Some(seen) = look(&at).await {
                    return seen;
                }
            }
            panic!("the node has no more blocks")
        };
        timeout(PATIENCE, looking).await.expect("it is soon there")
    }
}

/// What the period is like at a block.
async fn period_view(at: &Block) -> Value {
    let question = dynamic::runtime_api_call::<_, Value>("GridApi", "period", (period_key(),));
    at.runtime_apis().call(question).await.expect("the runtime answers")
}

async fn now(at: &Block) -> u64 {
    let question = dynamic::runtime_api_call::<_, u64>("GridApi", "now", ());
    at.runtime_apis().call(question).await.expect("the runtime answers")
}

#[tokio::test]
async fn all_that_our_pallets_have_is_documented_in_the_metadata() {
    let chain = Chain::start().await;
    let metadata = chain.block().await.metadata();
    let mut undocumented = Vec::new();
    for name in OURS {
        let pallet = metadata.pallet_by_name(name).expect("the chain has the pallet");
        let variants = [pallet.call_variants(), pallet.event_variants(), pallet.error_variants()];
        let variants = variants.into_iter().flatten().flatten();
        let items = variants.map(|item| (item.name.as_str(), &item.docs[..]));
        let entries = pallet.storage().expect("it has storage").entries().iter();
        let items = items.chain(entries.map(|entry| (entry.name(), entry.docs())));
        let mut items = items
            .chain(pallet.constants().map(|item| (item.name(), item.docs())))
            .peekable();
        assert!(items.peek().is_some(), "{name} has nothing");
        undocumented.extend(
            items
                .filter(|(_, docs)| docs.concat().trim().is_empty())
                .map(|(item, _)| item.to_owned()),
        );
    }
    assert_eq!(undocumented, [""; 0]);
}

#[tokio::test]
async fn members_decide_and_everyone_is_told_by_name_what_it_may_not_do() {
    let chain = Chain::start().await;
    let [alice, bob, key_centre] = ["//Alice", "//Bob", "//KeyCentre"].map(keys);

    let decision = call(
        "Finality",
        "add_member",
        [account(&bob), Value::from_bytes("runs the northern substations")],
    );
    let length = chain
        .block()
        .await
        .transactions()
        .call_data(&decision)
        .expect("subxt encodes it")
        .len();
    let motion = call(
        "Consortium",
        "propose",
        [value!(1), decision.into_value(), Value::u128(length as u128)],
    );
    let added = chain.report(&motion, &alice, "Finality.MemberAdded").await;
    assert_eq!(added.at("account").at(0), Some(&account(&bob)));

    let leave = call("Finality", "leave", []);
    let refusal = Failure::Failed(
        "Finality::TooFewMembers".into(),
        "The next set would have fewer authorities than it may have.".into(),
    );
    assert_eq!(chain.send(&leave, &alice).await, Err(refusal));
    let Err(Failure::Refused(words)) = chain.send(&leave, &key_centre).await else {
        panic!("the key centre leaves the consortium");
    };
    assert!(words.contains("Transaction call is not expected"), "{words}");
}

#[tokio::test]
async fn a_period_goes_from_the_users_to_their_bills() {
    let chain = Chain::start().await;
    let [key_centre, control_centre] = ["//KeyCentre", "//ControlCentre"].map(keys);
    // Two shares of each reading, each under a pseudonym: a key like any other, which only the period's filter makes one.
    let shares: Vec<(Keypair, u64, u64)> = (0..2 * READINGS.len())
        .map(|index| {
            let (meter, mask, split) = (index / 2, word("mask", index), word("split", index / 2));
            let share = if index % 2 == 0 {
                split
            } else {
                (READINGS[meter] as u64).wrapping_sub(split)
            };
            (keys(&format!("//Meter//{index}")), share.wrapping_add(mask), mask)
        })
        .collect();
    let prids: Vec<[u8; 32]> = shares.iter().map(|(keys, ..)| keys.public_key().0).collect();
    let mask_sum = shares.iter().map(|(.., mask)| u128::from(*mask)).sum();
    let mut blinding = bytes("blinding", 0);
    // Far below the group's order, so that it is a scalar.
    blinding[31] = 0;
    let commitment = commitment::commit(mask_sum, &blinding).expect("it is a scalar");
    let meters = READINGS.len() as u32;
    let mut filter = Builder::period(&KEY, meters);
    prids.iter().for_each(|prid| filter.insert_prid(prid));
    let mut cycle_filter = Builder::cycle(KEY.region, KEY.cycle, 1);
    cycle_filter.insert_tally(KEY.period, &tally::sum(prids.iter()).expect("they are points"));

    let (region, cycle) = (|| Value::from(KEY.region), || Value::from(KEY.cycle));
    let users = Value::unnamed_composite((0..READINGS.len()).map(|meter| {
        Value::unnamed_composite([
            Value::from_bytes(bytes("bid", meter)),
            Value::from_bytes(bytes("recipient", meter)),
        ])
    }));
    let start = now(&chain.block().await).await + LEAD_MS;
    let schedule = value!({ start: start, period_ms: PERIOD_MS, window_ms: WINDOW_MS, periods: 1 });
    let manifest = Value::named_composite([
        ("meters", Value::from(meters)),
        ("filter", Value::from_bytes(filter.finish())),
        ("commitment", Value::from_bytes(commitment)),
        ("root", Value::from_bytes(bytes("root", 0))),
    ]);
    let cycle_filter = Value::from_bytes(cycle_filter.finish());
    for (call, event) in [
        (call("Registry", "register_users", [users]), "Registry.UsersRegistered"),
        (
            call("Registry", "schedule_cycle", [cycle(), schedule]),
            "Registry.CycleScheduled",
        ),
        (
            call(
                "Masks",
                "publish_cycle_filter",
                [region(), cycle(), Value::from(meters), cycle_filter],
            ),
            "Masks.CycleFilterPublished",
        ),
        (
            call(
                "Masks",
                "publish_manifests",
                [region(), cycle(), value!(0), Value::unnamed_composite([manifest])],
            ),
            "Masks.ManifestsPublished",
        ),
    ] {
        chain.report(&call, &key_centre, event).await;
    }

    let submit = |value: u64| call("Readings", "submit", [region(), cycle(), value!(0), Value::from(value)]);
    chain
        .until(async |at| (now(at).await >= start + PERIOD_MS).then_some(()))
        .await;
    for (keys, value, _) in &shares {
        chain
            .send(&submit(*value), keys)
            .await
            .expect("the chain takes the share");
    }
    let Err(Failure::Refused(words)) = chain.send(&submit(0), &keys("//Mallory")).await else {
        panic!("a stranger's share is taken");
    };
    assert!(words.contains("Custom error: 7"), "{words}");
    chain
        .until(async |at| {
            let view = period_view(at).await;
            let status = view.at(0).at("status").expect("it has a status").to_string();
            assert!(!status.starts_with("Faulty"), "{view}");
            status.starts_with("Complete").then_some(())
        })
        .await;

    let opening = Value::named_composite([
        ("excluded", Value::unnamed_composite([])),
        ("left_out", Value::unnamed_composite([])),
        ("mask_sum", Value::u128(mask_sum)),
        ("blinding", Value::from_bytes(blinding)),
    ]);
    let opened = call("Masks", "open", [period_key(), opening]);
    let opened = chain.report(&opened, &key_centre, "Masks.PeriodOpened").await;
    let energy = opened.at("total").at("energy").and_then(Value::as_i128);
    assert_eq!(energy, Some(i128::from(READINGS.iter().sum::<i64>())));

    let price = call("Pricing", "set_price", [period_key(), value!(142_280)]);
    chain.report(&price, &control_centre, "Pricing.PriceSet").await;
    let again = Failure::Failed(
        "Pricing::AlreadyPriced".into(),
        "The period has its price, and a price once set stands.".into(),
    );
    assert_eq!(chain.send(&price, &control_centre).await, Err(again));

    let cid = [&[0x01, 0x55, 0x12, 0x20][..], &bytes("sha2-256 of the bill", 0)].concat();
    let bill = [bytes("bid", 0).to_vec(), cid, bytes("hash of the bill", 0).to_vec()].map(Value::from_bytes);
    let bills = Value::unnamed_composite([Value::unnamed_composite(bill)]);
    chain
        .report(
            &call("Billing", "publish_bills", [cycle(), bills]),
            &key_centre,
            "Billing.BillPublished",
        )
        .await;
    chain
        .report(
            &call("Billing", "finish_cycle", [cycle()]),
            &key_centre,
            "Billing.CycleFinished",
        )
        .await;
}
