//! What to do about the errors of calls that people make by hand.
//!
//! The runtime's own documentation of an error says what is wrong; here is what helps. Errors that are not listed need no
//! more words, or are met by programs only.
//!
//! **Privacy.** Texts, the same for everyone.

/// Pallet, error, and what to do about it. The names are the runtime's.
pub const ADVICE: &[(&str, &str, &str)] = &[
    (
        "Finality",
        "NotAMember",
        "look at `grid-operator consortium status` for the members, and give the key of one with --key-file",
    ),
    ("Finality", "AlreadyAMember", "there is nothing to add"),
    ("Finality", "TooManyMembers", "put a member out first"),
    (
        "Finality",
        "TooFewMembers",
        "let another member come first: take one in, or let one that left rejoin, and wait for the next term",
    ),
    (
        "Finality",
        "AlreadyAway",
        "the member has left before; `rejoin` takes it back",
    ),
    (
        "Finality",
        "NotAway",
        "the member has not left; there is nothing to rejoin",
    ),
    ("Finality", "LeftTooRecently", "wait before leaving again"),
    (
        "Finality",
        "SetIsChanging",
        "wait two blocks, or at most for the term's end, and do it again",
    ),
    (
        "Finality",
        "StallNotedTooRecently",
        "the last restart has not run its time: wait for it, then note the stall again",
    ),
    ("Finality", "NotAPeerId", "give peer ids as the nodes print them"),
    (
        "Finality",
        "KeysTooSoon",
        "keys were set a short while ago: wait and set them again",
    ),
    (
        "Finality",
        "InvalidProof",
        "the keys were made for another account: make them with `set-keys` on the member's own node",
    ),
    (
        "Session",
        "InvalidProof",
        "the keys were made for another account: make them with `set-keys` on the member's own node",
    ),
    (
        "Session",
        "DuplicatedKey",
        "another member has one of these keys: make new ones with `set-keys --new`",
    ),
    (
        "Consortium",
        "NotMember",
        "only members vote: give the key of one with --key-file",
    ),
    ("Consortium", "DuplicateProposal", "the same motion is open: vote on it"),
    (
        "Consortium",
        "ProposalMissing",
        "the motion is closed: look at `grid-operator consortium motions`",
    ),
    (
        "Consortium",
        "WrongIndex",
        "the motion is another one by now: look at `grid-operator consortium motions`",
    ),
    (
        "Consortium",
        "DuplicateVote",
        "the vote stands as it is; the other one can still be cast",
    ),
    (
        "Consortium",
        "TooEarly",
        "the vote is open: wait for more votes or for its last block",
    ),
    (
        "Consortium",
        "TooManyProposals",
        "close motions that are decided or past their last block first",
    ),
    (
        "System",
        "CallFiltered",
        "an account with a role cannot be a member: let another account of the newcomer's join, or `propose revoke-role` first",
    ),
    (
        "System",
        "NothingAuthorized",
        "the consortium decides first: `propose authorize-upgrade`",
    ),
    (
        "System",
        "Unauthorized",
        "the consortium allowed other code: give the file that it voted on",
    ),
    (
        "System",
        "SpecVersionNeedsToIncrease",
        "build the runtime with a later spec version and vote on that",
    ),
    (
        "System",
        "InvalidSpecName",
        "this is another chain's runtime: build the right one and vote on that",
    ),
    (
        "System",
        "FailedToExtractRuntimeVersion",
        "the file is no runtime, or a broken one: build it anew and vote on that",
    ),
];

/// What to do about an error, as the end of a sentence; empty where nothing helps.
pub(crate) fn advice(pallet: &str, error: &str) -> String {
    // A motion's call that asks for more ayes than it got fails like one by a stranger.
    if (pallet, error) == ("System", "BadOrigin") {
        return "; the caller may not make it, or the motion that carried it had less than two thirds of the members"
            .into();
    }
    let found = ADVICE.iter().find(|(by, what, _)| (*by, *what) == (pallet, error));
    found.map(|(_, _, advice)| format!("; {advice}")).unwrap_or_default()
}
