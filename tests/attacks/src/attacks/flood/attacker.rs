//! The attacker: invalid shares made beforehand, and connections that send them as fast as they may.

use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use codec::Encode;
use futures::{stream::SplitSink, SinkExt, StreamExt};
use gridveil_primitives::{
    batch::SignedShare,
    keys::{CycleKeys, RootKey, SpendKey},
    pseudonym::OneTimeKey,
    Half, PeriodIndex, PeriodKey, Prid,
};
use gridveil_runtime::{signing, AccountId, Signature, UncheckedExtrinsic, VERSION};
use rand::{rngs::StdRng, Rng, RngCore};
use sp_core::sr25519;
use sp_runtime::generic::Era;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{interval, sleep},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, Utf8Bytes},
    MaybeTlsStream, WebSocketStream,
};

use super::{Failed, RATE};
use crate::grid::submit;

const CONNECTIONS: usize = 8;
/// How often a connection sends; so many a second.
const TICKS: usize = 100;
/// How many different shares there are: more than are sent, or nearly, so that a pool's memory of bad ones does not help.
const DIFFERENT: usize = 120_000;
/// How long all answers may take after the last share.
const PATIENCE: Duration = Duration::from_secs(30);

/// Invalid shares as they are sent, by both ways.
///
/// Of twenty, seven are by pseudonyms that are in the filter, with signatures that are none: these cost a node most, and are
/// more than an outsider can know. Seven are signed, by pseudonyms that are not in the filter. Four are for periods that
/// are not open, and two are no shares.
pub struct Ammunition(Vec<Utf8Bytes>);

impl Ammunition {
    pub fn new(genesis: [u8; 32], key: PeriodKey, prids: Vec<Prid>, rng: &mut StdRng) -> Self {
        let mut maker = Maker {
            genesis,
            key,
            prids,
            strangers: Strangers::new(rng),
        };
        Self((0..DIFFERENT).map(|number| maker.message(number, rng).into()).collect())
    }
}

/// Pseudonyms of meters that nobody enrolled.
struct Strangers {
    spend: SpendKey,
    root: RootKey,
    keys: CycleKeys,
    next: PeriodIndex,
}

impl Strangers {
    fn new(rng: &mut StdRng) -> Self {
        let root = RootKey::from_bytes(rng.gen());
        Self {
            spend: SpendKey::from_seed(&rng.gen()),
            keys: root.meter_secret(&rng.gen()).cycle_keys(),
            root,
            next: 0,
        }
    }

    fn next(&mut self, rng: &mut StdRng) -> OneTimeKey {
        if self.next == PeriodIndex::MAX {
            self.keys = self.root.meter_secret(&rng.gen()).cycle_keys();
            self.next = 0;
        }
        self.next += 1;
        OneTimeKey::derive(&self.spend, &self.keys, Half::First, self.next)
    }
}

struct Maker {
    genesis: [u8; 32],
    key: PeriodKey,
    prids: Vec<Prid>,
    strangers: Strangers,
}

impl Maker {
    fn message(&mut self, number: usize, rng: &mut StdRng) -> String {
        let (by_aggregator, kind) = (number.is_multiple_of(2), number / 2 % 20);
        let bytes = match kind {
            0..2 => {
                let mut bytes = vec![0; rng.gen_range(1..114)];
                rng.fill_bytes(&mut bytes);
                bytes
            }
            2..6 => {
                let elsewhere = PeriodKey {
                    region: rng.gen_range(0..4),
                    cycle: rng.gen_range(0..4),
                    period: rng.gen_range(1..1_440),
                };
                self.forged(by_aggregator, elsewhere, rng)
            }
            6..13 => self.forged(by_aggregator, self.key, rng),
            _ => {
                let (signer, value) = (self.strangers.next(rng), rng.gen());
                match by_aggregator {
                    true => (self.key, signer.sign_share(&self.genesis, &self.key, value)).encode(),
                    false => self.extrinsic(self.key, signer.prid(), value, |payload| signer.sign(payload)),
                }
            }
        };
        let method = match by_aggregator {
            true => "readings_submitShare",
            false => "author_submitExtrinsic",
        };
        let bytes = hex::encode(bytes);
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":["0x{bytes}"]}}"#)
    }

