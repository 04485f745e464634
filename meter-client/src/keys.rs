//! The meter's keys, and how they move from one cycle to the next.
//!
//! A meter makes its BID, spend key and split key once; enrolment adds the region, the chain and the secret of the first
//! cycle. [`Enrolment::move_to`] ratchets that secret forward and so erases the old one. Of a cycle's seeds the meter keeps
//! what it needs for the periods to come ([`CycleTail`]) and erases each period once it is settled
//! ([`Enrolment::forget_before`]). The seeds themselves, with which the user checks the bill, are given out once, for
//! [`crate::state`] to seal to the user's key before the keys are stored without them. This module holds and converts.
//!
//! **Privacy.** Everything here is secret but the label, the BID, the region and the genesis hash. Whoever takes the meter
//! learns the pseudonyms and masks of the periods that aren't settled and of all later ones, and of earlier ones nothing.
//! Memory is wiped when dropped, and nothing is printed.

use gridveil_primitives::{
    keys::{CycleKeys, MeterSecret, SpendKey, SplitKey},
    prf::Seed,
    tail::CycleTail,
    Bid, CycleId, PeriodIndex, RegionId,
};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The version of the form in which keys are stored.
const VERSION: u16 = 2;
/// The version whose enrolment has whole seeds.
const WITH_SEEDS: u16 = 1;

/// Why keys could not be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The stored bytes are not of the expected form.
    #[error("not a meter's keys: {0}; restore the file from a backup")]
    Malformed(String),
    /// A cycle that the meter's keys do not reach back to.
    #[error("this meter has no keys of cycle {asked} any more: they have moved on to cycle {now}; run that one or a later one")]
    Erased {
        /// The cycle asked for.
        asked: CycleId,
        /// The meter's cycle.
        now: CycleId,
    },
}

/// What a meter knows.
pub struct MeterKeys {
    /// Its name in the key centre's ledger.
    pub label: String,
    /// Its user's bill identifier.
    pub bid: Bid,
    /// p0.
    pub spend: SpendKey,
    /// What it splits its readings with.
    pub split: SplitKey,
    /// What the key centre gave it; `None` before the response was accepted.
    pub enrolment: Option<Enrolment>,
}

/// What enrolment gives a meter, moved on to its present cycle.
pub struct Enrolment {
    /// The meter's region.
    pub region: RegionId,
    /// The genesis hash of the chain that it sends to.
    pub genesis: [u8; 32],
    /// The cycle in which it first took part.
    pub first_cycle: CycleId,
    cycle: CycleId,
    /// The secret of the cycle after it.
    next: MeterSecret,
    present: CycleTail,
    /// Of the cycle before, while a period of it is on its way.
    previous: Option<CycleTail>,
    /// Seeds that are not sealed yet.
    unsealed: Vec<(CycleId, CycleKeys)>,
}

impl MeterKeys {
    /// New keys for a meter that the key centre shall know as `label`.
    pub fn generate(label: &str, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bid = [0; 32];
        rng.fill_bytes(&mut bid);
        let spend = SpendKey::generate(rng);
        let mut split = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *split);
        Self {
            label: label.to_owned(),
            bid,
            spend,
            split: SplitKey::from_bytes(*split),
            enrolment: None,
        }
    }

    /// The form in which the keys are stored: JSON, secrets in hexadecimal.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        // Roomy from the start, so that growing leaves no copy of a secret behind.
        let mut json = Zeroizing::new(Vec::with_capacity(16_384));
        let stored = Stored {
            version: VERSION,
            label: self.label.clone(),
            bid: self.bid,
            spend: Secret(self.spend.to_bytes()),
            split: Secret(self.split.to_bytes()),
            enrolment: self.enrolment.as_ref().map(|enrolment| StoredEnrolment {
                region: enrolment.region,
                genesis: enrolment.genesis,
                first_cycle: enrolment.first_cycle,
                cycle: enrolment.cycle,
                next: Secret(enrolment.next.to_bytes()),
                present: Tail(enrolment.present.clone()),
                previous: enrolment.previous.clone().map(Tail),
            }),
        };
        // A struct of numbers and strings into memory cannot fail; a reader refuses the empty text.
        if serde_json::to_writer_pretty(&mut *json, &stored).is_err() {
            json.clear();
        }
        json
    }

    /// Reads the stored form, also that of version 1.
    ///
    /// # Errors
    ///
    /// [`KeysError::Malformed`].
    pub fn from_json(json: &[u8]) -> Result<Self, KeysError> {
        // The parser's words name a place and no value: secrets have their own, silent error.
        let wrong = |error: serde_json::Error| KeysError::Malformed(error.to_string());
        let Version { version } = serde_json::from_slice(json).map_err(wrong)?;
        match version {
            VERSION => Self::from_stored(serde_json::from_slice::<Stored<StoredEnrolment>>(json).map_err(wrong)?),
            WITH_SEEDS => Self::from_stored(serde_json::from_slice::<Stored<WithSeeds>>(json).map_err(wrong)?),
            _ => Err(KeysError::Malformed(format!(
                "version {version}, and this program reads {VERSION}"
            ))),
        }
    }

    fn from_stored<E: Into<Enrolment>>(stored: Stored<E>) -> Result<Self, KeysError> {
        let spend = SpendKey::from_bytes(*stored.spend.0)
            .ok_or_else(|| KeysError::Malformed("the spend key is no canonical scalar".into()))?;
        Ok(Self {
            label: stored.label,
            bid: stored.bid,
            spend,
            split: SplitKey::from_bytes(*stored.split.0),
            enrolment: stored.enrolment.map(Into::into),
        })
    }
}

