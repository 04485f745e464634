//! The chain's runtime as code: which is allowed to come, and which is there.
//!
//! **Privacy.** The code and its hash are public.

use crate::{
    chain::{Chain, Head},
    link::translate,
    Error,
};
use subxt::{rpcs::client::RpcParams, utils::H256};

/// Where the chain's state has the runtime's code, in hexadecimal: `:code`.
const CODE: &str = "0x3a636f6465";

impl Chain {
    /// BLAKE2b-256 of the code that the consortium allowed and nobody has brought yet; `None` if there is none.
    pub async fn authorised_upgrade(&self, at: Head) -> Result<Option<[u8; 32]>, Error> {
        // The hash, and whether the version must be a later one.
        let found: Option<([u8; 32], bool)> = self.value("System", "AuthorizedUpgrade", [], at).await?;
        Ok(found.map(|(hash, _)| hash))
    }

    /// BLAKE2b-256 of the code that the chain runs after a block.
    pub async fn code_hash(&self, at: Head) -> Result<[u8; 32], Error> {
        let what = "reading the hash of the runtime's code";
        let ask = |session: crate::link::Session| async move {
            let failed = |cause| translate(&session.url, what, cause);
            let mut arguments = RpcParams::new();
            arguments.push(CODE).map_err(failed)?;
            arguments.push(H256(at.hash)).map_err(failed)?;
            let hash: Option<H256> = session
                .raw
                .request("state_getStorageHash", arguments)
                .await
                .map_err(failed)?;
            hash.ok_or_else(|| Error::Decode {
                what: "the hash of the runtime's code".into(),
                cause: "the chain has no code".into(),
            })
        };
        Ok(self.inner.link.ask(what, ask).await?.0)
    }

    /// The version of the runtime's specification after a block.
    pub async fn spec_version(&self, at: Head) -> Result<u32, Error> {
        Ok(self.runtime_at(at).await?.spec_version())
    }
}
