//! From the command line to the operators' functions and back to the screen.
//!
//! **Privacy.** Reads keys from private files and passes them on.

use std::{path::PathBuf, sync::Arc};

use gridveil_bills::store::{self, Store};
use gridveil_chain_client::{Chain, Options, RoleKey};
use gridveil_primitives::{CycleId, Price};
use serde::Serialize;

use crate::{
    audit,
    cli::{Cli, ControlCentreArgs, ControlCentreCommand, KeyCentreArgs, KeyCentreCommand, Role},
    config::{need, Config},
    consortium,
    control_centre::{
        prices::Prices,
        run::{run as run_control_centre, Priced},
        tariff::Tariff,
    },
    error::Error,
    grid::{Grid, Node},
    key_centre::{backup, bill, enrol, faults, init, open_ledger, publish, revise, schedule, status, watch, KeyCentre},
    lock::Source,
    output::{table, Output},
    root_key::{has_root_key, protect_root_key},
};

/// The end of an endless or long command, said as JSON.
#[derive(Serialize)]
struct Done {
    event: &'static str,
    settled: usize,
}

/// Does what the command line asks for.
pub async fn run(cli: Cli) -> Result<(), Error> {
    let config = Config::load(cli.config.as_deref())?;
    let output = Output { json: cli.json };
    let nodes = config.nodes(&cli.nodes);
    match cli.role {
        Role::KeyCentre(args) => key_centre(args, &config, nodes, output).await,
        Role::ControlCentre(args) => control_centre(args, &config, nodes, output).await,
        Role::Consortium(args) => consortium::run::run(args, &config, nodes, output).await,
        Role::Audit { cycle } => audit(cycle, nodes, output).await,
    }
}

async fn connect(nodes: Vec<String>, key_file: Option<PathBuf>) -> Result<Node, Error> {
    connect_with(Options::new(nodes), key_file).await
}

/// The chain with the key of a file.
pub(crate) async fn connect_with(options: Options, key_file: Option<PathBuf>) -> Result<Node, Error> {
    // The key first: it needs no network to be found wrong.
    let key = key_file.map(RoleKey::from_file).transpose()?;
    Ok(Node::new(Chain::connect(options).await?, key))
}

async fn key_centre(args: KeyCentreArgs, config: &Config, nodes: Vec<String>, output: Output) -> Result<(), Error> {
    let dir = need(
        args.dir,
        config.key_centre.dir.clone(),
        "the key centre's directory",
        "--dir",
    )?;
    let key_file = args.key_file.or(config.key_centre.key_file.clone());
    let lock = || {
        // A flag wins over either setting.
        match (args.passphrase_file, args.unlock_key) {
            (None, None) => Source::of(
                config.key_centre.passphrase_file.clone(),
                config.key_centre.unlock_key.clone(),
            ),
            (passphrase_file, unlock_key) => Source::of(passphrase_file, unlock_key),
        }
    };
    // What needs no chain comes first.
    match &args.command {
        KeyCentreCommand::Init => {
            let lock = lock()?;
            let lock = if has_root_key(&dir) {
                lock.existing()?
            } else {
                lock.fresh()?
            };
            let new = init(&dir, &lock)?;
            output.result(&serde_json::json!({ "dir": dir, "new": new }), || match new {
                true => format!(
                    "the key centre in {} is made; keep copies of what unlocks it elsewhere, nothing else opens its root key",
                    dir.display()
                ),
                false => format!("the key centre in {} is there already", dir.display()),
            });
            return Ok(());
        }
        KeyCentreCommand::Protect => {
            let new = protect_root_key(&dir, &lock()?.fresh()?)?;
            output.result(&serde_json::json!({ "dir": dir, "new": new }), || match new {
                true => "the root key is encrypted; older copies of it, in backups and on the disk, are not".into(),
                false => "the root key was encrypted before".into(),
            });
            return Ok(());
        }
        KeyCentreCommand::Backup { to } => {
            backup::backup(&dir, to)?;
            output.result(&serde_json::json!({ "dir": dir, "backup": to }), || {
                format!("{} is a backup; what unlocks the root key is not in it", to.display())
            });
            return Ok(());
        }
        KeyCentreCommand::Restore { from } => {
            let meters = backup::restore(from, &dir, &lock()?.existing()?)?;
            output.result(&serde_json::json!({ "dir": dir, "meters": meters }), || {
                format!(
                    "the key centre in {} is restored, with {meters} meters; enrol again those that came after the backup, \
                     from the same requests, and give again the commands that were at work",
                    dir.display()
                )
            });
            return Ok(());
        }
        KeyCentreCommand::Faults { cycle } => {
            let found = faults::faults(&open_ledger(&dir, &lock()?.existing()?)?, *cycle)?;
            output.result(&found, || words_for_faults(&found));
            return Ok(());
        }
        _ => {}
    }
    let lock = lock()?.existing()?;
    let store = match &args.command {
        KeyCentreCommand::Bill { store, .. } => {
            let spec = need(
                store.clone(),
                config.key_centre.store.clone(),
                "the store of bills",
                "--store",
            )?;
            Some(store::open(&spec).map_err(|error| Error::Store(error.to_string()))?)
        }
        _ => None,
    };
    let centre = KeyCentre::open(&dir, &lock, connect(nodes, key_file).await?)?;
    on_chain(&centre, args.command, store.map(Arc::from), config, output).await
}

