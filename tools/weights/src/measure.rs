//! One benchmark: at which sizes it runs, and what follows from the runs.

use crate::chain::{Chain, Failure};
use frame_benchmarking::{
    Analysis, BenchmarkConfig, BenchmarkMetadata, BenchmarkParameter, BenchmarkResult, BenchmarkSelector,
};
use frame_support::traits::StorageInfo;
use std::collections::BTreeMap;

/// How often a benchmark runs.
#[derive(Clone, Copy)]
pub struct Effort {
    /// At how many sizes of each component, the others at their greatest.
    pub steps: u32,
    /// How many times at each; none to see that it runs.
    pub repeat: u32,
}

/// A component of a benchmark: its name, its least and its greatest size.
pub type Component = (BenchmarkParameter, u32, u32);

/// What a benchmark came to.
pub struct Measured {
    /// The benchmark's name.
    pub name: String,
    /// Its components.
    pub components: Vec<Component>,
    /// Picoseconds.
    pub time: Analysis,
    /// Entries of the state that are read.
    pub reads: Analysis,
    /// Entries that are written.
    pub writes: Analysis,
    /// The entries by name, with how many of each are read and written at most.
    pub entries: BTreeMap<String, (u32, u32)>,
}

/// Runs a benchmark of `pallet`. `None` where it was not timed.
pub fn measure(
    chain: &Chain,
    effort: Effort,
    pallet: &str,
    instance: &[u8],
    benchmark: &BenchmarkMetadata,
    storage: &[StorageInfo],
) -> Result<Option<Measured>, Failure> {
    let (mut counted, mut timed) = (Vec::new(), Vec::new());
    for selected_components in sizes(&benchmark.components, effort.steps) {
        let config = BenchmarkConfig {
            pallet: pallet.into(),
            instance: instance.into(),
            benchmark: benchmark.name.clone(),
            selected_components,
            verify: false,
            internal_repeats: effort.repeat,
        };
        chain.verify(config.clone())?;
        if effort.repeat > 0 {
            counted.extend(chain.count(config.clone())?);
            timed.extend(chain.time(config)?);
        }
    }
    if effort.repeat == 0 {
        return Ok(None);
    }
    Ok(Some(Measured {
        name: String::from_utf8(benchmark.name.clone())?,
        components: benchmark.components.clone(),
        time: Analysis::min_squares_iqr(&timed, BenchmarkSelector::ExtrinsicTime)?,
        reads: Analysis::min_squares_iqr(&counted, BenchmarkSelector::Reads)?,
        writes: Analysis::min_squares_iqr(&counted, BenchmarkSelector::Writes)?,
        entries: entries(&counted, storage),
    }))
}

/// The sizes to run at: at most `steps` of each component from its least to its greatest, the others at their greatest.
fn sizes(components: &[Component], steps: u32) -> Vec<Vec<(BenchmarkParameter, u32)>> {
    let greatest: Vec<_> = components.iter().map(|(name, _, high)| (*name, *high)).collect();
    if components.is_empty() {
        return vec![greatest];
    }
    let last = steps.max(2) - 1;
    let mut all = Vec::new();
    for (place, (_, low, high)) in components.iter().enumerate() {
        for step in 0..=last {
            let mut sizes = greatest.clone();
            let part = u64::from(high - low) * u64::from(step) / u64::from(last);
            sizes[place].1 = low + u32::try_from(part).unwrap_or(u32::MAX);
            all.push(sizes);
        }
    }
    all.dedup();
    all
}

/// The entries that were touched, by name. Those that every block touches are not counted.
fn entries(counted: &[BenchmarkResult], storage: &[StorageInfo]) -> BTreeMap<String, (u32, u32)> {
    let mut most = BTreeMap::new();
    for (prefix, reads, writes, _) in counted.iter().flat_map(|result| &result.keys) {
        let part = String::from_utf8_lossy;
        let name = storage
            .iter()
            .find(|entry| prefix.starts_with(&entry.prefix))
            .map_or_else(
                || part(prefix).into(),
                |entry| format!("{}::{}", part(&entry.pallet_name), part(&entry.storage_name)),
            );
        let count: &mut (u32, u32) = most.entry(name).or_default();
        *count = (count.0.max(*reads), count.1.max(*writes));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_goes_from_its_least_to_its_greatest_beside_the_others_greatest() {
        use BenchmarkParameter::{a, b};
        assert_eq!(
            sizes(&[(a, 0, 9), (b, 1, 2)], 3),
            [
                [(a, 0), (b, 2)],
                [(a, 4), (b, 2)],
                [(a, 9), (b, 2)],
                [(a, 9), (b, 1)],
                [(a, 9), (b, 2)]
            ]
        );
        assert_eq!(sizes(&[], 3), [[]; 1]);
    }
}
