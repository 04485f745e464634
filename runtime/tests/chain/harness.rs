//! A chain of blocks made by hand, and extrinsics signed as clients sign them.

use codec::{Decode, Encode};
use frame_support::storage::{with_transaction_unchecked, TransactionOutcome};
use gridveil_primitives::{pseudonym::OneTimeKey, Moment};
use gridveil_runtime::{
    apis, genesis_presets, signing, AccountId, BlockNumber, Executive, Hash, Header, Nonce, Runtime, RuntimeCall,
    RuntimeEvent, RuntimeGenesisConfig, Signature, SignedPayload, System, UncheckedExtrinsic,
};
use pallet_finality::LeaderVote;
use sc_executor::WasmExecutor;
use serde_json::{json, Value};
use sp_consensus_aura::{sr25519::AuthorityId as AuraId, Slot, AURA_ENGINE_ID};
use sp_core::{
    offchain::{testing::TestTransactionPoolExt, TransactionPoolExt},
    sr25519,
    traits::ReadRuntimeVersionExt,
    Pair,
};
use sp_inherents::InherentData;
use sp_runtime::{
    generic::{Digest, DigestItem, Era},
    traits::Header as _,
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError},
    ApplyExtrinsicResult, BuildStorage, ConsensusEngineId,
};

/// When every test's chain begins, in milliseconds since the Unix epoch.
pub const EPOCH: Moment = 1_750_000_000_000;

/// Someone who signs extrinsics.
pub enum Signer {
    /// A member or a role, by its secret URI.
    Account(Box<sr25519::Pair>),
    /// A meter, by a one-time key.
    Meter(Box<OneTimeKey>),
}

impl Signer {
    /// The account with a well-known secret, such as `//Alice`.
    pub fn uri(uri: &str) -> Self {
        Self::Account(Box::new(
            sr25519::Pair::from_string(uri, None).expect("a well-formed secret URI"),
        ))
    }

    pub fn meter(key: OneTimeKey) -> Self {
        Self::Meter(Box::new(key))
    }

    pub fn account(&self) -> AccountId {
        match self {
            Self::Account(pair) => pair.public().into(),
            Self::Meter(key) => key.prid().into(),
        }
    }

    fn sign(&self, message: &[u8]) -> Signature {
        match self {
            Self::Account(pair) => pair.sign(message).into(),
            Self::Meter(key) => sr25519::Signature::from_raw(key.sign(message)).into(),
        }
    }
}

pub fn key_centre() -> Signer {
    Signer::uri("//KeyCentre")
}

pub fn control_centre() -> Signer {
    Signer::uri("//ControlCentre")
}

/// Under which a node says what time it is.
const TIMESTAMP: [u8; 8] = *b"timstap0";

/// The genesis hash of a chain that is given no other.
pub const GENESIS: Hash = Hash::repeat_byte(7);

/// A chain, at its latest block.
pub struct Chain {
    /// What the authors' nodes say about the vote for the next leader; at first nothing.
    pub vote: Option<LeaderVote<AccountId>>,
    /// Whose slots pass without a block.
    pub silent: Vec<AuraId>,
    state: sp_io::TestExternalities,
    header: Header,
    latest: Hash,
    slot: u64,
    slot_ms: u64,
    sent: Box<dyn Fn() -> Vec<Vec<u8>>>,
}

impl Chain {
    /// The chain of a preset, with one block on top of its genesis.
    pub fn new(preset: &str) -> Self {
        Self::build(preset, json!({}), GENESIS)
    }

    /// The same with another genesis hash.
    pub fn with_genesis(preset: &str, genesis: Hash) -> Self {
        Self::build(preset, json!({}), genesis)
    }

    /// The same with a genesis that differs from the preset's.
    pub fn patched(preset: &str, patch: Value) -> Self {
        Self::build(preset, patch, GENESIS)
    }

    fn build(preset: &str, patch: Value, genesis: Hash) -> Self {
        let mut state: sp_io::TestExternalities = patched_genesis_of(preset, patch)
            .build_storage()
            .expect("a genesis in order")
            .into();
        let executor = WasmExecutor::<sp_io::SubstrateHostFunctions>::builder().build();
        state.register_extension(ReadRuntimeVersionExt::new(executor));
        let (pool, sent) = TestTransactionPoolExt::new();
        state.register_extension(TransactionPoolExt::new(pool));
        let slot_ms = state.execute_with(gridveil_runtime::Aura::slot_duration);
        let mut chain = Self {
            vote: None,
            silent: vec![],
            state,
            header: Header::new(0, Hash::zero(), Hash::zero(), Hash::zero(), Digest::default()),
            latest: genesis,
            slot: EPOCH.div_ceil(slot_ms),
            slot_ms,
            sent: Box::new(move || std::mem::take(&mut sent.write().transactions)),
        };
        chain.block(vec![]);
        chain
    }

