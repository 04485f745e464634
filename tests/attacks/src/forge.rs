//! What can be made of an sr25519 signature without its key.
//!
//! **Privacy.** Works on what is public.

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, ristretto::CompressedRistretto, scalar::Scalar};
use gridveil_primitives::Prid;
use rand::{CryptoRng, RngCore};
use schnorrkel::{
    context::{attach_rng, SigningTranscript},
    signing_context, PublicKey, SecretKey,
};

pub use gridveil_primitives::pseudonym::verify as verifies;

/// X + `by`·B.
pub fn shifted(prid: &Prid, by: &Scalar) -> Prid {
    let point = CompressedRistretto(*prid).decompress().expect("a pseudonym is a point");
    (point + by * RISTRETTO_BASEPOINT_TABLE).compress().to_bytes()
}

/// The challenge of an sr25519 signature.
fn challenge(prid: &Prid, message: &[u8], nonce: &[u8; 32]) -> Scalar {
    let mut transcript = signing_context(b"substrate").bytes(message);
    transcript.proto_name(b"Schnorr-sig");
    transcript.commit_point(b"sign:pk", &CompressedRistretto(*prid));
    transcript.commit_point(b"sign:R", &CompressedRistretto(*nonce));
    transcript.challenge_scalar(b"sign:c")
}

/// What a signature (R, z) under `prid` can be turned into for the key shifted by `by`: z moved along by the challenge of the
/// one key, by that of the other, and left as it is.
pub fn moved(prid: &Prid, message: &[u8], signature: &[u8; 64], by: &Scalar) -> [[u8; 64]; 3] {
    let [nonce, mut response]: [[u8; 32]; 2] = [0, 32].map(|from| std::array::from_fn(|at| signature[from + at]));
    // The highest bit says only that this is an sr25519 signature.
    response[31] &= 0x7f;
    let response = Scalar::from_bytes_mod_order(response);
    [
        challenge(prid, message, &nonce),
        challenge(&shifted(prid, by), message, &nonce),
        Scalar::ZERO,
    ]
    .map(|challenge| {
        let mut forged = [0; 64];
        forged[..32].copy_from_slice(&nonce);
        forged[32..].copy_from_slice((response + challenge * by).as_bytes());
        forged[63] |= 0x80;
        forged
    })
}

/// The signature that a meter's code makes under `prid` with this secret and this seed of its nonces; `None` if there is none.
pub fn sign_as(prid: &Prid, secret: &Scalar, nonce_seed: &[u8; 32], message: &[u8]) -> Option<[u8; 64]> {
    let secret = SecretKey::from_bytes(&[secret.to_bytes(), *nonce_seed].concat()).ok()?;
    let transcript = attach_rng(signing_context(b"substrate").bytes(message), NoEntropy);
    Some(secret.sign(transcript, &PublicKey::from_bytes(prid).ok()?).to_bytes())
}

/// A meter draws no randomness when it signs.
struct NoEntropy;

impl RngCore for NoEntropy {
    fn next_u32(&mut self) -> u32 {
        0
    }

    fn next_u64(&mut self) -> u64 {
        0
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand::Error> {
        dest.fill(0);
        Ok(())
    }
}

impl CryptoRng for NoEntropy {}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_primitives::{
        hash::tagged,
        keys::{RootKey, SpendKey},
        pseudonym::OneTimeKey,
        Half,
    };

    #[test]
    fn with_the_right_secrets_the_signature_is_the_meters_own() {
        let keys = RootKey::from_bytes([1; 32]).meter_secret(&[2; 32]).cycle_keys();
        let spend = SpendKey::from_seed(&[3; 32]);
        let key = OneTimeKey::derive(&spend, &keys, Half::First, 7);
        let p0 = Option::<Scalar>::from(Scalar::from_canonical_bytes(*spend.to_bytes())).unwrap();
        let leaf = keys.pseudonym[0].leaf(7);
        let secret = p0 + Scalar::from_bytes_mod_order_wide(&tagged("pseudonym", &[&*leaf]));
        let nonce: [u8; 32] = tagged("nonce", &[secret.as_bytes()])[..32].try_into().unwrap();
        assert_eq!(sign_as(&key.prid(), &secret, &nonce, b"m"), Some(key.sign(b"m")));
    }

    #[test]
    fn a_signature_moved_by_nothing_is_itself() {
        let keys = RootKey::from_bytes([1; 32]).meter_secret(&[2; 32]).cycle_keys();
        let key = OneTimeKey::derive(&SpendKey::from_seed(&[3; 32]), &keys, Half::First, 7);
        let signature = key.sign(b"m");
        assert_eq!(moved(&key.prid(), b"m", &signature, &Scalar::ZERO), [signature; 3]);
        assert_eq!(shifted(&key.prid(), &Scalar::ZERO), key.prid());
    }
}
