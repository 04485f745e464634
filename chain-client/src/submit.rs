//! Calls of accounts with a role: signed once, followed until their fate is certain.
//!
//! A transaction is signed for one nonce and a bounded number of blocks, and only those bytes are ever handed in again.
//! It is signed anew only when the finalised chain shows that the first one can no longer be included: its blocks have
//! passed, or its nonce is taken by another. That is why a call is applied at most once per [`Chain::submit`], whatever
//! becomes of the nodes in between.

use crate::{
    chain::{block_hash, narrow, Chain, Head, Inclusion},
    link::translate,
    pool::{post, Posted, Watch},
    reads::{decode, state_call},
    runtime::{Runtime, Sign, LIFETIME},
    Call, Error, RoleKey,
};
use backon::BackoffBuilder;
use codec::Encode;
use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex, MutexGuard,
    },
    time::Duration,
};
use subxt::{
    ext::frame_decode::storage::encode_storage_key_prefix,
    utils::{AccountId32, H256},
};
use tokio::time::{sleep, timeout};

/// The pause between two looks at the chain while a node does not follow a transaction for us.
pub(crate) const POLL: Duration = Duration::from_millis(500);

/// The accounts that submit, each with its transactions on their way.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<[u8; 32], Arc<Lane>>>);

impl Lanes {
    fn lane(&self, account: [u8; 32]) -> Arc<Lane> {
        unpoison(&self.0).entry(account).or_default().clone()
    }
}

/// One account's transactions on their way.
#[derive(Default)]
pub(crate) struct Lane {
    /// Held while a nonce is chosen and its transaction handed in, so that nonces reach the pool in order.
    turn: tokio::sync::Mutex<()>,
    traffic: Mutex<Traffic>,
}

/// How many transactions are on their way, and the nonce after the last of them.
#[derive(Default)]
struct Traffic {
    under_way: usize,
    next: u64,
}

impl Lane {
    /// The nonce for a new transaction, given what the node's pool expects next. The pool may not have heard of those
    /// that went to another node.
    fn nonce(&self, expected: u64) -> u64 {
        unpoison(&self.traffic).next.max(expected)
    }

    /// Notes that a transaction with this nonce is on its way.
    fn takes(&self, nonce: u64) {
        let mut traffic = unpoison(&self.traffic);
        traffic.next = traffic.next.max(nonce.saturating_add(1));
    }
}

/// Counts a transaction as on its way until dropped.
struct Ticket(Arc<Lane>);

impl Ticket {
    fn new(lane: Arc<Lane>) -> Self {
        let count = &mut unpoison(&lane.traffic).under_way;
        *count = count.saturating_add(1);
        Self(lane.clone())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut traffic = unpoison(&self.0.traffic);
        traffic.under_way = traffic.under_way.saturating_sub(1);
        if traffic.under_way == 0 {
            // Nothing is on its way, so that the chain alone knows the next nonce; one that was given up leaves no gap.
            traffic.next = 0;
        }
    }
}

fn unpoison<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Sign for RoleKey {
    fn account(&self) -> [u8; 32] {
        RoleKey::account(self)
    }

    fn sign(&self, payload: &[u8]) -> [u8; 64] {
        RoleKey::sign(self, payload)
    }
}

/// A call that was applied and succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Where.
    pub inclusion: Inclusion,
    /// What the runtime reported about it: pallet and event of each, in order.
    pub events: Vec<(String, String)>,
}

impl Applied {
    /// Whether the runtime reported this event.
    pub fn reports(&self, pallet: &str, event: &str) -> bool {
        self.events.iter().any(|(by, what)| by == pallet && what == event)
    }
}

/// A transaction that was signed.
struct Signed {
    bytes: Vec<u8>,
    nonce: u64,
    /// The finalised block at signing; the transaction is in none up to here.
    head: Head,
    /// The runtime that it was signed for. No other one takes it, so this is the one whose events tell how it ended; the
    /// state after its block may have the next one already.
    runtime: Arc<Runtime>,
}

/// What became of a signed transaction.
enum Fate {
    /// It is in this finalised block.
    Included([u8; 32]),
    /// It can no longer be included, and its nonce is unused.
    Expired,
    /// Another transaction has its nonce.
    Displaced,
}

impl Chain {
    /// Submits a call and waits until it is finalised and has succeeded.
    ///
    /// Several calls of one account may be submitted at the same time; they get successive nonces in the order in which
    /// they are handed in. Errors: [`Error::NotAccepted`] where the pool refuses the transaction, [`Error::Dispatch`]
    /// where the call was applied and failed, [`Error::Unresolved`] where its fate is unknown after
    /// `Options::transaction_timeout`, [`Error::Encode`], and those of a request before anything was sent.
    pub async fn submit(&self, signer: &RoleKey, call: Call) -> Result<Inclusion, Error> {
        Ok(self.apply(signer, call).await?.inclusion)
    }

