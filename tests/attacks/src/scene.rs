//! A chain with one region on it: gridveil's own runtime, run natively, with shares signed as meters sign them.
//!
//! Promises that a refusal is told by the name that the runtime gives it, and that what a pool says and what a block says are
//! the same.
//!
//! **Privacy.** Keys and readings are made up.

use codec::Encode;
use gridveil_primitives::{CycleSchedule, Manifest, Opening, Outcome, PeriodIndex, PeriodView, Prid, Refusal, Total};
use gridveil_runtime::{AccountId, RuntimeCall, Signature, SignedPayload, UncheckedExtrinsic};
use sp_core::sr25519;
use sp_runtime::{
    generic::Preamble,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
    DispatchError,
};

use crate::{
    grid::{schedule, submit, Region},
    harness::{key_centre, Chain, Signer},
    report::{seen, Seen},
};

/// How many periods a scene has.
pub const PERIODS: PeriodIndex = 3;

/// A region on a chain on which its first cycle is about to open.
pub struct Scene {
    pub chain: Chain,
    pub region: Region,
    pub schedule: CycleSchedule,
}

impl Scene {
    /// A region whose key centre has published all of the cycle.
    pub fn new(region: Region) -> Self {
        Self::lasting(region, PERIODS)
    }

    /// The same for a cycle of as many periods.
    pub fn lasting(region: Region, periods: PeriodIndex) -> Self {
        let manifests = (0..periods).map(|k| region.manifest(k)).collect();
        let filter = region.cycle_filter(periods);
        let mut scene = Self::begun(region, periods);
        scene.publish_filter(filter).expect("it is in order");
        scene.publish(0, manifests).expect("they are in order");
        scene
    }

    /// A region of which nothing is published.
    pub fn unpublished(region: Region) -> Self {
        Self::begun(region, PERIODS)
    }

    fn begun(region: Region, periods: PeriodIndex) -> Self {
        let mut chain = Chain::new("local_testnet");
        let schedule = schedule(&mut chain, periods);
        Self {
            chain,
            region,
            schedule,
        }
    }

    /// The key centre publishes BF2.
    pub fn publish_filter(&mut self, filter: Vec<u8>) -> Result<(), String> {
        let call = pallet_masks::Call::publish_cycle_filter {
            region: self.region.id,
            cycle: 0,
            meters: self.region.homes.len().try_into().expect("few homes"),
            filter: filter.try_into().expect("within bounds"),
        };
        self.order(call)
    }

    /// The key centre publishes the manifests of periods from `first` on.
    pub fn publish(&mut self, first: PeriodIndex, manifests: Vec<Manifest>) -> Result<(), String> {
        let bounded = manifests
            .into_iter()
            .map(|manifest| manifest.try_into().expect("within bounds"));
        let call = pallet_masks::Call::publish_manifests {
            region: self.region.id,
            cycle: 0,
            first,
            manifests: bounded.collect::<Vec<_>>().try_into().expect("within bounds"),
        };
        self.order(call)
    }

    /// The shares of all homes, pair by pair, each with who signs it.
    pub fn shares(&self, k: PeriodIndex, readings: &[i64]) -> Vec<(Signer, u64)> {
        let homes = readings.iter().enumerate();
        homes
            .flat_map(|(home, reading)| self.region.shares(home, k, *reading))
            .collect()
    }

    /// A share as its meter signs it, for a period of this region.
    pub fn sign(&mut self, k: PeriodIndex, (signer, share): &(Signer, u64)) -> UncheckedExtrinsic {
        let call = submit(self.region.key(k), *share);
        self.chain.sign(signer, call)
    }

    /// What a signed extrinsic's signature is of, and the signature.
    pub fn what_is_signed(&mut self, extrinsic: &UncheckedExtrinsic) -> (Vec<u8>, [u8; 64]) {
        let Preamble::Signed(_, Signature::Sr25519(signature), extension) = &extrinsic.preamble else {
            panic!("a meter signs, with an sr25519 key")
        };
        let payload = self.chain.query(|| {
            let payload = SignedPayload::new(extrinsic.function.clone(), extension.clone());
            payload.map(|payload| payload.encode())
        });
        (payload.expect("the block that it names is known"), signature.0)
    }

