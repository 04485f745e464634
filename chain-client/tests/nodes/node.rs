//! Nodes as tests need them.

use codec::{Compact, Decode, Encode};
use gridveil_chain_client::Options;
use gridveil_primitives::{hash::blake2b_256, RegionInfo, Share};
use gridveil_runtime::Runtime;
use jsonrpsee::{
    server::{PendingSubscriptionSink, Server, ServerHandle, SubscriptionMessage, SubscriptionSink},
    types::ErrorObjectOwned,
    RpcModule,
};
use serde_json::{json, Value};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex, OnceLock,
    },
    time::Duration,
};
use tokio::sync::watch;

/// The well-known key of `System.Events`.
const EVENTS: &str = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";

type Answer = Result<Value, ErrorObjectOwned>;

/// A chain that several nodes may share.
pub struct World {
    pub genesis: [u8; 32],
    pub clock: Mutex<u64>,
    pub nonce: Mutex<u64>,
    pub shares: Mutex<Vec<Share>>,
    pub regions: Mutex<Vec<(u32, RegionInfo)>>,
    /// The answers of the runtime's `FinalityApi`, encoded.
    pub consortium: Mutex<Vec<u8>>,
    pub listed: Mutex<Vec<u8>>,
    /// What the next transactions to be included do.
    pub outcomes: Mutex<VecDeque<Outcome>>,
    /// Values of the chain's storage, by the end of their keys in hexadecimal.
    pub storage: Mutex<HashMap<String, Vec<u8>>>,
    bodies: Mutex<HashMap<u32, Vec<Vec<u8>>>>,
    events: Mutex<HashMap<u32, Vec<u8>>>,
    /// The best block, where it is beyond the finalised one.
    best: Mutex<u32>,
    finalised: watch::Sender<u32>,
    released: watch::Sender<bool>,
}

/// Bytes that are encoded already.
struct Raw(Vec<u8>);

impl Encode for Raw {
    fn encode_to<T: codec::Output + ?Sized>(&self, out: &mut T) {
        out.write(&self.0);
    }
}

/// How a transaction ends.
#[derive(Clone)]
pub enum Outcome {
    Success,
    /// A pallet's error, by the numbers of both.
    Failure(u8, u8),
    /// It succeeds, and reports that the call inside it failed: the numbers of the reporting pallet and its event, then
    /// those of the error.
    InnerFailure(u8, u8, u8, u8),
    /// It succeeds and reports an event: the numbers of the pallet and the event, then the event's fields.
    Report(u8, u8, Vec<u8>),
}

impl World {
    pub fn new(genesis: u8) -> Arc<Self> {
        Arc::new(Self {
            genesis: [genesis; 32],
            clock: Mutex::new(0),
            nonce: Mutex::new(0),
            shares: Mutex::new(Vec::new()),
            regions: Mutex::new(Vec::new()),
            consortium: Mutex::new(Vec::new()),
            listed: Mutex::new(Vec::new()),
            outcomes: Mutex::new(VecDeque::new()),
            storage: Mutex::new(HashMap::new()),
            bodies: Mutex::new(HashMap::new()),
            events: Mutex::new(HashMap::new()),
            best: Mutex::new(0),
            finalised: watch::Sender::new(1),
            released: watch::Sender::new(false),
        })
    }

    pub fn finalised(&self) -> u32 {
        *self.finalised.borrow()
    }

    pub fn best(&self) -> u32 {
        self.finalised().max(*self.best.lock().unwrap())
    }

    /// Finalises blocks up to this number.
    pub fn finalise(&self, number: u32) {
        self.finalised.send_replace(number);
    }

    /// Lets all nodes include the transactions that they hold.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Finalises a block with some transactions, each of which uses up a nonce of the account.
    pub fn include(&self, body: Vec<Vec<u8>>) -> u32 {
        let number = self.make(body);
        self.finalise(number);
        number
    }

