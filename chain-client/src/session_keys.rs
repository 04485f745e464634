//! The keys that a member's node forms and finalises blocks with.
//!
//! Their secret halves are made by the member's own node and never leave it; the chain is told the public ones, with a
//! proof by each that it belongs to the member. Both requests here go to the node of a [`Chain`] that was given exactly one
//! address, and the node answers them only to callers that it trusts, which is its own machine.
//!
//! **Privacy.** Only public keys and signatures pass through here.

use crate::{
    chain::{Chain, Head},
    link::{bytes_of, hex_text, translate, Session},
    Error,
};
use serde::Deserialize;
use subxt::rpcs::{client::RpcParams, Error as RpcError};

/// The JSON-RPC code of a method that a node does not have, or not for this caller.
const METHOD_NOT_FOUND: i32 = -32_601;

/// New session keys as a node gives them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKeys {
    /// The public keys, encoded as the runtime's `SessionKeys`.
    pub keys: Vec<u8>,
    /// The signatures of their owner's account by each of them.
    pub proof: Vec<u8>,
}

/// The node's answer.
#[derive(Deserialize)]
struct Made {
    keys: String,
    #[serde(default)]
    proof: Option<String>,
}

impl Chain {
    /// Lets the node make session keys for a member's account and keep their secret halves.
    ///
    /// Asked once and not again: each answer is a set of keys of its own. Errors: [`Error::NotTrusted`] where the node does
    /// not do this for callers from elsewhere, those of a request, [`Error::Decode`].
    pub async fn make_session_keys(&self, owner: [u8; 32]) -> Result<SessionKeys, Error> {
        let what = "making session keys";
        let owner = hex_text(&owner);
        let ask = |session| {
            let owner = owner.clone();
            async move { request::<Made>(session, what, "author_rotateKeysWithOwner", owner).await }
        };
        let made = self.inner.link.once(what, ask).await?;
        let answer = "the session keys that the node made";
        let proof = made.proof.as_deref().ok_or_else(|| Error::Decode {
            what: answer.into(),
            cause: "they come without a proof".into(),
        })?;
        Ok(SessionKeys {
            keys: bytes_of(&made.keys, answer)?,
            proof: bytes_of(proof, answer)?,
        })
    }

    /// Whether the node has the secret halves of these session keys.
    ///
    /// Errors: [`Error::NotTrusted`], those of a request.
    pub async fn has_session_keys(&self, keys: &[u8]) -> Result<bool, Error> {
        let what = "looking for session keys";
        let keys = hex_text(keys);
        let ask = |session| {
            let keys = keys.clone();
            async move { request::<bool>(session, what, "author_hasSessionKeys", keys).await }
        };
        self.inner.link.ask(what, ask).await
    }

    /// The session keys that a member has set last, encoded as the runtime's `SessionKeys`; `None` if it has none.
    pub async fn session_keys(&self, member: [u8; 32], at: Head) -> Result<Option<Vec<u8>>, Error> {
        let key = self
            .runtime_at(at)
            .await?
            .storage_key("Session", "NextKeys", [member])?;
        self.storage("a member's session keys", &key, at.hash).await
    }

    /// The first block in which a member may set session keys again.
    pub async fn keys_settable_from(&self, member: [u8; 32], at: Head) -> Result<u32, Error> {
        let Some(set) = self.value::<u32, 1>("Finality", "KeysSetAt", [member], at).await? else {
            return Ok(0);
        };
        let cooldown: u32 = self.runtime_at(at).await?.constant("Finality", "KeyCooldown")?;
        Ok(set.saturating_add(cooldown))
    }
}

/// Calls a method with one text that only callers whom the node trusts may call.
async fn request<T: serde::de::DeserializeOwned>(
    session: Session,
    what: &str,
    method: &str,
    argument: String,
) -> Result<T, Error> {
    let failed = |cause| match cause {
        RpcError::User(answer) if answer.code == METHOD_NOT_FOUND => Error::NotTrusted {
            url: session.url.to_string(),
            what: what.into(),
            message: answer.message,
        },
        other => translate(&session.url, what, other),
    };
    let mut arguments = RpcParams::new();
    arguments.push(argument).map_err(failed)?;
    session.raw.request(method, arguments).await.map_err(failed)
}
