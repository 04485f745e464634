//! The consortium as Prometheus gauges.
//!
//! Everything is of the last finalised block and changes with it, but the lag, which also follows the best block: it grows
//! while nothing is finalised. Records are gauges and no counters, since the chain halves them with each term.
//!
//! **Privacy.** They say of members what the chain says; nothing about meters or callers.

use crate::status::{self, FinalityStatus};
use futures::StreamExt;
use gridveil_runtime::{finality_api::FinalityApi, opaque::Block, AccountId, BlockNumber, Hash};
use sc_client_api::BlockchainEvents;
use sc_consensus_grandpa::SharedAuthoritySet;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use substrate_prometheus_endpoint::{register, Gauge, GaugeVec, Opts, PrometheusError, Registry, U64};

/// A gauge for each account.
struct PerAccount {
    gauge: GaugeVec<U64>,
    shown: BTreeSet<String>,
}

impl PerAccount {
    fn register(name: &str, label: &str, help: &str, registry: &Registry) -> Result<Self, PrometheusError> {
        let gauge = GaugeVec::new(Opts::new(name, help), &[label])?;
        Ok(Self {
            gauge: register(gauge, registry)?,
            shown: BTreeSet::new(),
        })
    }

    /// Shows these values, and no longer those of accounts that are not among them.
    fn show<'a>(&mut self, values: impl IntoIterator<Item = (&'a AccountId, u64)>) {
        let mut gone = std::mem::take(&mut self.shown);
        for (account, value) in values {
            let account = account.to_string();
            self.gauge.with_label_values(&[account.as_str()]).set(value);
            gone.remove(&account);
            self.shown.insert(account);
        }
        for account in gone {
            // It was shown, so it can be removed.
            let _ = self.gauge.remove_label_values(&[account.as_str()]);
        }
    }
}

/// The gauges.
pub struct Metrics {
    term: Gauge<U64>,
    members: Gauge<U64>,
    authorities: Gauge<U64>,
    finalised: Gauge<U64>,
    lag: Gauge<U64>,
    leader: PerAccount,
    authored: PerAccount,
    missed: PerAccount,
    votes: PerAccount,
}

impl Metrics {
    /// Makes the gauges known to the exporter.
    ///
    /// # Errors
    ///
    /// If one of that name is known already.
    pub fn register(registry: &Registry) -> Result<Self, PrometheusError> {
        let gauge = |name: &str, help: &str| register(Gauge::new(name, help)?, registry);
        let per_account = |name: &str, label: &str, help: &str| PerAccount::register(name, label, help, registry);
        Ok(Self {
            term: gauge("gridveil_term", "Number of the leader's term")?,
            members: gauge("gridveil_members", "Members of the consortium")?,
            authorities: gauge(
                "gridveil_authorities",
                "Members that make and finalise blocks in this term",
            )?,
            finalised: gauge("gridveil_finalised_block_number", "Number of the last finalised block")?,
            lag: gauge(
                "gridveil_finality_lag_blocks",
                "Blocks between the last finalised and the best one",
            )?,
            leader: per_account(
                "gridveil_leader",
                "account",
                "1 for the member that leads in this term, 0 for the others",
            )?,
            authored: per_account(
                "gridveil_member_slots_authored",
                "account",
                "Slots in which a member made its block; halved with each term",
            )?,
            missed: per_account(
                "gridveil_member_slots_missed",
                "account",
                "Slots that a member let pass without a block; halved with each term",
            )?,
            votes: per_account(
                "gridveil_leader_votes",
                "candidate",
                "Votes of this term for the leader of the next",
            )?,
        })
    }

    fn show(&mut self, status: &FinalityStatus) {
        let members = &status.members;
        self.term.set(status.term.into());
        self.members.set(count(members.len()));
        self.authorities
            .set(count(members.iter().filter(|member| member.authority).count()));
        self.finalised.set(status.finalised.number.into());
        self.show_lag(status.best.number, status.finalised.number);
        self.leader.show(members.iter().map(|member| {
            (
                &member.account,
                u64::from(status.leader.as_ref() == Some(&member.account)),
            )
        }));
        self.authored
            .show(members.iter().map(|member| (&member.account, member.authored.into())));
        self.missed
            .show(members.iter().map(|member| (&member.account, member.missed.into())));
        let mut votes = BTreeMap::<&AccountId, u64>::new();
        for candidate in members.iter().filter_map(|member| member.vote.as_ref()) {
            *votes.entry(candidate).or_default() += 1;
        }
        self.votes.show(votes);
    }

