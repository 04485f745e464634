//! Enrolment: meters' requests into the ledger, their users onto the chain, and sealed responses back.
//!
//! The paper's phases 1 and 2 (setup, key generation); DESIGN section 4, step 1. Requests are taken all together or not
//! at all. A request that is in the ledger already, word for word, is answered again, so that a rerun after a crash
//! completes what was left; anything else that is known already is refused.
//!
//! **Privacy.** The chain learns a user's bill identifier and public key, and nothing of its meter; a response is
//! sealed to the meter's owner.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use gridveil_bills::envelope;
use gridveil_chain_client::enrolment::{Request, Response};
use gridveil_primitives::{keys::SpendPublic, Bid, CycleId, RegionId};
use serde::Serialize;

use super::KeyCentre;
use crate::{
    error::Error,
    grid::{carry_out, Grid, Order},
    ledger::{LedgerError, Meter},
    limits,
    state::{json_files, make_private_dir, read_text, write_atomically},
};

/// The most bytes that a request may have.
const LONGEST_REQUEST: u64 = 1 << 16;
/// The most characters of a meter's name.
const LONGEST_LABEL: usize = 128;

/// A meter that was enrolled, now or before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Enrolled {
    /// The meter's name.
    pub label: String,
    /// Its user's bill identifier.
    #[serde(with = "hex::serde")]
    pub bid: Bid,
    /// The region that it counts in.
    pub region: RegionId,
    /// The first cycle in which it takes part.
    pub first_cycle: CycleId,
    /// Where the response for it is.
    pub response: PathBuf,
    /// Whether it was enrolled now.
    pub new: bool,
}

impl Enrolled {
    pub(super) fn of(meter: Meter, response: PathBuf, new: bool) -> Enrolled {
        let Meter {
            label,
            bid,
            region,
            first_cycle,
            ..
        } = meter;
        Enrolled {
            label,
            bid,
            region,
            first_cycle,
            response,
            new,
        }
    }
}

/// The files to read: one request, or all of a directory whose names end in `.json`.
pub fn request_files(file: Option<&Path>, directory: Option<&Path>) -> Result<Vec<PathBuf>, Error> {
    let files = match (file, directory) {
        (Some(file), None) => vec![file.to_owned()],
        (None, Some(directory)) => json_files(directory)?,
        _ => {
            return Err(Error::Missing {
                what: "what to enrol",
                flag: "--request or --request-dir",
            })
        }
    };
    if files.is_empty() {
        return Err(Error::Requests(vec![
            "the directory has no file that ends in .json".into()
        ]));
    }
    Ok(files)
}

/// A meter from its request.
pub(super) fn read(path: &Path, region: RegionId, first_cycle: CycleId) -> Result<Meter, String> {
    let text = read_text(path, LONGEST_REQUEST).map_err(|error| error.to_string())?;
    let named = |problem: String| format!("{}: {problem}", path.display());
    let request = Request::from_json(&text).map_err(|error| named(error.to_string()))?;
    let label = request.label.trim().to_owned();
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(named(format!(
            "the label must be 1 to {LONGEST_LABEL} printable characters"
        )));
    }
    if SpendPublic::from_bytes(request.spend_public).is_none() {
        return Err(named("spend_public is not a public key".into()));
    }
    let recipient = envelope::recipient_from_age(&request.recipient)
        .map_err(|error| named(format!("recipient is not an age recipient: {error}")))?;
    Ok(Meter {
        bid: request.bid,
        label,
        region,
        first_cycle,
        first_period: None,
        left: None,
        spend_public: request.spend_public,
        recipient,
    })
}

impl<G: Grid> KeyCentre<G> {
    /// What the ledger and the other requests have against a meter; `Ok(true)` where it is new, `Ok(false)` where it is
    /// enrolled just so.
    pub(super) fn is_new(
        &self,
        meter: &Meter,
        seen: &mut BTreeSet<(u8, Vec<u8>)>,
    ) -> Result<Result<bool, String>, Error> {
        let name = &meter.label;
        for (kind, value, what) in [
            (0, meter.bid.to_vec(), "bill identifier"),
            (1, meter.label.clone().into_bytes(), "label"),
            (2, meter.spend_public.to_vec(), "spend key"),
        ] {
            if !seen.insert((kind, value)) {
                return Ok(Err(format!("{name}: its {what} is in two of the requests")));
            }
        }
        if let Some(known) = self.ledger.meter(&meter.bid)? {
            return Ok(if known == *meter {
                Ok(false)
            } else {
                let Meter {
                    label,
                    region,
                    first_cycle,
                    ..
                } = known;
                Err(format!(
                    "{name}: its bill identifier is enrolled already, as {label} in region {region} from cycle \
                     {first_cycle}"
                ))
            });
        }
        if self.ledger.meter_called(&meter.label)?.is_some() {
            return Ok(Err(format!("{name}: another meter is enrolled under this label")));
        }
        if let Some(known) = self.ledger.meter_with_key(&meter.spend_public)? {
            return Ok(Err(format!(
                "{name}: its spend key is enrolled already, for {}",
                known.label
            )));
        }
        Ok(Ok(true))
    }