    /// The same extrinsic with another signer and signature.
    pub fn signed_otherwise(
        &self,
        extrinsic: &UncheckedExtrinsic,
        by: Prid,
        signature: [u8; 64],
    ) -> UncheckedExtrinsic {
        let Preamble::Signed(_, _, extension) = extrinsic.preamble.clone() else {
            panic!("it is signed")
        };
        let signature = sr25519::Signature::from_raw(signature).into();
        UncheckedExtrinsic::new_signed(
            extrinsic.function.clone(),
            AccountId::from(by).into(),
            signature,
            extension,
        )
    }

    /// The same signature over another call.
    pub fn moved_to(&self, extrinsic: &UncheckedExtrinsic, call: RuntimeCall) -> UncheckedExtrinsic {
        let Preamble::Signed(by, signature, extension) = extrinsic.preamble.clone() else {
            panic!("it is signed")
        };
        UncheckedExtrinsic::new_signed(call, by, signature, extension)
    }

    /// Goes on to the end of a period.
    pub fn end(&mut self, k: PeriodIndex) {
        let ends = self.schedule.ends(k).expect("it is one of the cycle's");
        self.chain.block_at(ends, vec![]);
    }

    /// Lets a period end, takes these shares, which must all be in order, and closes it.
    pub fn close(&mut self, k: PeriodIndex, shares: Vec<(Signer, u64)>) {
        self.end(k);
        let signed = shares.iter().map(|share| self.sign(k, share)).collect();
        let results = self.chain.block(signed);
        assert!(results.iter().all(|result| *result == Ok(Ok(()))), "{results:?}");
        self.close_now(k);
    }

    /// Lets a period's window pass and closes it: in the block after the first that has seen its end.
    pub fn close_now(&mut self, k: PeriodIndex) {
        let closes = self.schedule.closes(k).expect("it is one of the cycle's");
        self.chain.block_at(closes, vec![]);
        self.chain.block(vec![]);
    }

    /// What became of a period.
    pub fn view(&mut self, k: PeriodIndex) -> PeriodView {
        let view = self
            .chain
            .call::<Option<PeriodView>>("GridApi_period", self.region.key(k));
        view.expect("it has a manifest")
    }

    /// That a period is opened with the total of so many meters, and that it is this one.
    pub fn opened(&mut self, k: PeriodIndex, meters: u32, energy: i64) -> Seen {
        let outcome = self.view(k).outcome;
        let total = Outcome::Opened(Total { meters, energy });
        seen(outcome == Some(total), format!("{outcome:?}"))
    }

    /// The key centre opens a period without some homes and shares.
    pub fn open(&mut self, k: PeriodIndex, left_out: &[usize], excluded: &[Prid]) -> Result<(), String> {
        let opening = self.region.commitments(k).open(left_out, excluded.to_vec());
        self.open_as(k, opening)
    }

    /// The key centre opens a period with an opening of whatever kind.
    pub fn open_as(&mut self, k: PeriodIndex, opening: Opening) -> Result<(), String> {
        let opening = opening.try_into().expect("within bounds");
        let key = self.region.key(k);
        self.order(pallet_masks::Call::open { key, opening })
    }

    /// The key centre makes a call.
    pub fn order(&mut self, call: impl Into<RuntimeCall>) -> Result<(), String> {
        let result = self.chain.submit(&key_centre(), call);
        result.map_err(turned_away)?.map_err(failed)
    }

    /// Hands in an extrinsic as anyone may: to a pool, and in a block that an author makes past its pool.
    pub fn offer(&mut self, extrinsic: UncheckedExtrinsic) -> Result<(), String> {
        let pool = self.chain.validate(extrinsic.clone()).map(drop).map_err(turned_away);
        let block = self.chain.include(extrinsic).map_err(turned_away);
        let block = block.and_then(|result| result.map_err(failed));
        if pool == block {
            block
        } else {
            Err(format!("{pool:?} in the pool, {block:?} in a block"))
        }
    }
}

/// The name of the reason why an extrinsic doesn't get into a block.
fn turned_away(error: TransactionValidityError) -> String {
    match error {
        TransactionValidityError::Invalid(InvalidTransaction::Custom(code)) => {
            Refusal::from_code(code).map_or_else(|| format!("Custom({code})"), |refusal| format!("{refusal:?}"))
        }
        TransactionValidityError::Invalid(invalid) => format!("{invalid:?}"),
        TransactionValidityError::Unknown(unknown) => format!("{unknown:?}"),
    }
}

/// The name of the error with which a call failed.
fn failed(error: DispatchError) -> String {
    match error {
        DispatchError::Module(module) if module.message.is_some() => module.message.unwrap_or_default().into(),
        other => format!("{other:?}"),
    }
}
