//! The pool's gate for what comes from clients: a share that is plainly none does not cost a validation.
//!
//! The pool has the runtime judge each transaction, its signature first, which takes a hundred times as long as a look at
//! the period's filter. Here that look comes before: a `submit` for a period that is not open, or by a pseudonym that is not
//! in its filter, is refused as the runtime would refuse it, with the same code. Everything else passes as it came, also
//! where the state cannot be read. Other nodes are not met with here: they are the consortium's, and lose their standing by
//! sending what is invalid.
//!
//! **Privacy.** Shares are passed on as they came; who sent them is not known here.

use crate::aggregator::sight::{Look, Sight};
use async_trait::async_trait;
use codec::{DecodeAll, Encode};
use gridveil_primitives::{PeriodKey, Prid, Refusal};
use gridveil_runtime::{opaque::Block, Address, Hash, RuntimeCall, UncheckedExtrinsic};
use sc_transaction_pool_api::{
    error::Error, ChainEvent, ImportNotificationStream, MaintainedTransactionPool, PoolStatus, ReadyTransactions,
    TransactionFor, TransactionPool, TransactionSource, TransactionStatusStreamFor, TxHash, TxInvalidityReportMap,
};
use sp_runtime::{generic::Preamble, transaction_validity::InvalidTransaction};
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A pool behind the gate.
pub struct Gate<Pool, Chain> {
    pool: Arc<Pool>,
    keeper: Keeper<Chain>,
}

impl<Pool, Chain> Gate<Pool, Chain>
where
    Pool: TransactionPool<Block = Block>,
    Chain: Look,
{
    /// A pool behind a gate that looks at this chain.
    pub fn new(pool: Arc<Pool>, chain: Chain) -> Self {
        let keeper = Keeper::new(chain);
        Self { pool, keeper }
    }

    fn pass(&self, at: Hash, transaction: &TransactionFor<Pool>) -> Result<(), Pool::Error> {
        match self.keeper.refusal(at, &transaction.encode()) {
            Some(refusal) => Err(Error::InvalidTransaction(InvalidTransaction::Custom(refusal.code())).into()),
            None => Ok(()),
        }
    }
}

/// Who looks.
struct Keeper<Chain> {
    chain: Chain,
    /// What the block of the last look says.
    sight: Mutex<Option<Sight>>,
}

impl<Chain: Look> Keeper<Chain> {
    fn new(chain: Chain) -> Self {
        let sight = Mutex::new(None);
        Self { chain, sight }
    }

    /// Why a transaction is plainly no share that could come after the block `at`.
    fn refusal(&self, at: Hash, transaction: &[u8]) -> Option<Refusal> {
        let (key, prid) = share(transaction)?;
        // Whoever panicked inside left nothing that does not hold for its block.
        let mut sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner);
        if sight.as_ref().is_none_or(|sight| sight.at() != at) {
            *sight = Sight::new(&self.chain, at).ok();
        }
        let refusal = sight.as_mut()?.refusal(&self.chain, &key, &prid);
        refusal.ok().flatten()
    }
}

/// The period and the pseudonym of a meter's transaction; `None` where it is something else.
fn share(transaction: &[u8]) -> Option<(PeriodKey, Prid)> {
    let transaction = UncheckedExtrinsic::decode_all(&mut &*transaction).ok()?;
    match (transaction.function, transaction.preamble) {
        (
            RuntimeCall::Readings(pallet_readings::Call::submit {
                region, cycle, period, ..
            }),
            Preamble::Signed(Address::Id(prid), ..),
        ) => Some((PeriodKey { region, cycle, period }, prid.into())),
        _ => None,
    }
}