    /// The same without finalising it.
    pub fn make(&self, body: Vec<Vec<u8>>) -> u32 {
        let number = self.best() + 1;
        // A module's error is variant 3, and the error's number the first of four bytes.
        let module = |pallet: u8, error: u8| (3_u8, pallet, [error, 0, 0, 0]).encode();
        // Weight, class and fee.
        let info = (Compact(0_u64), Compact(0_u64), 0_u8, 0_u8).encode();
        let mut events = Vec::new();
        for place in 0..body.len() as u32 {
            let system = |variant: u8, fields: Vec<u8>| (0_u8, place, 0_u8, variant, Raw(fields), 0_u8).encode();
            match self.outcomes.lock().unwrap().pop_front().unwrap_or(Outcome::Success) {
                Outcome::Success => events.push(system(0, info.clone())),
                Outcome::Failure(pallet, error) => {
                    events.push(system(1, [module(pallet, error), info.clone()].concat()));
                }
                Outcome::InnerFailure(reporter, event, pallet, error) => {
                    let fields = ([7_u8; 32], 1_u8, Raw(module(pallet, error))).encode();
                    events.push((0_u8, place, reporter, event, Raw(fields), 0_u8).encode());
                    events.push(system(0, info.clone()));
                }
                Outcome::Report(reporter, event, fields) => {
                    events.push((0_u8, place, reporter, event, Raw(fields), 0_u8).encode());
                    events.push(system(0, info.clone()));
                }
            }
        }
        let events = [Compact(events.len() as u32).encode(), events.concat()].concat();
        *self.nonce.lock().unwrap() += body.len() as u64;
        self.bodies.lock().unwrap().insert(number, body);
        self.events.lock().unwrap().insert(number, events);
        *self.best.lock().unwrap() = number;
        number
    }

    pub fn hash(&self, number: u32) -> [u8; 32] {
        if number == 0 {
            return self.genesis;
        }
        blake2b_256(&[&([0_u8; 32], Compact(u64::from(number)), self.genesis, [0_u8; 32], 0_u8).encode()])
    }

    fn number(&self, hash: &str) -> Option<u32> {
        (0..=self.best()).find(|number| hex(&self.hash(*number)) == hash)
    }

    fn header(&self, number: u32) -> Value {
        json!({
            "parentHash": hex(&[0; 32]),
            "number": format!("0x{number:x}"),
            "stateRoot": hex(&self.genesis),
            "extrinsicsRoot": hex(&[0; 32]),
            "digest": { "logs": [] },
        })
    }
}

/// What a node does with a transaction that is handed in.
#[derive(Clone)]
pub enum Pool {
    /// Includes it in a finalised block and says so.
    Finalise,
    /// Turns it away.
    Reject(i32, &'static str, String),
    /// Includes it and loses the connection before saying so.
    IncludeAndVanish,
    /// Calls it dropped, and does not include it.
    Drop,
    /// Keeps it until [`World::release`], then includes it.
    Hold,
    /// Includes it in a block that is not finalised, and says so.
    Include,
}

/// A node.
pub struct Node {
    pub url: String,
    pub state: Arc<State>,
    server: ServerHandle,
}

/// What a node's methods share.
pub struct State {
    pub world: Arc<World>,
    /// What happens to the next transactions; [`Pool::Finalise`] once it is used up.
    pub pool: Mutex<VecDeque<Pool>>,
    /// The transactions that were handed in.
    pub posted: Mutex<Vec<Vec<u8>>>,
    /// The methods that were called.
    pub calls: Mutex<Vec<String>>,
    /// Whether every method but the first hash hangs.
    pub silent: AtomicBool,
    /// Whether it knows no block but the first.
    pub behind: AtomicBool,
    /// Whether it does for everybody what it should do for its own machine only.
    pub trusting: AtomicBool,
    /// What it answers to the next shares that are handed in.
    pub receipts: Mutex<VecDeque<Result<String, ErrorObjectOwned>>>,
    /// The shares that were handed in.
    pub handed_in: Mutex<Vec<String>>,
    /// The owners of the session keys that it made, each with the keys.
    pub made: Mutex<Vec<(String, String)>>,
    vanish: watch::Sender<bool>,
}

impl Node {
    pub async fn start(world: &Arc<World>) -> Self {
        Self::start_at(world, "127.0.0.1:0").await
    }

