//! Time, as the period loop sees it.
//!
//! Promises milliseconds since the Unix epoch and a sleep until such a moment, and nothing else, so that a test can hand
//! the loop a month in a second. Whoever runs a real meter uses [`SystemClock`]; whether the chain agrees that a window
//! is open is asked of the chain (see [`crate::run`]).
//!
//! **Privacy.** Reveals nothing.

use gridveil_primitives::Moment;
use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Where the period loop gets its time from.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Moment;

    /// Waits until `at`; returns at once where that has passed.
    fn sleep_until(&self, at: Moment) -> impl Future<Output = ()> + Send;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment::try_from(since.as_millis()).unwrap_or(Moment::MAX)
    }

    async fn sleep_until(&self, at: Moment) {
        // A machine's clock may be put right while a meter sleeps; looking at it again every minute bounds the harm.
        const LONGEST: u64 = 60_000;
        loop {
            let left = at.saturating_sub(self.now());
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left.min(LONGEST))).await;
        }
    }
}

/// Runs `work` until `at` by `clock`; `None` where it had not ended by then.
pub async fn within<C: Clock, T>(clock: &C, at: Moment, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = clock.sleep_until(at) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_ends_in_time_gives_its_result() {
        let clock = SystemClock;
        assert_eq!(within(&clock, clock.now() + 60_000, async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn work_that_never_ends_is_left_at_the_moment_given() {
        let clock = SystemClock;
        let at = clock.now() + 20;
        assert_eq!(within(&clock, at, std::future::pending::<()>()).await, None);
        assert!(clock.now() >= at);
    }
}