#[async_trait]
impl<Pool, Chain> TransactionPool for Gate<Pool, Chain>
where
    Pool: TransactionPool<Block = Block>,
    Chain: Look + Send + Sync,
{
    type Block = Block;
    type Hash = Pool::Hash;
    type InPoolTransaction = Pool::InPoolTransaction;
    type Error = Pool::Error;

    async fn submit_at(
        &self,
        at: Hash,
        source: TransactionSource,
        transactions: Vec<TransactionFor<Self>>,
    ) -> Result<Vec<Result<TxHash<Self>, Self::Error>>, Self::Error> {
        let mut answers = Vec::with_capacity(transactions.len());
        for transaction in transactions {
            answers.push(self.submit_one(at, source, transaction).await);
        }
        Ok(answers)
    }

    async fn submit_one(
        &self,
        at: Hash,
        source: TransactionSource,
        transaction: TransactionFor<Self>,
    ) -> Result<TxHash<Self>, Self::Error> {
        self.pass(at, &transaction)?;
        self.pool.submit_one(at, source, transaction).await
    }

    async fn submit_and_watch(
        &self,
        at: Hash,
        source: TransactionSource,
        transaction: TransactionFor<Self>,
    ) -> Result<Pin<Box<TransactionStatusStreamFor<Self>>>, Self::Error> {
        self.pass(at, &transaction)?;
        self.pool.submit_and_watch(at, source, transaction).await
    }

    async fn ready_at(&self, at: Hash) -> Box<dyn ReadyTransactions<Item = Arc<Self::InPoolTransaction>> + Send> {
        self.pool.ready_at(at).await
    }

    fn ready(&self) -> Box<dyn ReadyTransactions<Item = Arc<Self::InPoolTransaction>> + Send> {
        self.pool.ready()
    }

    async fn report_invalid(
        &self,
        at: Option<Hash>,
        errors: TxInvalidityReportMap<TxHash<Self>>,
    ) -> Vec<Arc<Self::InPoolTransaction>> {
        self.pool.report_invalid(at, errors).await
    }

    fn futures(&self) -> Vec<Self::InPoolTransaction> {
        self.pool.futures()
    }

    fn status(&self) -> PoolStatus {
        self.pool.status()
    }

    fn import_notification_stream(&self) -> ImportNotificationStream<TxHash<Self>> {
        self.pool.import_notification_stream()
    }

    fn on_broadcasted(&self, propagations: HashMap<TxHash<Self>, Vec<String>>) {
        self.pool.on_broadcasted(propagations);
    }

    fn hash_of(&self, transaction: &TransactionFor<Self>) -> TxHash<Self> {
        self.pool.hash_of(transaction)
    }

    fn ready_transaction(&self, hash: &TxHash<Self>) -> Option<Arc<Self::InPoolTransaction>> {
        self.pool.ready_transaction(hash)
    }

    async fn ready_at_with_timeout(
        &self,
        at: Hash,
        timeout: Duration,
    ) -> Box<dyn ReadyTransactions<Item = Arc<Self::InPoolTransaction>> + Send> {
        self.pool.ready_at_with_timeout(at, timeout).await
    }
}

