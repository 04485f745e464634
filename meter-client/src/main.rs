//! `meter-client`: the command line of a smart meter and of its owner.
//!
//! Reads arguments and configuration, calls the library, prints sentences or JSON, and ends with 0, with 1 after an error
//! or a bill that is not right, or with 2 after arguments that make no sense. Ctrl-C and SIGTERM end `run` with 0; what
//! was fixed is on disk by then. Logs go to standard error, as `RUST_LOG` says.
//!
//! **Privacy.** Prints no key and no share; readings and prices only where the user asks for the check of a bill.

mod cli;
mod print;

use clap::Parser;
use cli::{Bill, Cli, Command, Enrol, Receipt, Run, Which};
use gridveil_bills::store::Store;
use gridveil_chain_client::Options as ChainOptions;
use gridveil_meter_client::{
    bill::{self, BillError, Sought},
    clock::{Clock, SystemClock},
    config::{Chosen, Config, ConfigError},
    disclosure::{self, DisclosureError},
    enrol::{self, EnrolError},
    event::Event,
    keys::MeterKeys,
    node::Network,
    port::{self, PortError},
    receipt::{self, ReceiptError},
    replay::{CsvReplay, ReplayError},
    run::{Meter, Options, RunError},
    source::Source,
    state::{StateDir, StateError},
    status::status,
    verify::{verify, Own},
};
use indicatif::{ProgressBar, ProgressStyle};
use print::Printer;
use rand::{rngs::OsRng, rngs::StdRng, SeedableRng};
use std::{io::IsTerminal, process::ExitCode};
use tokio::signal::unix::{signal, SignalKind};

