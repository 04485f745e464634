//! A hostile aggregator: what stands between clients and a node's RPC and does as it likes with the shares that are handed
//! in.
//!
//! Everything else passes unchanged. Each [`Malice`] keeps a ledger: how many shares it got hold of, by region, and how the
//! node answered what it then tried. A share that it hands in itself goes to the node as any client's would.
//!
//! **Privacy.** Sees what an aggregator sees: masked shares under one-time pseudonyms.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use gridveil_primitives::RegionId;
use serde_json::{json, Value};
use subxt::rpcs::rpc_params;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::unbounded_channel,
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_tungstenite::{accept_async, connect_async, tungstenite::Message};

use crate::rpc::{text, Rpc};

/// The methods by which a transaction is handed in.
const SUBMIT: [&str; 2] = ["author_submitAndWatchExtrinsic", "author_submitExtrinsic"];
/// The method by which a node tells what became of a transaction.
const UPDATE: &str = "author_extrinsicUpdate";
/// How long after a share was handed in it is said to be final.
const LIE: Duration = Duration::from_secs(3);
/// What a share's transaction ends with: region, cycle, period and value.
const SHARE_BYTES: usize = 4 + 4 + 2 + 8;

/// What the aggregator does with a share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Malice {
    /// Hands it on.
    #[default]
    None,
    /// Says that it took it, and forgets it.
    Drop,
    /// Says that it is final, and forgets it.
    Lie,
    /// Says nothing, and hands it on when its window has closed.
    Delay,
    /// Changes its value.
    Alter,
    /// Hands it on, and then again, and again.
    Replay,
}

/// What came of one kind of malice.
#[derive(Clone, Debug, Default)]
pub struct Deeds {
    /// How many shares it got hold of, by their region.
    pub caught: BTreeMap<RegionId, usize>,
    /// The node's words where it refused what was tried.
    pub refused: Vec<String>,
    /// How often the node took what was tried.
    pub taken: usize,
    /// What it lied about.
    pub lies: Vec<Vec<u8>>,
}

#[derive(Default)]
struct State {
    malice: Malice,
    ledger: BTreeMap<Malice, Deeds>,
}

struct Shared {
    upstream: String,
    /// How long [`Malice::Delay`] holds a share back; [`Malice::Replay`] tries its last time after that.
    delay: Duration,
    state: Mutex<State>,
}

/// The running proxy; gone when dropped.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Stands before the node with this RPC address. Does no harm yet.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn start(upstream: &str, delay: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("ws://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            upstream: upstream.into(),
            delay,
            state: Mutex::default(),
        });
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            // A connection that can't be accepted is the client's to try again.
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, serving.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { url, shared, task })
    }

    /// The address that clients are given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Does this from now on.
    pub fn turn(&self, malice: Malice) {
        self.shared.state().malice = malice;
    }

    /// What came of this so far.
    pub fn deeds(&self, malice: Malice) -> Deeds {
        self.shared.state().ledger.get(&malice).cloned().unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The present malice, with a note that it got hold of a share of a region.
    fn catch(&self, region: RegionId) -> Malice {
        let mut state = self.state();
        let malice = state.malice;
        let deeds = state.ledger.entry(malice).or_default();
        *deeds.caught.entry(region).or_default() += 1;
        malice
    }

    /// Notes how the node answered what was tried: its words, where it refused.
    fn note(&self, malice: Malice, refusal: Option<String>) {
        let mut state = self.state();
        let deeds = state.ledger.entry(malice).or_default();
        match refusal {
            Some(words) => deeds.refused.push(words),
            None => deeds.taken += 1,
        }
    }

    /// What a node says when a transaction has become final: in the block that is the last final one.
    async fn lie(&self, subscription: &str, submission: &Submission) -> Option<Message> {
        sleep(LIE).await;
        let node = Rpc::new(self.upstream.clone());
        let block = text(&node.finalised_hash().await.ok()?);
        let mut state = self.state();
        let deeds = state.ledger.entry(Malice::Lie).or_default();
        deeds.lies.push(submission.transaction.clone());
        let params = json!({ "subscription": subscription, "result": { "finalized": block } });
        Some(Message::text(
            json!({ "jsonrpc": "2.0", "method": UPDATE, "params": params }).to_string(),
        ))
    }

    /// Hands a transaction in as a client of the node's.
    async fn hand_in(&self, malice: Malice, transaction: &str) {
        let node = Rpc::new(self.upstream.clone());
        let answer = node.ask::<Value>("author_submitExtrinsic", rpc_params![transaction]);
        let refusal = answer.await.err().map(|error| error.to_string());
        self.note(malice, refusal);
    }
}

