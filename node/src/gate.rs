//! The pool's gate for what comes from clients: a share that is plainly none does not cost a validation.
//!
//! The pool has the runtime judge each transaction: an instance of it, its memory, the state. That takes a hundred times as
//! long as a look at the period's filter, and ten times as long as a signature. Here these come before: a `submit` for a
//! period that is not open, by a pseudonym that is not in its filter, or with a signature that is none, is refused as the
//! runtime would refuse it. Everything else passes as it came, also where the state cannot be read. Other nodes are not met
//! with here: they are the consortium's, and lose their standing by sending what is invalid.
//!
//! **Privacy.** Shares are passed on as they came; who sent them is not known here.

use crate::aggregator::sight::{Look, Sight};
use async_trait::async_trait;
use codec::{DecodeAll, Encode};
use gridveil_primitives::PeriodKey;
use gridveil_runtime::{
    opaque::Block, signing, AccountId, Address, Hash, RuntimeCall, Signature, TxExtension, UncheckedExtrinsic,
};
use sc_transaction_pool_api::{
    error::Error, ChainEvent, ImportNotificationStream, MaintainedTransactionPool, PoolStatus, ReadyTransactions,
    TransactionFor, TransactionPool, TransactionSource, TransactionStatusStreamFor, TxHash, TxInvalidityReportMap,
};
use sp_runtime::{
    generic::{Era, Preamble},
    traits::Verify,
    transaction_validity::InvalidTransaction,
};
use sp_version::RuntimeVersion;
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What is asked of the chain about signatures; `None` where a block is not here.
pub trait Signed: Look {
    /// The first block.
    fn genesis_hash(&self) -> Hash;
    /// The versions of the runtime that a block leaves.
    fn version(&self, at: Hash) -> Option<RuntimeVersion>;
    /// The block with which an era begins, for a transaction that comes after the block `at`; an error if it is still to come.
    fn birth(&self, at: Hash, era: Era) -> Option<Result<Hash, InvalidTransaction>>;
}

/// A pool behind the gate.
pub struct Gate<Pool, Chain> {
    pool: Arc<Pool>,
    keeper: Keeper<Chain>,
}

impl<Pool, Chain> Gate<Pool, Chain>
where
    Pool: TransactionPool<Block = Block>,
    Chain: Signed,
{
    /// A pool behind a gate that looks at this chain.
    pub fn new(pool: Arc<Pool>, chain: Chain) -> Self {
        let keeper = Keeper::new(chain);
        Self { pool, keeper }
    }

    fn pass(&self, at: Hash, transaction: &TransactionFor<Pool>) -> Result<(), Pool::Error> {
        match self.keeper.refusal(at, &transaction.encode()) {
            Some(refusal) => Err(Error::InvalidTransaction(refusal).into()),
            None => Ok(()),
        }
    }
}

/// Who looks.
struct Keeper<Chain> {
    chain: Chain,
    /// What the block of the last look says.
    seen: Mutex<Option<Seen>>,
}

/// What a block says.
struct Seen {
    sight: Sight,
    version: Arc<RuntimeVersion>,
}

impl<Chain: Signed> Keeper<Chain> {
    fn new(chain: Chain) -> Self {
        let seen = Mutex::new(None);
        Self { chain, seen }
    }

    /// Why a transaction is plainly no share that could come after the block `at`.
    fn refusal(&self, at: Hash, transaction: &[u8]) -> Option<InvalidTransaction> {
        let share = Share::read(transaction)?;
        let version = match self.sight(at, &share)? {
            Ok(version) => version,
            Err(refusal) => return Some(refusal),
        };
        match self.chain.birth(at, share.era())? {
            Ok(birth) if share.was_signed(&version, self.chain.genesis_hash(), birth) => None,
            Ok(_) => Some(InvalidTransaction::BadProof),
            Err(refusal) => Some(refusal),
        }
    }