    /// [`Chain::submit`] that also says what the runtime reported.
    pub async fn apply(&self, signer: &RoleKey, call: Call) -> Result<Applied, Error> {
        let after = self.inner.link.options().transaction_timeout;
        let sent = AtomicBool::new(false);
        timeout(after, self.carry(signer, &call, &sent))
            .await
            .unwrap_or_else(|_| Err(out_of_time(&call, &sent, after)))
    }

    async fn carry(&self, signer: &RoleKey, call: &Call, sent: &AtomicBool) -> Result<Applied, Error> {
        let account = signer.account();
        let lane = self.inner.lanes.lane(account);
        let _ticket = Ticket::new(lane.clone());
        let mut reuse = None;
        loop {
            let (signed, watch) = self.launch(signer, call, &lane, reuse, sent).await?;
            match self.follow(account, &signed, watch).await? {
                Fate::Included(block) => return self.settle(call, &signed, block).await,
                Fate::Expired => reuse = Some(signed.nonce),
                Fate::Displaced => reuse = None,
            }
            tracing::warn!(%call, nonce = signed.nonce, "a transaction was not included; signing it anew");
        }
    }

    /// Signs a call and hands it in. The watch is missing where the node may or may not have taken it.
    async fn launch(
        &self,
        signer: &RoleKey,
        call: &Call,
        lane: &Lane,
        mut reuse: Option<u64>,
        sent: &AtomicBool,
    ) -> Result<(Signed, Option<Watch>), Error> {
        let _turn = lane.turn.lock().await;
        let mut pauses = self.inner.link.pauses().build();
        loop {
            let head = self.finalised().await?;
            let runtime = self.runtime_at(head).await?;
            let nonce = match reuse.take() {
                Some(nonce) => nonce,
                None => lane.nonce(self.expected_nonce(signer.account()).await?),
            };
            let bytes = runtime.transaction(call, signer, nonce, head)?;
            tracing::debug!(%call, nonce, head = head.number, "handing in a transaction");
            sent.store(true, Ordering::Relaxed);
            let signed = Signed {
                bytes,
                nonce,
                head,
                runtime,
            };
            let posted = self.inner.link.once("handing in a transaction", |session| {
                let bytes = &signed.bytes;
                async move { post(&session, bytes).await }
            });
            let rejected = match posted.await {
                Ok(Posted::Accepted(watch)) => {
                    lane.takes(nonce);
                    return Ok((signed, Some(watch)));
                }
                Err(failure) if failure.is_transient() => {
                    tracing::warn!(%call, %failure, "a transaction may have been handed in");
                    lane.takes(nonce);
                    return Ok((signed, None));
                }
                Err(failure) => return Err(failure),
                Ok(Posted::Refused(rejection)) => return Err(not_accepted(call, rejection)),
                Ok(Posted::Busy(rejection)) => not_accepted(call, rejection),
                Ok(Posted::Present | Posted::Outdated) => Error::NotAccepted {
                    call: call.to_string(),
                    code: 1014,
                    message: format!("another transaction of the account has its nonce, {nonce}"),
                },
            };
            sent.store(false, Ordering::Relaxed);
            tracing::debug!(%rejected, "trying again");
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(rejected),
            }
        }
    }

    /// Waits until the fate of a signed transaction is certain, handing it in again wherever it may have been lost.
    async fn follow(&self, account: [u8; 32], signed: &Signed, mut watch: Option<Watch>) -> Result<Fate, Error> {
        loop {
            if let Some(watch) = watch.take() {
                if let Some(block) = watch.finalised(self.inner.link.options().silence).await {
                    return Ok(Fate::Included(block));
                }
            }
            match self.fate(account, signed).await {
                Ok(Some(fate)) => return Ok(fate),
                Ok(None) => {}
                Err(passing) if passing.is_transient() => tracing::warn!(%passing, "looking for a transaction"),
                Err(lasting) => return Err(lasting),
            }
            let again = self.inner.link.once("handing in a transaction", |session| async move {
                post(&session, &signed.bytes).await
            });
            match again.await {
                Ok(Posted::Accepted(followed)) => watch = Some(followed),
                Ok(_) => sleep(POLL).await,
                Err(passing) if passing.is_transient() => sleep(POLL).await,
                Err(lasting) => return Err(lasting),
            }
        }
    }

    /// What the finalised chain says about a signed transaction; `None` while it may still be included.
    async fn fate(&self, account: [u8; 32], signed: &Signed) -> Result<Option<Fate>, Error> {
        let head = self.finalised().await?;
        if self.nonce_at(account, head.hash).await? <= signed.nonce {
            // No transaction with its nonce is finalised, and so it is not.
            let expired = head.number >= signed.head.number.saturating_add(LIFETIME);
            return Ok(expired.then_some(Fate::Expired));
        }
        let last = head.number.min(signed.head.number.saturating_add(LIFETIME));
        for number in signed.head.number..=last {
            let block = self.finalised_block_hash(number).await?;
            if self.body(block).await?.1.contains(&signed.bytes) {
                return Ok(Some(Fate::Included(block)));
            }
        }
        Ok(Some(Fate::Displaced))
    }

    /// Reads from a block's events how a transaction in it ended, for as long as it takes.
    async fn settle(&self, call: &Call, signed: &Signed, block: [u8; 32]) -> Result<Applied, Error> {
        loop {
            match self.outcome(call, signed, block).await {
                Err(passing) if passing.is_transient() => {
                    tracing::warn!(%passing, "reading how a transaction ended");
                    sleep(POLL).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn outcome(&self, call: &Call, signed: &Signed, block: [u8; 32]) -> Result<Applied, Error> {
        let (number, body) = self.body(block).await?;
        let place = body
            .iter()
            .position(|bytes| *bytes == signed.bytes)
            .and_then(|place| u32::try_from(place).ok());
        let place = place.ok_or_else(|| Error::Decode {
            what: format!("block {number}"),
            cause: format!("it lacks the transaction {call}, which the node says it contains"),
        })?;
        let key = encode_storage_key_prefix("System", "Events");
        let events = self.storage("a block's events", &key, block).await?.unwrap_or_default();
        Ok(Applied {
            events: signed.runtime.judge(call, place, events)?,
            inclusion: Inclusion { block, number },
        })
    }

    /// A block's number and its transactions.
    async fn body(&self, block: [u8; 32]) -> Result<(u32, Vec<Vec<u8>>), Error> {
        let what = "reading a block";
        self.inner
            .link
            .ask(what, |session| async move {
                let found = session.rpc.chain_get_block(Some(H256(block))).await;
                let found = found.map_err(|cause| translate(&session.url, what, cause))?;
                let found = found.ok_or_else(|| Error::UnknownBlock {
                    url: session.url.to_string(),
                    what: what.into(),
                })?;
                let body = found.block.extrinsics.into_iter().map(|bytes| bytes.0).collect();
                Ok((narrow(found.block.header.number)?, body))
            })
            .await
    }

    async fn finalised_block_hash(&self, number: u32) -> Result<[u8; 32], Error> {
        let ask = |session| async move { block_hash(&session, number).await };
        self.inner.link.ask("reading a block's hash", ask).await
    }

    /// The nonce that a node's pool expects of an account next.
    async fn expected_nonce(&self, account: [u8; 32]) -> Result<u64, Error> {
        let what = "reading an account's next nonce";
        self.inner
            .link
            .ask(what, |session| async move {
                let nonce = session.rpc.system_account_next_index(&AccountId32(account)).await;
                nonce.map_err(|cause| translate(&session.url, what, cause))
            })
            .await
    }

    /// An account's nonce at a block.
    async fn nonce_at(&self, account: [u8; 32], block: [u8; 32]) -> Result<u64, Error> {
        let function = "AccountNonceApi_account_nonce";
        let answer = self
            .inner
            .link
            .ask(function, |session| async move {
                state_call(&session, function, &account.encode(), block).await
            })
            .await?;
        decode::<u32>(function, &answer).map(u64::from)
    }
}

/// The error of a transaction that took too long: whether anything may have been sent matters to the caller.
pub(crate) fn out_of_time(call: &Call, sent: &AtomicBool, after: Duration) -> Error {
    if sent.load(Ordering::Relaxed) {
        Error::Unresolved {
            call: call.to_string(),
            after,
        }
    } else {
        Error::TimedOut {
            what: format!("handing in {call}"),
            after,
        }
    }
}

/// The error of a transaction that the pool turned away.
pub(crate) fn not_accepted(call: &Call, rejection: crate::pool::Rejection) -> Error {
    Error::NotAccepted {
        call: call.to_string(),
        code: rejection.code,
        message: rejection.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_on_their_way_get_successive_nonces_though_the_pool_has_not_heard_of_them() {
        let lane = Arc::new(Lane::default());
        let (_first, _second) = (Ticket::new(lane.clone()), Ticket::new(lane.clone()));
        assert_eq!(lane.nonce(7), 7);
        lane.takes(7);
        assert_eq!(lane.nonce(7), 8);
    }

    #[test]
    fn a_transaction_that_was_given_up_leaves_no_gap() {
        let lane = Arc::new(Lane::default());
        let ticket = Ticket::new(lane.clone());
        lane.takes(7);
        drop(ticket);
        assert_eq!(lane.nonce(7), 7);
    }
}