    /// A node at the address of one that has stopped.
    pub async fn in_place_of(stopped: &Node) -> Self {
        Self::start_at(&stopped.state.world, stopped.url.trim_start_matches("ws://")).await
    }

    async fn start_at(world: &Arc<World>, address: &str) -> Self {
        let state = Arc::new(State {
            world: world.clone(),
            pool: Mutex::default(),
            posted: Mutex::default(),
            calls: Mutex::default(),
            silent: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            trusting: AtomicBool::new(true),
            receipts: Mutex::default(),
            handed_in: Mutex::default(),
            made: Mutex::default(),
            vanish: watch::Sender::new(false),
        });
        let server = Server::builder().build(address).await.unwrap();
        let url = format!("ws://{}", server.local_addr().unwrap());
        let server = server.start(methods(state.clone()));
        let handle = server.clone();
        let mut vanish = state.vanish.subscribe();
        tokio::spawn(async move {
            if vanish.wait_for(|vanish| *vanish).await.is_ok() {
                let _ = handle.stop();
            }
        });
        Self { url, state, server }
    }

    /// Stops the node and waits until it is gone.
    pub async fn stop(&self) {
        let _ = self.server.stop();
        self.server.clone().stopped().await;
    }

    pub fn script(&self, pool: impl IntoIterator<Item = Pool>) {
        self.state.pool.lock().unwrap().extend(pool);
    }

    pub fn posted(&self) -> Vec<Vec<u8>> {
        self.state.posted.lock().unwrap().clone()
    }

    pub fn calls_of(&self, method: &str) -> usize {
        self.state
            .calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| *call == method)
            .count()
    }
}

