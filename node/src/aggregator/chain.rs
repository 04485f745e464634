//! The node's own chain and pool, as the aggregator's worker asks them.
//!
//! **Privacy.** What is read is public; what is sent is the batch.

use super::{book::Limits, sight::Look, worker::Chain, KEY_TYPE};
use crate::gate::Signed;
use codec::Encode;
use gridveil_primitives::{batch::SignedShare, CycleId, CycleSchedule, Moment, PeriodKey, Prid, RegionId};
use gridveil_runtime::{
    grid_api::GridApi, opaque::Block, signing, AccountId, BlockNumber, Hash, RuntimeCall, Signature, SignedPayload,
    UncheckedExtrinsic,
};
use sc_transaction_pool_api::{
    error::{Error as PoolError, IntoPoolError},
    TransactionPool, TransactionSource,
};
use sp_api::{ApiError, Core, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_core::sr25519;
use sp_keystore::KeystorePtr;
use sp_runtime::{generic::Era, transaction_validity::InvalidTransaction};
use sp_version::RuntimeVersion;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
};

/// The chain that this node follows, and its pool.
pub struct NodeChain<Client, Pool> {
    /// The chain.
    pub client: Arc<Client>,
    /// The pool.
    pub pool: Arc<Pool>,
    /// Where the aggregator's key is.
    pub keystore: KeystorePtr,
}

impl<Client, Pool> Look for NodeChain<Client, Pool>
where
    Client: ProvideRuntimeApi<Block>,
    Client::Api: GridApi<Block>,
{
    type Error = ApiError;

    fn now(&self, at: Hash) -> Result<Moment, ApiError> {
        self.client.runtime_api().now(at)
    }

    fn regions(&self, at: Hash) -> Result<BTreeMap<RegionId, [u8; 32]>, ApiError> {
        let regions = self.client.runtime_api().regions(at)?;
        Ok(regions
            .into_iter()
            .map(|(region, info)| (region, info.aggregator))
            .collect())
    }

    fn latest_cycle(&self, at: Hash) -> Result<Option<CycleId>, ApiError> {
        self.client.runtime_api().latest_cycle(at)
    }

    fn schedule(&self, at: Hash, cycle: CycleId) -> Result<Option<CycleSchedule>, ApiError> {
        self.client.runtime_api().cycle(at, cycle)
    }

    fn filter(&self, at: Hash, key: PeriodKey) -> Result<Option<Vec<u8>>, ApiError> {
        let manifest = self.client.runtime_api().manifest(at, key)?;
        Ok(manifest.map(|manifest| manifest.filter))
    }
}

impl<Client, Pool> Signed for NodeChain<Client, Pool>
where
    Client: HeaderBackend<Block> + ProvideRuntimeApi<Block>,
    Client::Api: GridApi<Block>,
{
    fn genesis_hash(&self) -> Hash {
        self.client.info().genesis_hash
    }

    fn version(&self, at: Hash) -> Option<RuntimeVersion> {
        self.client.runtime_api().version(at).ok()
    }

    fn birth(&self, at: Hash, era: Era) -> Option<Result<Hash, InvalidTransaction>> {
        let number = self.client.number(at).ok()??;
        let Some(birth) = u32::try_from(era.birth(u64::from(number) + 1))
            .ok()
            .filter(|birth| *birth <= number)
        else {
            return Some(Err(InvalidTransaction::AncientBirthBlock));
        };
        let birth = self.client.hash(birth).ok()??;
        // By number, only the best chain's blocks can be had: before `at` they are its own if it is one of them.
        let is_best = self.client.hash(number).ok()? == Some(at);
        is_best.then_some(Ok(birth))
    }
}

impl<Client, Pool> Chain for NodeChain<Client, Pool>
where
    Client: HeaderBackend<Block> + ProvideRuntimeApi<Block> + Send + Sync,
    Client::Api: GridApi<Block>,
    Pool: TransactionPool<Block = Block>,
{
    fn genesis(&self) -> [u8; 32] {
        self.client.info().genesis_hash.into()
    }

    fn best(&self) -> (Hash, BlockNumber) {
        let info = self.client.info();
        (info.best_hash, info.best_number)
    }

    fn finalised(&self) -> Hash {
        self.client.info().finalized_hash
    }

    fn batches(&self, at: Hash, key: PeriodKey) -> Result<(u32, Limits), ApiError> {
        let api = self.client.runtime_api();
        let (there, batches) = api.batches(at, key)?;
        let shares = usize::try_from(api.batch_limit(at)?).unwrap_or(usize::MAX);
        Ok((there, Limits { shares, batches }))
    }

    fn refusal(&self, at: Hash, key: PeriodKey, prid: Prid) -> Result<Option<u8>, ApiError> {
        self.client.runtime_api().refusal(at, key, prid)
    }

    fn shares(&self, at: Hash, key: PeriodKey) -> Result<BTreeSet<Prid>, ApiError> {
        let shares = self.client.runtime_api().shares(at, key)?;
        Ok(shares.into_iter().map(|share| share.prid).collect())
    }

    async fn send(
        &self,
        at: Hash,
        aggregator: [u8; 32],
        key: PeriodKey,
        batch: Vec<SignedShare>,
    ) -> Result<(), String> {
        let version = self.client.runtime_api().version(at).map_err(told)?;
        let extrinsic = extrinsic(&self.keystore, aggregator, self.genesis().into(), &version, key, batch)?;
        let sent = self
            .pool
            .submit_one(at, TransactionSource::Local, extrinsic.into())
            .await;
        match sent.map_err(IntoPoolError::into_pool_error) {
            // The same shares are on their way already.
            Ok(_) | Err(Ok(PoolError::AlreadyImported(_) | PoolError::TooLowPriority { .. })) => Ok(()),
            Err(Ok(error)) => Err(told(error)),
            Err(Err(error)) => Err(told(error)),
        }
    }
}

