//! What the members of a consortium do together: propose, vote, close; and what one does alone: set its keys.
//!
//! Promises that a motion is carried by just as many votes as it takes, each a transaction of its own by that member's
//! account, as `grid-operator consortium` sends them.
//!
//! **Privacy.** Development keys.

use futures::future::try_join_all;
use gridveil_chain_client::{calls, Chain, Decision, Inclusion, Options, RoleKey};
use gridveil_demo::{network::MEMBERS, spec::secret_uri};

use crate::error::ChaosError;

/// The key of a member's account, by its index among all names.
///
/// # Errors
///
/// [`ChaosError::Missing`] where there is no such name.
pub fn account(member: usize) -> Result<RoleKey, ChaosError> {
    let name = MEMBERS.get(member);
    let name = name.ok_or_else(|| ChaosError::Missing(format!("there is no name {member}")))?;
    Ok(RoleKey::from_uri(&secret_uri(name))?)
}

/// How many members of a consortium of `all` decide: at least two thirds.
pub fn two_thirds(all: usize) -> usize {
    (all * 2).div_ceil(3)
}

/// Lets the first two thirds of these members, of a consortium of just them, carry a motion; where it was applied.
///
/// # Errors
///
/// [`ChaosError::Chain`] where the chain refuses a step, or the decision itself.
pub async fn decide(chain: &Chain, members: &[usize], decision: &Decision) -> Result<Inclusion, ChaosError> {
    let threshold = two_thirds(members.len());
    let voters: Vec<RoleKey> = members
        .iter()
        .take(threshold)
        .map(|member| account(*member))
        .collect::<Result<_, _>>()?;
    let proposer = voters.first();
    let proposer = proposer.ok_or_else(|| ChaosError::Missing("a motion takes a member".into()))?;
    let call = decision.call();
    let ayes = u32::try_from(threshold).unwrap_or(u32::MAX);
    chain.submit(proposer, calls::propose(ayes, call.clone())).await?;
    let motion = chain.motion(&call).await?;
    let motion = motion.ok_or_else(|| ChaosError::Missing("the motion is not open".into()))?;
    try_join_all(
        voters
            .iter()
            .map(|voter| chain.submit(voter, calls::vote(&motion, true))),
    )
    .await?;
    Ok(chain.submit(proposer, calls::close(&motion)).await?)
}

/// Lets a member's own node make new keys, and sets them on chain.
///
/// # Errors
///
/// [`ChaosError::Chain`] where the node or the chain refuses.
pub async fn set_new_keys(chain: &Chain, node_url: &str, member: usize) -> Result<Inclusion, ChaosError> {
    let account = account(member)?;
    let node = Chain::connect(Options::new(vec![node_url.into()])).await?;
    let keys = node.make_session_keys(account.account()).await?;
    Ok(chain.submit(&account, calls::set_keys(&keys)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thirds_are_rounded_up() {
        let needed: Vec<usize> = (1..=8).map(two_thirds).collect();
        assert_eq!(needed, vec![1, 2, 2, 3, 4, 4, 5, 6]);
    }
}