impl State {
    async fn enter(&self, method: &str) {
        self.calls.lock().unwrap().push(method.into());
        if self.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    fn known(&self, at: &Value) -> Result<u32, ErrorObjectOwned> {
        let number = at.as_str().and_then(|hash| self.world.number(hash));
        number.filter(|_| !self.behind.load(Ordering::Relaxed)).ok_or_else(|| {
            ErrorObjectOwned::owned(
                4003,
                "Client error: UnknownBlock: Header was not found in the database",
                None::<()>,
            )
        })
    }

    fn answer(&self, method: &str, params: &[Value]) -> Answer {
        let world = &self.world;
        let first = params.first().cloned().unwrap_or_default();
        Ok(match method {
            "chain_getBlockHash" => {
                let number = first.as_u64().map_or(world.best(), |number| number as u32);
                if number <= world.best() {
                    json!(hex(&world.hash(number)))
                } else {
                    Value::Null
                }
            }
            "chain_getFinalizedHead" => json!(hex(&world.hash(world.finalised()))),
            "chain_getHeader" if first.is_null() => world.header(world.best()),
            "chain_getHeader" => match self.known(&first) {
                Ok(number) => world.header(number),
                Err(_) => Value::Null,
            },
            "chain_getBlock" => {
                let number = self.known(&first)?;
                let body = world.bodies.lock().unwrap().get(&number).cloned().unwrap_or_default();
                let body: Vec<String> = body.iter().map(|bytes| hex(bytes)).collect();
                json!({ "block": { "header": world.header(number), "extrinsics": body }, "justifications": null })
            }
            "state_getStorage" => {
                let number = self.known(&params[1])?;
                let key = first.as_str().unwrap();
                let value = if key == EVENTS {
                    world.events.lock().unwrap().get(&number).cloned()
                } else {
                    let storage = world.storage.lock().unwrap();
                    storage
                        .iter()
                        .find(|(end, _)| key.ends_with(end.as_str()))
                        .map(|(_, value)| value.clone())
                };
                value.map_or(Value::Null, |value| json!(hex(&value)))
            }
            "state_getStorageHash" => {
                self.known(&params[1])?;
                assert_eq!(unhex(first.as_str().unwrap()), b":code");
                json!(hex(&[0xc0; 32]))
            }
            "author_rotateKeysWithOwner" | "author_hasSessionKeys" if !self.trusting.load(Ordering::Relaxed) => {
                let words = "RPC call is unsafe to be called externally";
                return Err(ErrorObjectOwned::owned(-32601, words, None::<()>));
            }
            "author_rotateKeysWithOwner" => {
                let mut made = self.made.lock().unwrap();
                let keys = hex(&[made.len() as u8; 64]);
                made.push((first.as_str().unwrap().into(), keys.clone()));
                json!({ "keys": keys, "proof": "0xabcd" })
            }
            "author_hasSessionKeys" => json!(self
                .made
                .lock()
                .unwrap()
                .iter()
                .any(|(_, keys)| first == *keys.as_str())),
            "readings_submitShare" => {
                self.handed_in.lock().unwrap().push(first.as_str().unwrap().into());
                json!(self.receipts.lock().unwrap().pop_front().expect("an answer")?)
            }
            "state_getRuntimeVersion" => {
                self.known(&first)?;
                json!({ "specVersion": 1, "transactionVersion": 1 })
            }
            "system_accountNextIndex" => json!(*world.nonce.lock().unwrap()),
            "state_call" => {
                self.known(&params[2])?;
                match first.as_str().unwrap() {
                    "GridApi_now" => json!(hex(&world.clock.lock().unwrap().encode())),
                    "GridApi_shares" => json!(hex(&world.shares.lock().unwrap().encode())),
                    "FinalityApi_consortium" => json!(hex(&world.consortium.lock().unwrap())),
                    "FinalityApi_nodes" => json!(hex(&world.listed.lock().unwrap())),
                    "GridApi_regions" => json!(hex(&world.regions.lock().unwrap().encode())),
                    "GridApi_members" => json!("0x0c00"),
                    "AccountNonceApi_account_nonce" => json!(hex(&(*world.nonce.lock().unwrap() as u32).encode())),
                    "Metadata_metadata_at_version" => {
                        let version = u32::decode(&mut &unhex(params[1].as_str().unwrap())[..]).unwrap();
                        json!(hex(&metadata(version)))
                    }
                    other => panic!("{other}"),
                }
            }
            other => panic!("{other}"),
        })
    }

    /// Receives a transaction, and says what it will tell about it.
    async fn receive(&self, bytes: Vec<u8>, pending: PendingSubscriptionSink) {
        self.posted.lock().unwrap().push(bytes.clone());
        let manner = self.pool.lock().unwrap().pop_front().unwrap_or(Pool::Finalise);
        if let Pool::Reject(code, message, data) = manner {
            pending.reject(ErrorObjectOwned::owned(code, message, Some(data))).await;
            return;
        }
        let Ok(sink) = pending.accept().await else { return };
        send(&sink, &json!("ready")).await;
        match manner {
            Pool::Finalise | Pool::Hold => {
                if matches!(manner, Pool::Hold) {
                    let mut released = self.world.released.subscribe();
                    tokio::select! {
                        _ = released.wait_for(|released| *released) => {}
                        () = sink.closed() => return,
                    }
                }
                let number = self.world.include(vec![bytes]);
                send(&sink, &json!({ "finalized": hex(&self.world.hash(number)) })).await;
            }
            Pool::Include => {
                let number = self.world.make(vec![bytes]);
                send(&sink, &json!({ "inBlock": hex(&self.world.hash(number)) })).await;
                sink.closed().await;
            }
            Pool::IncludeAndVanish => {
                self.world.include(vec![bytes]);
                self.vanish.send_replace(true);
            }
            Pool::Drop => send(&sink, &json!("dropped")).await,
            Pool::Reject(..) => unreachable!(),
        }
    }
}

fn methods(state: Arc<State>) -> RpcModule<State> {
    let mut module = RpcModule::from_arc(state);
    for method in [
        "chain_getBlockHash",
        "chain_getFinalizedHead",
        "chain_getHeader",
        "chain_getBlock",
        "state_getStorage",
        "state_getStorageHash",
        "author_rotateKeysWithOwner",
        "author_hasSessionKeys",
        "readings_submitShare",
        "state_getRuntimeVersion",
        "state_call",
        "system_accountNextIndex",
    ] {
        module
            .register_async_method(method, move |params, state, _| async move {
                let params: Vec<Value> = params.parse().unwrap_or_default();
                if method != "chain_getBlockHash" {
                    state.enter(method).await;
                }
                state.answer(method, &params)
            })
            .unwrap();
    }
    module
        .register_subscription(
            "chain_subscribeFinalizedHeads",
            "chain_finalizedHead",
            "chain_unsubscribeFinalizedHeads",
            |_, pending, state, _| async move {
                state.enter("chain_subscribeFinalizedHeads").await;
                let Ok(sink) = pending.accept().await else { return };
                let mut finalised = state.world.finalised.subscribe();
                loop {
                    let number = *finalised.borrow_and_update();
                    send(&sink, &state.world.header(number)).await;
                    tokio::select! {
                        changed = finalised.changed() => if changed.is_err() { return },
                        () = sink.closed() => return,
                    }
                }
            },
        )
        .unwrap();
    module
        .register_subscription(
            "author_submitAndWatchExtrinsic",
            "author_extrinsicUpdate",
            "author_unwatchExtrinsic",
            |params, pending, state, _| async move {
                state.enter("author_submitAndWatchExtrinsic").await;
                let bytes: [String; 1] = params.parse().unwrap();
                state.receive(unhex(&bytes[0]), pending).await;
            },
        )
        .unwrap();
    module
}

async fn send(sink: &SubscriptionSink, value: &Value) {
    // The client may be gone already.
    let _ = sink.send(SubscriptionMessage::from_json(value).unwrap()).await;
}

/// The runtime's metadata in the form of the runtime's own answer.
pub fn metadata(version: u32) -> Vec<u8> {
    static LATEST: OnceLock<Vec<u8>> = OnceLock::new();
    assert_eq!(version, 16);
    // Some of the constants in it are read from storage.
    let read = || sp_io::TestExternalities::default().execute_with(|| Runtime::metadata_at_version(16).encode());
    LATEST.get_or_init(read).clone()
}

/// Options whose pauses do not hold up a test, and whose time-outs are never met by a node that answers.
pub fn options<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Options {
    let mut options = Options::new(nodes.into_iter().map(|node| node.url.clone()).collect());
    options.first_pause = Duration::from_millis(1);
    options.request_timeout = Duration::from_secs(30);
    options.connect_timeout = Duration::from_secs(30);
    options
}

pub fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

pub fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text.trim_start_matches("0x")).unwrap()
}