/// A share on its way, in a request.
#[derive(Clone, Debug, PartialEq)]
struct Submission {
    request: Value,
    transaction: Vec<u8>,
}

impl Submission {
    fn parse(text: &str) -> Option<Self> {
        let request: Value = serde_json::from_str(text).ok()?;
        let submits = request["method"]
            .as_str()
            .is_some_and(|method| SUBMIT.contains(&method));
        let transaction = request.pointer("/params/0").filter(|_| submits)?.as_str()?;
        let transaction = hex::decode(transaction.strip_prefix("0x")?).ok()?;
        Some(Self { request, transaction })
    }

    /// The region that the share is for.
    fn region(&self) -> RegionId {
        let start = self.transaction.len().saturating_sub(SHARE_BYTES);
        let region = self.transaction.get(start..start.saturating_add(4));
        region
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, RegionId::from_le_bytes)
    }

    fn id(&self) -> &Value {
        &self.request["id"]
    }

    fn text(&self) -> String {
        format!("0x{}", hex::encode(&self.transaction))
    }

    /// The same request, with a value that is one more or one less.
    fn altered(&self) -> Value {
        let mut transaction = self.transaction.clone();
        let lowest = transaction.len().saturating_sub(8);
        if let Some(byte) = transaction.get_mut(lowest) {
            *byte ^= 1;
        }
        let mut request = self.request.clone();
        request["params"][0] = format!("0x{}", hex::encode(transaction)).into();
        request
    }
}

/// Serves one client until it or the node goes away.
async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let Ok(client) = accept_async(client).await else { return };
    let Ok((node, _)) = connect_async(&shared.upstream).await else {
        return;
    };
    let (mut to_client, mut from_client) = client.split();
    let (mut to_node, mut from_node) = node.split();
    let (tell, mut told) = unbounded_channel();
    // What was tried under which request's number.
    let mut tried: BTreeMap<String, (Malice, Submission)> = BTreeMap::new();
    loop {
        let passed = tokio::select! {
            message = from_client.next() => match message {
                Some(Ok(Message::Text(text))) => match Submission::parse(&text) {
                    None => to_node.send(Message::Text(text)).await,
                    Some(submission) => {
                        let malice = shared.catch(submission.region());
                        match malice {
                            Malice::None => to_node.send(Message::Text(text)).await,
                            Malice::Drop => to_client.send(taken(submission.id(), "forgotten")).await,
                            Malice::Lie => {
                                let subscription = format!("lie-{}", submission.id());
                                let answer = taken(submission.id(), &subscription);
                                let (shared, tell) = (shared.clone(), tell.clone());
                                tokio::spawn(async move {
                                    if let Some(lie) = shared.lie(&subscription, &submission).await {
                                        // A client that has gone is not told.
                                        let _ = tell.send(lie);
                                    }
                                });
                                to_client.send(answer).await
                            }
                            Malice::Delay => {
                                let shared = shared.clone();
                                tokio::spawn(async move {
                                    sleep(shared.delay).await;
                                    shared.hand_in(malice, &submission.text()).await;
                                });
                                Ok(())
                            }
                            Malice::Alter => {
                                let altered = submission.altered().to_string();
                                tried.insert(submission.id().to_string(), (malice, submission));
                                to_node.send(Message::text(altered)).await
                            }
                            Malice::Replay => {
                                tried.insert(submission.id().to_string(), (malice, submission));
                                to_node.send(Message::Text(text)).await
                            }
                        }
                    }
                },
                Some(Ok(message)) if message.is_binary() => to_node.send(message).await,
                // The library answers pings by itself.
                Some(Ok(message)) if !message.is_close() => Ok(()),
                _ => return,
            },
            Some(lie) = told.recv() => to_client.send(lie).await,
            message = from_node.next() => match message {
                Some(Ok(message)) if message.is_text() || message.is_binary() => {
                    judge(&shared, &message, &mut tried);
                    to_client.send(message).await
                }
                Some(Ok(message)) if !message.is_close() => Ok(()),
                _ => return,
            },
        };
        if passed.is_err() {
            return;
        }
    }
}

/// What a node answers that took a transaction and will tell what becomes of it.
fn taken(id: &Value, subscription: &str) -> Message {
    Message::text(json!({ "jsonrpc": "2.0", "id": id, "result": subscription }).to_string())
}

