//! Somebody takes a meter in the middle of a month and reads all that is stored in it.
//!
//! The paper's meter has the four seeds of the month, and with them every pseudonym and mask of it. gridveil's meter keeps the
//! subtrees of the periods to come. Its own library is run here, until some periods are settled; of the earlier ones nothing is
//! in the directory from which a pseudonym or a mask follows. The user's key has been taken out of it, as the README says.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashSet},
    path::Path,
};

use gridveil_primitives::{hash::tagged, prf::Seed, pseudonym::prid, CycleSchedule, Half, PeriodIndex, Prid};
use rand::{rngs::StdRng, Rng, SeedableRng};

use crate::{
    bounds::{grouped, Rate},
    meter::{
        event::Event,
        keys::MeterKeys,
        run::{Meter, Options},
        testing::{enrolled, secret, Conduct, Fickle, World},
    },
    paper,
    report::{seen, Row},
};

const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 100_000,
    period_ms: 10_000,
    window_ms: 9_000,
    periods: 24,
};
/// The period in which the meter is taken.
const TAKEN: PeriodIndex = 13;

type Secret = [u8; 32];

/// The nodes from the seed down to the leaf of a period: whoever has one of them has the leaf.
fn path(seed: &Seed, k: PeriodIndex) -> Vec<Secret> {
    let mut nodes = vec![*seed.to_bytes()];
    for depth in 0..16 {
        let children = tagged("ggm", &[&nodes[depth]]);
        let from = 32 * usize::from((k >> (15 - depth)) & 1);
        nodes.push(std::array::from_fn(|at| children[from + at]));
    }
    assert_eq!(nodes[16], *seed.leaf(k), "the tree is the meter's");
    nodes
}

/// Every string of 32 bytes that is in these bytes, as it is or in hexadecimal.
fn strings(bytes: &[u8]) -> HashSet<Secret> {
    let windows = |bytes: &[u8]| -> Vec<Secret> {
        let windows = bytes.windows(32).map(|window| window.try_into().expect("32 bytes"));
        windows.collect()
    };
    let mut found: HashSet<Secret> = windows(bytes).into_iter().collect();
    for run in bytes.split(|byte| !byte.is_ascii_hexdigit()) {
        // A secret may begin at either digit of a run.
        for run in [run, run.get(1..).unwrap_or_default()] {
            let even = &run[..run.len() / 2 * 2];
            found.extend(windows(&hex::decode(even).expect("they are digits")));
        }
    }
    found
}

/// All files below a directory, one after the other.
fn contents(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).expect("it is there") {
        let path = entry.expect("it is there").path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.extend(std::fs::read(path).expect("it is readable"));
        }
    }
    all
}

/// What of the given periods is among the strings: nodes above their leaves in the four trees, and their pseudonyms.
fn found(strings: &HashSet<Secret>, trees: &[&Seed; 4], prids: &[Prid], periods: std::ops::Range<u16>) -> usize {
    let nodes = trees
        .iter()
        .flat_map(|seed| periods.clone().flat_map(|k| path(seed, k)));
    let secrets: BTreeSet<_> = nodes.chain(prids.iter().copied()).collect();
    secrets.iter().filter(|secret| strings.contains(*secret)).count()
}

/// A meter that is taken while it runs.
struct Taken {
    /// All that is stored in it.
    bytes: Vec<u8>,
    keys: MeterKeys,
    /// The pseudonyms under which it has sent in the periods before.
    earlier: Vec<Prid>,
}

/// A meter in the middle of its month, all periods up to [`TAKEN`] settled and the next one on its way.
fn taken() -> Taken {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(500)], &[(0, SCHEDULE)]);
    let settled = RefCell::new(BTreeSet::new());
    let report = |event: Event| {
        if let Event::Period { period, .. } = event {
            settled.borrow_mut().insert(period);
        }
    };
    let options = Options {
        cycle: None,
        until_cycle_end: true,
    };
    let mut source = Fickle::new(&[]);
    let meter = Meter::new(&state, &world, &world, StdRng::seed_from_u64(1), &report).expect("its record opens");
    let is_time =
        || settled.borrow().len() > usize::from(TAKEN) && world.sent().iter().any(|sent| sent.key.period > TAKEN);
    assert!(
        world.run(meter.run(&mut source, options), is_time).is_none(),
        "it runs on"
    );
    let sent = world.sent();
    let earlier: Vec<Prid> = sent
        .iter()
        .filter(|sent| sent.key.period <= TAKEN)
        .map(|sent| sent.prid)
        .collect();
    std::fs::remove_file(state.path().join("identity.txt")).expect("it is there");
    Taken {
        bytes: contents(state.path()),
        keys: state.keys().expect("they are readable"),
        earlier,
    }
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(5, 48, paper::FALSE_POSITIVES, rng);
    let known = Rate::of(500, || {
        let (home, k) = (rng.gen_range(0..5), rng.gen_range(1..48));
        let meter = &region.meters[home];
        let earlier = rng.gen_range(0..k);
        let sent = meter.send(1_234, earlier, rng);
        // From the memory alone: the pair, and what is under its masks.
        let memory = meter.clone();
        let pair = [0, 1].map(|half| memory.point(half, earlier).compress().to_bytes());
        let masks = memory.mask(0, earlier) + memory.mask(1, earlier);
        pair == [sent[0].prid, sent[1].prid] && sent[0].share + sent[1].share - masks == 1_234
    });
    row.paper("earlier pairs found and unmasked", known.always());

    let Taken {
        bytes,
        keys: stolen,
        earlier,
    } = taken();
    let first = TAKEN + 1;
    let strings = strings(&bytes);
    let keys = secret().cycle_keys();
    let trees = [&keys.pseudonym[0], &keys.pseudonym[1], &keys.mask[0], &keys.mask[1]];
    let of_earlier = found(&strings, &trees, &earlier, 0..first);
    let of_later = found(&strings, &trees, &[], first..SCHEDULE.periods);
    let has_secret = strings.contains(&*secret().to_bytes());
    row.gridveil(
        "anything that gives earlier pseudonyms or masks",
        seen(
            of_earlier == 0 && !has_secret && earlier.len() == 2 * usize::from(first),
            format!(
                "{of_earlier} of the {first} periods before, in {} bytes",
                grouped(bytes.len() as u64)
            ),
        ),
    );
    // The search finds what is there.
    row.gridveil(
        "what gives the later ones is there",
        seen(of_later > 0, format!("{of_later} nodes")),
    );
    let tail = stolen.enrolment.as_ref().and_then(|enrolment| enrolment.tail_of(0));
    let tail = tail.expect("the meter is in its first cycle");
    let signed = |k: PeriodIndex| {
        tail.signers(&stolen.spend, k)
            .map(|signers| signers.map(|one| one.prid()))
    };
    let right = |k: PeriodIndex| Half::BOTH.map(|half| prid(&stolen.spend.public(), &keys, half, k));
    let before = (0..first).filter(|k| signed(*k).is_some()).count();
    let after = (first..SCHEDULE.periods)
        .filter(|k| signed(*k) == Some(right(*k)))
        .count();
    row.gridveil(
        "pseudonyms that the meter's own code still makes",
        seen(
            before == 0 && after == usize::from(SCHEDULE.periods - first),
            format!("{before} of {first} before, {after} from then on"),
        ),
    );
    row.note("Its own readings of this month and the last are in it, with no pseudonym beside them; later periods are the thief's.");
    row
}
