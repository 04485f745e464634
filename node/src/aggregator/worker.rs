//! The aggregator's worker: takes shares in, sends batches out, and forgets what is over.
//!
//! It works on one thread, over a [`Book`] and a [`Journal`]. Shares that wait are taken together: each is checked as the
//! chain would check it at the best block, what is new is written to the disk at once, and then the receipts are signed. With
//! each best block it sends what is due, and with each finalised one it closes what is over; where an accepted share is not
//! there then, it says so in the log, and the meter has the receipt to show for it. Shares of the journal that are not signed
//! for this chain are those of another one, which was here before, and are left out.
//!
//! **Privacy.** The log has counts and no pseudonyms.

use super::{
    book::{Book, Limits, Note, OnChain},
    journal::Journal,
    metrics::Metrics,
    sight::{Look, Sight},
    Declined, Request, KEY_TYPE,
};
use futures::{Stream, StreamExt};
use gridveil_primitives::{
    batch::{receipt_message, verify_share, Receipt, SignedShare},
    tally, Moment, PeriodKey, Prid, Refusal, RegionId,
};
use gridveil_runtime::{BlockNumber, Hash};
use sp_core::sr25519;
use sp_keystore::KeystorePtr;
use std::{
    collections::{btree_map::Entry, BTreeMap, BTreeSet},
    fmt::Display,
    future::Future,
    io,
    path::Path,
};
use tokio::sync::mpsc;

/// How many shares are checked and written together, at most.
const LOT: usize = 256;