/// Looks whether the node's message answers something that was tried.
fn judge(shared: &Arc<Shared>, message: &Message, tried: &mut BTreeMap<String, (Malice, Submission)>) {
    let answer: Option<Value> = message.to_text().ok().and_then(|text| serde_json::from_str(text).ok());
    let Some(answer) = answer else { return };
    let Some((malice, submission)) = tried.remove(&answer["id"].to_string()) else {
        return;
    };
    let refusal = answer.get("error").map(Value::to_string);
    match (malice, refusal) {
        // Only what the node took the first time can be handed in again.
        (Malice::Replay, None) => {
            for pause in [Duration::from_secs(1), shared.delay / 2, shared.delay] {
                let (shared, transaction) = (shared.clone(), submission.text());
                tokio::spawn(async move {
                    sleep(pause).await;
                    shared.hand_in(malice, &transaction).await;
                });
            }
        }
        (Malice::Replay, Some(_)) => {}
        (malice, refusal) => shared.note(malice, refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission() -> Submission {
        let mut transaction = vec![0x84; 120];
        transaction.extend(7_u32.to_le_bytes());
        transaction.extend(0_u32.to_le_bytes());
        transaction.extend(3_u16.to_le_bytes());
        transaction.extend(1_000_u64.to_le_bytes());
        let text = format!("0x{}", hex::encode(&transaction));
        let request = json!({ "jsonrpc": "2.0", "id": 5, "method": SUBMIT[0], "params": [text] });
        Submission { request, transaction }
    }

    #[test]
    fn shares_are_told_from_everything_else() {
        let share = submission();
        assert_eq!(Submission::parse(&share.request.to_string()), Some(share.clone()));
        assert_eq!(share.region(), 7);
        let other = json!({ "id": 1, "method": "state_call", "params": ["0x00"] }).to_string();
        assert_eq!(Submission::parse(&other), None);
        assert_eq!(Submission::parse("[]"), None);
    }

    #[test]
    fn an_altered_share_differs_in_its_value_and_in_nothing_else() {
        let share = submission();
        let altered = Submission::parse(&share.altered().to_string()).unwrap();
        assert_eq!(altered.id(), share.id());
        let value = altered.transaction.len() - 8;
        assert_eq!(altered.transaction[..value], share.transaction[..value]);
        assert_eq!(altered.transaction[value..], 1_001_u64.to_le_bytes());
    }

    #[tokio::test]
    async fn a_lie_names_a_final_block_and_the_share_never_reaches_the_node() {
        let node = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let upstream = format!("ws://{}", node.local_addr().unwrap());
        let proxy = Proxy::start(&upstream, Duration::ZERO).await.unwrap();
        proxy.turn(Malice::Lie);
        let hash = text(&[7; 32]);
        let (final_block, mut asked) = (hash.clone(), Vec::new());
        let serving = tokio::spawn(async move {
            // The client's connection, which stays silent, and the proxy's own.
            let (first, _) = node.accept().await.unwrap();
            let silent = accept_async(first).await.unwrap();
            let (second, _) = node.accept().await.unwrap();
            let mut own = accept_async(second).await.unwrap();
            let question: Value =
                serde_json::from_str(&own.next().await.unwrap().unwrap().into_text().unwrap()).unwrap();
            asked.push(question["method"].to_string());
            let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": final_block });
            own.send(Message::text(answer.to_string())).await.unwrap();
            // Both stay open for as long as somebody looks: a client is let go when its node goes away.
            (asked, silent, own)
        });
        let (mut client, _) = connect_async(proxy.url()).await.unwrap();
        let share = submission();
        client.send(Message::text(share.request.to_string())).await.unwrap();
        let answer = client.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(answer.contains("lie-5"), "{answer}");
        let update = client.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(update.contains("finalized") && update.contains(&hash), "{update}");
        assert_eq!(serving.await.unwrap().0, vec!["\"chain_getFinalizedHead\""]);
        assert_eq!(proxy.deeds(Malice::Lie).lies, vec![share.transaction]);
    }

    #[tokio::test]
    async fn a_dropped_share_looks_taken_and_never_reaches_the_node() {
        let node = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let upstream = format!("ws://{}", node.local_addr().unwrap());
        let proxy = Proxy::start(&upstream, Duration::ZERO).await.unwrap();
        proxy.turn(Malice::Drop);
        let serving = tokio::spawn(async move {
            let (stream, _) = node.accept().await.unwrap();
            let mut stream = accept_async(stream).await.unwrap();
            stream.next().await.unwrap().unwrap().into_text().unwrap()
        });
        let (mut client, _) = connect_async(proxy.url()).await.unwrap();
        client
            .send(Message::text(submission().request.to_string()))
            .await
            .unwrap();
        let answer = client.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(answer.contains("\"id\":5") && answer.contains("result"), "{answer}");
        client
            .send(Message::text("{\"method\":\"system_health\"}"))
            .await
            .unwrap();
        // What reaches the node is the second message, not the share.
        assert!(serving.await.unwrap().contains("system_health"));
        assert_eq!(proxy.deeds(Malice::Drop).caught, BTreeMap::from([(7, 1)]));
    }
}
