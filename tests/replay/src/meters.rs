//! The meters: enrolled as any meter, and all in one process.
//!
//! Promises to do in each period what a meter does: split, mask, derive, sign. Leaves out that a meter keeps its shares on disk
//! before it sends them: nothing here starts again.
//!
//! **Privacy.** Holds the secrets of every meter of the replay, and drops them with it.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use gridveil_bills::envelope::{decrypt_bytes, recipient_to_age, Identity};
use gridveil_chain_client::enrolment::{Request, Response};
use gridveil_demo::data::Home;
use gridveil_grid_operator::work::on_all_cores;
use gridveil_primitives::{
    batch::SignedShare,
    hash::blake2b_256,
    keys::{MeterSecret, SpendKey, SplitKey},
    meter, Bid, CycleId, Half, PeriodIndex, PeriodKey, RegionId,
};

use crate::{
    error::{broken, ReplayError},
    month::{Fate, Month},
};

/// A meter with its user.
pub struct Meter {
    /// Its name in the CSV.
    pub label: String,
    /// Its region.
    pub region: RegionId,
    /// Its user's bill identifier.
    pub bid: Bid,
    /// Its user's key to the bills.
    pub identity: Identity,
    spend: SpendKey,
    split: SplitKey,
    /// The meter proper, once it is enrolled.
    core: Option<Mutex<meter::Meter>>,
}

impl Meter {
    /// A home's meter, not enrolled yet. Its secrets follow from its name: nobody's secret is at stake.
    pub fn new(home: &Home) -> Meter {
        let of = |what: &[u8]| blake2b_256(&[b"gridveil replay ", what, home.meter.as_bytes()]);
        Meter {
            label: home.meter.clone(),
            region: home.region,
            bid: of(b"bill identifier "),
            identity: Identity::generate(),
            spend: SpendKey::from_seed(&of(b"spend key ")),
            split: SplitKey::from_bytes(of(b"split key ")),
            core: None,
        }
    }

    /// What it hands to the key centre.
    pub fn request(&self) -> String {
        let recipient = recipient_to_age(&self.identity.recipient());
        Request::new(self.label.clone(), self.bid, self.spend.public().to_bytes(), recipient).to_json()
    }

    /// Takes up the key centre's answer, which makes it ready for cycle 0.
    pub fn accept(&mut self, response: &Path) -> Result<(), ReplayError> {
        let sealed = std::fs::read(response)?;
        let opened = decrypt_bytes(&sealed, &self.identity).map_err(broken)?;
        let response = Response::from_json(&opened).map_err(broken)?;
        if (response.bid, response.region, response.first_cycle) != (self.bid, self.region, 0) {
            return Err(broken(format!("{} got another meter's response", self.label)));
        }
        let keys = MeterSecret::from_bytes(*response.meter_secret).cycle_keys();
        let core = meter::Meter::new(self.spend.clone(), self.split.clone(), keys);
        self.core = Some(Mutex::new(core));
        Ok(())
    }

    /// The shares that it sends for a reading.
    fn shares(
        &self,
        genesis: &[u8; 32],
        cycle: CycleId,
        period: PeriodIndex,
        reading: i64,
        fate: Fate,
    ) -> Vec<SignedShare> {
        let Some(core) = &self.core else { return Vec::new() };
        let key = PeriodKey {
            region: self.region,
            cycle,
            period,
        };
        let [first, second] = core
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shares(genesis, &key, reading);
        match fate {
            Fate::Both => vec![first, second],
            Fate::Only(Half::First) => vec![first],
            Fate::Only(Half::Second) => vec![second],
            Fate::Silent => vec![],
        }
    }
}

/// What all meters send in a period, as each region's aggregator gathers it: ascending by pseudonym.
pub fn gather(
    meters: &[Meter],
    month: &Month,
    genesis: &[u8; 32],
    cycle: CycleId,
    period: PeriodIndex,
) -> Vec<(RegionId, Vec<SignedShare>)> {
    let places: Vec<_> = (0..meters.len()).collect();
    let sent = on_all_cores(&places, |&place| {
        let reading = month.homes[place].readings.get(usize::from(period)).copied().flatten();
        reading.map_or_else(Vec::new, |reading| {
            meters[place].shares(genesis, cycle, period, reading, month.fate(place, period))
        })
    });
    let mut regions = BTreeMap::<RegionId, Vec<SignedShare>>::new();
    for (meter, shares) in meters.iter().zip(sent) {
        regions.entry(meter.region).or_default().extend(shares);
    }
    for shares in regions.values_mut() {
        shares.sort_unstable_by_key(|share| share.prid);
    }
    regions.into_iter().collect()
}
