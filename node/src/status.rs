//! The consortium at the last finalised block, as `finality_status` answers it and the gauges show it.
//!
//! **Privacy.** Members, their records and their votes are public.

use gridveil_runtime::{finality_api::FinalityApi, opaque::Block, AccountId, BlockNumber, Hash};
use sc_consensus_grandpa::SharedAuthoritySet;
use serde::Serialize;
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;

/// The consortium, and how far this node's chain has come. JSON names are in camel case, accounts SS58.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FinalityStatus {
    /// The number of the term.
    pub term: u32,
    /// The block with which it began.
    pub term_started: BlockNumber,
    /// How many blocks a term has.
    pub term_blocks: BlockNumber,
    /// Who leads; `null` while the members take turns.
    pub leader: Option<AccountId>,
    /// How many of its own slots the leader has missed in a row.
    pub leader_missed: u32,
    /// The members, ascending by account.
    pub members: Vec<Member>,
    /// The block at which all of this was read.
    pub finalised: Place,
    /// The end of the longest chain.
    pub best: Place,
    /// The number of GRANDPA's set of voters, as this node counts it.
    pub set_id: u64,
}

/// A member of the consortium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its account.
    pub account: AccountId,
    /// Whether it makes and finalises blocks in this term.
    pub authority: bool,
    /// Whether it left by itself.
    pub away: bool,
    /// How many blocks it made; halved with each term.
    pub authored: u32,
    /// How many of its slots it missed; halved with each term.
    pub missed: u32,
    /// Whom it votes for as the next term's leader; `null` until it has voted.
    pub vote: Option<AccountId>,
}

/// A block's place on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its number.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: Hash,
}

/// Reads the status at the last finalised block.
///
/// # Errors
///
/// If that block's state isn't here or its runtime does not know a consortium.
pub fn read<Client>(client: &Client, voters: &SharedAuthoritySet<Hash, BlockNumber>) -> Result<FinalityStatus, ApiError>
where
    Client: HeaderBackend<Block> + ProvideRuntimeApi<Block>,
    Client::Api: FinalityApi<Block>,
{
    let info = client.info();
    let chain = client.runtime_api().consortium(info.finalized_hash)?;
    let members = chain.members.into_iter().map(|member| Member {
        account: member.account,
        authority: member.authority,
        away: member.away,
        authored: member.authored,
        missed: member.missed,
        vote: member.vote,
    });
    Ok(FinalityStatus {
        term: chain.term,
        term_started: chain.term_started,
        term_blocks: chain.term_blocks,
        leader: chain.leader,
        leader_missed: chain.leader_missed,
        members: members.collect(),
        finalised: Place {
            number: info.finalized_number,
            hash: info.finalized_hash,
        },
        best: Place {
            number: info.best_number,
            hash: info.best_hash,
        },
        set_id: voters.set_id(),
    })
}

#[cfg(test)]
pub mod samples {
    use super::*;

    /// An account that can be told from others.
    pub fn account(seed: u8) -> AccountId {
        AccountId::new([seed; 32])
    }

    /// Four members of term 3 at block 41, all but the last an authority; the second leads and has the vote of the first
    /// and its own.
    pub fn status() -> FinalityStatus {
        let member = |seed: u8| Member {
            account: account(seed),
            authority: seed < 4,
            away: seed == 4,
            authored: 10 * u32::from(seed),
            missed: u32::from(seed),
            vote: (seed < 3).then(|| account(2)),
        };
        FinalityStatus {
            term: 3,
            term_started: 30,
            term_blocks: 600,
            leader: Some(account(2)),
            leader_missed: 1,
            members: (1..=4).map(member).collect(),
            finalised: Place {
                number: 41,
                hash: Hash::repeat_byte(1),
            },
            best: Place {
                number: 43,
                hash: Hash::repeat_byte(2),
            },
            set_id: 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{samples::*, *};
    use serde_json::json;

    #[test]
    fn the_json_has_accounts_as_people_write_them() {
        let mut status = status();
        status.members.truncate(1);
        let hash = |byte: u8| format!("{:?}", Hash::repeat_byte(byte));
        assert_eq!(
            serde_json::to_value(&status).unwrap(),
            json!({
                "term": 3,
                "termStarted": 30,
                "termBlocks": 600,
                "leader": account(2).to_string(),
                "leaderMissed": 1,
                "members": [{
                    "account": account(1).to_string(),
                    "authority": true,
                    "away": false,
                    "authored": 10,
                    "missed": 1,
                    "vote": account(2).to_string(),
                }],
                "finalised": { "number": 41, "hash": hash(1) },
                "best": { "number": 43, "hash": hash(2) },
                "setId": 5,
            })
        );
    }

    #[test]
    fn nobody_is_null() {
        let status = FinalityStatus {
            leader: None,
            ..status()
        };
        let json = serde_json::to_value(&status).unwrap();
        assert!(json["leader"].is_null());
        assert!(json["members"][3]["vote"].is_null());
    }
}
