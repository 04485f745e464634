//! What reads bytes from outside, under bytes that nobody meant.
//!
//! A [`Target`] is one function that takes any bytes: it gives them to the code that would read them, which must not panic,
//! and checks what has to hold of the answer. `cargo test` runs each over its corpus (`corpus/`, by the target's name) and over
//! a fixed number of mutants of it, always the same ones; `gridveil-fuzz` does so for as long as it is told; and the programs in
//! the folder `fuzz` at the top give the same functions to libFuzzer, by `cargo fuzz run`. What is found goes into the corpus.
//!
//! **Privacy.** Keys, readings and bills are made up.

#[cfg(feature = "clients")]
mod bills;
#[cfg(feature = "clients")]
mod files;
mod manifests;
#[cfg(feature = "clients")]
mod readings;
mod rpc;
mod shares;

#[cfg(feature = "runtime")]
mod chain;

// The chain in memory and the homes on it are those of the runtime's own tests.
#[cfg(feature = "runtime")]
#[allow(dead_code)]
#[path = "../../../runtime/tests/chain/grid.rs"]
mod grid;
#[cfg(feature = "runtime")]
#[allow(dead_code)]
#[path = "../../../runtime/tests/chain/harness.rs"]
mod harness;
#[cfg(feature = "runtime")]
#[allow(dead_code)]
#[path = "../../../runtime/tests/chain/keys.rs"]
mod keys;

use rand::{rngs::StdRng, seq::SliceRandom, Rng, RngCore, SeedableRng};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Something that reads bytes from outside.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Takes any bytes; panics where it finds a fault.
    pub run: fn(&[u8]),
    /// Inputs that are in order, from which the corpus was begun, by name.
    seeds: fn() -> Vec<(&'static str, Vec<u8>)>,
    /// How many mutants a test tries: about a second's worth.
    mutants: u32,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    #[cfg(feature = "runtime")]
    Target {
        name: "extrinsic",
        run: chain::extrinsic,
        seeds: chain::extrinsics,
        mutants: 5_000,
    },
    #[cfg(feature = "runtime")]
    Target {
        name: "meter",
        run: chain::meter,
        seeds: chain::attempts,
        mutants: 12,
    },
    Target {
        name: "batch",
        run: shares::batch,
        seeds: shares::batches,
        mutants: 800,
    },
    Target {
        name: "filter",
        run: manifests::filter,
        seeds: manifests::filters,
        mutants: 5_000,
    },
    Target {
        name: "manifest",
        run: manifests::manifest,
        seeds: manifests::manifests,
        mutants: 5_000,
    },
    #[cfg(feature = "clients")]
    Target {
        name: "bill",
        run: bills::bill,
        seeds: bills::sealed,
        mutants: 1_500,
    },
    #[cfg(feature = "clients")]
    Target {
        name: "report",
        run: bills::report,
        seeds: bills::reports,
        mutants: 3_000,
    },
    #[cfg(feature = "clients")]
    Target {
        name: "csv",
        run: readings::csv,
        seeds: readings::files,
        mutants: 3_000,
    },
    Target {
        name: "rpc",
        run: rpc::rpc,
        seeds: rpc::answers,
        mutants: 10_000,
    },
    #[cfg(feature = "clients")]
    Target {
        name: "files",
        run: files::files,
        seeds: files::seeds,
        mutants: 3_000,
    },
];

/// Gives these bytes to the target with this name; to none if there is none.
pub fn run(name: &str, input: &[u8]) {
    TARGETS
        .iter()
        .filter(|target| target.name == name)
        .for_each(|target| (target.run)(input));
}

/// No mutant is longer, in bytes.
const LONGEST: usize = 1 << 17;

/// The folder of a target's corpus.
fn corpus_of(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// A target's corpus, by the inputs' names: what it begins with, and what its folder has.
///
/// # Errors
///
/// Those of reading the folder, where there is one.
pub fn corpus(target: &Target) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let seeds = (target.seeds)().into_iter();
    let mut corpus: BTreeMap<_, _> = seeds.map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    let folder = corpus_of(target);
    if folder.exists() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            corpus.insert(
                entry.file_name().to_string_lossy().into_owned(),
                fs::read(entry.path())?,
            );
        }
    }
    Ok(corpus)
}