    /// Refuses meters for a cycle that the chain has a filter of, or an earlier one: an older ledger that was restored may
    /// have lost the note that the region's meters are fixed. A meter whose user is registered was lost with it, and may
    /// come back.
    async fn refuse_late(&self, meters: &[Meter], region: RegionId, first_cycle: CycleId) -> Result<(), Error> {
        let at = self.grid.finalised().await?.hash;
        let latest = self.grid.latest_cycle(at).await?;
        let mut fixed = None;
        for cycle in latest.map_or(0..0, |latest| first_cycle..latest.saturating_add(1)) {
            if self.grid.filter_meters(region, cycle, at).await?.is_some() {
                fixed = Some(cycle);
            }
        }
        let Some(fixed) = fixed else { return Ok(()) };
        for meter in meters {
            if self.grid.user(meter.bid, at).await?.is_none() {
                let late = LedgerError::Fixed {
                    region,
                    fixed,
                    first_cycle,
                };
                return Err(late.into());
            }
        }
        Ok(())
    }

    /// Registers on chain whoever the ledger does not know to be.
    pub(super) async fn register(&self) -> Result<(), Error> {
        let at = self.grid.finalised().await?.hash;
        let mut there = Vec::new();
        let mut missing = Vec::new();
        for meter in self.ledger.unregistered()? {
            match self.grid.user(meter.bid, at).await? {
                None => missing.push((meter.bid, meter.recipient)),
                Some(recipient) if recipient == meter.recipient => there.push(meter.bid),
                Some(_) => {
                    let problem = "the chain has another key for its bill identifier; it must make a new request";
                    return Err(Error::Requests(vec![format!("{}: {problem}", meter.label)]));
                }
            }
        }
        self.ledger.note_registered(&there)?;
        for batch in missing.chunks(limits::BATCH) {
            let last = batch.last().map(|(bid, _)| *bid).unwrap_or_default();
            let order = Order::RegisterUsers(batch.to_vec());
            carry_out(&self.grid, &order, |at| async move {
                Ok(self.grid.user(last, at).await?.is_some())
            })
            .await?;
            self.ledger.note_registered(batch.iter().map(|(bid, _)| bid))?;
        }
        Ok(())
    }

    /// Writes a meter's response into a directory.
    pub(super) fn respond(&self, meter: &Meter, directory: &Path) -> Result<PathBuf, Error> {
        let secret = self.root.meter_secret(&meter.bid).to_bytes();
        let response = Response::new(meter.bid, meter.region, meter.first_cycle, secret, self.grid.genesis());
        let sealed = envelope::encrypt_bytes(response.to_json().as_bytes(), &meter.recipient)
            .map_err(|error| Error::Requests(vec![format!("{}: sealing its response failed: {error}", meter.label)]))?;
        let path = directory.join(format!("{}.response.age", hex::encode(meter.bid)));
        write_atomically(&path, &sealed)?;
        Ok(path)
    }
}

/// Enrols the meters of these request files in a region from a cycle on, and writes a response for each into
/// `responses`, as `<bid>.response.age`.
pub async fn enrol<G: Grid>(
    centre: &KeyCentre<G>,
    files: &[PathBuf],
    region: RegionId,
    first_cycle: CycleId,
    responses: &Path,
) -> Result<Vec<Enrolled>, Error> {
    let mut problems = Vec::new();
    let mut meters = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        match read(file, region, first_cycle) {
            Err(problem) => problems.push(problem),
            Ok(meter) => match centre.is_new(&meter, &mut seen)? {
                Err(problem) => problems.push(problem),
                Ok(new) => meters.push((meter, new)),
            },
        }
    }
    if !problems.is_empty() {
        return Err(Error::Requests(problems));
    }
    let at = centre.grid.finalised().await?.hash;
    centre.authorised(at).await?;
    if !centre.grid.regions(at).await?.iter().any(|(known, _)| *known == region) {
        return Err(Error::UnknownRegion(region));
    }
    make_private_dir(responses)?;

    let entries: Vec<_> = meters
        .iter()
        .filter(|(_, new)| *new)
        .map(|(meter, _)| meter.clone())
        .collect();
    centre.refuse_late(&entries, region, first_cycle).await?;
    centre.ledger.enter_meters(&entries)?;
    centre.register().await?;
    meters
        .into_iter()
        .map(|(meter, new)| {
            let response = centre.respond(&meter, responses)?;
            Ok(Enrolled::of(meter, response, new))
        })
        .collect()
}
