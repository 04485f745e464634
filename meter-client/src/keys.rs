//! The meter's keys, and how they move from one cycle to the next.
//!
//! A meter makes its BID, spend key and split key once; enrolment adds the region, the chain and the secret of the first
//! cycle. [`Enrolment::move_to`] ratchets that secret forward and so erases the old one. Of the cycle just left, the four
//! seeds stay for one more cycle: its last periods may still have to be resent, and its bill, which comes after it, is
//! checked with them. This module holds and converts; writing to disk is left to [`crate::state`].
//!
//! **Privacy.** Everything here is secret but the label, the BID, the region and the genesis hash. Whoever takes the meter
//! learns this cycle and the last, and nothing of the ones before. Memory is wiped when dropped, and nothing is printed.

use gridveil_primitives::{
    keys::{CycleKeys, MeterSecret, SpendKey, SplitKey},
    prf::Seed,
    Bid, CycleId, RegionId,
};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The version of the form in which keys are stored.
const VERSION: u16 = 1;

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
    secret: MeterSecret,
    previous: Option<CycleKeys>,
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
        let mut json = Zeroizing::new(Vec::with_capacity(8_192));
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
                secret: Secret(enrolment.secret.to_bytes()),
                previous: enrolment.previous.as_ref().map(|keys| StoredSeeds {
                    pseudonym: keys.pseudonym.each_ref().map(|seed| Secret(seed.to_bytes())),
                    mask: keys.mask.each_ref().map(|seed| Secret(seed.to_bytes())),
                }),
            }),
        };
        // A struct of numbers and strings into memory cannot fail; a reader refuses the empty text.
        if serde_json::to_writer_pretty(&mut *json, &stored).is_err() {
            json.clear();
        }
        json
    }

    /// Reads the stored form.
    ///
    /// # Errors
    ///
    /// [`KeysError::Malformed`].
    pub fn from_json(json: &[u8]) -> Result<Self, KeysError> {
        // The parser's words name a place and no value: secrets have their own, silent error.
        let stored: Stored = serde_json::from_slice(json).map_err(|error| KeysError::Malformed(error.to_string()))?;
        if stored.version != VERSION {
            return Err(KeysError::Malformed(format!(
                "version {}, and this program reads {VERSION}",
                stored.version
            )));
        }
        let spend = SpendKey::from_bytes(*stored.spend.0)
            .ok_or_else(|| KeysError::Malformed("the spend key is no canonical scalar".into()))?;
        Ok(Self {
            label: stored.label,
            bid: stored.bid,
            spend,
            split: SplitKey::from_bytes(*stored.split.0),
            enrolment: stored.enrolment.map(|stored| Enrolment {
                region: stored.region,
                genesis: stored.genesis,
                first_cycle: stored.first_cycle,
                cycle: stored.cycle,
                secret: MeterSecret::from_bytes(*stored.secret.0),
                previous: stored.previous.map(|seeds| CycleKeys {
                    pseudonym: seeds.pseudonym.map(|seed| Seed::from_bytes(*seed.0)),
                    mask: seeds.mask.map(|seed| Seed::from_bytes(*seed.0)),
                }),
            }),
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
            secret,
            previous: None,
        }
    }

    /// The cycle that the meter has reached.
    pub fn cycle(&self) -> CycleId {
        self.cycle
    }

    /// The seeds of `cycle`: of the present one and, once the meter has moved, of the one before; `None` for all others.
    pub fn keys_of(&self, cycle: CycleId) -> Option<CycleKeys> {
        if cycle == self.cycle {
            Some(self.secret.cycle_keys())
        } else if Some(cycle) == self.cycle.checked_sub(1) {
            self.previous.clone()
        } else {
            None
        }
    }

    /// Moves on to `cycle`: the secret is ratcheted, the seeds of the cycle before it are kept, all else is erased. Whether
    /// anything changed.
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
            self.previous = Some(self.secret.cycle_keys());
            self.secret = self.secret.ratchet();
            self.cycle = self.cycle.saturating_add(1);
        }
        Ok(moves)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u16,
    label: String,
    #[serde(with = "hex::serde")]
    bid: Bid,
    spend: Secret,
    split: Secret,
    enrolment: Option<StoredEnrolment>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEnrolment {
    region: RegionId,
    #[serde(with = "hex::serde")]
    genesis: [u8; 32],
    first_cycle: CycleId,
    cycle: CycleId,
    secret: Secret,
    previous: Option<StoredSeeds>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSeeds {
    pseudonym: [Secret; 2],
    mask: [Secret; 2],
}

/// 32 secret bytes, stored in hexadecimal.
struct Secret(Zeroizing<[u8; 32]>);

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
    use rand::{rngs::StdRng, SeedableRng};

    fn keys() -> MeterKeys {
        let mut keys = MeterKeys::generate("MAC1", &mut StdRng::seed_from_u64(1));
        keys.enrolment = Some(Enrolment::new(2, [3; 32], 5, MeterSecret::from_bytes([4; 32])));
        keys
    }

    fn seeds(keys: &CycleKeys) -> Vec<[u8; 32]> {
        keys.pseudonym
            .iter()
            .chain(&keys.mask)
            .map(|seed| *seed.to_bytes())
            .collect()
    }

    #[test]
    fn keys_survive_their_stored_form() {
        let mut keys = keys();
        keys.enrolment.as_mut().unwrap().move_to(6).unwrap();
        let json = keys.to_json();
        let again = MeterKeys::from_json(&json).unwrap();
        assert_eq!(again.to_json(), json);
        let (old, new) = (keys.enrolment.unwrap(), again.enrolment.unwrap());
        for cycle in [5, 6] {
            assert_eq!(seeds(&old.keys_of(cycle).unwrap()), seeds(&new.keys_of(cycle).unwrap()));
        }
    }

    #[test]
    fn each_cycle_has_the_seeds_of_the_ratcheted_secret() {
        let mut enrolment = keys().enrolment.unwrap();
        let secret = MeterSecret::from_bytes([4; 32]);
        assert_eq!(seeds(&enrolment.keys_of(5).unwrap()), seeds(&secret.cycle_keys()));
        assert!(enrolment.move_to(7).unwrap());
        assert_eq!(
            seeds(&enrolment.keys_of(6).unwrap()),
            seeds(&secret.ratchet().cycle_keys())
        );
        assert_eq!(
            seeds(&enrolment.keys_of(7).unwrap()),
            seeds(&secret.ratchet().ratchet().cycle_keys())
        );
        assert!(enrolment.keys_of(5).is_none());
        assert!(enrolment.keys_of(8).is_none());
    }

    #[test]
    fn moving_on_leaves_nothing_in_the_stored_form_from_which_older_cycles_follow() {
        let mut keys = keys();
        let secret = MeterSecret::from_bytes([4; 32]);
        keys.enrolment.as_mut().unwrap().move_to(7).unwrap();
        let json = String::from_utf8(keys.to_json().to_vec()).unwrap();
        let mut erased = vec![*secret.to_bytes(), *secret.ratchet().to_bytes()];
        erased.extend(seeds(&secret.cycle_keys()));
        for bytes in erased {
            assert!(!json.contains(&hex::encode(bytes)));
        }
        assert!(json.contains(&hex::encode(*secret.ratchet().ratchet().to_bytes())));
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
        let damaged = json.replace(&"04".repeat(32), "0404zz");
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
            .replace("\"version\": 1", "\"version\": 2");
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
