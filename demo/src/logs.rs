//! Whether the logs of a run hold what nobody may log, a secret or a home's plain reading, and whether a machine can read them.
//!
//! Promises to find a secret of 32 bytes in hexadecimal, in base64, and as Rust's `{:?}` lists bytes, and every other one as it is
//! written. A reading counts as logged where its watt-hours stand, as a number of their own, in a meter's own log or in a line
//! that names the meter or its user. So that no other number is taken for one, only those readings are looked for that are above
//! every block's number and below every port that the system gives, and are neither an HTTP status nor a code of the nodes' RPC:
//! periods, attempts and counts are smaller still, moments are larger. Logs hold no other numbers.
//!
//! **Privacy.** Reads every secret of the run; tells the name of one that it found and the place, and no secret.

use std::{collections::BTreeSet, fs, io, path::Path};

use aho_corasick::AhoCorasick;
use base64::{
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
    Engine,
};
use gridveil_bills::envelope::{decrypt_bytes, Identity};
use gridveil_demo::{
    actors::{Stage, ROLES},
    checks::{Comparison, Seen},
    data::Home,
};
use serde_json::Value;

use crate::story::{StoryError, AGGREGATORS, CYCLE};

/// The lowest port that the system gives by itself.
const FIRST_PORT: i64 = 32_768;
/// HTTP's statuses of failures, and the codes of a node's transaction pool.
const CODES: [std::ops::Range<i64>; 2] = [400..600, 1_000..1_100];
/// How many places are told.
const SHOWN: usize = 3;

/// What nobody may log: what it is, and how it would look.
#[derive(Default)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// All that a run has made, once its meters are enrolled and before its cycle begins.
    ///
    /// # Errors
    ///
    /// If one of its files is missing or is not of its form.
    pub fn of_run(stage: &Stage, homes: &[Home]) -> Result<Self, StoryError> {
        let mut secrets = Self::default();
        for (role, _) in ROLES {
            secrets.text(
                format!("the {role}'s key"),
                fs::read_to_string(stage.key_file(role))?.trim(),
            );
        }
        let unlock = secrets.identity("the key centre's unlocking key", &stage.dir.join("unlock.txt"))?;
        let root = fs::read(stage.dir.join("key-centre/root.key"))?;
        let root = decrypt_bytes(&root, &unlock).map_err(|error| missing("the root key", error))?;
        secrets.hex("the root key", &String::from_utf8_lossy(&root))?;
        for name in AGGREGATORS {
            let key = fs::read_to_string(stage.dir.join("nodes").join(format!("{name}.node-key")))?;
            secrets.hex(&format!("{name}'s key in the network"), &key)?;
        }
        for home in homes {
            let (meter, dir) = (&home.meter, stage.meter_dir(&home.meter));
            let keys: Value = serde_json::from_slice(&fs::read(dir.join("keys.json"))?).map_err(io::Error::from)?;
            for (what, key) in [
                ("spend key", &keys["spend"]),
                ("split key", &keys["split"]),
                ("next cycle's secret", &keys["enrolment"]["next"]),
            ] {
                secrets.hex(&format!("{meter}'s {what}"), key.as_str().unwrap_or_default())?;
            }
            let user = secrets.identity(&format!("the key of {meter}'s user"), &dir.join("identity.txt"))?;
            let seeds = fs::read(dir.join(format!("seeds/cycle-{CYCLE}.age")))?;
            let seeds = decrypt_bytes(&seeds, &user).map_err(|error| missing(&format!("{meter}'s seeds"), error))?;
            for seed in seeds.chunks(32) {
                secrets.bytes(&format!("a seed of {meter}"), seed);
            }
        }
        Ok(secrets)
    }

    fn text(&mut self, what: String, text: &str) {
        self.0.push((what, text.to_owned()));
    }

    fn bytes(&mut self, what: &str, bytes: &[u8]) {
        let listed = format!("{bytes:?}");
        let listed = listed.trim_matches(['[', ']']);
        for form in [
            hex::encode(bytes),
            STANDARD_NO_PAD.encode(bytes),
            URL_SAFE_NO_PAD.encode(bytes),
            listed.to_owned(),
            listed.replace(' ', ""),
        ] {
            self.text(what.to_owned(), &form);
        }
    }

    fn hex(&mut self, what: &str, digits: &str) -> Result<(), StoryError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits.trim(), &mut bytes).map_err(|error| missing(what, error))?;
        self.bytes(what, &bytes);
        Ok(())
    }

    /// A file as age-keygen writes it.
    fn identity(&mut self, what: &str, file: &Path) -> Result<Identity, StoryError> {
        let text = fs::read_to_string(file)?;
        let line = text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        let identity = Identity::from_string(line).map_err(|error| missing(what, error))?;
        self.text(what.to_owned(), line.trim());
        Ok(identity)
    }
}