    /// The same without its signature; where there is no reason, the versions that it is signed for.
    fn sight(&self, at: Hash, share: &Share) -> Option<Result<Arc<RuntimeVersion>, InvalidTransaction>> {
        // Whoever panicked inside left nothing that does not hold for its block.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref().is_none_or(|seen| seen.sight.at() != at) {
            *seen = self.look(at);
        }
        let Seen { sight, version } = seen.as_mut()?;
        let refusal = sight.refusal(&self.chain, &share.key, share.sender.as_ref()).ok()?;
        Some(match refusal {
            Some(refusal) => Err(InvalidTransaction::Custom(refusal.code())),
            None => Ok(version.clone()),
        })
    }

    fn look(&self, at: Hash) -> Option<Seen> {
        let sight = Sight::new(&self.chain, at).ok()?;
        let version = Arc::new(self.chain.version(at)?);
        Some(Seen { sight, version })
    }
}

/// A meter's transaction.
struct Share {
    key: PeriodKey,
    sender: AccountId,
    call: RuntimeCall,
    extension: TxExtension,
    signature: Signature,
}

impl Share {
    /// `None` where it is something else.
    fn read(transaction: &[u8]) -> Option<Self> {
        let transaction = UncheckedExtrinsic::decode_all(&mut &*transaction).ok()?;
        let call = transaction.function;
        let RuntimeCall::Readings(pallet_readings::Call::submit {
            region, cycle, period, ..
        }) = call
        else {
            return None;
        };
        let Preamble::Signed(Address::Id(sender), signature, extension) = transaction.preamble else {
            return None;
        };
        Some(Self {
            key: PeriodKey { region, cycle, period },
            sender,
            call,
            extension,
            signature,
        })
    }

    fn era(&self) -> Era {
        self.extension.4 .0
    }

    fn was_signed(self, version: &RuntimeVersion, genesis: Hash, birth: Hash) -> bool {
        let payload = signing::payload(self.call, self.extension, version, genesis, birth);
        payload.using_encoded(|bytes| self.signature.verify(bytes, &self.sender))
    }
}

