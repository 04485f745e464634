//! The meters of one region and cycle, with the keys that the key centre derives for them.
//!
//! The order of the members is that of their bill identifiers and the same whenever the ledger is read, because a
//! manifest's commitments and their later opening must number the meters alike.
//!
//! **Privacy.** A roster can unmask every reading of its cycle. It lives in memory only and its keys are wiped.

use gridveil_primitives::{
    keys::{CycleKeys, RootKey, SpendPublic},
    pseudonym, CycleId, Half, PeriodIndex, Prid, RegionId,
};

use crate::{
    error::Error,
    ledger::{Ledger, Meter},
};

/// A meter with its keys of the cycle.
pub struct Member {
    /// The meter as enrolled.
    pub meter: Meter,
    /// P0.
    pub spend: SpendPublic,
    /// The seeds of the cycle.
    pub keys: CycleKeys,
}

impl Member {
    /// The pseudonyms of a period, first and second half.
    pub fn pair(&self, period: PeriodIndex) -> [Prid; 2] {
        Half::BOTH.map(|half| pseudonym::prid(&self.spend, &self.keys, half, period))
    }
}

/// The meters of one region and cycle.
pub struct Roster {
    /// The region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The members, by ascending bill identifier.
    pub members: Vec<Member>,
}

impl Roster {
    /// Derives the keys of the ledger's meters. Errors: [`Error::NoMeters`], [`Error::SpendKey`].
    pub fn load(ledger: &Ledger, root: &RootKey, region: RegionId, cycle: CycleId) -> Result<Roster, Error> {
        let mut members = Vec::new();
        for meter in ledger.meters(region, cycle)? {
            let spend = SpendPublic::from_bytes(meter.spend_public).ok_or_else(|| Error::SpendKey {
                label: meter.label.clone(),
            })?;
            let mut secret = root.meter_secret(&meter.bid);
            for _ in meter.first_cycle..cycle {
                secret = secret.ratchet();
            }
            members.push(Member {
                spend,
                keys: secret.cycle_keys(),
                meter,
            });
        }
        if members.is_empty() {
            return Err(Error::NoMeters {
                cycle,
                region: Some(region),
            });
        }
        Ok(Roster { region, cycle, members })
    }

    /// How many meters there are.
    pub fn meters(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Refuses a count of meters on chain that is not the ledger's.
    pub fn agree(&self, chain: u32) -> Result<(), Error> {
        if self.meters() == chain {
            return Ok(());
        }
        Err(Error::MetersDiffer {
            region: self.region,
            cycle: self.cycle,
            ledger: self.meters(),
            chain,
        })
    }
}
