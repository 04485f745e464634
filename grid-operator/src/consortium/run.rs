//! From the command line to a member's functions and back to the screen.
//!
//! **Privacy.** Reads the member's key from a private file and passes it on.

use gridveil_chain_client::{Chain, Options, View};
use serde::Serialize;

use super::{
    cli::{Answer, ConsortiumArgs, ConsortiumCommand},
    council::{Council, OwnNode},
    keys, member, motions, propose, status, upgrade, words,
};
use crate::{commands::connect_with, config::Config, error::Error, output::Output};

/// Does what the command line asks for.
pub async fn run(args: ConsortiumArgs, config: &Config, nodes: Vec<String>, output: Output) -> Result<(), Error> {
    let ConsortiumArgs {
        key_file,
        unfinalised,
        command,
    } = args;
    let settings = &config.consortium;
    let mut options = Options::new(nodes.clone());
    if unfinalised {
        options.view = View::Best;
    }
    let node = connect_with(options, key_file.or(settings.key_file.clone())).await?;
    let own = match &command {
        ConsortiumCommand::SetKeys { own_node, .. } => {
            let url = own_node.clone().or(settings.own_node.clone());
            Some(connect_own(url, &nodes, node.genesis()).await?)
        }
        _ => None,
    };
    let waiting = output.waiting(match unfinalised {
        true => "waiting for a block",
        false => "waiting for finality",
    });
    let done = carry(&node, own.as_ref(), command).await;
    waiting.finish_and_clear();
    let Said { json, words } = done?;
    output.result(&json, || words);
    Ok(())
}

/// The member's own node: the one that was named, else the only one there is.
async fn connect_own(url: Option<String>, nodes: &[String], genesis: [u8; 32]) -> Result<Chain, Error> {
    let url = match (url, nodes) {
        (Some(url), _) => url,
        (None, [only]) => only.clone(),
        _ => {
            return Err(Error::Missing {
                what: "which of the nodes is the member's own",
                flag: "--own-node",
            })
        }
    };
    let mut options = Options::new(vec![url]);
    options.genesis = Some(genesis);
    Ok(Chain::connect(options).await?)
}

/// A command's result, for programs and for people.
pub(super) struct Said {
    pub(super) json: serde_json::Value,
    pub(super) words: String,
}

fn say<T: Serialize>(value: T, words: impl FnOnce(&T) -> String) -> Said {
    Said {
        // The results are structs of texts, numbers and lists, which cannot fail.
        json: serde_json::to_value(&value).unwrap_or_default(),
        words: words(&value),
    }
}

pub(super) async fn carry<C: Council, N: OwnNode>(
    council: &C,
    own: Option<&N>,
    command: ConsortiumCommand,
) -> Result<Said, Error> {
    Ok(match command {
        ConsortiumCommand::Status => say(status::status(council).await?, words::status),
        ConsortiumCommand::Authorities => {
            let at = council.head().await?;
            say(council.authorities(at).await?, words::authorities)
        }
        ConsortiumCommand::Motions => say(motions::motions(council).await?, |found| words::motions(found)),
        ConsortiumCommand::Propose { threshold, decision } => {
            let decision = propose::decision(decision)?;
            say(propose::propose(council, decision, threshold).await?, words::proposed)
        }
        ConsortiumCommand::Vote { motion, answer } => {
            let approve = answer == Answer::Yes;
            say(motions::vote(council, motion, approve).await?, words::voted)
        }
        ConsortiumCommand::Close { motion } => say(motions::close(council, motion).await?, words::closed),
        ConsortiumCommand::ApplyUpgrade { code } => say(upgrade::apply_upgrade(council, &code).await?, words::upgraded),
        ConsortiumCommand::SetKeys { new, .. } => {
            let own = own.ok_or(Error::Missing {
                what: "the member's own node",
                flag: "--own-node",
            })?;
            say(keys::set_keys(council, own, new).await?, words::keys)
        }
        ConsortiumCommand::Leave => say(member::step(council, true).await?, words::stepped),
        ConsortiumCommand::Rejoin => say(member::step(council, false).await?, words::stepped),
        ConsortiumCommand::ListNodes { peers } => say(member::list_nodes(council, &peers).await?, words::listed),
    })
}