    fn show_lag(&self, best: BlockNumber, finalised: BlockNumber) {
        self.lag.set(best.saturating_sub(finalised).into());
    }

    /// Keeps the gauges up to date for as long as there are blocks.
    pub async fn run<Client>(mut self, client: Arc<Client>, voters: SharedAuthoritySet<Hash, BlockNumber>)
    where
        Client: BlockchainEvents<Block> + HeaderBackend<Block> + ProvideRuntimeApi<Block>,
        Client::Api: FinalityApi<Block>,
    {
        let mut finalised = client.finality_notification_stream();
        let mut imported = client.import_notification_stream();
        self.update(&*client, &voters);
        loop {
            tokio::select! {
                block = finalised.next() => match block {
                    Some(_) => self.update(&*client, &voters),
                    None => return,
                },
                block = imported.next() => match block {
                    Some(_) => {
                        let info = client.info();
                        self.show_lag(info.best_number, info.finalized_number);
                    }
                    None => return,
                },
            }
        }
    }

    fn update<Client>(&mut self, client: &Client, voters: &SharedAuthoritySet<Hash, BlockNumber>)
    where
        Client: HeaderBackend<Block> + ProvideRuntimeApi<Block>,
        Client::Api: FinalityApi<Block>,
    {
        match status::read(client, voters) {
            Ok(status) => self.show(&status),
            Err(error) => tracing::debug!("The gauges of the consortium stay as they are: {error}"),
        }
    }
}

/// A number of members as a gauge takes it.
fn count(members: usize) -> u64 {
    members.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::samples::{account, status};

    /// What the exporter would say, by name and label; `None` where there is no such line.
    fn value(registry: &Registry, name: &str, label: Option<&AccountId>) -> Option<f64> {
        let label = label.map(ToString::to_string);
        let families = registry.gather();
        let family = families.iter().find(|family| family.get_name() == name)?;
        let metric = family.get_metric().iter().find(|metric| {
            let labels: Vec<&str> = metric.get_label().iter().map(|pair| pair.get_value()).collect();
            labels == label.iter().map(String::as_str).collect::<Vec<_>>()
        })?;
        Some(metric.get_gauge().get_value())
    }

    #[test]
    fn the_gauges_say_what_the_status_says() {
        let registry = Registry::new();
        Metrics::register(&registry).unwrap().show(&status());
        for (name, expected) in [
            ("gridveil_term", 3.0),
            ("gridveil_members", 4.0),
            ("gridveil_authorities", 3.0),
            ("gridveil_finalised_block_number", 41.0),
            ("gridveil_finality_lag_blocks", 2.0),
        ] {
            assert_eq!(value(&registry, name, None), Some(expected), "{name}");
        }
        for (name, of, expected) in [
            ("gridveil_leader", 1, Some(0.0)),
            ("gridveil_leader", 2, Some(1.0)),
            ("gridveil_member_slots_authored", 3, Some(30.0)),
            ("gridveil_member_slots_missed", 4, Some(4.0)),
            ("gridveil_leader_votes", 2, Some(2.0)),
            ("gridveil_leader_votes", 1, None),
        ] {
            assert_eq!(value(&registry, name, Some(&account(of))), expected, "{name} of {of}");
        }
    }

    #[test]
    fn who_is_no_member_any_more_is_shown_no_more() {
        let registry = Registry::new();
        let mut metrics = Metrics::register(&registry).unwrap();
        let mut status = status();
        metrics.show(&status);
        status.members.remove(1);
        status.members[0].vote = None;
        status.leader = None;
        metrics.show(&status);

        for name in [
            "gridveil_leader",
            "gridveil_member_slots_authored",
            "gridveil_member_slots_missed",
            "gridveil_leader_votes",
        ] {
            assert_eq!(value(&registry, name, Some(&account(2))), None, "{name}");
        }
        assert_eq!(value(&registry, "gridveil_leader", Some(&account(1))), Some(0.0));
        assert_eq!(value(&registry, "gridveil_members", None), Some(3.0));
    }

    #[test]
    fn the_lag_grows_while_nothing_is_finalised() {
        let registry = Registry::new();
        let mut metrics = Metrics::register(&registry).unwrap();
        metrics.show(&status());
        metrics.show_lag(50, 41);
        assert_eq!(value(&registry, "gridveil_finality_lag_blocks", None), Some(9.0));
        assert_eq!(value(&registry, "gridveil_finalised_block_number", None), Some(41.0));
    }
}