#[async_trait]
impl<Pool, Chain> MaintainedTransactionPool for Gate<Pool, Chain>
where
    Pool: MaintainedTransactionPool<Block = Block>,
    Chain: Look + Send + Sync,
{
    async fn maintain(&self, event: ChainEvent<Block>) {
        self.pool.maintain(event).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_primitives::{filter, CycleId, CycleSchedule, Moment, RegionId};
    use gridveil_runtime::{AccountId, Signature, TxExtension};
    use sp_core::sr25519;
    use sp_runtime::generic::Era;
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicUsize, Ordering},
    };

    const KEY: PeriodKey = PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };
    const MEMBER: Prid = [5; 32];

    /// A chain with one period, which is open; where it is gone, its state can't be read.
    #[derive(Default)]
    struct Fake {
        gone: bool,
        filters: AtomicUsize,
    }

    impl Fake {
        fn say<T>(&self, what: T) -> Result<T, ()> {
            match self.gone {
                true => Err(()),
                false => Ok(what),
            }
        }
    }

    impl Look for Fake {
        type Error = ();

        fn now(&self, _: Hash) -> Result<Moment, ()> {
            self.say(25)
        }

        fn regions(&self, _: Hash) -> Result<BTreeMap<RegionId, [u8; 32]>, ()> {
            self.say([(1, [1; 32])].into())
        }

        fn latest_cycle(&self, _: Hash) -> Result<Option<CycleId>, ()> {
            self.say(Some(0))
        }

        fn schedule(&self, _: Hash, _: CycleId) -> Result<Option<CycleSchedule>, ()> {
            self.say(Some(CycleSchedule {
                start: 10,
                period_ms: 10,
                window_ms: 10,
                periods: 2,
            }))
        }

        fn filter(&self, _: Hash, key: PeriodKey) -> Result<Option<Vec<u8>>, ()> {
            self.filters.fetch_add(1, Ordering::Relaxed);
            let mut builder = filter::Builder::period(&key, 1);
            builder.insert_prid(&MEMBER);
            self.say(Some(builder.finish()))
        }
    }

    fn transaction(call: RuntimeCall, by: Prid) -> Vec<u8> {
        let extension: TxExtension = (
            frame_system::CheckNonZeroSender::new(),
            frame_system::CheckSpecVersion::new(),
            frame_system::CheckTxVersion::new(),
            frame_system::CheckGenesis::new(),
            frame_system::CheckEra::from(Era::Immortal),
            pallet_readings::AuthenticateMeter::new(),
            pallet_registry::RequireRole::new(),
            frame_system::CheckNonce::from(0),
            frame_system::CheckWeight::new(),
            frame_system::WeightReclaim::new(),
        );
        let signature = Signature::Sr25519(sr25519::Signature::from_raw([0; 64]));
        UncheckedExtrinsic::new_signed(call, AccountId::from(by).into(), signature, extension).encode()
    }

    fn submit(key: PeriodKey, by: Prid) -> Vec<u8> {
        let PeriodKey { region, cycle, period } = key;
        let share = pallet_readings::Call::submit {
            region,
            cycle,
            period,
            share: 7,
        };
        transaction(RuntimeCall::Readings(share), by)
    }

    #[test]
    fn shares_by_nobody_or_for_no_open_period_are_refused_and_the_filter_is_read_once_a_block() {
        let keeper = Keeper::new(Fake::default());
        let at = Hash::repeat_byte(1);
        for (key, by, expected) in [
            (KEY, MEMBER, None),
            (KEY, [6; 32], Some(Refusal::NotInFilter)),
            (PeriodKey { region: 2, ..KEY }, MEMBER, Some(Refusal::UnknownRegion)),
            (PeriodKey { cycle: 1, ..KEY }, MEMBER, Some(Refusal::UnknownCycle)),
            (PeriodKey { period: 2, ..KEY }, MEMBER, Some(Refusal::UnknownPeriod)),
            (PeriodKey { period: 1, ..KEY }, MEMBER, Some(Refusal::TooEarly)),
        ] {
            assert_eq!(keeper.refusal(at, &submit(key, by)), expected, "{key:?}");
        }
        let read = || keeper.chain.filters.load(Ordering::Relaxed);
        assert_eq!(read(), 1);
        assert_eq!(keeper.refusal(Hash::repeat_byte(2), &submit(KEY, MEMBER)), None);
        assert_eq!(read(), 2);
    }

    #[test]
    fn other_transactions_and_what_does_not_decode_are_left_to_the_pool() {
        let keeper = Keeper::new(Fake::default());
        let remark = frame_system::Call::remark { remark: vec![1] };
        let cut = submit(KEY, [6; 32]);
        for bytes in [
            transaction(RuntimeCall::System(remark), [6; 32]),
            cut[1..].into(),
            vec![],
        ] {
            assert_eq!(keeper.refusal(Hash::zero(), &bytes), None);
        }
    }

    #[test]
    fn where_the_state_cannot_be_read_the_pool_decides() {
        let chain = Fake {
            gone: true,
            ..Fake::default()
        };
        let keeper = Keeper::new(chain);
        assert_eq!(keeper.refusal(Hash::zero(), &submit(KEY, [6; 32])), None);
    }
}