/// What the worker asks of the chain. All but `best` and `finalised` can fail where a block's state is not here.
pub trait Chain: Look<Error: Display> + Send + Sync {
    /// The hash of the first block.
    fn genesis(&self) -> [u8; 32];
    /// The best block's hash and number.
    fn best(&self) -> (Hash, BlockNumber);
    /// The last finalised block.
    fn finalised(&self) -> Hash;
    /// How many batches a period has, and what it takes.
    fn batches(&self, at: Hash, key: PeriodKey) -> Result<(u32, Limits), Self::Error>;
    /// The code of the [`Refusal`] that a share under this pseudonym would meet, its signature left aside.
    fn refusal(&self, at: Hash, key: PeriodKey, prid: Prid) -> Result<Option<u8>, Self::Error>;
    /// The pseudonyms of a period's shares.
    fn shares(&self, at: Hash, key: PeriodKey) -> Result<BTreeSet<Prid>, Self::Error>;
    /// Sends a batch as the region's aggregator.
    fn send(
        &self,
        at: Hash,
        aggregator: [u8; 32],
        key: PeriodKey,
        batch: Vec<SignedShare>,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

/// Batches of one period.
type Batches = Vec<Vec<SignedShare>>;

/// What a receipt says of a period.
#[derive(Clone, Copy)]
struct Terms {
    aggregator: [u8; 32],
    closes: Moment,
}

/// What was found out for the shares of one lot.
#[derive(Default)]
struct Known {
    /// The regions' aggregators, where this node is the one.
    aggregators: BTreeMap<RegionId, Result<[u8; 32], Refusal>>,
    /// How many new shares of a period are taken yet.
    rooms: BTreeMap<PeriodKey, usize>,
}

/// The worker.
pub struct Worker<C> {
    chain: C,
    keystore: KeystorePtr,
    metrics: Metrics,
    journal: Journal,
    book: Book,
    /// What the best block says, since something was asked.
    sight: Option<Sight>,
}

impl<C: Chain> Worker<C> {
    /// A worker with the shares that the journal in `folder` holds.
    ///
    /// # Errors
    ///
    /// Those of [`Journal::open`].
    pub fn open(folder: &Path, chain: C, keystore: KeystorePtr, metrics: Metrics) -> io::Result<Self> {
        let (mut journal, held) = Journal::open(folder)?;
        let mut book = Book::default();
        let genesis = chain.genesis();
        for (key, shares) in held {
            let (own, foreign): (Vec<_>, Vec<_>) = shares
                .into_iter()
                .partition(|share| verify_share(&genesis, &key, share));
            if !foreign.is_empty() {
                tracing::warn!("{} shares kept for {key:?} are of another chain", foreign.len());
            }
            if own.is_empty() {
                journal.forget(&key)?;
            }
            own.into_iter().for_each(|share| book.take(key, share));
        }
        Ok(Self {
            chain,
            keystore,
            metrics,
            journal,
            book,
            sight: None,
        })
    }

    /// Works until nobody can hand in anything any more; `imported` and `finalised` tick with each new best and each newly
    /// finalised block.
    pub async fn run<B, F>(mut self, mut requests: mpsc::Receiver<Request>, mut imported: B, mut finalised: F)
    where
        B: Stream + Unpin,
        F: Stream + Unpin,
    {
        self.close();
        self.send().await;
        let mut lot = Vec::with_capacity(LOT);
        loop {
            tokio::select! {
                count = requests.recv_many(&mut lot, LOT) => match count {
                    0 => return,
                    _ => self.accept(std::mem::take(&mut lot)),
                },
                Some(_) = imported.next() => self.send().await,
                Some(_) = finalised.next() => self.close(),
            }
            self.metrics.held.set(count(self.book.held()));
        }
    }

    /// Answers a lot of shares.
    fn accept(&mut self, lot: Vec<Request>) {
        let (best, number) = self.chain.best();
        let mut sight = match self.sight.take() {
            Some(sight) if sight.at() == best => Ok(sight),
            _ => Sight::new(&self.chain, best).map_err(failed),
        };
        let mut known = Known::default();
        let mut fresh = BTreeMap::<PeriodKey, Vec<SignedShare>>::new();
        let mut judged = Vec::with_capacity(lot.len());
        for Request { key, share, answer } in lot {
            let verdict = match &mut sight {
                Ok(sight) => self.judge(sight, number, &mut known, key, &share),
                Err(declined) => Err(declined.clone()),
            };
            if matches!(verdict, Ok((_, Note::New))) {
                self.book.take(key, share);
                fresh.entry(key).or_default().push(share);
            }
            judged.push((key, share, answer, verdict));
        }
        self.sight = sight.ok();
        let mut unkept = BTreeMap::new();
        for (key, shares) in &fresh {
            if let Err(error) = self.journal.append(key, shares) {
                tracing::error!("Shares of {key:?} could not be kept: {error}");
                self.book.give_back(key, shares);
                unkept.insert(*key, error.to_string());
            }
        }
        for (key, share, answer, verdict) in judged {
            let receipt = verdict.and_then(|(terms, _)| match unkept.get(&key) {
                Some(error) => Err(Declined::Failed(error.clone())),
                None => self.receipt(&terms, key, &share),
            });
            match &receipt {
                Ok(_) => self.metrics.accepted.inc(),
                Err(_) => self.metrics.declined.inc(),
            }
            // Whoever asked may be gone; the share is kept all the same.
            let _ = answer.send(receipt);
        }
    }

    /// Whether a share is new or known; every reason against it that the chain would have is one here. What needs no more
    /// than a look into memory comes first, then the signature, and last what only the runtime can say: a flood of shares
    /// that are none gets no further than it must.
    fn judge(
        &self,
        sight: &mut Sight,
        number: BlockNumber,
        known: &mut Known,
        key: PeriodKey,
        share: &SignedShare,
    ) -> Result<(Terms, Note), Declined> {
        let own = known.aggregators.entry(key.region);
        let aggregator = (*own.or_insert_with(|| self.aggregator(sight, key.region)))?;
        let schedule = sight.schedule(&self.chain, key.cycle).map_err(failed)?;
        let closes = schedule.ok_or(Refusal::UnknownCycle)?.closes(key.period);
        let terms = Terms {
            aggregator,
            closes: closes.ok_or(Refusal::UnknownPeriod)?,
        };
        let note = self.book.look(&key, share);
        match note {
            Note::Known => return Ok((terms, note)),
            Note::Other => return Err(Refusal::AlreadyUsed.into()),
            Note::Full => return Err(Declined::Busy),
            Note::New => {}
        }
        if let Some(refusal) = sight.refusal(&self.chain, &key, &share.prid).map_err(failed)? {
            return Err(refusal.into());
        }
        // Of the identity anybody can make signatures.
        if share.prid == tally::EMPTY || tally::add(&tally::EMPTY, &share.prid).is_none() {
            return Err(Refusal::NotAPoint.into());
        }
        if !verify_share(&self.chain.genesis(), &key, share) {
            return Err(Refusal::BadSignature.into());
        }
        if let Some(code) = self.chain.refusal(sight.at(), key, share.prid).map_err(failed)? {
            return Err(match Refusal::from_code(code) {
                Some(refusal) => refusal.into(),
                None => Declined::Failed(format!("the chain would refuse it for reason {code}, which is new")),
            });
        }
        let room = match known.rooms.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (there, limits) = self.chain.batches(sight.at(), key).map_err(failed)?;
                entry.insert(self.book.room(&key, number, there, limits))
            }
        };
        *room = room.checked_sub(1).ok_or(Refusal::TooManyBatches)?;
        Ok((terms, note))
    }