    /// The time of the latest block.
    pub fn now(&self) -> Moment {
        self.slot * self.slot_ms
    }

    /// Looks into the latest block's state.
    pub fn query<R>(&mut self, look: impl FnOnce() -> R) -> R {
        self.state.execute_with(look)
    }

    /// Calls the runtime API as `state_call` does.
    pub fn call<R: Decode>(&mut self, method: &str, arguments: impl Encode) -> R {
        let arguments = arguments.encode();
        let answer = self
            .query(|| apis::api::dispatch(method, &arguments))
            .expect("the method exists");
        R::decode(&mut &answer[..]).expect("the answer has the declared type")
    }

    /// The next slot's block.
    pub fn block(&mut self, extrinsics: Vec<UncheckedExtrinsic>) -> Vec<ApplyExtrinsicResult> {
        self.block_at(0, extrinsics)
    }

    /// The block of the first slot that is still free at `moment` or later and whose owner isn't silent.
    pub fn block_at(&mut self, moment: Moment, extrinsics: Vec<UncheckedExtrinsic>) -> Vec<ApplyExtrinsicResult> {
        self.slot = (self.slot + 1).max(moment.div_ceil(self.slot_ms));
        let schedule: Vec<AuraId> = self.call("AuraApi_authorities", ());
        assert!(
            schedule.iter().any(|key| !self.silent.contains(key)),
            "somebody makes blocks"
        );
        while self.silent.contains(&schedule[self.slot as usize % schedule.len()]) {
            self.slot += 1;
        }
        let (slot, parent, inherents) = (Slot::from(self.slot), self.latest, self.inherent_data());
        let (results, header) = self.query(|| {
            let digest = Digest {
                logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())],
            };
            let number = System::block_number() + 1;
            Executive::initialize_block(&Header::new(number, Hash::zero(), Hash::zero(), parent, digest));
            let inherents = apis::api::dispatch("BlockBuilder_inherent_extrinsics", &inherents.encode());
            let inherents = inherents.expect("the method exists");
            for inherent in Vec::<UncheckedExtrinsic>::decode(&mut &inherents[..]).expect("extrinsics") {
                Executive::apply_extrinsic(inherent).expect("valid").expect("in order");
            }
            let results = extrinsics.into_iter().map(apply).collect();
            (results, Executive::finalize_block())
        });
        self.latest = header.hash();
        self.header = header;
        results
    }

    /// What the author's node knows beside the chain: the time, and how its member votes.
    fn inherent_data(&self) -> InherentData {
        let mut data = InherentData::new();
        data.put_data(TIMESTAMP, &self.now()).expect("said once");
        if let Some(vote) = &self.vote {
            data.put_data(pallet_finality::INHERENT_IDENTIFIER, vote)
                .expect("said once");
        }
        data
    }

    /// Empty blocks up to the first of the next term.
    pub fn next_term(&mut self) {
        let term = self.query(pallet_session::CurrentIndex::<Runtime>::get);
        while self.query(pallet_session::CurrentIndex::<Runtime>::get) == term {
            self.block(vec![]);
        }
    }

    /// As many empty blocks.
    pub fn blocks(&mut self, blocks: usize) {
        (0..blocks).for_each(|_| drop(self.block(vec![])));
    }

    /// The number of the latest block.
    pub fn number(&mut self) -> BlockNumber {
        self.query(System::block_number)
    }

    /// The slot of the latest block.
    pub fn slot(&self) -> Slot {
        self.slot.into()
    }

    /// The header of the latest block, without the seal.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the latest block's header says to a consensus engine, in order.
    pub fn consensus_logs<Log: Decode>(&self, engine: ConsensusEngineId) -> Vec<Log> {
        let logs = self.header.digest.logs.iter();
        logs.filter_map(|log| log.as_consensus())
            .filter(|(id, _)| *id == engine)
            .map(|(_, log)| Log::decode(&mut &log[..]).expect("a log of that engine"))
            .collect()
    }

    /// The extrinsics that the runtime has sent to this node's pool since the last time.
    pub fn sent(&mut self) -> Vec<UncheckedExtrinsic> {
        let sent = (self.sent)();
        sent.iter()
            .map(|bytes| UncheckedExtrinsic::decode(&mut &bytes[..]).expect("an extrinsic"))
            .collect()
    }

    /// An extrinsic as a client signs it, on top of the latest block.
    pub fn sign(&mut self, signer: &Signer, call: impl Into<RuntimeCall>) -> UncheckedExtrinsic {
        let nonce = self.query(|| System::account_nonce(signer.account()));
        self.sign_with_nonce(signer, nonce, call.into())
    }

    /// The same with a nonce of the caller's choice.
    pub fn sign_with_nonce(&mut self, signer: &Signer, nonce: Nonce, call: RuntimeCall) -> UncheckedExtrinsic {
        let payload = self.query(|| {
            let era = Era::mortal(64, u64::from(System::block_number()) - 1);
            let extension = signing::extension(era, nonce);
            SignedPayload::new(call, extension).expect("the block named by the era is known")
        });
        let signature = payload.using_encoded(|message| signer.sign(message));
        let (call, extension, _) = payload.deconstruct();
        UncheckedExtrinsic::new_signed(call, signer.account().into(), signature, extension)
    }

    /// What a node's pool says about an extrinsic that came from outside.
    pub fn validate(&mut self, extrinsic: UncheckedExtrinsic) -> TransactionValidity {
        self.validate_from(TransactionSource::External, extrinsic)
    }

    /// What a node's pool says about an extrinsic from anywhere.
    pub fn validate_from(&mut self, source: TransactionSource, extrinsic: UncheckedExtrinsic) -> TransactionValidity {
        let latest = self.latest;
        self.query(|| {
            with_transaction_unchecked(|| {
                let validity = Executive::validate_transaction(source, extrinsic, latest);
                TransactionOutcome::Rollback(validity)
            })
        })
    }

    /// Puts an extrinsic into the next block that has room, as a pool does: a block that begins a term has none for
    /// ordinary calls, and a removal makes two of them.
    pub fn include(&mut self, extrinsic: UncheckedExtrinsic) -> ApplyExtrinsicResult {
        for _ in 0..2 {
            let result = self.block(vec![extrinsic.clone()]).remove(0);
            if result != Err(InvalidTransaction::ExhaustsResources.into()) {
                return result;
            }
        }
        self.block(vec![extrinsic]).remove(0)
    }

    /// Signs a call and puts it into the next block that has room.
    pub fn submit(&mut self, signer: &Signer, call: impl Into<RuntimeCall>) -> ApplyExtrinsicResult {
        let extrinsic = self.sign(signer, call);
        self.include(extrinsic)
    }

    /// The same for a call that must succeed.
    pub fn must(&mut self, signer: &Signer, call: impl Into<RuntimeCall>) {
        let result = self.submit(signer, call);
        assert_eq!(result, Ok(Ok(())), "at block {}", self.query(System::block_number));
    }

    /// Checks that neither the pool nor a block takes an extrinsic, and that both say why.
    pub fn must_refuse(&mut self, extrinsic: UncheckedExtrinsic, why: InvalidTransaction) {
        let why = TransactionValidityError::Invalid(why);
        assert_eq!(self.validate(extrinsic.clone()), Err(why), "in the pool");
        assert_eq!(self.block(vec![extrinsic]), vec![Err(why)], "in a block");
    }

    /// The events of the latest block.
    pub fn events(&mut self) -> Vec<RuntimeEvent> {
        self.query(|| System::events().into_iter().map(|record| record.event).collect())
    }
}

