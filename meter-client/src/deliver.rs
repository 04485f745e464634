//! How one period's shares come to the finalised chain.
//!
//! Each of the two is sent at a random time of its own; where it is not finalised by half of the window, the same bytes of
//! it go out again by another route, and again until the close, after which the chain has the last word. The chain is
//! asked before a share is sent again. One node's word is not believed, since a hostile aggregator may say anything: after
//! a refusal the share goes to the next one, and what one node says to be final is looked up at others ([`crate::witness`])
//! and goes out again by whichever does not have it. Where the meter is to send [`By::Both`] or [`By::Batch`], the first try is
//! to hand the share to the region's aggregator, the first node; its receipt is kept, and believed no more than any other word:
//! by half of the window the share is final, or it goes out again, with [`By::Both`] as a transaction by any node. Called by the period loop alone ([`crate::run`]), with shares that are
//! fixed on disk; what is sent is recorded before it is.
//!
//! **Privacy.** First tries and later ones are at independent random times, so that the two shares of a meter never go
//! out together and the meters of a region do not move in step.

use crate::{
    clock::{within, Clock},
    config::By,
    event::Event,
    keys::Enrolment,
    node::{Node, NodeError},
    records::{PeriodState, StoredPeriod, StoredShare},
    run::{Meter, RunError},
    witness::{Hearing, Word},
};
use codec::Encode;
use futures::{future::join, stream::FuturesUnordered, StreamExt};
use gridveil_primitives::{
    batch::Receipt, pseudonym::OneTimeKey, CycleId, CycleSchedule, Half, Moment, PeriodIndex, PeriodKey, Refusal,
};
use rand::Rng;
use std::sync::PoisonError;

/// The part of the window in which first tries start, in percent: half of it has to be left for a retry, and a first try
/// needs time to be finalised.
pub(crate) const FIRST_TRY_PERCENT: u64 = 40;
/// How long after a close the chain is asked for what became of a share, at least, in milliseconds.
const AFTERMATH: u64 = 60_000;

/// The route of the region's aggregator.
const AGGREGATOR: usize = 0;

/// What came of a try.
enum Done {
    /// The share is final in the block with this number, says the node.
    Final(u32),
    /// The aggregator promises that it will be.
    Promised(Receipt),
}

/// What the sending of one period needs.
pub(crate) struct Job {
    key: PeriodKey,
    ends: Moment,
    closes: Moment,
    signers: [OneTimeKey; 2],
    shares: [StoredShare; 2],
}

