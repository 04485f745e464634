//! What motions are about, for people and for programs.
//!
//! **Privacy.** Says what the chain says.

use gridveil_chain_client::{show_account, Decision, Proposal};
use gridveil_primitives::{Price, RegionId, Role};
use serde::Serialize;

/// A proposal in the form of the command that makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Described {
    /// Take a member in.
    AddMember {
        /// Its account.
        account: String,
        /// Why.
        reason: String,
    },
    /// Put a member out.
    RemoveMember {
        /// Its account.
        account: String,
        /// Why.
        reason: String,
    },
    /// Tell GRANDPA that it has stalled.
    NoteStalled {
        /// In how many blocks.
        delay: u32,
        /// The last block that is final for sure.
        best_finalised: u32,
    },
    /// Allow a new runtime.
    AuthorizeUpgrade {
        /// The code's hash.
        code_hash: String,
    },
    /// Give an account a role.
    GrantRole {
        /// The account.
        account: String,
        /// The role.
        role: &'static str,
    },
    /// Take an account's role away.
    RevokeRole {
        /// The account.
        account: String,
    },
    /// Register a region.
    RegisterRegion {
        /// The region.
        region: RegionId,
        /// The member that aggregates it.
        aggregator: String,
        /// The fewest meters whose total may be opened.
        minimum_meters: u32,
        /// The price where the total stays closed.
        fallback_price: Price,
    },
    /// A call that this program does not know.
    Other {
        /// The call, as `Pallet.function`.
        call: String,
        /// Its arguments, in SCALE and hexadecimal.
        arguments: String,
    },
}

/// A role's name on the command line.
fn name(role: Role) -> &'static str {
    match role {
        Role::KeyCentre => "key-centre",
        Role::ControlCentre => "control-centre",
    }
}

/// A hash in hexadecimal.
pub fn show_hash(hash: &[u8; 32]) -> String {
    format!("0x{}", hex::encode(hash))
}

impl From<&Decision> for Described {
    fn from(decision: &Decision) -> Described {
        match decision {
            Decision::AddMember { account, reason } => Described::AddMember {
                account: show_account(account),
                reason: reason.clone(),
            },
            Decision::RemoveMember { account, reason } => Described::RemoveMember {
                account: show_account(account),
                reason: reason.clone(),
            },
            Decision::NoteStalled { delay, best_finalised } => Described::NoteStalled {
                delay: *delay,
                best_finalised: *best_finalised,
            },
            Decision::AuthorizeUpgrade { code_hash } => Described::AuthorizeUpgrade {
                code_hash: show_hash(code_hash),
            },
            Decision::GrantRole { account, role } => Described::GrantRole {
                account: show_account(account),
                role: name(*role),
            },
            Decision::RevokeRole { account } => Described::RevokeRole {
                account: show_account(account),
            },
            Decision::RegisterRegion { region, info } => Described::RegisterRegion {
                region: *region,
                aggregator: show_account(&info.aggregator),
                minimum_meters: info.minimum_meters,
                fallback_price: info.fallback_price,
            },
        }
    }
}

impl From<&Proposal> for Described {
    fn from(proposal: &Proposal) -> Described {
        match proposal {
            Proposal::Decision(decision) => decision.into(),
            Proposal::Other {
                pallet,
                function,
                arguments,
            } => Described::Other {
                call: format!("{pallet}.{function}"),
                arguments: format!("0x{}", hex::encode(arguments)),
            },
        }
    }
}

impl Described {
    /// The proposal in words.
    pub fn words(&self) -> String {
        match self {
            // The reason is another member's text: whatever a terminal might obey is shown by its code.
            Described::AddMember { account, reason } => format!("add member {account}: {reason:?}"),
            Described::RemoveMember { account, reason } => format!("remove member {account}: {reason:?}"),
            Described::NoteStalled { delay, best_finalised } => {
                format!("note that finality has stalled after block {best_finalised}; begin anew in {delay} blocks")
            }
            Described::AuthorizeUpgrade { code_hash } => format!("allow the runtime with the hash {code_hash}"),
            Described::GrantRole { account, role } => format!("make {account} a {role}"),
            Described::RevokeRole { account } => format!("take the role of {account} away"),
            Described::RegisterRegion {
                region,
                aggregator,
                minimum_meters,
                fallback_price,
            } => format!(
                "register region {region}: aggregator {aggregator}, at least {minimum_meters} meters, fallback price \
                 {fallback_price} millionths per kWh"
            ),
            Described::Other { call, arguments } => format!("{call} with {arguments} (unknown to this program)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_cannot_play_tricks_on_the_terminal() {
        let decision = Decision::AddMember {
            account: [0; 32],
            reason: "good\u{1b}[2J\r\nyes 4 of 4 \u{202e}".into(),
        };
        let words = Described::from(&decision).words();
        assert!(
            words.contains("good") && !words.chars().any(char::is_control),
            "{words:?}"
        );
        assert!(!words.contains('\u{202e}'), "{words:?}");
    }

    #[test]
    fn programs_read_the_command_that_would_propose_the_same() {
        let decision = Decision::NoteStalled {
            delay: 10,
            best_finalised: 77,
        };
        let json = serde_json::to_value(Described::from(&decision)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "kind": "note-stalled", "delay": 10, "best_finalised": 77 })
        );
    }

    #[test]
    fn an_unknown_call_is_shown_whole() {
        let other = Proposal::Other {
            pallet: "Timestamp".into(),
            function: "set".into(),
            arguments: vec![1, 2],
        };
        assert!(Described::from(&other).words().contains("Timestamp.set with 0x0102"));
    }
}