/// Applies an extrinsic as a node does that makes a block: one that is not taken leaves nothing behind.
fn apply(extrinsic: UncheckedExtrinsic) -> ApplyExtrinsicResult {
    with_transaction_unchecked(|| {
        let result = Executive::apply_extrinsic(extrinsic);
        match result {
            Ok(_) => TransactionOutcome::Commit(result),
            Err(_) => TransactionOutcome::Rollback(result),
        }
    })
}

/// The genesis of a preset, put together as a node does: the preset's patch over the default.
pub fn genesis_of(preset: &str) -> RuntimeGenesisConfig {
    patched_genesis_of(preset, json!({}))
}

/// The same with one more patch on top.
fn patched_genesis_of(preset: &str, patch: Value) -> RuntimeGenesisConfig {
    let preset = genesis_presets::get_preset(&preset.into()).expect("there is such a preset");
    let mut whole = serde_json::to_value(RuntimeGenesisConfig::default()).expect("a genesis is JSON");
    merge(&mut whole, serde_json::from_slice(&preset).expect("a preset is JSON"));
    merge(&mut whole, patch);
    serde_json::from_value(whole).expect("a patched genesis is a genesis")
}

/// Puts a JSON patch over a value.
fn merge(value: &mut Value, patch: Value) {
    match (value, patch) {
        (Value::Object(value), Value::Object(patch)) => {
            for (name, part) in patch {
                merge(value.entry(name).or_insert(Value::Null), part);
            }
        }
        (value, patch) => *value = patch,
    }
}