fn missing(what: &str, why: impl std::fmt::Display) -> StoryError {
    StoryError::Missing(format!("{what} can't be looked for in the logs: {why}"))
}

/// Whether nothing can be taken for this reading where the last block has that number.
fn is_telling(reading: i64, block: u32) -> bool {
    (i64::from(block) + 1..FIRST_PORT).contains(&reading) && !CODES.iter().any(|codes| codes.contains(&reading))
}

/// A line's numbers, as they are written and without the unit.
fn numbers(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && !"._+-".contains(c))
        .map(|word| {
            let word = word.trim_end_matches('.');
            word.strip_suffix("kWh").or(word.strip_suffix("Wh")).unwrap_or(word)
        })
}

/// A home with what its lines are known by and what may not be in them.
struct Watched<'a> {
    meter: &'a str,
    bid: &'a str,
    readings: BTreeSet<String>,
}

/// Looks through all files of a folder; `homes` are with their BIDs, `block` is the last block's number.
///
/// # Errors
///
/// If a file can't be read.
pub fn search(logs: &Path, secrets: &Secrets, homes: &[(&Home, String)], block: u32) -> io::Result<Seen> {
    let forms = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(secrets.0.iter().map(|(_, form)| form))
        .map_err(io::Error::other)?;
    let watched: Vec<Watched> = homes
        .iter()
        .map(|(home, bid)| {
            let readings = home
                .readings
                .iter()
                .flatten()
                .filter(|reading| is_telling(**reading, block));
            let written = |reading: &i64| {
                [
                    reading.to_string(),
                    format!("{}.{:03}", reading / 1_000, reading % 1_000),
                ]
            };
            Watched {
                meter: &home.meter,
                bid,
                readings: readings.flat_map(written).collect(),
            }
        })
        .collect();
    let (mut files, mut lines, mut found) = (0, 0, Vec::new());
    for entry in fs::read_dir(logs)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        files += 1;
        for (number, line) in (1..).zip(text.lines()) {
            lines += 1;
            let secret = forms.find(line).and_then(|hit| secrets.0.get(hit.pattern().as_usize()));
            found.extend(secret.map(|(what, _)| format!("line {number} of {name} has {what}")));
            let of_line = watched
                .iter()
                .filter(|home| name.starts_with(home.meter) || line.contains(home.meter) || line.contains(home.bid));
            for home in of_line {
                if numbers(line).any(|number| home.readings.contains(number)) {
                    found.push(format!("line {number} of {name} has a reading of {}", home.meter));
                }
            }
        }
    }
    let readings: usize = watched.iter().map(|home| home.readings.len()).sum();
    if lines == 0 || readings == 0 || secrets.0.is_empty() {
        return Ok(Err(format!(
            "nothing to compare: {lines} lines, {} forms of secrets, {readings} of readings",
            secrets.0.len()
        )));
    }
    Ok(if found.is_empty() {
        let forms = secrets.0.len() + readings;
        Ok(format!(
            "{forms} forms of secrets and readings, in none of {lines} lines of {files} logs"
        ))
    } else {
        found.sort();
        let more = found.len().saturating_sub(SHOWN);
        found.truncate(SHOWN);
        Err(format!("{}; and {more} more", found.join("; ")))
    })
}

