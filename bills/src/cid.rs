//! The address under which a bill is stored, made from its content.
//!
//! It is the one kind of CID that Kubo gives a file of a single raw block: version 1, codec raw, SHA2-256. Others are
//! refused, so that a CID from the chain always says by itself whether the bytes that a store returns are the right ones.
//!
//! **Privacy.** A CID names bytes; of a sealed bill it shows nothing but whether two are the same.

use cid::{multihash::Multihash, Version};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The largest content that has a CID of this kind: Kubo's chunk size, 256 KiB.
pub const MAX_LEN: usize = 262_144;

/// The multicodec code of raw bytes.
const RAW: u64 = 0x55;
/// The multihash code of SHA2-256.
const SHA2_256: u64 = 0x12;

/// Why there is no such CID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CidError {
    /// The content does not fit into one block.
    #[error("{len} bytes are too many for one block of {MAX_LEN}; a bill must be shorter")]
    TooLarge {
        /// The content's length.
        len: usize,
    },
    /// The text or bytes are no CID, or one of another kind.
    #[error("not a CID of a bill (version 1, raw, sha2-256): {0}")]
    Unsuitable(String),
}

/// A version 1 CID of raw bytes by their SHA2-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(Inner);

/// A CID with room for a digest of 32 bytes.
type Inner = cid::CidGeneric<32>;

/// The CID of some content of at most [`MAX_LEN`] bytes. Errors: [`CidError::TooLarge`].
pub fn of(bytes: &[u8]) -> Result<Cid, CidError> {
    if bytes.len() > MAX_LEN {
        return Err(CidError::TooLarge { len: bytes.len() });
    }
    let digest = Sha256::digest(bytes);
    let multihash = Multihash::wrap(SHA2_256, &digest).map_err(|cause| CidError::Unsuitable(cause.to_string()))?;
    Ok(Cid(Inner::new_v1(RAW, multihash)))
}

impl Cid {
    /// The binary form, which the chain keeps: 36 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Reads the binary form. Errors: [`CidError::Unsuitable`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        Inner::try_from(bytes)
            .map_err(|cause| CidError::Unsuitable(cause.to_string()))
            .and_then(suitable)
    }

    /// Whether this is the CID of some content.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        of(bytes).is_ok_and(|cid| cid == *self)
    }
}

/// Lets through the one kind of CID that is used here.
fn suitable(cid: Inner) -> Result<Cid, CidError> {
    let hash = cid.hash();
    if cid.version() == Version::V1 && cid.codec() == RAW && hash.code() == SHA2_256 && hash.size() == 32 {
        Ok(Cid(cid))
    } else {
        Err(CidError::Unsuitable(cid.to_string()))
    }
}

impl FromStr for Cid {
    type Err = CidError;

    fn from_str(text: &str) -> Result<Self, CidError> {
        Inner::try_from(text)
            .map_err(|cause| CidError::Unsuitable(cause.to_string()))
            .and_then(suitable)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cid({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    #[test]
    fn hello_world_has_the_cid_that_kubo_gives_it() {
        assert_eq!(of(b"hello world").unwrap().to_string(), HELLO);
    }

    #[test]
    fn both_forms_lead_back_to_the_same_cid() {
        let cid = of(b"hello world").unwrap();
        assert_eq!(Cid::from_bytes(&cid.to_bytes()).unwrap(), cid);
        assert_eq!(HELLO.parse::<Cid>().unwrap(), cid);
        assert_eq!(cid.to_bytes().len(), 36);
    }

    #[test]
    fn a_cid_is_of_its_own_content_only() {
        let cid = of(b"hello world").unwrap();
        assert!(cid.is_of(b"hello world"));
        assert!(!cid.is_of(b"hello world "));
    }

    #[test]
    fn content_of_more_than_one_block_has_none() {
        assert!(of(&vec![0; MAX_LEN]).is_ok());
        assert_eq!(of(&vec![0; MAX_LEN + 1]), Err(CidError::TooLarge { len: MAX_LEN + 1 }));
    }

    #[test]
    fn cids_of_other_kinds_are_refused() {
        // Version 0; version 1 of a directory node; a truncated one; no CID at all.
        for text in [
            "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
            "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
            &HELLO[..HELLO.len() - 2],
            "hello",
        ] {
            assert!(matches!(text.parse::<Cid>(), Err(CidError::Unsuitable(_))), "{text}");
        }
        assert!(matches!(
            Cid::from_bytes(&[1, 0x55, 0x12]),
            Err(CidError::Unsuitable(_))
        ));
    }
}