async fn on_chain<G: Grid>(
    centre: &KeyCentre<G>,
    command: KeyCentreCommand,
    store: Option<Arc<dyn Store>>,
    config: &Config,
    output: Output,
) -> Result<(), Error> {
    match command {
        KeyCentreCommand::Init
        | KeyCentreCommand::Protect
        | KeyCentreCommand::Backup { .. }
        | KeyCentreCommand::Restore { .. }
        | KeyCentreCommand::Faults { .. } => {}
        KeyCentreCommand::Enrol {
            request,
            request_dir,
            region,
            first_cycle,
            response_dir,
        } => {
            let files = enrol::request_files(request.as_deref(), request_dir.as_deref())?;
            let enrolled = enrol::enrol(centre, &files, region, first_cycle, &response_dir).await?;
            output.result(&enrolled, || {
                let new = enrolled.iter().filter(|one| one.new).count();
                let (all, dir) = (enrolled.len(), response_dir.display());
                format!("{new} meters enrolled in region {region}, {all} responses in {dir}")
            });
        }
        KeyCentreCommand::Schedule {
            cycle,
            start,
            period_ms,
            window_ms,
            periods,
        } => {
            let done = schedule::schedule(centre, cycle, start, period_ms, window_ms, periods).await?;
            output.result(&done, || {
                let state = if done.new {
                    "is scheduled"
                } else {
                    "was scheduled before"
                };
                format!(
                    "cycle {cycle} {state}: {} periods from {} to {}",
                    done.periods, done.start, done.end
                )
            });
        }
        KeyCentreCommand::Publish { cycle, region, periods } => {
            let bar = output.bar("publishing");
            let done = publish::publish(centre, cycle, &region, periods, &bar).await;
            bar.finish_and_clear();
            let done = done?;
            output.result(&done, || words_for_published(&done));
        }
        KeyCentreCommand::Eliminate { meter, cycle, from_day } => {
            let bar = output.bar("preparing");
            let done = revise::eliminate(centre, &meter, cycle, from_day, &bar).await;
            bar.finish_and_clear();
            let done = done?;
            output.result(&done, || words_for_revised(&done));
        }
        KeyCentreCommand::Replace {
            meter,
            request,
            cycle,
            from_day,
            response_dir,
        } => {
            let bar = output.bar("preparing");
            let done = revise::replace(centre, &meter, &request, cycle, from_day, &response_dir, &bar).await;
            bar.finish_and_clear();
            let done = done?;
            output.result(&done, || words_for_revised(&done));
        }
        KeyCentreCommand::Watch {
            cycle,
            region,
            until_closed,
        } => {
            let bar = output.bar("watching");
            let mut count: usize = 0;
            let watched = watch::watch(centre, cycle, &region, until_closed, &bar, |settled| {
                count = count.saturating_add(usize::from(settled.is_decided_now()));
                output.say(&settled, || words_for_settled(&settled), &bar);
            })
            .await;
            bar.finish_and_clear();
            watched?;
            output.result(
                &Done {
                    event: "done",
                    settled: count,
                },
                || format!("cycle {cycle} has closed; {count} periods were opened or withheld by this run"),
            );
        }
        KeyCentreCommand::Bill { cycle, currency, .. } => {
            let currency = need(
                currency,
                config.key_centre.currency.clone(),
                "the currency",
                "--currency",
            )?;
            check_currency(&currency)?;
            let store = store.ok_or(Error::Missing {
                what: "the store of bills",
                flag: "--store",
            })?;
            let bar = output.bar("billing");
            let done = bill::bill(centre, cycle, store, &currency, &bar).await;
            bar.finish_and_clear();
            let done = done?;
            output.result(&done, || {
                let bill::Billed {
                    made,
                    present,
                    published,
                    ..
                } = done;
                format!("cycle {cycle} is billed: {made} bills made, {present} made before, {published} published")
            });
        }
        KeyCentreCommand::Status { cycle } => {
            let found = status::status(centre, cycle).await?;
            output.result(&found, || words_for_status(&found));
        }
    }
    Ok(())
}

