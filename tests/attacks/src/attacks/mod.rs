//! The attacks, one module each.
//!
//! Each is code that has what its attacker would have and nothing else, run against the paper's scheme and against
//! gridveil's own code. docs/security.md has a paragraph for each: who, how, what stops it, what remains.

use std::ops::RangeInclusive;

use rand::rngs::StdRng;

use crate::report::Row;

mod bills;
mod crash;
mod drop_share;
mod flood;
mod grind_key;
mod half_pair;
mod integer_masks;
mod lone_home;
mod loose_votes;
mod lost_meter;
mod poison;
mod reidentify;
mod replay;
mod send_times;
mod shifted_keys;
mod stolen_database;
mod stolen_memory;
mod subset;

/// An attack.
pub struct Attack {
    /// What it is asked for by.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Runs it on both sides.
    pub run: fn(&mut StdRng) -> Row,
}

/// All of them, in the table's order.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "drop-share",
        about: "an aggregator keeps back a share, and unmasks the home with the mask sums opened afterwards",
        run: drop_share::run,
    },
    Attack {
        name: "loose-votes",
        about: "a leader collects votes for one block and commits another with them",
        run: loose_votes::run,
    },
    Attack {
        name: "subset",
        about: "an aggregator drops shares so that the rest still passes BF2",
        run: subset::run,
    },
    Attack {
        name: "grind-key",
        about: "an outsider makes keys until one is in BF1",
        run: grind_key::run,
    },
    Attack {
        name: "shifted-keys",
        about: "an aggregator moves two shares to keys of its own making, so that T stays",
        run: shifted_keys::run,
    },
    Attack {
        name: "replay",
        about: "shares and mask sums are used again where they don't belong",
        run: replay::run,
    },
    Attack {
        name: "half-pair",
        about: "one share of a pair is missing: is the total still right",
        run: half_pair::run,
    },
    Attack {
        name: "stolen-database",
        about: "a thief of the key centre's whole database forges readings",
        run: stolen_database::run,
    },
    Attack {
        name: "stolen-memory",
        about: "somebody takes a meter in the middle of a month and reads what is stored in it",
        run: stolen_memory::run,
    },
    Attack {
        name: "integer-masks",
        about: "an observer tells from a masked share which of two readings it is",
        run: integer_masks::run,
    },
    Attack {
        name: "crash",
        about: "a meter is switched off and on again between its shares, at every step",
        run: crash::run,
    },
    Attack {
        name: "lone-home",
        about: "all meters of a region but one collude, and join, fall silent and leave as they like",
        run: lone_home::run,
    },
    Attack {
        name: "lost-meter",
        about: "a thief of a meter sends in its name after the loss was reported",
        run: lost_meter::run,
    },
    Attack {
        name: "send-times",
        about: "a node links a home's two shares by when they come",
        run: send_times::run,
    },
    Attack {
        name: "reidentify",
        about: "somebody who knows how homes live looks for them in an export of the whole chain",
        run: reidentify::run,
    },
    Attack {
        name: "poison",
        about: "one meter says 2^40 Wh, so that the total is worth nothing",
        run: poison::run,
    },
    Attack {
        name: "bills",
        about: "bills are altered, swapped between users and months, and weighed",
        run: bills::run,
    },
    Attack {
        name: "flood",
        about: "outsiders send ten thousand invalid shares a second to a node, by both ways",
        run: flood::run,
    },
];

/// What a home may use in half an hour, in watt-hours.
const READING: RangeInclusive<i64> = 0..=5_000;
