//! The meters of one region and cycle, with the keys that the key centre derives for them: those who are there while a
//! revision is in force, or all who are at some time.
//!
//! The order of the members is that of their bill identifiers and the same whenever the ledger is read, because a
//! manifest's commitments and their later opening must number the meters alike.
//!
//! **Privacy.** A roster can unmask every reading of its cycle. It lives in memory only and its keys are wiped.

use gridveil_primitives::{
    keys::{CycleKeys, RootKey, SpendPublic},
    pseudonym, CycleId, Half, PeriodIndex, Prid, RegionId, Revision,
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

/// Meters of one region and cycle.
pub struct Roster {
    /// The region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The members, by ascending bill identifier.
    pub members: Vec<Member>,
    /// The revisions with which they come and go; none where all are there throughout.
    pub revisions: Vec<Revision>,
}

impl Roster {
    /// Derives the keys of the ledger's meters that take part while a revision is in force, which is named by its first
    /// period; `None` for the meters that the cycle begins with. Errors: [`Error::NoMeters`], [`Error::SpendKey`].
    pub fn load(
        ledger: &Ledger,
        root: &RootKey,
        region: RegionId,
        cycle: CycleId,
        revision: Option<PeriodIndex>,
    ) -> Result<Roster, Error> {
        let mut meters = ledger.meters(region, cycle)?;
        meters.retain(|meter| meter.takes_part(cycle, revision));
        Roster::of(meters, root, region, cycle, Vec::new())
    }

    /// The same for all meters that take part at some time, `revisions` being the chain's.
    pub fn load_all(
        ledger: &Ledger,
        root: &RootKey,
        region: RegionId,
        cycle: CycleId,
        revisions: Vec<Revision>,
    ) -> Result<Roster, Error> {
        let mut meters = ledger.meters(region, cycle)?;
        let ever = |meter: &Meter| {
            let mut revised = revisions.iter();
            meter.takes_part(cycle, None) || revised.any(|revision| meter.takes_part(cycle, Some(revision.from)))
        };
        meters.retain(ever);
        Roster::of(meters, root, region, cycle, revisions)
    }

    fn of(
        meters: Vec<Meter>,
        root: &RootKey,
        region: RegionId,
        cycle: CycleId,
        revisions: Vec<Revision>,
    ) -> Result<Roster, Error> {
        let mut members = Vec::with_capacity(meters.len());
        for meter in meters {
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
        Ok(Roster {
            region,
            cycle,
            members,
            revisions,
        })
    }

    /// How many meters there are.
    pub fn meters(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Whether a member takes part in a period.
    pub fn is_there(&self, member: &Member, period: PeriodIndex) -> bool {
        let in_force = Revision::in_force(&self.revisions, period).map(|revision| revision.from);
        self.revisions.is_empty() || member.meter.takes_part(self.cycle, in_force)
    }

    /// Refuses a count of meters on chain, while a revision is in force, that is not the ledger's.
    pub fn agree(&self, revision: Option<PeriodIndex>, chain: u32) -> Result<(), Error> {
        let there = |member: &&Member| member.meter.takes_part(self.cycle, revision);
        let ledger = u32::try_from(self.members.iter().filter(there).count()).unwrap_or(u32::MAX);
        if ledger == chain {
            return Ok(());
        }
        Err(Error::MetersDiffer {
            region: self.region,
            cycle: self.cycle,
            ledger,
            chain,
        })
    }
}
