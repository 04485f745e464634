//! A meter's share: a transaction signed by the pseudonym of its period.
//!
//! The chain takes one share of a pseudonym and no second, so that it does no harm to sign the same share again. What
//! must not happen is that a meter signs two different ones; that is the caller's promise.
//!
//! **Privacy.** The node sees which address sends the share. Nothing else here ties the two shares of a meter together.

use crate::{
    chain::{finalised, narrow, Chain, Inclusion},
    link::translate,
    pool::{post, Posted, Rejection},
    runtime::Sign,
    submit::{not_accepted, out_of_time, POLL},
    Call, Error, Refusal,
};
use gridveil_primitives::{pseudonym::OneTimeKey, PeriodKey, Prid};
use std::sync::atomic::{AtomicBool, Ordering};
use subxt::utils::H256;
use tokio::time::{sleep, timeout};

impl Sign for OneTimeKey {
    fn account(&self) -> [u8; 32] {
        self.prid()
    }

    fn sign(&self, payload: &[u8]) -> [u8; 64] {
        OneTimeKey::sign(self, payload)
    }
}

impl Chain {
    /// Submits a share and waits until it is finalised.
    ///
    /// The inclusion names the block that holds the share or, where the node that was followed failed, a finalised block
    /// at which it was found on chain. Errors: [`Error::Refused`] where the chain does not take the share,
    /// [`Error::NotAccepted`] where the pool refuses it for another reason, [`Error::Unresolved`] where its fate is
    /// unknown after `Options::transaction_timeout`; the same share may then be submitted again.
    pub async fn submit_share(&self, key: &PeriodKey, value: u64, signer: &OneTimeKey) -> Result<Inclusion, Error> {
        let call = Call::new("Readings", "submit", (key.region, key.cycle, key.period, value));
        let after = self.inner.link.options().transaction_timeout;
        let sent = AtomicBool::new(false);
        timeout(after, self.carry_share(key, value, signer, &call, &sent))
            .await
            .unwrap_or_else(|_| Err(out_of_time(&call, &sent, after)))
    }

    async fn carry_share(
        &self,
        key: &PeriodKey,
        value: u64,
        signer: &OneTimeKey,
        call: &Call,
        sent: &AtomicBool,
    ) -> Result<Inclusion, Error> {
        let prid = signer.prid();
        loop {
            let posted = match self.post_share(signer, call).await {
                Err(failure) if !failure.is_transient() => return Err(failure),
                posted => posted,
            };
            match posted {
                Ok(Posted::Refused(rejection)) if !sent.load(Ordering::Relaxed) => {
                    return Err(refused(call, rejection));
                }
                Ok(Posted::Refused(rejection)) => {
                    // What was sent before may be the reason. It is on chain in the best block or not at all, and that
                    // is certain once the block is finalised.
                    self.wait_for_best().await?;
                    let found = self.find_share(key, prid, value).await?;
                    return found.ok_or_else(|| refused(call, rejection));
                }
                Ok(Posted::Outdated) => {
                    let message = "the chain asks a pseudonym for a nonce".into();
                    return Err(Error::NotAccepted {
                        call: call.to_string(),
                        code: 1010,
                        message,
                    });
                }
                Ok(Posted::Accepted(watch)) => {
                    sent.store(true, Ordering::Relaxed);
                    if let Some(block) = watch.finalised(self.inner.link.options().silence).await {
                        if let Ok(number) = self.number_of(block).await {
                            return Ok(Inclusion { block, number });
                        }
                    }
                }
                Ok(Posted::Present) => sent.store(true, Ordering::Relaxed),
                Ok(Posted::Busy(rejection)) => tracing::debug!(?rejection, "the pool is busy"),
                Err(failure) => {
                    tracing::warn!(%failure, "a share may have been handed in");
                    sent.store(true, Ordering::Relaxed);
                }
            }
            match self.find_share(key, prid, value).await {
                Ok(Some(inclusion)) => return Ok(inclusion),
                Ok(None) => {}
                Err(passing) if passing.is_transient() => tracing::warn!(%passing, "looking for a share"),
                Err(lasting) => return Err(lasting),
            }
            sleep(POLL).await;
        }
    }

    /// Signs a share for the blocks to come and hands it in, once.
    async fn post_share(&self, signer: &OneTimeKey, call: &Call) -> Result<Posted, Error> {
        let head = self.finalised().await?;
        let bytes = self.runtime_at(head).await?.transaction(call, signer, 0, head)?;
        let hand_in = |session| {
            let bytes = &bytes;
            async move { post(&session, bytes).await }
        };
        self.inner.link.once("handing in a share", hand_in).await
    }

    /// Looks for a share in the finalised chain. A different value under the pseudonym is [`Refusal::AlreadyUsed`].
    async fn find_share(&self, key: &PeriodKey, prid: Prid, value: u64) -> Result<Option<Inclusion>, Error> {
        let head = self.finalised().await?;
        let shares = self.shares_at(key, head.hash).await?;
        match shares.iter().find(|share| share.prid == prid) {
            None => Ok(None),
            Some(share) if share.value == value => Ok(Some(Inclusion {
                block: head.hash,
                number: head.number,
            })),
            Some(_) => Err(Error::Refused(Refusal::AlreadyUsed)),
        }
    }

    /// Waits until what is the best block now is finalised.
    async fn wait_for_best(&self) -> Result<(), Error> {
        let what = "reading the best block";
        let best = self
            .inner
            .link
            .ask(what, |session| async move {
                let header = session.rpc.chain_get_header(None).await;
                let header = header.map_err(|cause| translate(&session.url, what, cause))?;
                match header {
                    Some(header) => narrow(header.number),
                    None => Err(Error::UnknownBlock {
                        url: session.url.to_string(),
                        what: what.into(),
                    }),
                }
            })
            .await?;
        while self
            .inner
            .link
            .ask(what, |session| async move { finalised(&session).await })
            .await?
            .number
            < best
        {
            sleep(POLL).await;
        }
        Ok(())
    }

    /// The number of a block.
    async fn number_of(&self, block: [u8; 32]) -> Result<u32, Error> {
        let what = "reading a block's number";
        self.inner
            .link
            .ask(what, |session| async move {
                let header = session.rpc.chain_get_header(Some(H256(block))).await;
                let header = header.map_err(|cause| translate(&session.url, what, cause))?;
                match header {
                    Some(header) => narrow(header.number),
                    None => Err(Error::UnknownBlock {
                        url: session.url.to_string(),
                        what: what.into(),
                    }),
                }
            })
            .await
    }
}

/// The error of a share that the pool turned away.
fn refused(call: &Call, rejection: Rejection) -> Error {
    match rejection.refusal() {
        Some(refusal) => Error::Refused(refusal),
        None => not_accepted(call, rejection),
    }
}