/// Writes the inputs that a target's corpus begins with, those that are not there yet.
///
/// # Errors
///
/// Those of writing the files.
pub fn write_seeds(target: &Target) -> io::Result<()> {
    let folder = corpus_of(target);
    fs::create_dir_all(&folder)?;
    for (name, bytes) in (target.seeds)() {
        let file = folder.join(name);
        if !file.exists() {
            fs::write(file, bytes)?;
        }
    }
    Ok(())
}

/// When to stop trying mutants.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After as many as the target says.
    Enough,
    /// After this time.
    After(Duration),
}

/// Runs a target over its corpus and over mutants of it, which follow from `seed`; how many inputs there were. Where it
/// panics, the input is in `last`.
///
/// # Errors
///
/// Those of reading the corpus, and of writing `last`.
pub fn explore(target: &Target, seed: u64, until: Until, last: &Path) -> io::Result<u64> {
    let corpus: Vec<_> = corpus(target)?.into_values().collect();
    let mut tried = 0;
    let mut attempt = |input: &[u8]| {
        fs::write(last, input)?;
        (target.run)(input);
        tried += 1;
        io::Result::Ok(tried)
    };
    for input in &corpus {
        attempt(input)?;
    }
    let begun = Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    for mutants in 0.. {
        let over = match until {
            Until::Enough => mutants >= target.mutants,
            Until::After(time) => begun.elapsed() >= time,
        };
        let (Some(input), Some(other), false) = (corpus.choose(&mut rng), corpus.choose(&mut rng), over) else {
            break;
        };
        attempt(&mutant(&mut rng, input, other))?;
    }
    Ok(tried)
}

/// A mutant of `input`, with pieces of `other`: a few changes of kinds that parsers stumble over.
fn mutant(rng: &mut StdRng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.gen_range(1..=4) {
        let at = rng.gen_range(0..=bytes.len());
        let until = rng.gen_range(at..=bytes.len().min(at + 16));
        match rng.gen_range(0..7) {
            0 => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= 1 << rng.gen_range(0..8)),
            1 => {
                let edge = *[0, 1, 0x7f, 0x80, 0xfe, 0xff].choose(rng).unwrap_or(&0);
                bytes[at..until].fill(edge);
            }
            2 => rng.fill_bytes(&mut bytes[at..until]),
            3 => drop(bytes.drain(at..until)),
            4 => {
                let piece = bytes[at..until].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => bytes.truncate(at),
            _ => {
                let from = rng.gen_range(0..=other.len());
                let piece = other[from..]
                    .iter()
                    .take(rng.gen_range(0..64))
                    .copied()
                    .collect::<Vec<_>>();
                bytes.splice(at..until, piece);
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each target has a test of its own, so that they run side by side and fail by name.
    macro_rules! targets {
        ($($name:ident),*) => {
            $(
                #[test]
                fn $name() {
                    let target = TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap();
                    let last = tempfile::NamedTempFile::new().unwrap().into_temp_path().keep().unwrap();
                    println!("where this fails, the input is in {}", last.display());
                    let tried = explore(target, 1, Until::Enough, &last).unwrap();
                    let seeds = (target.seeds)().len();
                    assert!(tried >= u64::from(target.mutants) + u64::try_from(seeds).unwrap(), "{tried}");
                    fs::remove_file(last).unwrap();
                }
            )*

            #[test]
            fn every_target_is_tested() {
                let mut tested = [$(stringify!($name)),*].to_vec();
                let mut all: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                tested.sort_unstable();
                all.sort_unstable();
                assert_eq!(tested, all);
            }
        };
    }

    targets!(extrinsic, meter, batch, filter, manifest, bill, report, csv, rpc, files);

    #[test]
    fn mutants_follow_from_their_seed_and_differ_from_what_they_come_from() {
        let input: Vec<u8> = (0..100).collect();
        let some = |seed| -> Vec<_> {
            let mut rng = StdRng::seed_from_u64(seed);
            (0..100).map(|_| mutant(&mut rng, &input, b"other")).collect()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(1).iter().filter(|mutant| **mutant != input).count() > 80);
        assert!(mutant(&mut StdRng::seed_from_u64(3), &[], &[]).len() <= 32);
    }
}