    /// The aggregator of a region, which this node must be.
    fn aggregator(&self, sight: &Sight, region: RegionId) -> Result<[u8; 32], Refusal> {
        let aggregator = sight.aggregator(region).ok_or(Refusal::UnknownRegion)?;
        if self.keystore.has_keys(&[(aggregator.to_vec(), KEY_TYPE)]) {
            Ok(aggregator)
        } else {
            Err(Refusal::NotTheAggregator)
        }
    }

    fn receipt(&self, terms: &Terms, key: PeriodKey, share: &SignedShare) -> Result<Receipt, Declined> {
        let SignedShare { prid, value, .. } = *share;
        let message = receipt_message(&self.chain.genesis(), &key, &prid, value, terms.closes);
        let public = sr25519::Public::from_raw(terms.aggregator);
        let signature = self
            .keystore
            .sr25519_sign(KEY_TYPE, &public, &message)
            .map_err(failed)?;
        Ok(Receipt {
            aggregator: terms.aggregator,
            key,
            prid,
            value,
            closes: terms.closes,
            signature: signature.ok_or(Refusal::NotTheAggregator)?.0,
        })
    }

    /// Sends what is due at the best block.
    async fn send(&mut self) {
        let best = self.chain.best();
        for key in self.book.periods() {
            let (aggregator, batches) = match self.due(best, key) {
                Ok(Some(due)) => due,
                // A node that is behind does not know the cycle yet.
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!("What is due of {key:?} is not known: {error}");
                    continue;
                }
            };
            for batch in batches {
                match self.chain.send(best.0, aggregator, key, batch.clone()).await {
                    Ok(()) => self.metrics.sent.inc_by(count(batch.len())),
                    Err(error) => {
                        tracing::warn!("A batch of {} shares of {key:?} was not sent: {error}", batch.len());
                        self.book.unsent(&key, &batch);
                    }
                }
            }
        }
    }

    /// The batches of a period that are due, and who sends them.
    fn due(
        &mut self,
        (best, number): (Hash, BlockNumber),
        key: PeriodKey,
    ) -> Result<Option<([u8; 32], Batches)>, C::Error> {
        let (Some(aggregator), Some(schedule)) = (
            self.chain.regions(best)?.get(&key.region).copied(),
            self.chain.schedule(best, key.cycle)?,
        ) else {
            return Ok(None);
        };
        let Some(closes) = schedule.closes(key.period) else {
            return Ok(None);
        };
        let (batches, limits) = self.chain.batches(best, key)?;
        let chain = OnChain {
            now: self.chain.now(best)?,
            best: number,
            closes,
            window: schedule.window_ms,
            there: self.chain.shares(best, key)?,
            batches,
        };
        Ok(Some((aggregator, self.book.due(&key, &chain, limits))))
    }

    /// Forgets the periods that are over on the finalised chain.
    fn close(&mut self) {
        let at = self.chain.finalised();
        for key in self.book.periods() {
            let there = match self.over(at, key) {
                Ok(Some(there)) => there,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!("Whether {key:?} is over is not known: {error}");
                    continue;
                }
            };
            let (landed, lost) = self.book.close(&key, &there);
            self.metrics.finalised.inc_by(count(landed));
            self.metrics.lost.inc_by(count(lost));
            if lost > 0 {
                tracing::error!("{lost} shares accepted for {key:?} are not on the finalised chain");
            }
            if let Err(error) = self.journal.forget(&key) {
                tracing::warn!("The file of {key:?} could not be removed: {error}");
            }
        }
    }

    /// The shares of a period whose window is over at a finalised block, after which there are no more; `None` before.
    fn over(&self, at: Hash, key: PeriodKey) -> Result<Option<BTreeSet<Prid>>, C::Error> {
        let schedule = self.chain.schedule(at, key.cycle)?;
        let closes = schedule.and_then(|schedule| schedule.closes(key.period));
        match closes {
            Some(closes) if self.chain.now(at)? >= closes => self.chain.shares(at, key).map(Some),
            _ => Ok(None),
        }
    }
}

fn failed(problem: impl Display) -> Declined {
    Declined::Failed(problem.to_string())
}

/// A number of shares as a counter takes it.
fn count(shares: usize) -> u64 {
    shares.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
