//! What was seen of the chain over time, and what follows from it: how fast it grew, and how far finality was behind.
//!
//! Pure: fed with samples, asked for numbers. Times are those of the observer, from its start on.
//!
//! **Privacy.** Heights and times.

use std::time::Duration;

/// What one node said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Duration,
    /// The node's index.
    pub node: usize,
    /// The height of its best block.
    pub best: u32,
    /// The height of its last finalised block.
    pub finalised: u32,
}

/// All samples of a run, in the order of their times.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: Vec<Sample>,
    /// When each height was first seen as best, at any node.
    best: Vec<Duration>,
    /// When each height was first seen as finalised, at any node.
    finalised: Vec<Duration>,
}

/// Notes that everything up to `height` has been reached at `at`.
fn reach(heights: &mut Vec<Duration>, height: u32, at: Duration) {
    let count = usize::try_from(height).map_or(0, |height| height.saturating_add(1));
    if heights.len() < count {
        heights.resize(count, at);
    }
}

/// The highest height that was reached by a moment; genesis always was.
fn reached(heights: &[Duration], by: Duration) -> u32 {
    let count = heights.partition_point(|at| *at <= by);
    u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX)
}

impl History {
    /// Adds a sample, which is not older than those before it.
    pub fn push(&mut self, sample: Sample) {
        reach(&mut self.best, sample.best, sample.at);
        reach(&mut self.finalised, sample.finalised, sample.at);
        self.samples.push(sample);
    }

    /// The best height that any node had reached.
    pub fn best_at(&self, at: Duration) -> u32 {
        reached(&self.best, at)
    }

    /// The finalised height that any node had reached.
    pub fn finalised_at(&self, at: Duration) -> u32 {
        reached(&self.finalised, at)
    }

    /// By how many blocks finality was behind at most, at any of these nodes, each compared with itself.
    pub fn most_blocks_behind(&self, from: Duration, to: Duration, nodes: &[usize]) -> u32 {
        self.between(from, to)
            .filter(|sample| nodes.contains(&sample.node))
            .map(|sample| sample.best.saturating_sub(sample.finalised))
            .max()
            .unwrap_or(0)
    }

    /// How long the oldest block that was not final had been there, at most, between two moments.
    pub fn longest_lag(&self, from: Duration, to: Duration) -> Duration {
        let lags = self.best.iter().enumerate().filter_map(|(height, born)| {
            let until = self.finalised.get(height).copied().unwrap_or(to).min(to);
            (until >= from && *born <= to).then(|| until.saturating_sub(*born))
        });
        lags.max().unwrap_or_default()
    }

    fn between(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Sample> {
        let first = self.samples.partition_point(|sample| sample.at < from);
        self.samples
            .iter()
            .skip(first)
            .take_while(move |sample| sample.at <= to)
    }
}

/// How many blocks a chain must make in a time at least, when `down` of `members` are away: nine tenths of the share of
/// those that are left.
pub fn expected_blocks(time: Duration, slot: Duration, members: u32, down: u32) -> u32 {
    let slots = time.as_millis() / slot.as_millis().max(1);
    let up = u128::from(members.saturating_sub(down));
    let blocks = slots * up * 9 / (u128::from(members.max(1)) * 10);
    u32::try_from(blocks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Block h is made at 3h, and final 2 s later, but for those after block 3, which wait until second 30.
    fn stalled() -> History {
        let mut history = History::default();
        for second in 0..40_u64 {
            let best = second / 3;
            let finalised = match second.saturating_sub(2) / 3 {
                height if height > 3 && second < 30 => 3,
                height => height,
            };
            for node in 0..2 {
                let (best, finalised) = (u32::try_from(best).unwrap(), u32::try_from(finalised).unwrap());
                history.push(Sample {
                    at: s(second),
                    node,
                    best,
                    finalised,
                });
            }
        }
        history
    }

    #[test]
    fn heights_are_those_that_had_been_seen_by_then() {
        let history = stalled();
        assert_eq!((history.best_at(s(8)), history.finalised_at(s(8))), (2, 2));
        assert_eq!((history.best_at(s(29)), history.finalised_at(s(29))), (9, 3));
        assert_eq!(History::default().best_at(s(5)), 0);
    }

    #[test]
    fn lag_is_the_age_of_the_oldest_block_that_waits() {
        let history = stalled();
        // Block 4, of second 12, waits until 30.
        assert_eq!(history.longest_lag(s(0), s(39)), s(18));
        assert_eq!(history.longest_lag(s(0), s(20)), s(8));
        assert_eq!(history.longest_lag(s(31), s(39)), s(2));
        assert_eq!(history.most_blocks_behind(s(0), s(39), &[0, 1]), 6);
        assert_eq!(history.most_blocks_behind(s(0), s(11), &[1]), 1);
        assert_eq!(history.most_blocks_behind(s(0), s(39), &[2]), 0);
    }

    #[test]
    fn a_lag_that_has_not_ended_counts_up_to_now() {
        let mut history = History::default();
        let at = |second, best| Sample {
            at: s(second),
            node: 0,
            best,
            finalised: 0,
        };
        history.push(at(0, 0));
        history.push(at(3, 1));
        history.push(at(60, 20));
        assert_eq!(history.longest_lag(s(0), s(60)), s(57));
    }

    #[test]
    fn the_expected_blocks_are_nine_tenths_of_what_the_others_own() {
        assert_eq!(expected_blocks(s(300), s(3), 4, 1), 67);
        assert_eq!(expected_blocks(s(300), s(3), 7, 2), 64);
        assert_eq!(expected_blocks(s(30), s(3), 4, 0), 9);
        assert_eq!(expected_blocks(s(30), s(3), 4, 9), 0);
    }
}