    /// A share under a home's pseudonym, with a signature that is none.
    fn forged(&self, by_aggregator: bool, key: PeriodKey, rng: &mut StdRng) -> Vec<u8> {
        let (prid, value) = (self.prids[rng.gen_range(0..self.prids.len())], rng.gen());
        let mut signature = [0; 64];
        rng.fill_bytes(&mut signature);
        // A point, and a reduced scalar, marked as schnorrkel marks its own: it takes the whole equation to see that it is none.
        signature[..32].copy_from_slice(&prid);
        signature[63] = 0x80;
        let share = SignedShare { prid, value, signature };
        match by_aggregator {
            true => (key, share).encode(),
            false => self.extrinsic(key, prid, value, |_| signature),
        }
    }

    fn extrinsic(&self, key: PeriodKey, by: Prid, value: u64, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Vec<u8> {
        let first = self.genesis.into();
        let extension = signing::extension(Era::Immortal, 0);
        let payload = signing::payload(submit(key, value), extension, &VERSION, first, first);
        let signature = Signature::from(sr25519::Signature::from_raw(payload.using_encoded(sign)));
        let (call, extension, _) = payload.deconstruct();
        UncheckedExtrinsic::new_signed(call, AccountId::from(by).into(), signature, extension).encode()
    }
}

/// What connections count together.
#[derive(Default)]
struct Counts {
    flooding: AtomicBool,
    sent: AtomicUsize,
    answered: AtomicUsize,
    taken: AtomicUsize,
}

/// The connections.
pub struct Attacker {
    counts: Arc<Counts>,
    connections: Vec<JoinHandle<()>>,
    begun: Instant,
    flooding: Duration,
}

/// What came of it.
pub struct Said {
    pub answered: usize,
    pub taken: usize,
    time: Duration,
}

impl Said {
    /// Answers a second, while the flood lasted.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.time.as_secs_f64()
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Attacker {
    pub async fn connect(url: &str, ammunition: Ammunition) -> Result<Self, Failed> {
        let (counts, ammunition) = (Arc::new(Counts::default()), Arc::new(ammunition.0));
        let mut connections = Vec::new();
        for number in 0..CONNECTIONS {
            let (socket, _) = connect_async(url).await?;
            let (sink, mut answers) = socket.split();
            connections.push(tokio::spawn(send(sink, number, ammunition.clone(), counts.clone())));
            let counts = counts.clone();
            connections.push(tokio::spawn(async move {
                while let Some(Ok(message)) = answers.next().await {
                    let Message::Text(answer) = message else { continue };
                    counts.answered.fetch_add(1, Ordering::Relaxed);
                    let taken = answer.contains("\"result\"");
                    counts.taken.fetch_add(usize::from(taken), Ordering::Relaxed);
                }
            }));
        }
        Ok(Self {
            counts,
            connections,
            begun: Instant::now(),
            flooding: Duration::ZERO,
        })
    }

    /// The flood begins.
    pub fn begin(&mut self) {
        self.begun = Instant::now();
        self.counts.flooding.store(true, Ordering::Relaxed);
    }

    /// The flood ends; returns when the node has answered to all of it.
    pub async fn pause(&mut self) -> Result<(), Failed> {
        self.counts.flooding.store(false, Ordering::Relaxed);
        let waiting = Instant::now();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        // A tick may still be sending.
        sleep(Duration::from_millis(100)).await;
        while count(&self.counts.answered) < count(&self.counts.sent) {
            if waiting.elapsed() > PATIENCE {
                return Err("the node does not answer to the flood".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.flooding += self.begun.elapsed();
        Ok(())
    }

    pub fn end(self) -> Said {
        self.connections.iter().for_each(JoinHandle::abort);
        Said {
            answered: self.counts.answered.load(Ordering::Relaxed),
            taken: self.counts.taken.load(Ordering::Relaxed),
            time: self.flooding,
        }
    }
}

/// Sends a connection's part, tick by tick; what a full connection held up is sent later.
async fn send(
    mut sink: SplitSink<Socket, Message>,
    number: usize,
    ammunition: Arc<Vec<Utf8Bytes>>,
    counts: Arc<Counts>,
) {
    let mut next = number;
    let mut ticks = interval(Duration::from_secs(1) / TICKS as u32);
    loop {
        ticks.tick().await;
        if !counts.flooding.load(Ordering::Relaxed) {
            ticks.reset();
            continue;
        }
        // One more in some ticks, where the rate does not divide.
        let (each, rest) = (RATE / TICKS / CONNECTIONS, RATE / TICKS % CONNECTIONS);
        for _ in 0..each + usize::from(number < rest) {
            let message = ammunition[next % ammunition.len()].clone();
            next += CONNECTIONS;
            counts.sent.fetch_add(1, Ordering::Relaxed);
            if sink.feed(Message::Text(message)).await.is_err() {
                return;
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}
