//! What is claimed, what was seen, and how many claims hold.
//!
//! Promises that a claim which was never reached counts as one that failed.

use std::time::{Duration, Instant};

use anyhow::{bail, Result};
use tokio::time::{sleep, timeout};

const POLL: Duration = Duration::from_millis(500);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(10);

/// Everything that is claimed, in the order in which it is looked at.
pub struct Checks {
    claims: &'static [&'static str],
    passed: usize,
    began: Instant,
}

impl Checks {
    /// Claims these.
    pub fn of(claims: &'static [&'static str]) -> Self {
        Self {
            claims,
            passed: 0,
            began: Instant::now(),
        }
    }

    /// The next claim holds, as this shows.
    pub fn holds(&mut self, seen: impl std::fmt::Display) {
        println!("ok      {}: {seen}", self.next());
        self.passed += 1;
    }

    /// Tells what happens between two claims.
    pub fn tell(&self, what: impl std::fmt::Display) {
        println!("[{:>4.0} s] {what}", self.began.elapsed().as_secs_f32());
    }

    /// Ends with the number of claims that hold and the number of those that do not, and tells the latter.
    pub fn end(self, outcome: &Result<()>) -> (usize, usize) {
        let mut missing = self.claims.iter().skip(self.passed);
        match (outcome, missing.next()) {
            (Ok(()), None) => return (self.passed, 0),
            (Ok(()), Some(claim)) => println!("FAILED  {claim}: nobody looked"),
            (Err(error), Some(claim)) => println!("FAILED  {claim}: {error:#}"),
            (Err(error), None) => {
                println!("FAILED  afterwards: {error:#}");
                return (self.passed, 1);
            }
        }
        for claim in missing {
            println!("FAILED  {claim}: not reached");
        }
        (self.passed, self.claims.len() - self.passed)
    }

    fn next(&self) -> &'static str {
        self.claims.get(self.passed).copied().unwrap_or("more than was claimed")
    }
}

/// Looks again and again until there is something to see; returns it.
///
/// # Errors
///
/// If there is nothing `within` that time; the last look's own error, if it had one, is told.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    loop {
        let obstacle = match timeout(LOOK, look()).await {
            Ok(Ok(Some(seen))) => return Ok(seen),
            Ok(Ok(None)) => String::new(),
            Ok(Err(error)) => format!(": {error:#}"),
            Err(_) => ": no answer".into(),
        };
        if began.elapsed() > within {
            bail!("{what}: not within {} s{obstacle}", within.as_secs());
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: &[&str] = &["water is wet", "fire is hot", "ice is cold"];

    #[test]
    fn claims_that_were_not_reached_have_failed() {
        let mut checks = Checks::of(CLAIMS);
        checks.holds("it was");
        assert_eq!(checks.end(&Err(anyhow::anyhow!("no matches"))), (1, 2));
    }

    #[test]
    fn an_early_end_without_an_error_is_no_success() {
        assert_eq!(Checks::of(CLAIMS).end(&Ok(())), (0, 3));
    }

    #[test]
    fn an_error_after_the_last_claim_counts() {
        let mut checks = Checks::of(CLAIMS);
        CLAIMS.iter().for_each(|_| checks.holds("it was"));
        assert_eq!(checks.end(&Err(anyhow::anyhow!("it does not stop"))), (3, 1));
    }

    #[tokio::test]
    async fn what_does_not_come_is_an_error_that_says_why() {
        let error = until("rain", Duration::ZERO, async || -> Result<Option<()>> {
            bail!("blue sky")
        });
        let told = error.await.unwrap_err().to_string();
        assert!(told.contains("rain") && told.contains("blue sky"), "{told}");
    }
}