/// Whether every line that meters and operators at work wrote is a JSON object.
///
/// # Errors
///
/// If a file can't be read.
pub fn structured(logs: &Path) -> io::Result<Seen> {
    let mut comparison = Comparison::default();
    for entry in fs::read_dir(logs)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !["-run.log", "-watch.log"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        for (number, line) in (1..).zip(fs::read_to_string(&path)?.lines()) {
            let is_object = serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object());
            comparison.equal(format!("line {number} of {name} is a JSON object"), true, is_object);
        }
    }
    Ok(comparison.verdict("lines of JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = *b"thirty-two bytes that are secret";
    const BID: &str = "b1db1db1d";

    fn home() -> Home {
        Home {
            meter: "MAC1".into(),
            file: "x.csv".into(),
            region: 1,
            readings: vec![Some(1_204), None, Some(40), Some(503)],
        }
    }

    /// What is found where one of the logs has this line.
    fn found(log: &str, line: &str) -> Seen {
        let logs = tempfile::tempdir().unwrap();
        fs::write(logs.path().join("alice.log"), "Imported #40 (0x12…), 1204 in all\n").unwrap();
        fs::write(logs.path().join(log), format!("started\n{line}\n")).unwrap();
        let mut secrets = Secrets::default();
        secrets.bytes("a seed", &SECRET);
        secrets.text("a key".into(), "AGE-SECRET-KEY-1QQ");
        search(logs.path(), &secrets, &[(&home(), BID.into())], 99).unwrap()
    }

    #[test]
    fn a_planted_secret_is_found_in_every_form_and_not_repeated() {
        let digits = hex::encode(SECRET);
        for line in [
            format!("seed=0x{digits}"),
            digits.to_uppercase(),
            format!("seed: {SECRET:?}"),
            serde_json::to_string(&SECRET).unwrap(),
            STANDARD_NO_PAD.encode(SECRET) + "=",
            "the key is age-secret-key-1qq".into(),
        ] {
            let told = found("key-centre-watch.log", &line).unwrap_err();
            assert!(told.starts_with("line 2 of key-centre-watch.log has a "), "{told}");
            assert!(!told.contains(&line), "{told}");
        }
    }

    #[test]
    fn a_planted_reading_is_found_beside_its_meter_and_nowhere_else() {
        for (log, line) in [
            ("MAC1-run.log", r#"{"event":"recorded","period":0,"wh":1204}"#),
            ("MAC1-run.log", "used 1.204kWh."),
            ("bob.log", "MAC1 used 1204 Wh"),
            ("key-centre-bill.log", "b1db1db1d: 1204"),
        ] {
            let told = found(log, line).unwrap_err();
            assert!(told.contains("has a reading of MAC1"), "{line}: {told}");
        }
        for (log, line) in [
            ("bob.log", "1204 transactions"),
            ("MAC1-run.log", "period 40 in block 99"),
            (
                "MAC1-run.log",
                "ws://127.0.0.1:41204 says 503 after 1.204s, at 2026-01-18T12:04:59.1204Z, 0x1204",
            ),
        ] {
            assert!(found(log, line).is_ok(), "{line}");
        }
    }

    #[test]
    fn to_look_for_nothing_or_in_nothing_is_no_success() {
        let logs = tempfile::tempdir().unwrap();
        let home = home();
        let homes = [(&home, BID.to_owned())];
        let mut secrets = Secrets::default();
        secrets.bytes("a seed", &SECRET);
        assert!(search(logs.path(), &secrets, &homes, 99).unwrap().is_err());
        fs::write(logs.path().join("alice.log"), "started\n").unwrap();
        assert!(search(logs.path(), &secrets, &homes, 99).unwrap().is_ok());
        assert!(search(logs.path(), &secrets, &homes, 5_000).unwrap().is_err());
        assert!(search(logs.path(), &Secrets::default(), &homes, 99).unwrap().is_err());
    }

    #[test]
    fn a_line_that_is_no_json_is_told_and_so_is_that_there_is_none() {
        let logs = tempfile::tempdir().unwrap();
        assert!(structured(logs.path()).unwrap().is_err());
        fs::write(logs.path().join("alice.log"), "Imported #40\n").unwrap();
        assert!(structured(logs.path()).unwrap().is_err());
        fs::write(logs.path().join("MAC1-run.log"), "{\"event\":\"stopped\"}\n").unwrap();
        assert_eq!(structured(logs.path()).unwrap().unwrap(), "1 lines of JSON");
        fs::write(
            logs.path().join("key-centre-watch.log"),
            "{}\nWARN a node cannot be used\n",
        )
        .unwrap();
        let told = structured(logs.path()).unwrap().unwrap_err();
        assert!(told.starts_with("line 2 of key-centre-watch.log"), "{told}");
    }
}
