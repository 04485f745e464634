//! A lock on what the runtime looks like from outside.
//!
//! Clients read the calls, the storage and the interfaces of a runtime from its metadata, and take a spec version for a
//! promise that these are the ones they know. So whatever changes the metadata changes the version: `metadata.toml`
//! holds the hash of the metadata of the version it names, and the test below compares. Documentation in it doesn't count.
//!
//! Whoever changes the metadata:
//! 1. raises `spec_version` in `src/lib.rs` unless that version has never been released (`metadata.toml` says which was
//!    the last), and `transaction_version`, too, where a call or an extension is encoded differently than before;
//! 2. rewrites the lock with `GRIDVEIL_LOCK_METADATA=1 cargo test --release --workspace --test chain metadata`,
//!    and commits it with the change;
//! 3. when the version goes into a release, sets `released` in `metadata.toml` to it. From then on the lock refuses to be
//!    rewritten for that version.

use codec::{Decode, Encode};
use frame_metadata::{v15::RuntimeMetadataV15, RuntimeMetadata, RuntimeMetadataPrefixed};
use gridveil_runtime::{Runtime, VERSION};
use scale_info::{form::PortableForm, Field, TypeDef};

use crate::harness::Chain;

/// The lock.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/metadata.toml");
/// How to rewrite it.
const COMMAND: &str = "GRIDVEIL_LOCK_METADATA=1 cargo test --release --workspace --test chain metadata";

/// The metadata of this runtime, with its interfaces.
fn metadata() -> RuntimeMetadataV15 {
    let bytes = Chain::new("development")
        .query(|| Runtime::metadata_at_version(15))
        .expect("every runtime of this age has it");
    match RuntimeMetadataPrefixed::decode(&mut &bytes[..]) {
        Ok(RuntimeMetadataPrefixed(_, RuntimeMetadata::V15(metadata))) => metadata,
        other => panic!("version 15 was asked for: {other:?}"),
    }
}

/// Takes the documentation out.
fn without_docs(mut metadata: RuntimeMetadataV15) -> RuntimeMetadataV15 {
    let bare = |fields: &mut Vec<Field<PortableForm>>| fields.iter_mut().for_each(|field| field.docs.clear());
    for each in &mut metadata.types.types {
        each.ty.docs.clear();
        match &mut each.ty.type_def {
            TypeDef::Composite(composite) => bare(&mut composite.fields),
            TypeDef::Variant(choice) => choice.variants.iter_mut().for_each(|variant| {
                variant.docs.clear();
                bare(&mut variant.fields);
            }),
            _ => {}
        }
    }
    for pallet in &mut metadata.pallets {
        pallet.docs.clear();
        pallet.constants.iter_mut().for_each(|constant| constant.docs.clear());
        let entries = pallet.storage.iter_mut().flat_map(|storage| &mut storage.entries);
        entries.for_each(|entry| entry.docs.clear());
    }
    for api in &mut metadata.apis {
        api.docs.clear();
        api.methods.iter_mut().for_each(|method| method.docs.clear());
    }
    metadata
}

fn hash(metadata: RuntimeMetadataV15) -> String {
    format!(
        "{:?}",
        sp_core::H256(sp_io::hashing::blake2_256(&without_docs(metadata).encode()))
    )
}

/// The lock as it would be for this runtime.
fn lock(released: u32, hash: &str) -> String {
    format!(
        "# What this version of the runtime looks like from outside; tests/chain/metadata.rs says what to do when it changes.\n\
         # The last spec version that was released; its metadata stays as it is.\n\
         released = {released}\n\
         spec_version = {}\n\
         transaction_version = {}\n\
         # BLAKE2b-256 of the metadata, version 15, without its documentation.\n\
         metadata = \"{hash}\"\n",
        VERSION.spec_version, VERSION.transaction_version
    )
}

/// The number under a name in the lock's text; 0 where there is none.
fn number(text: &str, name: &str) -> u32 {
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    let mut values = lines.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().map_or(0, |value| value.parse().expect("a number"))
}

#[test]
fn changed_metadata_needs_a_new_spec_version() {
    let text = std::fs::read_to_string(PATH).unwrap_or_default();
    let released = number(&text, "released");
    let now = lock(released, &hash(metadata()));
    if text == now {
        return;
    }
    let (locked, current) = (number(&text, "spec_version"), VERSION.spec_version);
    assert!(
        current > released,
        "the runtime's metadata or transaction_version has changed, and spec version {current} has been released: raise \
         spec_version in runtime/src/lib.rs (and transaction_version, where a call or an extension is encoded \
         differently), then run\n    {COMMAND}"
    );
    assert!(
        current >= locked,
        "spec_version in runtime/src/lib.rs is {current}, and runtime/metadata.toml has {locked} already: versions only rise"
    );
    assert!(
        std::env::var_os("GRIDVEIL_LOCK_METADATA").is_some_and(|value| value == "1"),
        "the runtime differs from runtime/metadata.toml: its metadata or its version has changed. If spec version {locked} \
         runs anywhere, raise spec_version in runtime/src/lib.rs (and transaction_version, where a call or an extension is \
         encoded differently); then run\n    {COMMAND}\nand commit runtime/metadata.toml. It would be:\n{now}"
    );
    std::fs::write(PATH, now).expect("runtime/metadata.toml can be written");
}

#[test]
fn the_lock_sees_a_changed_call_and_overlooks_a_changed_comment() {
    let locked = hash(metadata());
    let mut commented = metadata();
    commented.pallets[5].docs.push("a word more".into());
    commented.types.types[0].ty.docs.push("a word more".into());
    assert_eq!(hash(commented), locked);

    let mut renamed = metadata();
    let finality = renamed.pallets.iter().find(|pallet| pallet.name == "Finality");
    let calls = finality
        .and_then(|pallet| pallet.calls.as_ref())
        .expect("it has calls")
        .ty
        .id;
    let TypeDef::Variant(calls) = &mut renamed.types.types[calls as usize].ty.type_def else {
        panic!("calls are variants")
    };
    calls.variants[0].index += 1;
    assert_ne!(hash(renamed), locked);

    let mut longer = metadata();
    let api = longer.apis.iter_mut().find(|api| api.name == "FinalityApi");
    api.expect("it is there").methods.pop();
    assert_ne!(hash(longer), locked);
}