/// A batch as an extrinsic, signed by the region's aggregator for as long as the period is open: its nonce is 0 and it has no
/// era, since none of its pseudonyms can be used again.
fn extrinsic(
    keystore: &KeystorePtr,
    aggregator: [u8; 32],
    genesis: Hash,
    version: &RuntimeVersion,
    key: PeriodKey,
    batch: Vec<SignedShare>,
) -> Result<UncheckedExtrinsic, String> {
    let payload = payload(genesis, version, key, batch)?;
    let public = sr25519::Public::from_raw(aggregator);
    let signature = payload
        .using_encoded(|bytes| keystore.sr25519_sign(KEY_TYPE, &public, bytes))
        .map_err(told)?
        .ok_or("the aggregator's key is not in the keystore")?;
    let (call, extension, _) = payload.deconstruct();
    let account = AccountId::from(aggregator);
    Ok(UncheckedExtrinsic::new_signed(
        call,
        account.into(),
        Signature::Sr25519(signature),
        extension,
    ))
}

/// What the aggregator signs, with the versions that the chain's runtime has, which need not be this binary's.
fn payload(
    genesis: Hash,
    version: &RuntimeVersion,
    key: PeriodKey,
    batch: Vec<SignedShare>,
) -> Result<SignedPayload, String> {
    let shares = batch.try_into().map_err(|_| "the batch is too long")?;
    let call = RuntimeCall::Readings(pallet_readings::Call::submit_batch {
        region: key.region,
        cycle: key.cycle,
        period: key.period,
        shares,
    });
    let extension = signing::extension(Era::Immortal, 0);
    Ok(signing::payload(call, extension, version, genesis, genesis))
}

fn told(problem: impl Display) -> String {
    problem.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_runtime::{configs::grid::MAX_BATCH_SHARES, RuntimeGenesisConfig, System, VERSION};
    use sp_core::Pair;
    use sp_keystore::{testing::MemoryKeystore, Keystore};
    use sp_runtime::{traits::Verify, BuildStorage};

    const KEY: PeriodKey = PeriodKey {
        region: 1,
        cycle: 2,
        period: 3,
    };
    const SHARE: SignedShare = SignedShare {
        prid: [4; 32],
        value: 5,
        signature: [6; 64],
    };

    #[test]
    fn a_batch_is_signed_as_the_runtime_has_transactions_signed() {
        let keystore = MemoryKeystore::new();
        let public = keystore.sr25519_generate_new(KEY_TYPE, Some("//Alice")).unwrap();
        let keystore: KeystorePtr = Arc::new(keystore);
        let storage = RuntimeGenesisConfig::default().build_storage().unwrap();
        sp_io::TestExternalities::new(storage).execute_with(|| {
            let genesis = System::block_hash(0);
            let own = payload(genesis, &VERSION, KEY, vec![SHARE]).unwrap();
            let (call, extension, _) = payload(genesis, &VERSION, KEY, vec![SHARE]).unwrap().deconstruct();
            let runtimes = SignedPayload::new(call, extension).unwrap();
            assert_eq!(own.encode(), runtimes.encode());

            let made = extrinsic(&keystore, public.0, genesis, &VERSION, KEY, vec![SHARE]).unwrap();
            let sp_runtime::generic::Preamble::Signed(address, signature, _) = made.preamble else {
                panic!("it is not signed");
            };
            assert_eq!(address, AccountId::from(public).into());
            assert!(own.using_encoded(|bytes| signature.verify(bytes, &AccountId::from(public))));
        });
    }

    #[test]
    fn a_batch_that_cannot_be_signed_or_is_too_long_is_none() {
        let keystore: KeystorePtr = Arc::new(MemoryKeystore::new());
        let alice = sr25519::Pair::from_string("//Alice", None).unwrap().public().0;
        let of = |shares| extrinsic(&keystore, alice, Hash::zero(), &VERSION, KEY, shares);
        assert!(of(vec![SHARE]).is_err_and(|error| error.contains("keystore")));
        let long = vec![SHARE; usize::try_from(MAX_BATCH_SHARES).unwrap() + 1];
        assert!(of(long).is_err_and(|error| error.contains("too long")));
    }
}
