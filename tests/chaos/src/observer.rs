//! Watches every node all the while, and remembers what each of them ever said was best and final.
//!
//! Promises a look at each node every [`PAUSE`] while it answers, from the start until the observer is dropped. A node that
//! does not answer is asked again; that it is away is no finding. What a node once said stays noted after it is gone, so
//! that a node which forgets a finalised block is found out.
//!
//! **Privacy.** Heights and hashes.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use tokio::{task::JoinHandle, time::sleep};

use crate::{
    chains::{Finalised, Hash},
    error::ChaosError,
    measure::{History, Sample},
    rpc::Rpc,
};

/// The pause between two looks at a node.
pub const PAUSE: Duration = Duration::from_millis(200);

/// What has been seen so far.
#[derive(Default)]
struct Seen {
    history: History,
    finalised: Finalised,
}

/// The watch over all nodes.
pub struct Observer {
    began: Instant,
    seen: Arc<Mutex<Seen>>,
    watches: Vec<JoinHandle<()>>,
}

impl Observer {
    /// An observer that watches nobody yet.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            seen: Arc::default(),
            watches: Vec::new(),
        }
    }

    /// Watches one more node from now on; its index is the number of those before it.
    pub fn watch(&mut self, name: &str, url: &str) {
        let (seen, began, node) = (self.seen.clone(), self.began, self.watches.len());
        let (name, rpc) = (name.to_owned(), Rpc::new(url));
        self.watches.push(tokio::spawn(async move {
            let mut last = None;
            loop {
                if let Ok((best, finalised, hash)) = look(&rpc, last).await {
                    last = Some((finalised, hash));
                    let mut seen = lock(&seen);
                    let at = began.elapsed();
                    seen.history.push(Sample {
                        at,
                        node,
                        best,
                        finalised,
                    });
                    seen.finalised.note(&name, finalised, hash);
                }
                sleep(PAUSE).await;
            }
        }));
    }

    /// The present, in the time of the samples.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Asks the history something.
    pub fn ask<T>(&self, question: impl FnOnce(&History) -> T) -> T {
        question(&lock(&self.seen).history)
    }

    /// Every finalised block that any node ever told of.
    pub fn finalised(&self) -> Finalised {
        lock(&self.seen).finalised.clone()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        for watch in &self.watches {
            watch.abort();
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A node's best height, and its last finalised block; a block that was known already is not asked for again.
async fn look(rpc: &Rpc, last: Option<(u32, Hash)>) -> Result<(u32, u32, Hash), ChaosError> {
    // The finalised block first: it is never ahead of the best one that is read after it.
    let hash = rpc.finalised_hash().await?;
    let finalised = match last {
        Some((number, known)) if known == hash => number,
        _ => rpc.block(hash).await?.number,
    };
    Ok((rpc.best().await?.number, finalised, hash))
}
