//! The chain spec of a run: the node's own `local` one, with the members, slot, terms and regions that the run wants.
//!
//! Promises to change nothing else of it, to refuse a spec whose genesis does not look as it is known here, and to write the
//! raw form, which a node starts from without running its runtime.
//!
//! **Privacy.** Development keys, known to everyone; a spec holds public ones only.

use std::{path::Path, time::Duration};

use gridveil_primitives::RegionId;
use serde_json::{json, Value};

use crate::{
    network::NetworkError,
    process::{Invocation, ProcessError},
};

/// How long the node may take to print a key or a spec, for which it compiles the runtime, on a machine that has other work.
pub(crate) const TOOL_TIME: Duration = Duration::from_secs(180);
/// The members of the node's own `local` spec.
const LOCAL: usize = 4;

/// What a chain begins with.
pub struct Genesis<'a> {
    /// The members, by the names of their development keys ([`crate::network::MEMBERS`]).
    pub members: &'a [&'static str],
    /// The length of a slot.
    pub slot: Duration,
    /// The regions, given to the aggregators in turn.
    pub regions: &'a [RegionId],
    /// The blocks of a leader's term; the runtime's own number where there is none.
    pub term_blocks: Option<u32>,
}

/// A member's public keys: its account and the key with which it forms blocks are the same, the one with which it votes
/// on finality is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The account, in the form that genesis takes.
    pub account: String,
    /// The account and the block key.
    pub public: [u8; 32],
    /// The finality key, in the form that genesis takes.
    pub grandpa: String,
    /// The finality key.
    pub grandpa_public: [u8; 32],
}

/// The secret URI of a member of that name.
pub fn secret_uri(member: &str) -> String {
    let mut letters = member.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    format!("//{}{}", first.into_iter().collect::<String>(), letters.as_str())
}

/// A member's public keys, as the node derives them.
///
/// # Errors
///
/// [`NetworkError::Process`] where the node does not print them, [`NetworkError::Spec`] where that is no key.
pub async fn keys(program: &Path, logs: &Path, member: &str) -> Result<Keys, NetworkError> {
    let (account, public) = key(program, logs, member, "sr25519").await?;
    let (grandpa, grandpa_public) = key(program, logs, member, "ed25519").await?;
    Ok(Keys {
        account,
        public,
        grandpa,
        grandpa_public,
    })
}

async fn key(program: &Path, logs: &Path, member: &str, scheme: &str) -> Result<(String, [u8; 32]), NetworkError> {
    let inspect = Invocation::new(format!("{member} keys"), program, logs)
        .arg("key")
        .arg("inspect")
        .option("--scheme", scheme)
        .option("--output-type", "json")
        .arg(secret_uri(member));
    let text = inspect.run(TOOL_TIME).await?;
    parse_key(&text).ok_or_else(|| NetworkError::Spec(format!("the node printed no {scheme} key for {member}")))
}

/// The address and the public key in what `key inspect` prints.
fn parse_key(text: &str) -> Option<(String, [u8; 32])> {
    let told: Value = serde_json::from_str(text).ok()?;
    let public = hex::decode(told["publicKey"].as_str()?.trim_start_matches("0x")).ok()?;
    Some((told["ss58Address"].as_str()?.into(), public.try_into().ok()?))
}

/// Writes the spec of a chain with this genesis to a file.
///
/// # Errors
///
/// Those of [`NetworkError`], where the node does not give a spec, or one of another form.
pub async fn write(program: &Path, logs: &Path, to: &Path, genesis: &Genesis<'_>) -> Result<(), NetworkError> {
    let text = export(program, logs).await?;
    let mut spec = serde_json::from_str(&text).map_err(|e| NetworkError::Spec(e.to_string()))?;
    let mut members = Vec::new();
    if genesis.members.len() != LOCAL {
        for member in genesis.members {
            members.push(keys(program, logs, member).await?);
        }
    }
    adapt(&mut spec, genesis, &members)
        .ok_or_else(|| NetworkError::Spec("its genesis lacks something where it is looked for".into()))?;
    // From any other form a node makes its genesis anew at each start, and compiles the runtime for it each time.
    let plain = to.with_extension("plain.json");
    std::fs::write(&plain, spec.to_string())?;
    let raw = Invocation::new("export-chain-spec raw", program, logs).arg("export-chain-spec");
    let raw = raw.path("--chain", &plain).arg("--raw").run(TOOL_TIME).await?;
    std::fs::write(to, raw)?;
    Ok(())
}

