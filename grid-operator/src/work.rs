//! Work that takes long: on a thread aside, and on all cores.
//!
//! **Privacy.** Moves what it is given and keeps nothing.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::error::Error;

/// How many threads to use.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Does `work` for each item, on all cores, and gives the results in the items' order. Each core takes the next item as soon as
/// it has done its last one, so that one that has other work, too, does not keep the rest waiting.
pub fn on_all_cores<'a, T: Sync, R: Send>(items: &'a [T], work: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let (work, next) = (&work, &AtomicUsize::new(0));
    let take = move || {
        let place = next.fetch_add(1, Ordering::Relaxed);
        items.get(place).map(|item| (place, work(item)))
    };
    let mut results = Vec::with_capacity(items.len());
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads().min(items.len()))
            .map(|_| scope.spawn(move || std::iter::from_fn(take).collect::<Vec<_>>()))
            .collect();
        for part in parts {
            match part.join() {
                Ok(done) => results.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs what takes long on a thread of its own, so that the chain is still listened to.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failure) => Err(Error::Worker(failure.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0usize, 1, 2, 3, 100] {
            let items: Vec<_> = (0..count).collect();
            assert_eq!(
                on_all_cores(&items, |item| item * 2),
                items.iter().map(|item| item * 2).collect::<Vec<_>>()
            );
        }
    }

    #[tokio::test]
    async fn a_worker_that_panics_is_an_error() {
        let failed = aside::<()>(|| panic!("by the test")).await;
        assert!(matches!(failed, Err(Error::Worker(_))));
    }
}