impl fmt::Debug for MeterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeterKeys(..)")
    }
}

impl Enrolment {
    /// The enrolment that starts with `secret` in `first_cycle`.
    pub fn new(region: RegionId, genesis: [u8; 32], first_cycle: CycleId, secret: MeterSecret) -> Self {
        Self {
            region,
            genesis,
            first_cycle,
            cycle: first_cycle,
            next: secret.ratchet(),
            present: secret.cycle_keys().into(),
            previous: None,
            unsealed: vec![(first_cycle, secret.cycle_keys())],
        }
    }

    /// The cycle that the meter has reached.
    pub fn cycle(&self) -> CycleId {
        self.cycle
    }

    /// What is left of a cycle's keys: of the present one and, while a period of it is on its way, of the one before.
    pub fn tail_of(&self, cycle: CycleId) -> Option<&CycleTail> {
        if cycle == self.cycle {
            Some(&self.present)
        } else if Some(cycle) == self.cycle.checked_sub(1) {
            self.previous.as_ref()
        } else {
            None
        }
    }

    /// The seeds of cycles that the user has not been given yet. They are not part of the stored form.
    pub fn unsealed(&self) -> &[(CycleId, CycleKeys)] {
        &self.unsealed
    }

    /// Lets go of them, now that the user has them.
    pub fn forget_unsealed(&mut self) {
        self.unsealed.clear();
    }

    /// Moves on to `cycle`: the secret is ratcheted, and what was left of the cycle just before it is kept. Whether anything
    /// changed.
    ///
    /// # Errors
    ///
    /// [`KeysError::Erased`] for a cycle before the present one.
    pub fn move_to(&mut self, cycle: CycleId) -> Result<bool, KeysError> {
        if cycle < self.cycle {
            return Err(KeysError::Erased {
                asked: cycle,
                now: self.cycle,
            });
        }
        let moves = cycle > self.cycle;
        while self.cycle < cycle {
            let seeds = self.next.cycle_keys();
            self.previous = Some(std::mem::replace(&mut self.present, seeds.clone().into()));
            self.next = self.next.ratchet();
            self.cycle = self.cycle.saturating_add(1);
            self.unsealed.push((self.cycle, seeds));
        }
        Ok(moves)
    }

    /// Erases the keys of the present cycle's periods before `period`, and those of the cycle before: its periods before
    /// `pending`, or all where none is pending. Whether anything changed.
    pub fn forget_before(&mut self, period: PeriodIndex, pending: Option<PeriodIndex>) -> bool {
        let firsts = |enrolment: &Self| {
            (
                enrolment.present.first(),
                enrolment.previous.as_ref().map(CycleTail::first),
            )
        };
        let before = firsts(self);
        self.present.forget_before(period);
        self.previous = pending.and_then(|pending| {
            let mut tail = self.previous.take()?;
            tail.forget_before(pending);
            Some(tail)
        });
        firsts(self) != before
    }
}

