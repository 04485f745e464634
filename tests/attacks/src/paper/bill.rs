//! A bill as it comes out: text as long as its figures, encrypted to its user with no seal on it.
//!
//! **Privacy.** Hides the text, not its length.

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, ristretto::RistrettoPoint, scalar::Scalar};
use gridveil_primitives::hash::tagged;
use rand::rngs::StdRng;

use super::schnorr;

/// The key stream of a shared point.
fn stream(shared: &RistrettoPoint) -> impl Iterator<Item = u8> {
    let shared = shared.compress();
    (0u64..).flat_map(move |block| tagged("paper/bill", &[shared.as_bytes(), &block.to_le_bytes()]))
}

/// ElGamal with a hash: the ephemeral key, and the text under the key stream.
pub fn encrypt(text: &str, to: &RistrettoPoint, rng: &mut StdRng) -> (RistrettoPoint, Vec<u8>) {
    let ephemeral = schnorr::random(rng);
    let hidden = text
        .bytes()
        .zip(stream(&(ephemeral * to)))
        .map(|(byte, key)| byte ^ key);
    (&ephemeral * RISTRETTO_BASEPOINT_TABLE, hidden.collect())
}

pub fn decrypt((ephemeral, hidden): &(RistrettoPoint, Vec<u8>), secret: &Scalar) -> String {
    let text = hidden
        .iter()
        .zip(stream(&(secret * ephemeral)))
        .map(|(byte, key)| byte ^ key);
    String::from_utf8_lossy(&text.collect::<Vec<_>>()).into_owned()
}