async fn control_centre(
    args: ControlCentreArgs,
    config: &Config,
    nodes: Vec<String>,
    output: Output,
) -> Result<(), Error> {
    let ControlCentreCommand::Run {
        tariff,
        cycle,
        until_priced,
    } = args.command;
    let settings = &config.control_centre;
    let tariff = Tariff::load(&need(tariff, settings.tariff.clone(), "the tariff", "--tariff")?)?;
    let key_file = args.key_file.or(settings.key_file.clone());
    let node = connect(nodes, key_file).await?;
    let prices = match args.dir.or(settings.dir.clone()) {
        Some(dir) => Prices::open(&dir, &node.genesis())?,
        None => Prices::in_memory(&node.genesis())?,
    };
    let bar = output.bar("pricing");
    let mut count: usize = 0;
    let ran = run_control_centre(&node, tariff, prices, cycle, until_priced, &bar, |priced| {
        count = count.saturating_add(1);
        output.say(&priced, || words_for_priced(&priced), &bar);
    })
    .await;
    bar.finish_and_clear();
    ran?;
    output.result(
        &Done {
            event: "done",
            settled: count,
        },
        || format!("{count} periods were priced by this run"),
    );
    Ok(())
}

async fn audit(cycle: CycleId, nodes: Vec<String>, output: Output) -> Result<(), Error> {
    let found = audit::audit(&connect(nodes, None).await?, cycle).await?;
    output.result(&found, || found.words());
    if found.adds_up {
        return Ok(());
    }
    let wrong = found.regions.iter().filter(|one| !one.problems.is_empty());
    let regions = wrong.map(|one| one.region).collect();
    Err(Error::DoesNotAddUp { cycle, regions })
}

/// A currency is printed on bills before amounts.
fn check_currency(currency: &str) -> Result<(), Error> {
    if (1..=8).contains(&currency.chars().count()) && !currency.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Ok(());
    }
    let problem = format!("is {currency:?}; write a code of 1 to 8 characters, such as GBP");
    Err(Error::Flag {
        flag: "--currency",
        problem,
    })
}

fn words_for_faults(found: &[faults::FaultLine]) -> String {
    if found.is_empty() {
        return "no faults".into();
    }
    let rows = found.iter().map(|fault| {
        let (cycle, region, period) = (
            fault.cycle.to_string(),
            fault.region.to_string(),
            fault.period.to_string(),
        );
        vec![
            cycle,
            region,
            period,
            fault.label.clone().unwrap_or("-".into()),
            fault.kind.name().into(),
        ]
    });
    table(&["cycle", "region", "period", "meter", "fault"], rows)
}

fn words_for_published(done: &[publish::Published]) -> String {
    let rows = done.iter().map(|one| {
        let filter = if one.filter { "now" } else { "before" };
        [one.region.to_string(), one.meters.to_string(), filter.into()]
            .into_iter()
            .chain([one.manifests, one.present, one.missed.len()].map(|count| count.to_string()))
            .collect()
    });
    table(
        &["region", "meters", "filter", "manifests now", "before", "too late"],
        rows,
    )
}

