//! Who is hit and when: chosen by a seed, so that a run can be repeated.
//!
//! Pure. Each choice has a purpose, so that the choices of one scenario do not hang together.
//!
//! **Privacy.** Random numbers.

use std::time::Duration;

use rand::{rngs::StdRng, seq::SliceRandom, Rng, SeedableRng};

/// The choices of one run.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    /// The choices that follow from a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn rng(self, purpose: &str) -> StdRng {
        let mut mixed = self.seed;
        for byte in purpose.bytes() {
            mixed = mixed
                .wrapping_mul(0x0100_0000_01b3)
                .wrapping_add(u64::from(byte))
                .rotate_left(17);
        }
        StdRng::seed_from_u64(mixed)
    }

    /// `count` of the nodes 0 to `all` − 1 but for those in `spared`, in ascending order.
    pub fn victims(self, purpose: &str, all: usize, count: usize, spared: &[usize]) -> Vec<usize> {
        let mut nodes: Vec<usize> = (0..all).filter(|node| !spared.contains(node)).collect();
        nodes.shuffle(&mut self.rng(purpose));
        nodes.truncate(count);
        nodes.sort_unstable();
        nodes
    }

    /// One of the nodes 0 to `all` − 1 but for those in `spared`; node 0 where none is left.
    pub fn victim(self, purpose: &str, all: usize, spared: &[usize]) -> usize {
        self.victims(purpose, all, 1, spared).first().copied().unwrap_or(0)
    }

    /// `count` pauses between `shortest` and `longest`.
    pub fn pauses(self, purpose: &str, count: usize, shortest: Duration, longest: Duration) -> Vec<Duration> {
        let mut rng = self.rng(purpose);
        (0..count).map(|_| rng.gen_range(shortest..=longest)).collect()
    }

    /// A number below `bound`, for data that just has to be somehow; 0 where `bound` is.
    pub fn numbers(self, purpose: &str, count: usize, bound: u32) -> Vec<u32> {
        let mut rng = self.rng(purpose);
        (0..count).map(|_| rng.gen_range(0..bound.max(1))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_hits_the_same_nodes_at_the_same_moments() {
        let (one, other) = (Chance::new(7), Chance::new(7));
        assert_eq!(one.victims("down", 7, 3, &[]), other.victims("down", 7, 3, &[]));
        let pauses = |chance: Chance| chance.pauses("kill", 20, Duration::from_secs(3), Duration::from_secs(12));
        assert_eq!(pauses(one), pauses(other));
        assert_ne!(pauses(one), pauses(Chance::new(8)));
    }

    #[test]
    fn victims_are_as_many_as_asked_for_and_never_the_spared() {
        for seed in 0..200 {
            let victims = Chance::new(seed).victims("down", 4, 2, &[1]);
            assert_eq!(victims.len(), 2);
            assert!(victims.iter().all(|node| *node < 4 && *node != 1), "{victims:?}");
            assert!(victims[0] < victims[1], "{victims:?}");
        }
    }

    #[test]
    fn every_node_is_hit_by_some_seed() {
        let hit: std::collections::BTreeSet<usize> = (0..200)
            .map(|seed| Chance::new(seed).victim("leader", 7, &[]))
            .collect();
        assert_eq!(hit.len(), 7);
    }

    #[test]
    fn pauses_keep_their_bounds() {
        let (shortest, longest) = (Duration::from_secs(3), Duration::from_secs(12));
        let pauses = Chance::new(1).pauses("kill", 100, shortest, longest);
        assert_eq!(pauses.len(), 100);
        assert!(pauses.iter().all(|pause| (shortest..=longest).contains(pause)));
    }

    #[test]
    fn two_purposes_choose_independently() {
        let differs = |seed| {
            let chance = Chance::new(seed);
            chance.victims("a", 7, 3, &[]) != chance.victims("b", 7, 3, &[])
        };
        assert!((0..20).any(differs));
    }
}
