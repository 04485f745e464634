//! A new runtime: its code's file, and bringing it to the chain.
//!
//! **Privacy.** A runtime's code is public.

use std::path::{Path, PathBuf};

use gridveil_chain_client::Error as ChainError;
use gridveil_primitives::hash::blake2b_256;
use serde::Serialize;

use super::{
    as_member,
    council::{carry_out, Act, Council},
    describe::show_hash,
};
use crate::{error::Error, limits, state::read_bytes};

/// What WebAssembly begins with.
const WASM: &[u8] = b"\0asm";
/// What compressed WebAssembly of a runtime begins with.
const COMPRESSED: &[u8] = &[0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];

/// The error of a runtime when no other one is allowed to come.
const USED_UP: &str = "NothingAuthorized";

/// A runtime's code.
pub struct Code {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their BLAKE2b-256.
    pub hash: [u8; 32],
}

/// A runtime that the chain runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upgraded {
    /// The hash of its code.
    pub code_hash: String,
    /// Whether it was brought now.
    pub new: bool,
    /// The version of its specification.
    pub spec_version: u32,
    /// The version of the one before; the same where it was there already.
    pub from_version: u32,
}

/// Reads a runtime's code, plain or compressed.
pub fn read_code(path: &Path) -> Result<Code, Error> {
    let bytes = read_bytes(path, limits::CODE)?;
    if !(bytes.starts_with(WASM) || bytes.starts_with(COMPRESSED)) {
        return Err(Error::Code {
            path: PathBuf::from(path),
            problem: "it is no WebAssembly; give the file that the runtime's build made".into(),
        });
    }
    let hash = blake2b_256(&[&bytes]);
    Ok(Code { bytes, hash })
}

/// Brings the code of a file, which the consortium must have allowed; content where the chain runs it.
pub async fn apply_upgrade<C: Council>(council: &C, path: &Path) -> Result<Upgraded, Error> {
    let Code { bytes, hash } = read_code(path)?;
    let at = council.head().await?;
    let from_version = council.spec_version(at).await?;
    let told = |new, spec_version| Upgraded {
        code_hash: show_hash(&hash),
        new,
        spec_version,
        from_version,
    };
    if council.code_hash(at).await? == hash {
        return Ok(told(false, from_version));
    }
    as_member(council, at).await?;
    let refused = |problem: String| {
        Err(Error::Code {
            path: PathBuf::from(path),
            problem,
        })
    };
    match council.authorised_upgrade(at).await? {
        Some(allowed) if allowed == hash => {}
        Some(allowed) => {
            let (allowed, hash) = (show_hash(&allowed), show_hash(&hash));
            return refused(format!(
                "the consortium allowed the runtime {allowed}, and this is {hash}; give the file that it voted on"
            ));
        }
        None => {
            let hash = show_hash(&hash);
            return refused(format!(
                "the consortium allowed no runtime, and this one is {hash}; `propose authorize-upgrade` first"
            ));
        }
    }
    let done = |at| async move { Ok(council.code_hash(at).await? == hash) };
    match carry_out(council, &Act::ApplyUpgrade(bytes), done).await {
        // It was allowed before: a first try, whose answer was lost, or another member used the permission up.
        Err(ChainError::Dispatch { error, .. }) if error == USED_UP => {
            return refused(format!(
                "it was brought, and the chain does not run it: it was turned down, as a runtime of a version up to \
                 {from_version} or of another chain is; build it with a later spec version and vote on that"
            ));
        }
        applied => applied?,
    };
    Ok(told(true, council.spec_version(council.head().await?).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_taken_plain_and_compressed_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runtime.wasm");
        for (content, good) in [
            (b"\0asm\x01\0\0\0".to_vec(), true),
            ([COMPRESSED, b"rest"].concat(), true),
            (b"# how to upgrade".to_vec(), false),
            (Vec::new(), false),
        ] {
            std::fs::write(&path, &content).unwrap();
            match read_code(&path) {
                Ok(code) => assert_eq!((good, code.hash), (true, blake2b_256(&[&content]))),
                Err(error) => {
                    assert!(!good && error.to_string().contains("runtime.wasm"), "{error}");
                }
            }
        }
        assert!(read_code(&dir.path().join("missing.wasm")).is_err());
    }
}