impl<N: Node, C: Clock> Meter<'_, N, C> {
    /// Sends both shares of a period and settles it.
    pub(crate) async fn deliver(&self, job: Job) -> Result<CycleId, RunError> {
        let (first, second) = join(self.send(&job, Half::First), self.send(&job, Half::Second)).await;
        let reasons: Vec<_> = [first?, second?].into_iter().flatten().collect();
        self.settle(job.key.cycle, job.key.period, &reasons.join("; "))?;
        Ok(job.key.cycle)
    }

    /// Sends one share until it is on the finalised chain or its window is over; why it is not there, if it is not.
    async fn send(&self, job: &Job, half: Half) -> Result<Option<String>, RunError> {
        let (share, signer) = match (half, &job.shares, &job.signers) {
            (Half::First, [share, _], [signer, _]) | (Half::Second, [_, share], [_, signer]) => (*share, signer),
        };
        if share.landed {
            return Ok(None);
        }
        let PeriodKey { cycle, period, .. } = job.key;
        let window = job.closes.saturating_sub(job.ends);
        let halfway = job.ends.saturating_add(window / 2);
        let last_call = job.closes.saturating_sub(window / 8);
        // A meter that starts again long after the close has the same patience with nodes that are down as one that ran on.
        let give_up = job.closes.max(self.clock.now()).saturating_add(window.max(AFTERMATH));
        let shortest = (window / 20).clamp(100, 5_000);
        let mut pause = shortest;
        let mut attempts = share.attempts;
        let mut route = 0;
        let mut reason = String::from("it could not be sent in time");
        let mut hearing = Hearing::new(self.node.routes());
        // When a route first said that the share is final, and in which block.
        let (mut told, mut block) = (None, None);
        let mut tries = FuturesUnordered::new();
        let mut is_first = attempts == 0;
        let mut wake = self.first_try(job);
        loop {
            let done: Option<(usize, Result<Done, NodeError>)> = tokio::select! {
                biased;
                Some(done) = tries.next() => Some(done),
                () = self.clock.sleep_until(wake) => None,
            };
            match done {
                Some((_, Ok(Done::Promised(receipt)))) => {
                    self.records().keep_receipt(cycle, period, half, &receipt.encode())?;
                    (self.report)(Event::Accepted {
                        cycle,
                        period,
                        half: number(half),
                    });
                    reason = "the aggregator gave a receipt for it and it is not on the finalised chain".into();
                    continue;
                }
                Some((tried, Ok(Done::Final(number)))) => {
                    hearing.note(tried, Word::There);
                    block = Some(number);
                    if hearing.verdict(false) == Some(true) {
                        self.land(job, half, block)?;
                        return Ok(None);
                    }
                    told = told.or(Some(self.clock.now()));
                    route = hearing.after(tried);
                    wake = self.jittered(self.clock.now(), shortest);
                    continue;
                }
                Some((tried, Err(error))) => {
                    let now = self.clock.now();
                    if error == NodeError::Refused(Refusal::TooEarly) && now < halfway {
                        // A node's latest block may be from before the period's end: it is asked again a little later.
                        route = tried;
                        is_first = attempts == 1;
                    } else {
                        route = hearing.after(tried);
                        pause = pause.saturating_mul(2).min(shortest.max(window / 8));
                    }
                    reason = error.to_string();
                    (self.report)(Event::Refused {
                        cycle,
                        period,
                        half: number(half),
                        reason: reason.clone(),
                    });
                    wake = self.jittered(now, pause);
                    continue;
                }
                None => {}
            }
            // Before a share is sent again, and before it is given up, the chain is asked whether it is there. Of a
            // chain that is past the close a "no" is final, so its time is read before its shares.
            let over = self.clock.now() >= job.closes;
            if over && attempts == 0 {
                return Ok(Some(reason));
            }
            let limit = self.clock.now().saturating_add(shortest.saturating_mul(4).max(2_000));
            let time = if over || told.is_some() {
                within(self.clock, limit, self.node.now(route))
                    .await
                    .and_then(Result::ok)
            } else {
                None
            };
            if attempts > 0 {
                let asked = route;
                let word = match within(self.clock, limit, self.node.shares(asked, &job.key)).await {
                    Some(Ok(shares)) if shares.iter().any(|found| found.prid == share.prid) => Some(Word::There),
                    Some(Ok(_)) if over && time >= Some(job.closes) => Some(Word::Absent),
                    Some(Ok(_)) => None,
                    Some(Err(_)) | None => Some(Word::Nothing),
                };
                if let Some(word) = word {
                    hearing.note(asked, word);
                    route = hearing.after(asked);
                }
                match hearing.verdict(over) {
                    Some(true) => {
                        self.land(job, half, block)?;
                        return Ok(None);
                    }
                    Some(false) => return Ok(Some(reason)),
                    None => {}
                }
                let now = self.clock.now();
                told = told.or(hearing.is_seen().then_some(now));
                // Where some route has the share, one that has not is given it, but not before it could have heard of it.
                let is_behind = word.is_none() && time < told && now < last_call;
                if now < job.closes && (is_behind || hearing.is_seen() && word.is_some()) {
                    route = hearing.after(asked);
                    pause = pause.saturating_mul(2).min(shortest.max(window / 8));
                    wake = self.jittered(now, pause);
                    continue;
                }
            }
            let now = self.clock.now();
            if now < job.closes {
                let Some(counted) = self.records().attempt(cycle, period, half, now)? else {
                    return Ok(Some("its cycle is erased".into()));
                };
                attempts = counted;
                let is_batch = self.by == By::Batch || self.by == By::Both && is_first && now < halfway;
                let by = if is_batch { AGGREGATOR } else { route };
                is_first = false;
                (self.report)(Event::Sent {
                    cycle,
                    period,
                    half: number(half),
                    attempt: attempts,
                    route: by,
                });
                tries.push(async move {
                    let done = if is_batch {
                        self.hand_in(by, job, share.value, signer).await.map(Done::Promised)
                    } else {
                        let submitted = self.node.submit(by, &job.key, share.value, signer).await;
                        submitted.map(Done::Final)
                    };
                    (by, done)
                });
                // Should nothing be heard, the next try is by the next route; this one is still listened to.
                route = hearing.after(route);
                reason = "it was sent and is not on the finalised chain".into();
                let half_of_rest = job.closes.saturating_sub(now) / 2;
                wake = if now < halfway {
                    self.jittered(halfway, shortest)
                } else if half_of_rest >= shortest {
                    self.jittered(now.saturating_add(half_of_rest), shortest)
                } else {
                    job.closes
                };
            } else if now >= give_up && hearing.leaning() {
                self.land(job, half, block)?;
                return Ok(None);
            } else if now >= give_up {
                return Ok(Some(reason));
            } else {
                route = hearing.after(route);
                wake = self.jittered(now, shortest);
            }
        }
    }

    /// Hands a share to the aggregator; a receipt that names another end of the window than the chain's is none.
    async fn hand_in(&self, by: usize, job: &Job, value: u64, signer: &OneTimeKey) -> Result<Receipt, NodeError> {
        let receipt = self.node.hand_in(by, &job.key, value, signer).await?;
        if receipt.closes == job.closes {
            Ok(receipt)
        } else {
            Err(NodeError::Failed("the receipt names another end of the window".into()))
        }
    }

    /// A random moment for the first try: in the first part of the window; for a window that is further on, soon.
    fn first_try(&self, job: &Job) -> Moment {
        let now = self.clock.now();
        let window = job.closes.saturating_sub(job.ends);
        let (from, to) = (
            job.ends.max(now),
            job.ends.saturating_add(window.saturating_mul(FIRST_TRY_PERCENT) / 100),
        );
        if from < to {
            from.saturating_add(self.random_below(to.saturating_sub(from)))
        } else {
            from.saturating_add(self.random_below(job.closes.saturating_sub(from) / 10))
        }
    }

    /// A random moment between one and two `pause`s after `from`: neither the two shares of a meter nor all meters of a
    /// region may move in step.
    fn jittered(&self, from: Moment, pause: u64) -> Moment {
        from.saturating_add(pause).saturating_add(self.random_below(pause))
    }

    /// A random number below `bound`, and 0 below 0.
    fn random_below(&self, bound: u64) -> u64 {
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .gen_range(0..bound.max(1))
    }

    fn land(&self, job: &Job, half: Half, block: Option<u32>) -> Result<(), RunError> {
        let PeriodKey { cycle, period, .. } = job.key;
        self.records().landed(cycle, period, half, block)?;
        (self.report)(Event::Finalised {
            cycle,
            period,
            half: number(half),
            block,
        });
        Ok(())
    }
}

/// What is to be sent of a recorded period; `None` where nothing is.
pub(crate) fn job(
    enrolment: &Enrolment,
    cycle: CycleId,
    period: PeriodIndex,
    schedule: &CycleSchedule,
    signers: [OneTimeKey; 2],
    stored: StoredPeriod,
) -> Result<Option<Job>, RunError> {
    let (Some(ends), Some(closes)) = (schedule.ends(period), schedule.closes(period)) else {
        return Ok(None);
    };
    let (PeriodState::Pending, Some(shares)) = (stored.state, stored.shares) else {
        return Ok(None);
    };
    // A share under a pseudonym that its signer does not have would be refused for a reason that helps nobody.
    if shares
        .iter()
        .zip(&signers)
        .any(|(share, signer)| share.prid != signer.prid())
    {
        return Err(RunError::OtherKeys { cycle, period });
    }
    let key = PeriodKey {
        region: enrolment.region,
        cycle,
        period,
    };
    Ok(Some(Job {
        key,
        ends,
        closes,
        signers,
        shares,
    }))
}

/// The number of a half, as it is told.
fn number(half: Half) -> u8 {
    match half {
        Half::First => 1,
        Half::Second => 2,
    }
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;
