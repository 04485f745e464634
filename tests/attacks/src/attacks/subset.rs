//! An aggregator drops shares of a period, chosen so that the T of the rest is one of BF2's false positives.
//!
//! Subsets of a few shares are many: at the paper's rate of 10^-6 one of the first millions passes. On gridveil no subset
//! passes the filter, and one that did would still not have the count.

use curve25519_dalek::{
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
};
use gridveil_primitives::{filter, tally, PeriodStatus, Prid};
use gridveil_runtime::RuntimeEvent;
use pallet_readings::Event::AggregationFault;
use rand::{rngs::StdRng, Rng};
use std::time::Instant;

use super::READING;
use crate::{
    bounds::{grouped, Rate},
    grid::Region,
    paper,
    report::{accepted, refused, seen, Row},
    scene::{Scene, PERIODS},
};

const HOMES: usize = 40;
const PERIODS_OF_A_MONTH: u16 = 1_440;
/// How many subsets are tried on gridveil: three times what the paper's rate lets through once.
const TRIED: u64 = 3_000_000;
/// How many points are compressed at a time.
const BATCH: usize = 256;

/// A search through the subsets of two to five of a period's shares, until one may be dropped.
struct Search<'a> {
    /// Half of each pseudonym, as what is compressed in a batch is doubled.
    halves: Vec<RistrettoPoint>,
    passes: &'a dyn Fn(&[u8; 32]) -> bool,
    most: u64,
    tried: u64,
    waiting: Vec<(RistrettoPoint, Vec<usize>)>,
    found: Option<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn run(prids: &[Prid], most: u64, passes: &'a dyn Fn(&[u8; 32]) -> bool) -> Self {
        let half = Scalar::from(2u8).invert();
        let point = |prid: &Prid| CompressedRistretto(*prid).decompress().expect("a pseudonym is a point");
        let halves: Vec<_> = prids.iter().map(|prid| point(prid) * half).collect();
        let whole = halves.iter().sum();
        let (tried, waiting, found) = (0, Vec::with_capacity(BATCH), None);
        let mut search = Self {
            halves,
            passes,
            most,
            tried,
            waiting,
            found,
        };
        for size in 2..=5 {
            search.extend(whole, &mut Vec::new(), 0, size);
        }
        search.look();
        search
    }

    fn over(&self) -> bool {
        self.found.is_some() || self.tried >= self.most
    }

    /// Leaves `more` further shares out, none of them before `from`.
    fn extend(&mut self, rest: RistrettoPoint, out: &mut Vec<usize>, from: usize, more: usize) {
        if more == 0 {
            self.waiting.push((rest, out.clone()));
            if self.waiting.len() == BATCH {
                self.look();
            }
            return;
        }
        for next in from..self.halves.len() {
            if self.over() {
                return;
            }
            out.push(next);
            self.extend(rest - self.halves[next], out, next + 1, more - 1);
            out.pop();
        }
    }

    fn look(&mut self) {
        let tallies = RistrettoPoint::double_and_compress_batch(self.waiting.iter().map(|(rest, _)| rest));
        for (tally, (_, out)) in tallies.iter().zip(std::mem::take(&mut self.waiting)) {
            if self.over() {
                return;
            }
            self.tried += 1;
            if (self.passes)(tally.as_bytes()) {
                self.found = Some(out);
            }
        }
    }
}

fn on_paper(row: &mut Row, rng: &mut StdRng) {
    let region = paper::Region::new(HOMES, PERIODS_OF_A_MONTH, paper::FALSE_POSITIVES, rng);
    let (mut tried, began) = (Vec::new(), Instant::now());
    let found = Rate::of(3, || {
        let k = rng.gen_range(0..PERIODS_OF_A_MONTH);
        let readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(READING)).collect();
        let sent = region.send(&readings, k, rng);
        let prids: Vec<Prid> = sent.iter().map(|transaction| transaction.prid).collect();
        let passes = |tally: &[u8; 32]| region.bf2.contains(tally);
        let search = Search::run(&prids, u64::MAX, &passes);
        tried.push(grouped(search.tried));
        let out = search.found.unwrap_or_default();
        let rest: Vec<_> = (0..sent.len())
            .filter(|place| !out.contains(place))
            .map(|place| sent[place])
            .collect();
        !out.is_empty() && region.aggregate(&rest).is_ok()
    });
    let each = began.elapsed().as_secs_f64() / 3.0;
    let found = found.always();
    row.paper(
        "a subset passes at p = 1e-6",
        found.map(|_| format!("3 of 3, after {} subsets, {each:.1} s each", tried.join(", "))),
    );
}

/// The first homes of a region send and the last does not, on a chain whose BF2 lets that through.
fn past_the_filter(row: &mut Row, rng: &mut StdRng) {
    let region = Region::seeded(1, 5, rng.gen());
    let prids = region.prids(0);
    let mut filter = filter::Builder::cycle(region.id, 0, PERIODS);
    (0..PERIODS).for_each(|k| filter.insert_tally(k, &region.tally(k)));
    filter.insert_tally(0, &tally::sum(prids[..8].iter()).expect("pseudonyms are points"));
    let manifests = (0..PERIODS).map(|k| region.manifest(k)).collect();
    let mut scene = Scene::unpublished(region);
    scene.publish_filter(filter.finish()).expect("it is in order");
    scene.publish(0, manifests).expect("they are in order");

    let readings = [310, 4_070, 95, 1_200, 620];
    let mut sent = scene.shares(0, &readings);
    sent.truncate(8);
    scene.close(0, sent);
    let fault = scene.chain.events().into_iter().find_map(|event| match event {
        RuntimeEvent::Readings(AggregationFault {
            expected,
            count,
            tally_known,
            ..
        }) => Some((expected, count, tally_known)),
        _ => None,
    });
    let faulty = scene.view(0).status == PeriodStatus::Faulty && fault == Some((10, 8, true));
    row.gridveil(
        "the period closes, where BF2 were to know T",
        seen(faulty, format!("AggregationFault {fault:?}")),
    );
    row.gridveil(
        "it opens as if all were there",
        refused(scene.open(0, &[], &[]), "CountsDoNotAddUp"),
    );
    row.gridveil("it opens for those who sent", accepted(scene.open(0, &[4], &[])));
    row.gridveil("their total is exact", scene.opened(0, 4, readings[..4].iter().sum()));
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    on_paper(&mut row, rng);

    let region = Region::seeded(1, HOMES as u8, rng.gen());
    let mut bf2 = filter::Builder::cycle(1, 0, PERIODS_OF_A_MONTH);
    (0..PERIODS_OF_A_MONTH).for_each(|k| bf2.insert_tally(k, &region.tally(k)));
    let bf2 = bf2.finish();
    let k = rng.gen_range(0..PERIODS_OF_A_MONTH);
    let passes = |tally: &[u8; 32]| filter::contains_tally(&bf2, 1, 0, k, tally);
    let complete = passes(&region.tally(k));
    let search = Search::run(&region.prids(k), TRIED, &passes);
    row.gridveil(
        "a subset passes",
        seen(
            complete && search.found.is_none(),
            format!("none of {}", grouped(search.tried)),
        ),
    );
    past_the_filter(&mut row, rng);
    row
}
