//! How this node's member votes for the next leader.
//!
//! A vote is an inherent: the node says how it votes whenever it makes a block, and the runtime takes the first vote of a
//! member in a term (`pallet-finality`). Blocks of others are not asked for one: not to vote is a member's right.
//!
//! **Privacy.** Votes are public, with the names of those who cast them.

use gridveil_runtime::AccountId;
use pallet_finality::{LeaderVote, INHERENT_IDENTIFIER};
use sp_inherents::{Error, InherentData, InherentDataProvider, InherentIdentifier};
use std::{fmt, str::FromStr};

/// Whom this node's member votes for: `--leader-vote`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LeaderChoice {
    /// The authority with the best record on chain, whichever that is at the time.
    #[default]
    Best,
    /// Always this one. While it is no authority, no vote is cast.
    Account(AccountId),
    /// Nobody.
    Off,
}

/// What `--leader-vote` was given is none of the things that it takes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an account (an SS58 address, or 0x and 64 hexadecimal digits) nor `best` nor `off`")]
pub struct NoSuchChoice(String);

impl FromStr for LeaderChoice {
    type Err = NoSuchChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "best" => Ok(Self::Best),
            "off" => Ok(Self::Off),
            account => account
                .parse()
                .map(Self::Account)
                .map_err(|_| NoSuchChoice(account.into())),
        }
    }
}

impl fmt::Display for LeaderChoice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Best => to.write_str("best"),
            Self::Account(account) => account.fmt(to),
            Self::Off => to.write_str("off"),
        }
    }
}

#[async_trait::async_trait]
impl InherentDataProvider for LeaderChoice {
    async fn provide_inherent_data(&self, data: &mut InherentData) -> Result<(), Error> {
        let vote = match self {
            Self::Best => LeaderVote::Best,
            Self::Account(account) => LeaderVote::For(account.clone()),
            Self::Off => return Ok(()),
        };
        data.put_data(INHERENT_IDENTIFIER, &vote)
    }

    async fn try_handle_error(&self, _: &InherentIdentifier, _: &[u8]) -> Option<Result<(), Error>> {
        // The runtime finds no fault with a vote.
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const ALICE_HEX: &str = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

    /// What a block's inherents are made from.
    fn said(choice: &str) -> Option<LeaderVote<AccountId>> {
        let choice: LeaderChoice = choice.parse().unwrap();
        let data = block_on(choice.create_inherent_data()).unwrap();
        data.get_data(&INHERENT_IDENTIFIER).unwrap()
    }

    #[test]
    fn an_account_is_read_in_either_form() {
        let alice: LeaderChoice = ALICE.parse().unwrap();
        assert_eq!(ALICE_HEX.parse(), Ok(alice.clone()));
        assert_eq!(alice.to_string(), ALICE);
    }

    #[test]
    fn best_and_off_are_no_accounts() {
        assert_eq!("best".parse(), Ok(LeaderChoice::Best));
        assert_eq!("off".parse(), Ok(LeaderChoice::Off));
        assert_eq!(LeaderChoice::default().to_string(), "best");
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for text in ["", "alice", "Best", "0x1234", &ALICE[1..], &ALICE_HEX[..65]] {
            let error = text.parse::<LeaderChoice>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is neither an account")), "{error}");
        }
    }

    #[test]
    fn a_block_says_what_was_chosen() {
        let alice: AccountId = ALICE.parse().unwrap();
        assert!(matches!(said("best"), Some(LeaderVote::Best)));
        assert!(matches!(said(ALICE), Some(LeaderVote::For(account)) if account == alice));
        assert!(said("off").is_none());
    }
}