async fn export(program: &Path, logs: &Path) -> Result<String, ProcessError> {
    let invocation = Invocation::new("export-chain-spec", program, logs).arg("export-chain-spec");
    invocation.option("--chain", "local").run(TOOL_TIME).await
}

/// Changes the spec; `members` replace those of the spec unless there are none.
fn adapt(spec: &mut Value, genesis: &Genesis, members: &[Keys]) -> Option<()> {
    let patch = spec.pointer_mut("/genesis/runtimeGenesis/patch")?;
    let finality = patch.pointer_mut("/finality")?.as_object_mut()?;
    let slot = u64::try_from(genesis.slot.as_millis()).ok()?;
    finality.insert("slotMs".into(), slot.into());
    if let Some(blocks) = genesis.term_blocks {
        finality.insert("termBlocks".into(), blocks.into());
    }
    if !members.is_empty() {
        finality.insert("members".into(), members.iter().map(|m| m.account.clone()).collect());
        *patch.pointer_mut("/session/keys")? = members
            .iter()
            .map(|m| json!([m.account, m.account, { "aura": m.account, "grandpa": m.grandpa }]))
            .collect();
    }
    let given = patch.pointer_mut("/registry/regions")?.as_array_mut()?;
    // An entry begins with the region's number; the rest says whose it is.
    let patterns = given.clone();
    *given = genesis
        .regions
        .iter()
        .zip(patterns.iter().cycle())
        .map(|(_, entry)| entry.clone())
        .collect();
    for (entry, region) in given.iter_mut().zip(genesis.regions) {
        *entry.get_mut(0)? = (*region).into();
    }
    (given.len() == genesis.regions.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Value {
        json!({"genesis": {"runtimeGenesis": {"patch": {
            "finality": {"slotMs": 6000, "members": ["a", "b"]},
            "session": {"keys": [["a", "a", {}], ["b", "b", {}]]},
            "registry": {"regions": [[1, "a", 3], [2, "b", 3]]}}}}})
    }

    fn genesis(term_blocks: Option<u32>) -> Genesis<'static> {
        Genesis {
            members: &[],
            slot: Duration::from_secs(2),
            regions: &[1, 2, 3],
            term_blocks,
        }
    }

    #[test]
    fn the_spec_gets_the_slot_and_as_many_regions_as_asked_for() {
        let mut spec = spec();
        adapt(&mut spec, &genesis(None), &[]).unwrap();
        let patch = &spec["genesis"]["runtimeGenesis"]["patch"];
        assert_eq!(patch["finality"], json!({"slotMs": 2000, "members": ["a", "b"]}));
        assert_eq!(
            patch["registry"]["regions"],
            json!([[1, "a", 3], [2, "b", 3], [3, "a", 3]])
        );
    }

    #[test]
    fn terms_and_members_are_those_asked_for() {
        let member = |name: &str| Keys {
            account: name.into(),
            public: [1; 32],
            grandpa: format!("{name}'s vote"),
            grandpa_public: [2; 32],
        };
        let mut spec = spec();
        adapt(&mut spec, &genesis(Some(20)), &[member("x"), member("y"), member("z")]).unwrap();
        let patch = &spec["genesis"]["runtimeGenesis"]["patch"];
        assert_eq!(patch["finality"]["termBlocks"], 20);
        assert_eq!(patch["finality"]["members"], json!(["x", "y", "z"]));
        let last = json!(["z", "z", { "aura": "z", "grandpa": "z's vote" }]);
        assert_eq!(patch["session"]["keys"][2], last);
    }

    #[test]
    fn a_spec_of_another_form_is_refused() {
        assert!(adapt(&mut json!({"genesis": {"raw": {}}}), &genesis(None), &[]).is_none());
    }

    #[test]
    fn a_member_s_secret_is_named_as_the_keyring_names_it() {
        assert_eq!(secret_uri("alice"), "//Alice");
        assert_eq!(secret_uri("two"), "//Two");
    }

    #[test]
    fn the_printed_key_is_read_and_anything_else_refused() {
        let printed = json!({"publicKey": format!("0x{}", "07".repeat(32)), "ss58Address": "5Dan"}).to_string();
        assert_eq!(parse_key(&printed), Some(("5Dan".into(), [7; 32])));
        assert_eq!(parse_key(r#"{"publicKey": "0x07", "ss58Address": "5Dan"}"#), None);
        assert_eq!(parse_key("Secret phrase: none"), None);
    }
}
