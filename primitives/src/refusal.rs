//! Why a share is turned away before it reaches the chain.
//!
//! The extension that authenticates a meter answers `InvalidTransaction::Custom(code)`; the code is one of these, and a
//! client turns it back with [`Refusal::from_code`]. A code keeps its meaning for ever: new reasons get new codes. This
//! module is only the list; the checks are the readings pallet's.
//!
//! **Privacy.** A reason tells the sender nothing that the public chain does not: whether a pseudonym is in a published
//! filter, and whether its share is there.

use core::fmt;

/// The reason why a share is not accepted (DESIGN section 4, step 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// The consortium has not registered the region.
    UnknownRegion = 1,
    /// The cycle is not scheduled.
    UnknownCycle = 2,
    /// The cycle has no period of this index.
    UnknownPeriod = 3,
    /// The key centre has not published the period's manifest.
    NoManifest = 4,
    /// The period has not ended yet.
    TooEarly = 5,
    /// The period's submission window has ended.
    TooLate = 6,
    /// The pseudonym is not in the period's filter.
    NotInFilter = 7,
    /// The pseudonym's share is on chain already.
    AlreadyUsed = 8,
    /// The pseudonym is not the canonical form of a point.
    NotAPoint = 9,
    /// The signature is not the pseudonym's over this share, period and chain.
    BadSignature = 10,
    /// The shares of a batch do not ascend by pseudonym, or there are none.
    BadOrder = 11,
    /// The signer of a batch is not the region's aggregator.
    NotTheAggregator = 12,
    /// The period has as many batches as it may have.
    TooManyBatches = 13,
}

impl Refusal {
    /// Every reason, by ascending code.
    pub const ALL: [Self; 13] = [
        Self::UnknownRegion,
        Self::UnknownCycle,
        Self::UnknownPeriod,
        Self::NoManifest,
        Self::TooEarly,
        Self::TooLate,
        Self::NotInFilter,
        Self::AlreadyUsed,
        Self::NotAPoint,
        Self::BadSignature,
        Self::BadOrder,
        Self::NotTheAggregator,
        Self::TooManyBatches,
    ];

    /// The code that travels in `InvalidTransaction::Custom`, 1 to 13.
    pub const fn code(self) -> u8 {
        match self {
            Self::UnknownRegion => 1,
            Self::UnknownCycle => 2,
            Self::UnknownPeriod => 3,
            Self::NoManifest => 4,
            Self::TooEarly => 5,
            Self::TooLate => 6,
            Self::NotInFilter => 7,
            Self::AlreadyUsed => 8,
            Self::NotAPoint => 9,
            Self::BadSignature => 10,
            Self::BadOrder => 11,
            Self::NotTheAggregator => 12,
            Self::TooManyBatches => 13,
        }
    }

    /// The reason with this code; `None` for a code that no reason has.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownRegion => {
                "the region is not registered on this chain: check the region the meter was enrolled in"
            }
            Self::UnknownCycle => "the cycle is not scheduled on this chain: wait until the key centre schedules it",
            Self::UnknownPeriod => "the cycle has no such period: read the cycle's schedule again",
            Self::NoManifest => "the period's manifest is not published yet: try again later in the window",
            Self::TooEarly => "the period has not ended: try again once it has",
            Self::TooLate => "the submission window has ended: do not send this share again",
            Self::NotInFilter => {
                "the pseudonym is not in the period's filter: check region, cycle and period, and that the meter is \
                 enrolled from this cycle on"
            }
            Self::AlreadyUsed => "the pseudonym's share is on chain already: there is nothing left to send",
            Self::NotAPoint => "the pseudonym is no public key: derive it from the meter's keys again",
            Self::BadSignature => {
                "the signature is not the pseudonym's over this share, period and chain: sign the share again for this chain"
            }
            Self::BadOrder => "the shares of the batch do not ascend by pseudonym: sort them, each once, and leave no batch empty",
            Self::NotTheAggregator => "the batch is not signed by the region's aggregator: hand the share to that one, or submit it directly",
            Self::TooManyBatches => "the period has all the batches that it may have: submit what is left directly",
        })
    }
}

impl core::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn every_code_leads_back_to_its_refusal_and_no_other_code_leads_anywhere() {
        for code in 0..=u8::MAX {
            match Refusal::from_code(code) {
                Some(refusal) => assert_eq!((refusal.code(), refusal as u8), (code, code)),
                None => assert!(!(1..=13).contains(&code)),
            }
        }
        assert_eq!(
            Refusal::ALL.map(Refusal::code),
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
        );
    }
}
