//! What a running meter tells: one event at a time, as a sentence or, with `--json`, as a line of JSON.
//!
//! The JSON form is part of the command line's contract: each line has the member `event`, the name of a variant below in
//! lower case, and the variant's fields.
//!
//! **Privacy.** Times, counts and states only: never a reading, a share or a pseudonym.

use crate::records::Counts;
use gridveil_primitives::{CycleId, Moment, PeriodIndex};
use serde::Serialize;
use std::fmt;

/// Something that happened in the period loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The cycle is not scheduled yet, or no node says so; told once for each reason.
    Waiting {
        /// The cycle.
        cycle: CycleId,
        /// What is waited for.
        reason: String,
    },
    /// The meter starts on a cycle or comes back to it.
    Cycle {
        /// The cycle.
        cycle: CycleId,
        /// When its first period opens, in milliseconds since the Unix epoch.
        start: Moment,
        /// How many periods it has.
        periods: PeriodIndex,
        /// How many of them are recorded already.
        recorded: u32,
    },
    /// A period's shares are fixed on disk, or it is passed over.
    Recorded {
        /// The cycle.
        cycle: CycleId,
        /// The period.
        period: PeriodIndex,
        /// `pending`, `silent` or `missed`.
        state: &'static str,
    },
    /// A share is being sent.
    Sent {
        /// The cycle.
        cycle: CycleId,
        /// The period.
        period: PeriodIndex,
        /// 1 or 2.
        half: u8,
        /// How often this share has been sent, this time included.
        attempt: u32,
        /// The node of the list that it is sent to first, from 0.
        route: usize,
    },
    /// The region's aggregator gave a receipt for a share.
    Accepted {
        /// The cycle.
        cycle: CycleId,
        /// The period.
        period: PeriodIndex,
        /// 1 or 2.
        half: u8,
    },
    /// A share was not taken, and will be sent again while the window is open.
    Refused {
        /// The cycle.
        cycle: CycleId,
        /// The period.
        period: PeriodIndex,
        /// 1 or 2.
        half: u8,
        /// The node's reason.
        reason: String,
    },
    /// A share is on the finalised chain.
    Finalised {
        /// The cycle.
        cycle: CycleId,
        /// The period.
        period: PeriodIndex,
        /// 1 or 2.
        half: u8,
        /// The block's number, where it is known.
        block: Option<u32>,
    },
    /// A period is settled.
    Period {
        /// The cycle.
        cycle: CycleId,
        /// The period.
        period: PeriodIndex,
        /// `finalised`, `partial` or `lost`.
        state: &'static str,
        /// Why not all of it landed; empty where it did.
        reason: String,
    },
    /// All periods of a cycle are settled.
    Summary {
        /// The cycle.
        cycle: CycleId,
        /// How many are in each state.
        #[serde(flatten)]
        counts: Counts,
    },
    /// The meter was told to stop; everything is on disk.
    Stopped,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { cycle, reason } => write!(f, "cycle {cycle}: waiting, {reason}"),
            Self::Cycle {
                cycle,
                periods,
                recorded,
                ..
            } => {
                write!(
                    f,
                    "cycle {cycle}: {periods} periods, {recorded} of them recorded already"
                )
            }
            Self::Recorded { cycle, period, state } => write!(f, "cycle {cycle}, period {period}: {state}"),
            Self::Sent {
                cycle,
                period,
                half,
                attempt,
                route,
            } => {
                write!(
                    f,
                    "cycle {cycle}, period {period}: share {half} sent, attempt {attempt} by node {route}"
                )
            }
            Self::Accepted { cycle, period, half } => {
                write!(
                    f,
                    "cycle {cycle}, period {period}: share {half} accepted by the aggregator"
                )
            }
            Self::Refused {
                cycle,
                period,
                half,
                reason,
            } => {
                write!(f, "cycle {cycle}, period {period}: share {half} not taken, {reason}")
            }
            Self::Finalised {
                cycle,
                period,
                half,
                block: Some(block),
            } => {
                write!(
                    f,
                    "cycle {cycle}, period {period}: share {half} finalised in block {block}"
                )
            }
            Self::Finalised {
                cycle,
                period,
                half,
                block: None,
            } => {
                write!(
                    f,
                    "cycle {cycle}, period {period}: share {half} is on the finalised chain"
                )
            }
            Self::Period {
                cycle,
                period,
                state,
                reason,
            } if reason.is_empty() => {
                write!(f, "cycle {cycle}, period {period}: {state}")
            }
            Self::Period {
                cycle,
                period,
                state,
                reason,
            } => {
                write!(f, "cycle {cycle}, period {period}: {state}, {reason}")
            }
            Self::Summary { cycle, counts } => write!(
                f,
                "cycle {cycle}: {} finalised, {} partial, {} lost, {} silent, {} missed",
                counts.finalised, counts.partial, counts.lost, counts.silent, counts.missed
            ),
            Self::Stopped => f.write_str("stopped; everything is on disk"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_json_with_its_name() {
        let counts = Counts {
            finalised: 47,
            silent: 1,
            ..Counts::default()
        };
        let json = serde_json::to_string(&Event::Summary { cycle: 3, counts }).unwrap();
        assert_eq!(
            json,
            r#"{"event":"summary","cycle":3,"pending":0,"finalised":47,"partial":0,"lost":0,"silent":1,"missed":0}"#
        );
        assert_eq!(
            serde_json::to_string(&Event::Stopped).unwrap(),
            r#"{"event":"stopped"}"#
        );
    }
}
