//! A bill for its user's eyes only.
//!
//! The plaintext is the report's HTML page, padded with spaces, which a browser ignores; the envelope is an `age` file for
//! one X25519 recipient. The stock `age` tool opens it: `age -d -i key.txt -o bill.html bill.age`.
//!
//! **Privacy.** The padded length follows from the number of periods, not from what was consumed; the few bytes that `age`
//! adds are random in number. An `age` file does not show whom it is for. Secret keys are erased when dropped and never
//! printed.

use crate::{
    cid::MAX_LEN,
    report::{Report, ReportError},
};
use age::secrecy::ExposeSecret;
use bech32::{Bech32, Hrp};
use curve25519_dalek::MontgomeryPoint;
use std::fmt;
use zeroize::Zeroizing;

/// The step of padded lengths: 32 KiB.
pub const STEP: usize = 32_768;

/// The padded length that most pages of `n` periods get is the first multiple of [`STEP`] from `PAGE + n · PERIOD` on.
/// Both allow for the longest figures of a home, so that a page's own length does not matter.
const PAGE: usize = 28_672;
/// See [`PAGE`].
const PERIOD: usize = 96;

/// More than an `age` file of one recipient adds to the plaintext: its header, and 16 bytes for each 64 KiB.
const OVERHEAD: usize = 1_024;

/// The human-readable part of an `age` recipient.
const RECIPIENT: Hrp = Hrp::parse_unchecked("age");

/// Why a bill could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The recipient is no usable X25519 public key.
    #[error(
        "this is not an age recipient that a bill can be encrypted to; it starts with age1, the meter client shows it"
    )]
    Recipient,
    /// The text is no secret key.
    #[error("this is not an age secret key; it starts with AGE-SECRET-KEY-1")]
    Identity,
    /// The report does not fit.
    #[error("the page of {len} bytes does not fit into a bill of {MAX_LEN}; shorten its notes")]
    TooLarge {
        /// The page's length.
        len: usize,
    },
    /// Encryption failed.
    #[error("cannot encrypt: {0}")]
    Seal(String),
    /// The bytes cannot be decrypted.
    #[error("cannot open the bill: {0}; it is for another key, or it was changed or cut short")]
    Open(String),
    /// What was decrypted is no bill.
    #[error("the decrypted bill cannot be read: {0}")]
    Report(#[from] ReportError),
}

/// A user's secret key: an `age` X25519 identity.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// A new key.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads the form `AGE-SECRET-KEY-1…`; blanks around it do not matter. Errors: [`EnvelopeError::Identity`].
    pub fn from_string(text: &str) -> Result<Self, EnvelopeError> {
        text.trim().parse().map(Self).map_err(|_| EnvelopeError::Identity)
    }

    /// The form `AGE-SECRET-KEY-1…`, which the stock tool reads too. It is a secret.
    pub fn to_string(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_string().expose_secret().to_owned())
    }

    /// The public key, raw, as the chain keeps it.
    pub fn recipient(&self) -> [u8; 32] {
        // The text was made by the very encoding that is undone here.
        recipient_from_age(&self.0.to_public().to_string()).unwrap_or_default()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", recipient_to_age(&self.recipient()))
    }
}

/// A raw public key in the form `age1…`.
pub fn recipient_to_age(recipient: &[u8; 32]) -> String {
    // 32 bytes are far below the length at which the encoding fails.
    bech32::encode::<Bech32>(RECIPIENT, recipient).unwrap_or_default()
}

/// The raw public key of the form `age1…`. Errors: [`EnvelopeError::Recipient`], also for a key of low order, to which
/// nothing can be encrypted.
pub fn recipient_from_age(text: &str) -> Result<[u8; 32], EnvelopeError> {
    // A secret key that was given by mistake must not end up in an error, so that none repeats the text.
    let (prefix, bytes) = bech32::decode(text.trim()).map_err(|_| EnvelopeError::Recipient)?;
    let bytes = Zeroizing::new(bytes);
    let recipient = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| EnvelopeError::Recipient)?;
    if prefix == RECIPIENT && is_usable(&recipient) {
        Ok(recipient)
    } else {
        Err(EnvelopeError::Recipient)
    }
}

/// Whether a key can be encrypted to: every key exchange with a point of low order gives zero.
fn is_usable(recipient: &[u8; 32]) -> bool {
    MontgomeryPoint(*recipient).mul_clamped([0x55; 32]).to_bytes() != [0; 32]
}

/// The report's page, padded and encrypted to `recipient`; at most [`MAX_LEN`] bytes.
///
/// Errors: [`EnvelopeError::Recipient`], [`EnvelopeError::TooLarge`], [`EnvelopeError::Seal`].
pub fn seal(report: &Report, recipient: &[u8; 32]) -> Result<Vec<u8>, EnvelopeError> {
    let mut page = Zeroizing::new(report.to_html().into_bytes());
    let len = padded_len(report.lines.len(), page.len())?;
    page.resize(len, b' ');
    encrypt_bytes(&page, recipient)
}

/// The report in a sealed bill, whose sums [`Report::check`] has confirmed.
///
/// Errors: [`EnvelopeError::Open`], [`EnvelopeError::Report`].
pub fn open(bytes: &[u8], identity: &Identity) -> Result<Report, EnvelopeError> {
    let report = Report::from_html(&open_html(bytes, identity)?)?;
    report.check()?;
    Ok(report)
}

/// The page in a sealed bill, without its padding. Errors: [`EnvelopeError::Open`].
pub fn open_html(bytes: &[u8], identity: &Identity) -> Result<String, EnvelopeError> {
    let page = decrypt_bytes(bytes, identity)?;
    let page = std::str::from_utf8(&page).map_err(|cause| EnvelopeError::Open(cause.to_string()))?;
    Ok(page.trim_end_matches(' ').to_owned())
}

/// Encrypts any bytes to a recipient. Errors: [`EnvelopeError::Recipient`], [`EnvelopeError::Seal`].
pub fn encrypt_bytes(bytes: &[u8], recipient: &[u8; 32]) -> Result<Vec<u8>, EnvelopeError> {
    if !is_usable(recipient) {
        return Err(EnvelopeError::Recipient);
    }
    let recipient: age::x25519::Recipient = recipient_to_age(recipient)
        .parse()
        .map_err(|_| EnvelopeError::Recipient)?;
    age::encrypt(&recipient, bytes).map_err(|cause| EnvelopeError::Seal(cause.to_string()))
}

/// Decrypts what [`encrypt_bytes`] made. Errors: [`EnvelopeError::Open`].
pub fn decrypt_bytes(bytes: &[u8], identity: &Identity) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let plain = age::decrypt(&identity.0, bytes).map_err(|cause| EnvelopeError::Open(cause.to_string()))?;
    Ok(Zeroizing::new(plain))
}

/// The padded length of a page of `len` bytes with this many periods.
fn padded_len(periods: usize, len: usize) -> Result<usize, EnvelopeError> {
    let usual = periods.saturating_mul(PERIOD).saturating_add(PAGE);
    let padded = usual.max(len).div_ceil(STEP).saturating_mul(STEP);
    let most = MAX_LEN.saturating_sub(OVERHEAD) / STEP * STEP;
    if padded <= most {
        Ok(padded)
    } else if len <= most {
        Ok(most)
    } else {
        Err(EnvelopeError::TooLarge { len })
    }
}

#[cfg(test)]
mod tests;