#[async_trait]
impl<Pool, Chain> TransactionPool for Gate<Pool, Chain>
where
    Pool: TransactionPool<Block = Block>,
    Chain: Signed + Send + Sync,
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
    Chain: Signed + Send + Sync,
{
    async fn maintain(&self, event: ChainEvent<Block>) {
        self.pool.maintain(event).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_primitives::{filter, CycleId, CycleSchedule, Moment, Refusal, RegionId};
    use gridveil_runtime::VERSION;
    use sp_core::{sr25519, Pair};
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicUsize, Ordering},
    };

    const KEY: PeriodKey = PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };
    /// The first block, and the one before that of the looks.
    const BLOCKS: [Hash; 2] = [Hash::repeat_byte(8), Hash::repeat_byte(9)];

    /// Whose pseudonym is in the filter.
    fn member() -> sr25519::Pair {
        sr25519::Pair::from_seed(&[5; 32])
    }

    fn stranger() -> sr25519::Pair {
        sr25519::Pair::from_seed(&[6; 32])
    }

    /// A chain of two blocks with one period, which is open; where it is gone, its state can't be read.
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
            builder.insert_prid(&member().public().0);
            self.say(Some(builder.finish()))
        }
    }

    impl Signed for Fake {
        fn genesis_hash(&self) -> Hash {
            BLOCKS[0]
        }

        fn version(&self, _: Hash) -> Option<RuntimeVersion> {
            Some(VERSION)
        }

        fn birth(&self, _: Hash, era: Era) -> Option<Result<Hash, InvalidTransaction>> {
            let birth = BLOCKS.get(era.birth(2) as usize);
            Some(birth.copied().ok_or(InvalidTransaction::AncientBirthBlock))
        }
    }

    /// A transaction by `by` whose era begins with the block `birth`.
    fn transaction(call: RuntimeCall, by: &sr25519::Pair, era: Era, birth: Hash) -> Vec<u8> {
        let extension = signing::extension(era, 0);
        let payload = signing::payload(call, extension, &VERSION, BLOCKS[0], birth);
        let signature = payload.using_encoded(|bytes| by.sign(bytes));
        let (call, extension, _) = payload.deconstruct();
        let account = AccountId::from(by.public());
        UncheckedExtrinsic::new_signed(call, account.into(), signature.into(), extension).encode()
    }

    fn call(key: PeriodKey, share: u64) -> RuntimeCall {
        let PeriodKey { region, cycle, period } = key;
        let call = pallet_readings::Call::submit {
            region,
            cycle,
            period,
            share,
        };
        call.into()
    }

    fn submit(key: PeriodKey, by: &sr25519::Pair) -> Vec<u8> {
        transaction(call(key, 7), by, Era::Immortal, BLOCKS[0])
    }

    #[test]
    fn shares_by_nobody_or_for_no_open_period_are_refused_and_the_filter_is_read_once_a_block() {
        let keeper = Keeper::new(Fake::default());
        let at = Hash::repeat_byte(1);
        for (key, by, expected) in [
            (KEY, member(), None),
            (KEY, stranger(), Some(Refusal::NotInFilter)),
            (PeriodKey { region: 2, ..KEY }, member(), Some(Refusal::UnknownRegion)),
            (PeriodKey { cycle: 1, ..KEY }, member(), Some(Refusal::UnknownCycle)),
            (PeriodKey { period: 2, ..KEY }, member(), Some(Refusal::UnknownPeriod)),
            (PeriodKey { period: 1, ..KEY }, member(), Some(Refusal::TooEarly)),
        ] {
            let expected = expected.map(|refusal| InvalidTransaction::Custom(refusal.code()));
            assert_eq!(keeper.refusal(at, &submit(key, &by)), expected, "{key:?}");
        }
        let read = || keeper.chain.filters.load(Ordering::Relaxed);
        assert_eq!(read(), 1);
        assert_eq!(keeper.refusal(Hash::repeat_byte(2), &submit(KEY, &member())), None);
        assert_eq!(read(), 2);
    }

    #[test]
    fn a_share_has_to_be_signed_for_this_chain_as_it_is_by_its_pseudonym() {
        let keeper = Keeper::new(Fake::default());
        let refusal = |transaction: &[u8]| keeper.refusal(Hash::repeat_byte(1), transaction);
        // A transaction ends with its share.
        let mut other = submit(KEY, &member());
        *other.last_mut().expect("it is not empty") ^= 1;
        let elsewhere = Hash::repeat_byte(7);
        for forged in [other, transaction(call(KEY, 7), &member(), Era::Immortal, elsewhere)] {
            assert_eq!(refusal(&forged), Some(InvalidTransaction::BadProof));
        }
    }

    #[test]
    fn an_era_counts_from_the_block_with_which_it_begins() {
        let keeper = Keeper::new(Fake::default());
        let refusal = |phase, birth| {
            let era = Era::Mortal(4, phase);
            keeper.refusal(Hash::repeat_byte(1), &transaction(call(KEY, 7), &member(), era, birth))
        };
        assert_eq!(refusal(1, BLOCKS[1]), None);
        assert_eq!(refusal(1, BLOCKS[0]), Some(InvalidTransaction::BadProof));
        assert_eq!(refusal(3, BLOCKS[1]), Some(InvalidTransaction::AncientBirthBlock));
    }

    #[test]
    fn other_transactions_and_what_does_not_decode_are_left_to_the_pool() {
        let keeper = Keeper::new(Fake::default());
        let remark = frame_system::Call::remark { remark: vec![1] };
        let cut = submit(KEY, &stranger());
        for bytes in [
            transaction(remark.into(), &stranger(), Era::Immortal, BLOCKS[0]),
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
        assert_eq!(keeper.refusal(Hash::zero(), &submit(KEY, &stranger())), None);
    }
}
