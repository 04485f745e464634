//! The consortium's part of the command line.
//!
//! **Privacy.** Takes names of files, never a key.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Subcommand, ValueEnum};
use gridveil_chain_client::parse_account;
use gridveil_primitives::{Price, RegionId};

/// The consortium's part of the command line.
#[derive(Args, Debug)]
pub struct ConsortiumArgs {
    /// The file with the secret URI of the member's account; only its owner may read it. Not needed to look.
    #[arg(long, global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Go by the best chain in place of the finalised one: for the vote that ends a stall of finality, and nothing else.
    #[arg(long, global = true)]
    pub unfinalised: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: ConsortiumCommand,
}

/// The consortium's commands.
#[derive(Subcommand, Debug)]
pub enum ConsortiumCommand {
    /// Show who is a member, who leads, how each has done, and how far the chain is.
    Status,
    /// Print who finalises blocks, as JSON: what `meter-client receipt check` and a court go by.
    Authorities,
    /// List the open motions and how the votes stand.
    Motions,
    /// Put a decision to the vote. This casts no vote; give `vote` for one.
    Propose {
        /// How many members must vote for it [default: two thirds of them, rounded up].
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        threshold: Option<u32>,
        /// What is to be decided.
        #[command(subcommand)]
        decision: ProposeCommand,
    },
    /// Vote on a motion.
    Vote {
        /// The motion: its number or its hash.
        motion: MotionName,
        /// The vote; it can be changed while the motion is open.
        answer: Answer,
    },
    /// Close a motion that is decided, and carry out what was decided.
    Close {
        /// The motion: its number or its hash.
        motion: MotionName,
    },
    /// Bring the runtime that the consortium allowed.
    ApplyUpgrade {
        /// The runtime's code.
        #[arg(value_name = "FILE.wasm")]
        code: PathBuf,
    },
    /// See to it that the chain has the session keys of the member's own node; make new ones where it has not.
    SetKeys {
        /// The member's own node, which must trust the caller: as a rule, a port of this machine [default: the only one of
        /// --nodes].
        #[arg(long, value_name = "URL")]
        own_node: Option<String>,
        /// Make new keys even if the node has those that the chain has.
        #[arg(long)]
        new: bool,
    },
    /// Step out of those that form and finalise blocks; the member keeps its vote.
    Leave,
    /// Come back after having left.
    Rejoin,
    /// List the member's nodes, in place of those listed before.
    ListNodes {
        /// The nodes' peer ids, such as 12D3KooW…
        #[arg(required = true, value_name = "PEER_ID")]
        peers: Vec<String>,
    },
}

/// What can be proposed.
#[derive(Subcommand, Debug)]
pub enum ProposeCommand {
    /// Take a member in.
    AddMember {
        /// Its account.
        #[arg(value_parser = parse_account)]
        account: [u8; 32],
        /// Why; it becomes public.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Put a member out.
    RemoveMember {
        /// Its account.
        #[arg(value_parser = parse_account)]
        account: [u8; 32],
        /// Why; it becomes public.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Tell GRANDPA that it has stalled, so that it begins anew.
    NoteStalled {
        /// In how many blocks.
        #[arg(long, value_name = "N")]
        delay: u32,
        /// The last block that every member's node has as final.
        #[arg(long, value_name = "N")]
        best_finalised: u32,
    },
    /// Allow a new runtime.
    AuthorizeUpgrade {
        /// The runtime's code; only its hash goes on chain.
        #[arg(value_name = "FILE.wasm")]
        code: PathBuf,
    },
    /// Give an account a role.
    GrantRole {
        /// The account.
        #[arg(value_parser = parse_account)]
        account: [u8; 32],
        /// The role.
        role: RoleName,
    },
    /// Take an account's role away.
    RevokeRole {
        /// The account.
        #[arg(value_parser = parse_account)]
        account: [u8; 32],
    },
    /// Register a region.
    RegisterRegion {
        /// Its number.
        region: RegionId,
        /// The member that aggregates it.
        #[arg(long, value_name = "ACCOUNT", value_parser = parse_account)]
        aggregator: [u8; 32],
        /// The fewest meters whose total may be opened.
        #[arg(long, value_name = "N")]
        minimum_meters: u32,
        /// The price where the total stays closed, in millionths of the currency unit per kWh.
        #[arg(long, value_name = "N")]
        fallback_price: Price,
    },
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// For the motion.
    Yes,
    /// Against it.
    No,
}

/// A role's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Registers users, publishes filters and mask sums, bills.
    KeyCentre,
    /// Sets prices.
    ControlCentre,
}

/// How a motion is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MotionName {
    /// By its number.
    Index(u32),
    /// By the hash of its call.
    Hash([u8; 32]),
}

impl FromStr for MotionName {
    type Err = String;

    fn from_str(text: &str) -> Result<MotionName, String> {
        let hash = text.strip_prefix("0x").map(|digits| {
            let mut hash = [0; 32];
            hex::decode_to_slice(digits, &mut hash)
                .map(|()| MotionName::Hash(hash))
                .ok()
        });
        hash.unwrap_or_else(|| text.parse().map(MotionName::Index).ok())
            .ok_or_else(|| "give a motion's number, or 0x and the 64 hexadecimal digits of its hash".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Role};
    use clap::Parser;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn parse(rest: &str) -> Result<ConsortiumArgs, clap::Error> {
        let cli = Cli::try_parse_from(format!("grid-operator consortium {rest}").split_whitespace())?;
        match cli.role {
            Role::Consortium(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_motion_is_named_by_number_or_hash_and_not_otherwise() {
        assert_eq!("17".parse(), Ok(MotionName::Index(17)));
        assert_eq!(
            format!("0x{}", "ab".repeat(32)).parse(),
            Ok(MotionName::Hash([0xab; 32]))
        );
        for text in ["", "0x", "0xabcd", "ab", "-1", "4294967296"] {
            assert!(text.parse::<MotionName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_proposal_takes_an_account_in_both_forms_and_needs_a_reason() {
        for account in [
            ALICE,
            "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
        ] {
            let args = parse(&format!("propose add-member {account} --reason dull --key-file k")).unwrap();
            let ConsortiumCommand::Propose {
                threshold: None,
                decision: ProposeCommand::AddMember { account, reason },
            } = args.command
            else {
                panic!("another command");
            };
            assert_eq!(
                (account[0], reason.as_str(), args.key_file),
                (0xd4, "dull", Some("k".into()))
            );
        }
        assert!(parse(&format!("propose add-member {ALICE}")).is_err());
        assert!(parse("propose add-member Alice --reason dull").is_err());
        assert!(parse(&format!("propose --threshold 0 revoke-role {ALICE}")).is_err());
    }

    #[test]
    fn nodes_are_never_unlisted_by_giving_none() {
        assert!(parse("list-nodes").is_err());
        assert!(parse("list-nodes 12D3KooW").is_ok());
    }

    #[test]
    fn the_best_chain_is_asked_for_in_so_many_words() {
        assert!(!parse("motions").unwrap().unfinalised);
        assert!(parse("vote 3 yes --unfinalised").unwrap().unfinalised);
    }
}