fn words_for_revised(done: &revise::Revised) -> String {
    let revise::Revised {
        region,
        cycle,
        from,
        meters,
        left,
        joined,
        ..
    } = done;
    let (left, since) = match from {
        Some(from) => (left.join(", "), format!("from period {from} of cycle {cycle} on")),
        None => (left.join(", "), format!("from cycle {cycle} on")),
    };
    let joined = joined.as_ref().map_or_else(String::new, |joined| {
        format!(
            ", and {} is in its place; its response is {}",
            joined.label,
            joined.response.display()
        )
    });
    let publish = match from {
        Some(_) => {
            format!("\nrun `key-centre publish --cycle {cycle}` before then: those periods have no manifests now")
        }
        None => String::new(),
    };
    format!("{left} is out of region {region} {since}{joined}; {meters} meters remain{publish}")
}

fn words_for_settled(settled: &watch::Settled) -> String {
    let watch::Settled {
        event,
        region,
        period,
        meters,
        left_out,
        excluded,
        ..
    } = settled;
    let counts = match *event {
        "opened" => format!(" for {meters} meters, {left_out} left out, {excluded} shares excluded"),
        "withheld" => format!(", too few meters; {excluded} shares belong to no pair"),
        "recorded" => " in the ledger, with its faults, as the chain has it".into(),
        _ => ": the chain has it, and no longer the shares that would tell its faults".into(),
    };
    format!("region {region}, period {period}: {event}{counts}")
}

fn words_for_priced(priced: &Priced) -> String {
    let Priced {
        region,
        cycle,
        period,
        meters,
        energy,
        price,
        ..
    } = priced;
    format!(
        "region {region}, cycle {cycle}, period {period}: {energy} Wh of {meters} meters, {} per kWh",
        per_kwh(*price)
    )
}

/// A price in whole units, with its six decimals.
fn per_kwh(price: Price) -> String {
    format!("{}.{:06}", price / 1_000_000, price % 1_000_000)
}

fn words_for_status(found: &status::Status) -> String {
    let status::Status {
        genesis,
        block,
        now,
        meters,
        registered,
        cycle,
    } = found;
    let chain = format!("chain {genesis}, finalised block {block}, clock {now}");
    let ledger = format!("{meters} meters enrolled, {registered} of them registered on chain");
    let Some(cycle) = cycle else {
        return format!("{chain}\n{ledger}\nno cycle is scheduled");
    };
    let status::CycleStatus {
        cycle: number,
        start,
        end,
        periods,
        bills_stored,
        bills_published,
        ..
    } = cycle;
    let head = format!("cycle {number}: {periods} periods from {start} to {end}");
    let bills = format!("{bills_stored} bills stored, {bills_published} published");
    let rows = cycle.regions.iter().map(|region| {
        let counts = [
            region.manifests,
            region.complete,
            region.faulty,
            region.opened,
            region.withheld,
            region.priced,
        ];
        [region.region.to_string(), region.meters.to_string()]
            .into_iter()
            .chain(counts.map(|count| count.to_string()))
            .collect()
    });
    let regions = table(
        &[
            "region",
            "meters",
            "manifests",
            "complete",
            "faulty",
            "opened",
            "withheld",
            "priced",
        ],
        rows,
    );
    format!("{chain}\n{ledger}\n{head}\n{regions}\n{bills}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_shown_in_whole_units() {
        assert_eq!(per_kwh(142_280), "0.142280");
        assert_eq!(per_kwh(12_000_001), "12.000001");
    }

    #[test]
    fn a_currency_is_a_short_word() {
        for good in ["GBP", "€", "CHF"] {
            assert!(check_currency(good).is_ok(), "{good}");
        }
        for bad in ["", "pounds sterling", "G\nP", "ABCDEFGHI"] {
            assert!(matches!(check_currency(bad), Err(Error::Flag { .. })), "{bad}");
        }
    }
}
