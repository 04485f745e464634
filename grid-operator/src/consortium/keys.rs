//! Session keys: the member's own node makes them, the chain learns their public halves and a proof of each.
//!
//! **Privacy.** The secret halves stay in the node.

use gridveil_chain_client::show_account;
use serde::Serialize;

use super::{
    as_member,
    council::{carry_out, Act, Council, OwnNode},
};
use crate::error::Error;

/// A member's session keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeysSet {
    /// The member.
    pub account: String,
    /// The public keys, encoded as the runtime's `SessionKeys`, in hexadecimal.
    pub keys: String,
    /// Whether they were set now; otherwise the chain had them, and so has the node.
    pub new: bool,
    /// The block around which they come into force, as long as terms run their length; `None` where they were not set now.
    pub in_force_from: Option<u32>,
}

/// Sees to it that the chain has the session keys of the member's own node; lets the node make new ones where it has not,
/// or where `new` asks for that.
///
/// Keys that the chain would not take, because the last ones are too fresh, are not made.
pub async fn set_keys<C: Council, N: OwnNode>(council: &C, node: &N, new: bool) -> Result<KeysSet, Error> {
    let at = council.head().await?;
    let (consortium, member) = as_member(council, at).await?;
    let account = member.account;
    let told = |keys: &[u8], in_force_from: Option<u32>| KeysSet {
        account: show_account(&account),
        keys: format!("0x{}", hex::encode(keys)),
        new: in_force_from.is_some(),
        in_force_from,
    };
    if let Some(present) = council.session_keys(account, at).await? {
        if !new && node.has(&present).await? {
            return Ok(told(&present, None));
        }
    }
    let from = council.keys_settable_from(account, at).await?;
    let (_, best) = council.heights().await?;
    if from > best.saturating_add(1) {
        return Err(Error::KeysTooSoon {
            account: show_account(&account),
            from,
            best,
        });
    }
    let made = node.make(account).await?;
    let wanted = &made.keys;
    let done = |at| async move { Ok(council.session_keys(account, at).await?.as_ref() == Some(wanted)) };
    carry_out(council, &Act::SetKeys(made.clone()), done).await?;
    // The session pallet plans one session ahead.
    let terms = consortium.term_blocks.saturating_mul(2);
    Ok(told(&made.keys, Some(consortium.term_started.saturating_add(terms))))
}