#[derive(Deserialize)]
struct Version {
    version: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<E> {
    version: u16,
    label: String,
    #[serde(with = "hex::serde")]
    bid: Bid,
    spend: Secret,
    split: Secret,
    enrolment: Option<E>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEnrolment {
    region: RegionId,
    #[serde(with = "hex::serde")]
    genesis: [u8; 32],
    first_cycle: CycleId,
    cycle: CycleId,
    next: Secret,
    present: Tail,
    previous: Option<Tail>,
}

impl From<StoredEnrolment> for Enrolment {
    fn from(stored: StoredEnrolment) -> Self {
        Self {
            region: stored.region,
            genesis: stored.genesis,
            first_cycle: stored.first_cycle,
            cycle: stored.cycle,
            next: MeterSecret::from_bytes(*stored.next.0),
            present: stored.present.0,
            previous: stored.previous.map(|tail| tail.0),
            unsealed: Vec::new(),
        }
    }
}

/// An enrolment of version 1. Read, its seeds are such as the user has not been given yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithSeeds {
    region: RegionId,
    #[serde(with = "hex::serde")]
    genesis: [u8; 32],
    first_cycle: CycleId,
    cycle: CycleId,
    secret: Secret,
    previous: Option<StoredSeeds>,
}

impl From<WithSeeds> for Enrolment {
    fn from(stored: WithSeeds) -> Self {
        let secret = MeterSecret::from_bytes(*stored.secret.0);
        let mut enrolment = Self::new(stored.region, stored.genesis, stored.cycle, secret);
        enrolment.first_cycle = stored.first_cycle;
        if let (Some(seeds), Some(cycle)) = (stored.previous, stored.cycle.checked_sub(1)) {
            let keys = CycleKeys {
                pseudonym: seeds.pseudonym.map(|seed| Seed::from_bytes(*seed.0)),
                mask: seeds.mask.map(|seed| Seed::from_bytes(*seed.0)),
            };
            enrolment.previous = Some(keys.clone().into());
            enrolment.unsealed.push((cycle, keys));
        }
        enrolment
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSeeds {
    pseudonym: [Secret; 2],
    mask: [Secret; 2],
}

/// What is left of a cycle, stored in hexadecimal.
struct Tail(CycleTail);

impl Serialize for Tail {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(hex::encode(self.0.to_bytes().as_slice())))
    }
}

impl<'de> Deserialize<'de> for Tail {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = hex::decode(text.as_bytes()).map(Zeroizing::new).ok();
        let tail = bytes.and_then(|bytes| CycleTail::from_bytes(&bytes));
        tail.map(Self)
            .ok_or_else(|| serde::de::Error::custom("what is left of a cycle's keys is damaged"))
    }
}