/// An address at which nothing listens.
pub async fn dead_url() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("ws://{}", listener.local_addr().unwrap())
}

/// A signed transaction, read by the wire format: length, version, address, signature, era, nonce, call.
pub struct Transaction {
    pub account: [u8; 32],
    pub signature: [u8; 64],
    pub era: [u8; 2],
    pub nonce: u64,
    pub call: Vec<u8>,
}

impl Transaction {
    pub fn read(bytes: &[u8]) -> Self {
        let body = Vec::<u8>::decode(&mut &bytes[..]).unwrap();
        let mut rest = &body[..];
        type Head = (u8, u8, [u8; 32], u8, [u8; 64], [u8; 2], Compact<u64>);
        let (version, address_kind, account, signature_kind, signature, era, nonce) = Head::decode(&mut rest).unwrap();
        assert_eq!((version, address_kind, signature_kind), (0x84, 0, 1));
        Self {
            account,
            signature,
            era,
            nonce: nonce.0,
            call: rest.to_vec(),
        }
    }

    /// What the signature is of: the call, what the transaction says beside it, and what it leaves unsaid.
    pub fn payload(&self, genesis: [u8; 32], birth: [u8; 32]) -> Vec<u8> {
        let said = (self.era, Compact(self.nonce)).encode();
        let unsaid = (1_u32, 1_u32, genesis, birth).encode();
        let payload = [&self.call[..], &said, &unsaid].concat();
        if payload.len() > 256 {
            blake2b_256(&[&payload]).to_vec()
        } else {
            payload
        }
    }
}

/// Waits until something is so, which another task brings about.
pub async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
