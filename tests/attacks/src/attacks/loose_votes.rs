//! A leader has its block voted on, and commits another one with the votes.
//!
//! The paper's status messages say of a height that its block is valid, and not which block. A GRANDPA precommit is of a hash
//! and a number, in a round of a set.

use finality_grandpa::{Message, Precommit};
use gridveil_runtime::Hash;
use rand::{rngs::StdRng, Rng};
use sp_consensus_grandpa::{check_message_signature, localized_payload};

use crate::{
    bounds::Rate,
    keys::Keys,
    paper::vote,
    report::{seen, Row},
};

const MEMBERS: [&str; 4] = ["//Alice", "//Bob", "//Charlie", "//Dave"];

type Vote = Message<Hash, u32>;

fn precommit(hash: Hash, number: u32) -> Vote {
    Message::Precommit(Precommit {
        target_hash: hash,
        target_number: number,
    })
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let committed = Rate::of(300, || {
        let members: Vec<_> = (0..4).map(|_| vote::Member::new(rng)).collect();
        let (height, shown, other): (u64, [u8; 32], [u8; 32]) = rng.gen();
        let votes: Vec<_> = members
            .iter()
            .take(3)
            .map(|member| member.vote(height, &shown, rng))
            .collect();
        let keys: Vec<_> = members.iter().map(vote::Member::key).collect();
        shown != other && vote::certifies(&votes, &keys, height, &other)
    });
    row.paper("another block is committed", committed.always());

    let members = MEMBERS.map(Keys::uri);
    for what in [
        "another block",
        "another height",
        "another round",
        "another set of members",
    ] {
        let counted = Rate::of(500, || {
            let (shown, number, round, set) = (
                Hash::from(rng.gen::<[u8; 32]>()),
                rng.gen::<u32>() >> 1,
                rng.gen::<u64>() >> 1,
                rng.gen::<u64>() >> 1,
            );
            let member = &members[rng.gen_range(0..MEMBERS.len())];
            let vote = precommit(shown, number);
            let signature = member.sign_vote(&localized_payload(round, set, &vote));
            let holds = |vote: &Vote, round, set| {
                check_message_signature(vote, &member.grandpa(), &signature, round, set).is_valid()
            };
            assert!(holds(&vote, round, set), "the vote itself counts");
            match what {
                "another block" => holds(&precommit(Hash::from(rng.gen::<[u8; 32]>()), number), round, set),
                "another height" => holds(&precommit(shown, number + 1), round, set),
                "another round" => holds(&vote, round + 1, set),
                _ => holds(&vote, round, set + 1),
            }
        });
        row.gridveil(format!("a vote counts for {what}"), counted.never());
    }
    let weights = members.iter().map(|member| (member.grandpa(), 1));
    let threshold = finality_grandpa::voter_set::VoterSet::new(weights).map(|set| set.threshold().get());
    row.gridveil(
        "votes that it takes of four",
        seen(threshold == Some(3), format!("{threshold:?}")),
    );
    row
}