/// 32 secret bytes, stored in hexadecimal.
pub(crate) struct Secret(pub Zeroizing<[u8; 32]>);

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(hex::encode(self.0.as_slice())))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.as_bytes(), bytes.as_mut_slice())
            .map_err(|_| serde::de::Error::custom("a secret is 64 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_primitives::{pseudonym::prid, Half, Prid};
    use rand::{rngs::StdRng, SeedableRng};

    fn keys() -> MeterKeys {
        let mut keys = MeterKeys::generate("MAC1", &mut StdRng::seed_from_u64(1));
        keys.enrolment = Some(Enrolment::new(2, [3; 32], 5, MeterSecret::from_bytes([4; 32])));
        keys
    }

    /// The pseudonyms of a period that follow from what the meter keeps.
    fn prids(keys: &MeterKeys, cycle: CycleId, period: PeriodIndex) -> Option<[Prid; 2]> {
        let signers = keys.enrolment.as_ref()?.tail_of(cycle)?.signers(&keys.spend, period)?;
        Some(signers.map(|signer| signer.prid()))
    }

    /// The pseudonyms that a cycle's secret gives.
    fn expected(keys: &MeterKeys, secret: &MeterSecret, period: PeriodIndex) -> Option<[Prid; 2]> {
        let seeds = secret.cycle_keys();
        Some(Half::BOTH.map(|half| prid(&keys.spend.public(), &seeds, half, period)))
    }

    /// The secret of a cycle from the fifth on.
    fn secret(cycle: CycleId) -> MeterSecret {
        (5..cycle).fold(MeterSecret::from_bytes([4; 32]), |secret, _| secret.ratchet())
    }

    #[test]
    fn keys_survive_their_stored_form() {
        let mut keys = keys();
        let enrolment = keys.enrolment.as_mut().unwrap();
        enrolment.move_to(6).unwrap();
        enrolment.forget_before(3, Some(40));
        let json = keys.to_json();
        let again = MeterKeys::from_json(&json).unwrap();
        assert_eq!(again.to_json(), json);
        assert!(again.enrolment.as_ref().unwrap().unsealed().is_empty());
        for (cycle, period) in [(5, 39), (5, 40), (6, 2), (6, 3), (6, 1_439)] {
            assert_eq!(prids(&again, cycle, period), prids(&keys, cycle, period));
        }
    }

    #[test]
    fn each_cycle_has_the_keys_of_the_ratcheted_secret_and_gives_its_seeds_out_once() {
        let mut keys = keys();
        assert_eq!(prids(&keys, 5, 0), expected(&keys, &secret(5), 0));
        assert!(keys.enrolment.as_mut().unwrap().move_to(7).unwrap());
        for cycle in [6, 7] {
            assert_eq!(prids(&keys, cycle, 9), expected(&keys, &secret(cycle), 9));
        }
        assert!(prids(&keys, 5, 9).is_none() && prids(&keys, 8, 9).is_none());
        let enrolment = keys.enrolment.as_ref().unwrap();
        let given: Vec<_> = enrolment.unsealed().iter().map(|(cycle, _)| *cycle).collect();
        assert_eq!(given, [5, 6, 7]);
    }

    #[test]
    fn settled_periods_are_erased_and_the_others_are_not() {
        let mut keys = keys();
        let enrolment = keys.enrolment.as_mut().unwrap();
        enrolment.move_to(6).unwrap();
        assert!(enrolment.forget_before(0, Some(1_439)));
        assert!(!enrolment.forget_before(0, Some(1_439)));
        assert!(prids(&keys, 5, 1_438).is_none() && prids(&keys, 5, 1_439).is_some() && prids(&keys, 6, 0).is_some());
        assert!(keys.enrolment.as_mut().unwrap().forget_before(2, None));
        assert!(prids(&keys, 5, 1_439).is_none() && prids(&keys, 6, 1).is_none() && prids(&keys, 6, 2).is_some());
    }

    #[test]
    fn the_stored_form_holds_nothing_from_which_settled_periods_or_older_cycles_follow() {
        let mut keys = keys();
        let enrolment = keys.enrolment.as_mut().unwrap();
        enrolment.move_to(7).unwrap();
        enrolment.forget_before(1, None);
        let json = String::from_utf8(keys.to_json().to_vec()).unwrap();
        for cycle in 5..=7 {
            let secret = secret(cycle);
            let seeds = secret.cycle_keys();
            let leaves = seeds.pseudonym.iter().chain(&seeds.mask).map(|seed| *seed.leaf(0));
            let seeds = seeds.pseudonym.iter().chain(&seeds.mask).map(|seed| *seed.to_bytes());
            for bytes in leaves.chain(seeds).chain([*secret.to_bytes()]) {
                assert!(!json.contains(&hex::encode(bytes)));
            }
        }
        assert!(json.contains(&hex::encode(*secret(8).to_bytes())));
    }

    #[test]
    fn keys_of_version_1_are_read_and_their_seeds_are_to_be_sealed() {
        let hex = |byte: u8| hex::encode([byte; 32]);
        let seeds = format!(
            r#"{{"pseudonym": ["{}", "{}"], "mask": ["{}", "{}"]}}"#,
            hex(1),
            hex(2),
            hex(3),
            hex(4)
        );
        let json = format!(
            r#"{{"version": 1, "label": "MAC1", "bid": "{}", "spend": "{}", "split": "{}", "enrolment": {{"region": 2,
               "genesis": "{}", "first_cycle": 4, "cycle": 6, "secret": "{}", "previous": {seeds}}}}}"#,
            hex(7),
            hex(8),
            hex(9),
            hex(3),
            hex(4)
        );
        let keys = MeterKeys::from_json(json.as_bytes()).unwrap();
        assert_eq!(
            prids(&keys, 6, 9),
            expected(&keys, &MeterSecret::from_bytes([4; 32]), 9)
        );
        assert!(prids(&keys, 5, 0).is_some());
        let enrolment = keys.enrolment.as_ref().unwrap();
        assert_eq!((enrolment.first_cycle, enrolment.cycle()), (4, 6));
        let [(6, _), (5, last)] = enrolment.unsealed() else {
            panic!("the seeds of both cycles are given out")
        };
        assert_eq!(*last.mask[1].to_bytes(), [4; 32]);
        assert!(MeterKeys::from_json(&keys.to_json()).is_ok());
    }

    #[test]
    fn a_cycle_that_was_left_cannot_be_gone_back_to() {
        let mut enrolment = keys().enrolment.unwrap();
        enrolment.move_to(6).unwrap();
        assert!(!enrolment.move_to(6).unwrap());
        assert!(matches!(
            enrolment.move_to(5),
            Err(KeysError::Erased { asked: 5, now: 6 })
        ));
    }

    #[test]
    fn a_damaged_secret_is_refused_without_being_repeated() {
        let json = String::from_utf8(keys().to_json().to_vec()).unwrap();
        let damaged = json.replace(&hex::encode(*secret(6).to_bytes()), "0404zz");
        let error = MeterKeys::from_json(damaged.as_bytes()).unwrap_err().to_string();
        assert!(
            error.contains("64 hexadecimal digits") && !error.contains("0404"),
            "{error}"
        );
    }

    #[test]
    fn keys_of_another_version_are_refused() {
        let json = String::from_utf8(keys().to_json().to_vec())
            .unwrap()
            .replace("\"version\": 2", "\"version\": 3");
        assert!(matches!(
            MeterKeys::from_json(json.as_bytes()),
            Err(KeysError::Malformed(_))
        ));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keys()), "MeterKeys(..)");
    }
}
