//! The test vectors in `primitives/vectors`, kept honest from two sides.
//!
//! `make` computes every file anew from its inputs, and what is checked in must be equal to it; run with
//! `GRIDVEIL_WRITE_VECTORS=1` the files are written in place of compared. `check` reads the files as a stranger would, with
//! a second, naive implementation (`naive`) wherever one is short enough, and holds the good cases to be good and the
//! tampered ones to be refused.

mod bills;
mod check;
mod make;
mod naive;

use serde_json::Value;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(format!("{name}.json"))
}

fn load(name: &str) -> Value {
    let path = path(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(
        value["version"],
        1,
        "{}: a version this test does not know",
        path.display()
    );
    value
}

#[test]
fn the_checked_in_vectors_are_what_the_protocol_gives_today() {
    let write = std::env::var_os("GRIDVEIL_WRITE_VECTORS").is_some_and(|value| value == "1");
    for (name, made) in make::all() {
        if write {
            let text = serde_json::to_string_pretty(&made).expect("a value has a text") + "\n";
            std::fs::write(path(name), text).expect("the vectors folder can be written");
        }
        assert_eq!(
            load(name),
            made,
            "{name}.json differs: the protocol has changed, which needs a new domain version"
        );
    }
}

#[test]
fn no_vector_file_is_left_unchecked() {
    let mut files: Vec<String> = std::fs::read_dir(path("prf").parent().expect("the file is in a folder"))
        .expect("the vectors folder is there")
        .map(|entry| {
            entry
                .expect("the entry can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    let mut known: Vec<String> = make::all()
        .into_iter()
        .map(|(name, _)| format!("{name}.json"))
        .collect();
    known.sort();
    assert_eq!(files, known);
}
