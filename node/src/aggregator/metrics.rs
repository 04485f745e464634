//! The aggregator in numbers, for Prometheus.
//!
//! **Privacy.** Counts over all meters; what a period's counts are, the chain says anyway.

use substrate_prometheus_endpoint::{register, Counter, Gauge, PrometheusError, Registry, U64};

/// The counters, which also count where nobody reads them.
pub struct Metrics {
    /// Shares that a receipt was given for.
    pub accepted: Counter<U64>,
    /// Shares that were turned away.
    pub declined: Counter<U64>,
    /// Shares accepted whose period is not over on the finalised chain.
    pub held: Gauge<U64>,
    /// Shares handed to the pool in batches, each time that they were.
    pub sent: Counter<U64>,
    /// Shares accepted that are on the finalised chain at their period's end.
    pub finalised: Counter<U64>,
    /// Shares accepted that are not.
    pub lost: Counter<U64>,
}

impl Metrics {
    /// Makes the counters, known to the exporter where there is one.
    ///
    /// # Errors
    ///
    /// If it knows one of that name already.
    pub fn new(registry: Option<&Registry>) -> Result<Self, PrometheusError> {
        let counter = |name: &str, help: &str| {
            let counter = Counter::new(format!("gridveil_aggregator_shares_{name}"), help)?;
            match registry {
                Some(registry) => register(counter, registry),
                None => Ok(counter),
            }
        };
        let held = Gauge::new(
            "gridveil_aggregator_shares_held",
            "Shares accepted whose period is not over on the finalised chain",
        )?;
        Ok(Self {
            accepted: counter("accepted", "Shares that a receipt was given for")?,
            declined: counter("declined", "Shares that were turned away")?,
            held: match registry {
                Some(registry) => register(held, registry)?,
                None => held,
            },
            sent: counter("sent", "Shares handed to the pool in batches, each time that they were")?,
            finalised: counter(
                "finalised",
                "Shares accepted and on the finalised chain at their period's end",
            )?,
            lost: counter(
                "lost",
                "Shares accepted and not on the finalised chain at their period's end",
            )?,
        })
    }
}
