//! Hands the linker the board's memory, and turns the test vectors of `primitives` into tables that a firmware can hold.

use serde_json::Value;
use std::{env, fmt::Write, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::copy("memory.x", out.join("memory.x")).expect("the folder for what is built can be written");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rerun-if-changed=memory.x");

    let mut text = String::from("/// The good cases of `shares.json`.\nconst SHARES: &[ShareCase] = &[\n");
    for case in good("shares") {
        let (cycle, period) = (&case["cycle"], &case["period"]);
        let [secret, split] = ["meter_secret", "split_key"].map(|field| bytes(&case[field]));
        let [reading, first, second] = ["reading", "first", "second"].map(|field| string(&case[field]));
        writeln!(
            text,
            "    ShareCase {{ meter_secret: {secret}, split_key: {split}, cycle: {cycle}, period: {period}, \
             reading: {reading}, first: {first}, second: {second} }},"
        )
        .expect("a string takes all text");
    }
    text += "];\n/// The good cases of `signatures.json`.\nconst SIGNATURES: &[SignatureCase] = &[\n";
    for case in good("signatures") {
        let period = &case["period"];
        let half = match string(&case["half"]) {
            "first" => "First",
            "second" => "Second",
            other => panic!("a half called {other}"),
        };
        let [seed, secret, message, prid, signature] =
            ["spend_seed", "meter_secret", "message", "prid", "signature"].map(|field| bytes(&case[field]));
        writeln!(
            text,
            "    SignatureCase {{ spend_seed: {seed}, meter_secret: {secret}, half: Half::{half}, period: {period}, \
             message: &{message}, prid: {prid}, signature: {signature} }},"
        )
        .expect("a string takes all text");
    }
    text += "];\n/// The shares of the good cases of `batches.json`.\nconst BATCHED: &[BatchedCase] = &[\n";
    for case in good("batches") {
        let (region, cycle, period) = (&case["region"], &case["cycle"], &case["period"]);
        let genesis = bytes(&case["genesis"]);
        for share in case["shares"].as_array().expect("a batch has shares") {
            let (value, [prid, signature]) = (
                string(&share["value"]),
                ["prid", "signature"].map(|field| bytes(&share[field])),
            );
            writeln!(
                text,
                "    BatchedCase {{ genesis: {genesis}, key: PeriodKey {{ region: {region}, cycle: {cycle}, period: {period} }}, \
                 share: SignedShare {{ prid: {prid}, value: {value}, signature: {signature} }} }},"
            )
            .expect("a string takes all text");
        }
    }
    text += "];\n";
    fs::write(out.join("cases.rs"), text).expect("the folder for what is built can be written");
}

/// The good cases of a vector file.
fn good(name: &str) -> Vec<Value> {
    let path = format!("../../primitives/vectors/{name}.json");
    println!("cargo::rerun-if-changed={path}");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    value["good"]
        .as_array()
        .cloned()
        .filter(|cases| !cases.is_empty())
        .unwrap_or_else(|| panic!("{path}: no cases"))
}

fn string(value: &Value) -> &str {
    value.as_str().expect("the vectors have a string here")
}

/// Hexadecimal digits as the text of an array.
fn bytes(value: &Value) -> String {
    format!(
        "{:?}",
        hex::decode(string(value)).expect("the vectors have hexadecimal digits here")
    )
}
