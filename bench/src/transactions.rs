//! Transactions, signed as their senders sign them.
//!
//! **Privacy.** Made-up meters and development keys.

use codec::Encode;
use gridveil_primitives::{batch::SignedShare, pseudonym::OneTimeKey, CycleId, PeriodKey};
use gridveil_runtime::{signing, AccountId, Hash, Nonce, RuntimeCall, Signature, UncheckedExtrinsic, VERSION};
use sp_core::{sr25519, Pair};
use sp_runtime::generic::Era;

use crate::figure::BenchError;

/// A batch of a period, by the region's aggregator.
pub fn batch(
    genesis: &[u8; 32],
    aggregator: &sr25519::Pair,
    key: &PeriodKey,
    shares: &[SignedShare],
) -> Result<Vec<u8>, BenchError> {
    let shares = shares.to_vec().try_into();
    let shares = shares.map_err(|_| BenchError::Wrong("a batch is too long for the runtime".into()))?;
    let call = pallet_readings::Call::submit_batch {
        region: key.region,
        cycle: key.cycle,
        period: key.period,
        shares,
    };
    Ok(by_account(genesis, aggregator, call.into(), 0))
}

/// A share of a period, by its pseudonym.
pub fn share(genesis: &[u8; 32], signer: &OneTimeKey, key: &PeriodKey, share: u64) -> Vec<u8> {
    let call = pallet_readings::Call::submit {
        region: key.region,
        cycle: key.cycle,
        period: key.period,
        share,
    };
    let sign = |payload: &[u8]| signer.sign(payload).into();
    signed(genesis, signer.prid().into(), call.into(), 0, sign)
}

/// The plainest signed call that this chain lets anybody make: the key centre declares a cycle billed that does not exist,
/// which is refused after a look or two at the state. `system.remark` is nobody's to call here.
pub fn plain(genesis: &[u8; 32], key_centre: &sr25519::Pair, nonce: Nonce) -> Vec<u8> {
    let call = pallet_billing::Call::finish_cycle { cycle: CycleId::MAX };
    by_account(genesis, key_centre, call.into(), nonce)
}

fn by_account(genesis: &[u8; 32], pair: &sr25519::Pair, call: RuntimeCall, nonce: Nonce) -> Vec<u8> {
    signed(genesis, pair.public().into(), call, nonce, |payload| pair.sign(payload))
}

/// An immortal transaction.
fn signed(
    genesis: &[u8; 32],
    account: AccountId,
    call: RuntimeCall,
    nonce: Nonce,
    sign: impl Fn(&[u8]) -> sr25519::Signature,
) -> Vec<u8> {
    let first = Hash::from(*genesis);
    let payload = signing::payload(call, signing::extension(Era::Immortal, nonce), &VERSION, first, first);
    let signature = Signature::Sr25519(payload.using_encoded(sign));
    let (call, extension, _) = payload.deconstruct();
    UncheckedExtrinsic::new_signed(call, account.into(), signature, extension).encode()
}
