//! Does what the command line says.
//!
//! Every command ends on SIGTERM and Ctrl-C: a node stops its tasks, closes the database and ends with exit code 0.

use crate::{
    cli::{Cli, Subcommand},
    service,
};
use gridveil_runtime::opaque::Block;
use sc_cli::SubstrateCli;
use sc_service::PartialComponents;

/// Reads the command line and does it, to the end.
///
/// # Errors
///
/// Whatever stopped it: a chain spec that does not load, a key that is missing, a database that does not open, an
/// essential task that ended.
pub fn run() -> sc_cli::Result<()> {
    let cli = Cli::from_args();

    match &cli.subcommand {
        None => {
            let settings = cli.settings.clone();
            cli.create_runner(&cli.run)?.run_node_until_exit(|config| async move {
                service::run(config, settings).map_err(sc_cli::Error::Service)
            })
        }
        Some(Subcommand::Key(command)) => command.run(&cli),
        Some(Subcommand::CompileRuntime(command)) => {
            cli.create_runner(command)?.sync_run(|config| command.run(&config))
        }
        Some(Subcommand::ExportChainSpec(command)) => command.run(cli.load_spec(&command.chain)?),
        Some(Subcommand::ChainInfo(command)) => cli
            .create_runner(command)?
            .sync_run(|config| command.run::<Block>(&config)),
        Some(Subcommand::CheckBlock(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                import_queue,
                ..
            } = service::components(&config)?;
            Ok((command.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::ExportBlocks(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client, task_manager, ..
            } = service::components(&config)?;
            Ok((command.run(client, config.database), task_manager))
        }),
        Some(Subcommand::ExportState(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client, task_manager, ..
            } = service::components(&config)?;
            Ok((command.run(client, config.chain_spec), task_manager))
        }),
        Some(Subcommand::ImportBlocks(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                import_queue,
                ..
            } = service::components(&config)?;
            Ok((command.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::PurgeChain(command)) => cli
            .create_runner(command)?
            .sync_run(|config| command.run(config.database)),
        Some(Subcommand::Revert(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                backend,
                ..
            } = service::components(&config)?;
            // The voter's own records go back first: it must not remember blocks that are gone.
            let voter = Box::new(|client, _, blocks| Ok(sc_consensus_grandpa::revert(client, blocks)?));
            Ok((command.run(client, backend, Some(voter)), task_manager))
        }),
    }
}
