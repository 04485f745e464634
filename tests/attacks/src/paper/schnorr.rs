//! Textbook Schnorr signatures: the challenge binds the nonce and the message, and not the key.
//!
//! **Privacy.** None promised.

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, ristretto::RistrettoPoint, scalar::Scalar};
use gridveil_primitives::hash::tagged;
use rand::{CryptoRng, RngCore};

/// (R, z) with z·B = R + H(R ‖ m)·X.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    pub nonce: RistrettoPoint,
    pub response: Scalar,
}

/// H(R ‖ m).
pub fn challenge(nonce: &RistrettoPoint, message: &[u8]) -> Scalar {
    let digest = tagged("paper/challenge", &[nonce.compress().as_bytes(), message]);
    Scalar::from_bytes_mod_order_wide(&digest)
}

/// A random scalar.
pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Scalar {
    let mut bytes = [0; 64];
    rng.fill_bytes(&mut bytes);
    Scalar::from_bytes_mod_order_wide(&bytes)
}

pub fn sign(secret: &Scalar, message: &[u8], rng: &mut (impl RngCore + CryptoRng)) -> Signature {
    let nonce_secret = random(rng);
    let nonce = &nonce_secret * RISTRETTO_BASEPOINT_TABLE;
    Signature {
        nonce,
        response: nonce_secret + challenge(&nonce, message) * secret,
    }
}

pub fn verify(public: &RistrettoPoint, message: &[u8], signature: &Signature) -> bool {
    let challenge = challenge(&signature.nonce, message);
    let back = RistrettoPoint::vartime_double_scalar_mul_basepoint(&-challenge, public, &signature.response);
    back == signature.nonce
}