/// Anything that ends the program with an error.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Bill(#[from] BillError),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error(transparent)]
    Disclosure(#[from] DisclosureError),
    #[error("this machine does not give what a meter needs ({what}): {cause}")]
    System { what: &'static str, cause: String },
    #[error("the bill is not right: {0} faults; do not pay it, ask the bill provider")]
    BillRefused(usize),
}

impl Failure {
    /// The kind of failure, a word for scripts.
    fn kind(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::State(_) => "state",
            Self::Enrol(_) => "enrol",
            Self::Replay(_) | Self::Port(_) => "readings",
            Self::Run(RunError::NotEnrolled) => "not_enrolled",
            Self::Run(_) => "run",
            Self::Bill(error) => error.kind(),
            Self::Receipt(_) => "receipt",
            Self::Disclosure(_) => "disclosure",
            Self::System { .. } => "system",
            Self::BillRefused(_) => "bill_refused",
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if cli.json_log {
        log.json().init();
    } else {
        // Colours are for terminals; logs end up in files.
        log.with_ansi(std::io::stderr().is_terminal()).init();
    }
    let printer = Printer::new(cli.json);
    // One thread is enough for a meter, which waits for most of its life.
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("a runtime"))
        .and_then(|runtime| runtime.block_on(act(&cli, &printer)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(failure.kind(), &failure.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn act(cli: &Cli, printer: &Printer) -> Result<(), Failure> {
    let state = StateDir::new(&cli.dir);
    let config = Config::load(cli.config.as_deref(), &cli.dir)?;
    let nodes = config.nodes(&cli.nodes);
    match &cli.command {
        Command::Enrol(Enrol::Request { label, out }) => {
            let requested = enrol::request(&state, label, out, &mut OsRng)?;
            printer.requested(&requested);
        }
        Command::Enrol(Enrol::Accept { file }) => printer.accepted(&enrol::accept(&state, file)?),
        Command::Run(options) => run(&state, &config, nodes, options, printer).await?,
        Command::Status => printer.status(&status(&state, SystemClock.now())?),
        Command::Bill { store, command } => {
            let keys = state.keys()?;
            let network = Network::new(chain(nodes, keys.enrolment.as_ref().map(|enrolment| enrolment.genesis)));
            bills(&state, &config, store.as_deref(), command, (&keys, &network), printer).await?;
        }
        Command::Disclose {
            cycle,
            from,
            to,
            out,
            identity,
        } => {
            let identity = state.identity(identity.as_deref())?;
            let span = (*from, *to);
            printer.disclosed(&disclosure::disclose(&state, &identity, *cycle, span, out)?);
        }
        Command::Auditor { file } => {
            let disclosed = disclosure::read(file)?;
            let network = Network::new(chain(nodes, Some(disclosed.genesis)));
            printer.audited(&disclosure::audit(&network, &disclosed).await?);
        }
        Command::Receipt(Receipt::Check {
            file,
            genesis,
            authorities,
            bill,
        }) => {
            let bill = bill.as_deref().map(bill::read_file).transpose()?;
            let bill = bill.as_ref().map(|(bytes, from)| (from.as_str(), bytes.as_slice()));
            let (receipt, authorities) = (receipt::read::<receipt::Receipt>(file)?, receipt::read(authorities)?);
            printer.proven(&receipt.check(&authorities, genesis, bill)?);
        }
    }
    Ok(())
}

/// How to reach the chain: the one with this genesis hash, where it is known.
fn chain(nodes: Vec<String>, genesis: Option<[u8; 32]>) -> ChainOptions {
    let mut options = ChainOptions::new(nodes);
    options.genesis = genesis;
    options
}

async fn run(
    state: &StateDir,
    config: &Config,
    nodes: Vec<String>,
    options: &Run,
    printer: &Printer,
) -> Result<(), Failure> {
    let _lock = state.lock()?;
    let keys = state.keys()?;
    let enrolment = keys.enrolment.as_ref().ok_or(RunError::NotEnrolled)?;
    let mut source: Box<dyn Source> = match options.source.chosen(&config.source)? {
        Chosen::Csv(replay) => Box::new(CsvReplay::open(&replay.csv, &replay.meter, replay.start)?),
        Chosen::Meter(meter) => port::open(&meter, state)?,
    };
    let network = Network::new(chain(nodes, Some(enrolment.genesis)));
    let mut terminate = signal(SignalKind::terminate()).map_err(system("signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("signals"))?;

    let bar = progress("periods");
    let report = |event: Event| {
        match &event {
            Event::Cycle { periods, recorded, .. } => {
                bar.set_length(u64::from(*periods));
                bar.set_position(u64::from(*recorded));
            }
            Event::Recorded { .. } => bar.inc(1),
            _ => {}
        }
        bar.suspend(|| printer.event(&event));
    };
    let rng = StdRng::from_rng(OsRng).map_err(system("randomness"))?;
    let by = options.by.or(config.by).unwrap_or_default();
    let meter = Meter::new(state, &network, &SystemClock, rng, &report)?.by(by);
    let options = Options {
        cycle: options.cycle,
        until_cycle_end: options.until_cycle_end,
    };
    // Between two awaits the loop writes whole transactions, so that dropping it at one leaves nothing half done.
    let done = tokio::select! {
        done = meter.run(&mut *source, options) => Some(done),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    match done {
        Some(done) => done?,
        None => report(Event::Stopped),
    }
    bar.finish_and_clear();
    Ok(())
}

/// The failure of something that the machine has to give.
fn system<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Failure {
    move |error| Failure::System {
        what,
        cause: error.to_string(),
    }
}

async fn bills(
    state: &StateDir,
    config: &Config,
    store: Option<&str>,
    command: &Bill,
    (keys, network): (&MeterKeys, &Network),
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        Bill::List => printer.listed(&bill::list(network, &keys.bid).await?),
        Bill::Fetch { cycle, out } => {
            let out = out.clone().unwrap_or_else(|| state.bill_file(*cycle));
            let store = gridveil_bills::store::open(&config.store(store)?).map_err(BillError::from)?;
            printer.fetched(&bill::fetch(network, &*store, *cycle, &keys.bid, &out).await?);
        }
        Bill::Verify { bill } => {
            let enrolment = keys.enrolment.as_ref().ok_or(RunError::NotEnrolled)?;
            let record = bill::record(network, bill.cycle, &keys.bid).await?;
            let (bytes, from) = load(state, config, store, bill, (keys, network)).await?;
            let identity = state.identity(bill.identity.as_deref())?;
            let own = Own {
                keys,
                region: enrolment.region,
                seeds: state.seeds(bill.cycle, &identity)?,
                record: state.records()?.readings(bill.cycle).map_err(StateError::from)?,
            };
            let bar = progress("periods read");
            let told = |periods: usize| {
                bar.set_length(u64::try_from(periods).unwrap_or(u64::MAX));
                bar.inc(1);
            };
            let verdict = verify(network, &own, bill.cycle, (&bytes, &from), &record, &identity, &told).await?;
            bar.finish_and_clear();
            printer.verdict(&verdict);
            if !verdict.ok {
                return Err(Failure::BillRefused(verdict.faults.len()));
            }
        }
        Bill::Receipt { cycle, out } => {
            let record = bill::record(network, *cycle, &keys.bid).await?;
            let chain = network.route(0).await.map_err(BillError::from)?;
            printer.proven(&receipt::make(chain, *cycle, &keys.bid, &record, out).await?);
        }
        Bill::Open { bill, out } => {
            let identity = state.identity(bill.identity.as_deref())?;
            let (bytes, from) = load(state, config, store, bill, (keys, network)).await?;
            bill::open(&bytes, &from, &identity, out)?;
            printer.opened(out);
        }
    }
    Ok(())
}

/// The encrypted bill that was asked for.
async fn load(
    state: &StateDir,
    config: &Config,
    store: Option<&str>,
    which: &Which,
    (keys, network): (&MeterKeys, &Network),
) -> Result<(Vec<u8>, String), Failure> {
    // The store has to be known only where nothing was fetched before.
    let spec = match &which.file {
        None if !state.bill_file(which.cycle).exists() => config.store(store)?,
        _ => String::new(),
    };
    let store = || -> Result<Box<dyn Store>, BillError> { Ok(gridveil_bills::store::open(&spec)?) };
    let sought = Sought {
        cycle: which.cycle,
        bid: keys.bid,
        file: which.file.as_deref(),
        store: &store,
    };
    Ok(bill::load(state, network, &sought).await?)
}

/// A progress bar on standard error; none where that is no terminal.
fn progress(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {what}, {{elapsed}}")) {
        bar.set_style(style);
    }
    bar
}
