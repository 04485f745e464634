//! What the consortium decides by vote.
//!
//! A [`Decision`] is made into the call that a motion carries, and read back from the motions that are open. A call that
//! no decision describes, for instance one of a newer runtime, is a [`Proposal::Other`]. What a decision does, and which
//! errors it has, is the documentation of its pallet.
//!
//! **Privacy.** Motions are public, with the reasons given in them.

use crate::{calls, Call};
use codec::DecodeAll;
use gridveil_primitives::{RegionId, RegionInfo, Role};

/// A decision of the consortium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Take a member in.
    AddMember {
        /// Its account.
        account: [u8; 32],
        /// Why, in at most 256 bytes.
        reason: String,
    },
    /// Put a member out.
    RemoveMember {
        /// Its account.
        account: [u8; 32],
        /// Why, in at most 256 bytes.
        reason: String,
    },
    /// Tell GRANDPA that it has stalled, so that it begins anew.
    NoteStalled {
        /// How many blocks from now.
        delay: u32,
        /// The number of the last block that is final for sure.
        best_finalised: u32,
    },
    /// Allow one new runtime.
    AuthorizeUpgrade {
        /// BLAKE2b-256 of its code.
        code_hash: [u8; 32],
    },
    /// Give an account a role.
    GrantRole {
        /// The account.
        account: [u8; 32],
        /// The role.
        role: Role,
    },
    /// Take an account's role away.
    RevokeRole {
        /// The account.
        account: [u8; 32],
    },
    /// Register a region.
    RegisterRegion {
        /// The region.
        region: RegionId,
        /// What is decided about it.
        info: RegionInfo,
    },
}

/// What an open motion would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// A decision that this client knows.
    Decision(Decision),
    /// Another call.
    Other {
        /// Its pallet.
        pallet: String,
        /// Its name in the pallet.
        function: String,
        /// Its arguments, in SCALE.
        arguments: Vec<u8>,
    },
}

impl Decision {
    /// The call that carries the decision out.
    pub fn call(&self) -> Call {
        match self {
            Decision::AddMember { account, reason } => calls::add_member(*account, reason),
            Decision::RemoveMember { account, reason } => calls::remove_member(*account, reason),
            Decision::NoteStalled { delay, best_finalised } => calls::note_stalled(*delay, *best_finalised),
            Decision::AuthorizeUpgrade { code_hash } => calls::authorize_upgrade(*code_hash),
            Decision::GrantRole { account, role } => calls::grant_role(*account, *role),
            Decision::RevokeRole { account } => calls::revoke_role(*account),
            Decision::RegisterRegion { region, info } => calls::register_region(*region, *info),
        }
    }

    /// The decision that a call makes, if it is one.
    fn read(pallet: &str, function: &str, arguments: &[u8]) -> Option<Decision> {
        Some(match (pallet, function) {
            ("Finality", "add_member") => {
                let (account, reason) = all::<([u8; 32], Vec<u8>)>(arguments)?;
                let reason = String::from_utf8_lossy(&reason).into_owned();
                Decision::AddMember { account, reason }
            }
            ("Finality", "remove_member") => {
                let (account, reason) = all::<([u8; 32], Vec<u8>)>(arguments)?;
                let reason = String::from_utf8_lossy(&reason).into_owned();
                Decision::RemoveMember { account, reason }
            }
            ("Finality", "note_stalled") => {
                let (delay, best_finalised) = all(arguments)?;
                Decision::NoteStalled { delay, best_finalised }
            }
            ("Finality", "authorize_upgrade") => Decision::AuthorizeUpgrade {
                code_hash: all(arguments)?,
            },
            ("Registry", "grant_role") => {
                let (account, role) = all(arguments)?;
                Decision::GrantRole { account, role }
            }
            ("Registry", "revoke_role") => Decision::RevokeRole {
                account: all(arguments)?,
            },
            ("Registry", "register_region") => {
                let (region, info) = all(arguments)?;
                Decision::RegisterRegion { region, info }
            }
            _ => return None,
        })
    }
}

impl Proposal {
    /// What a call with this name and these arguments would do.
    pub(crate) fn read(pallet: &str, function: &str, arguments: &[u8]) -> Proposal {
        match Decision::read(pallet, function, arguments) {
            Some(decision) => Proposal::Decision(decision),
            None => Proposal::Other {
                pallet: pallet.into(),
                function: function.into(),
                arguments: arguments.to_vec(),
            },
        }
    }
}

/// A value that takes up all of the bytes.
fn all<T: DecodeAll>(mut bytes: &[u8]) -> Option<T> {
    T::decode_all(&mut bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Arguments;

    fn read(call: &Call) -> Proposal {
        match call.arguments() {
            Arguments::Plain(bytes) => Proposal::read(call.pallet(), call.function(), bytes),
            Arguments::Motion { .. } => panic!("{call} is a motion itself"),
        }
    }

    #[test]
    fn every_decision_is_read_back_from_its_call() {
        let account = [7; 32];
        let info = RegionInfo {
            aggregator: account,
            minimum_meters: 3,
            fallback_price: 200_000,
        };
        for decision in [
            Decision::AddMember {
                account,
                reason: "runs the substation in Ålesund".into(),
            },
            Decision::RemoveMember {
                account,
                reason: String::new(),
            },
            Decision::NoteStalled {
                delay: 10,
                best_finalised: 77,
            },
            Decision::AuthorizeUpgrade { code_hash: [9; 32] },
            Decision::GrantRole {
                account,
                role: Role::ControlCentre,
            },
            Decision::RevokeRole { account },
            Decision::RegisterRegion { region: 4, info },
        ] {
            assert_eq!(read(&decision.call()), Proposal::Decision(decision));
        }
    }

    #[test]
    fn a_call_that_is_no_decision_or_has_other_arguments_is_shown_as_it_is() {
        assert!(
            matches!(read(&calls::finish_cycle(7)), Proposal::Other { function, .. } if function == "finish_cycle")
        );
        let longer = Proposal::read("Finality", "note_stalled", &[0; 9]);
        assert!(matches!(longer, Proposal::Other { arguments, .. } if arguments == [0; 9]));
    }

    #[test]
    fn a_reason_that_is_no_text_is_shown_as_far_as_it_is() {
        let arguments = codec::Encode::encode(&([1_u8; 32], b"a\xffb".to_vec()));
        let expected = Decision::AddMember {
            account: [1; 32],
            reason: "a\u{fffd}b".into(),
        };
        assert_eq!(
            Proposal::read("Finality", "add_member", &arguments),
            Proposal::Decision(expected)
        );
    }
}
