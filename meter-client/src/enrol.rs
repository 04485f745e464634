//! Enrolment: the request that a meter makes and the response that it accepts.
//!
//! [`request`] makes the meter's keys, stores them and then writes the public request; asked again, it writes the same
//! request. [`accept`] decrypts the key centre's response and stores what it gives; accepting the same response again
//! changes nothing, so that keys which have moved on are never set back. Both hold the state directory's lock. How the
//! files travel is left to their owners.
//!
//! **Privacy.** The request ties the label to the BID and is for the key centre alone. The response holds the meter's
//! secret and is encrypted to this meter.

use crate::{
    keys::{Enrolment, MeterKeys},
    state::{write_atomically, StateDir, StateError},
};
use gridveil_bills::envelope::{decrypt_bytes, recipient_to_age, Identity};
use gridveil_chain_client::enrolment::{EnrolmentError, Request, Response};
use gridveil_primitives::{keys::MeterSecret, CycleId, RegionId};
use rand::{CryptoRng, RngCore};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Why enrolment did not go on.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The state directory could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The directory belongs to a meter of another name.
    #[error("this directory is the meter `{label}`; use its label, or another directory for another meter")]
    OtherLabel {
        /// The label of the meter that is there.
        label: String,
    },
    /// The response cannot be read.
    #[error("{}: cannot be read: {cause}; check the path and the permissions", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's words.
        cause: String,
    },
    /// The response cannot be decrypted.
    #[error("{}: not a response to this meter's request: {cause}", file.display())]
    NotForThisMeter {
        /// The file.
        file: PathBuf,
        /// Why not.
        cause: String,
    },
    /// What was decrypted is no response.
    #[error("{}: {cause}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: EnrolmentError,
    },
    /// The meter is enrolled otherwise.
    #[error("this meter is enrolled in region {region} from cycle {first_cycle} on; for another enrolment make another meter, in a directory of its own")]
    EnrolledOtherwise {
        /// Its region.
        region: RegionId,
        /// Its first cycle.
        first_cycle: CycleId,
    },
}

/// What [`request`] did.
#[derive(Debug, Serialize)]
pub struct Requested {
    /// The bill identifier, in hexadecimal.
    pub bid: String,
    /// The age recipient that responses and bills are encrypted to.
    pub recipient: String,
    /// The file that was written.
    pub file: PathBuf,
}

/// What [`accept`] did.
#[derive(Debug, Serialize)]
pub struct Accepted {
    /// The bill identifier, in hexadecimal.
    pub bid: String,
    /// The region.
    pub region: RegionId,
    /// The first cycle.
    pub first_cycle: CycleId,
    /// The chain's genesis hash, in hexadecimal.
    pub genesis: String,
    /// Whether this was new; false where the same response had been accepted before.
    pub changed: bool,
}

/// Makes a meter, unless the directory has one, and writes its request to `out`.
///
/// # Errors
///
/// [`EnrolError::OtherLabel`], [`EnrolError::State`].
pub fn request(
    state: &StateDir,
    label: &str,
    out: &Path,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Requested, EnrolError> {
    state.create()?;
    let _lock = state.lock()?;
    let (keys, identity) = match state.find_keys()? {
        Some(keys) => (keys, state.identity(None)?),
        None => {
            // The identity first: keys on disk say that the meter is complete.
            let identity = match state.find_identity(None)? {
                Some(identity) => identity,
                None => {
                    let identity = Identity::generate();
                    state.save_identity(&identity)?;
                    identity
                }
            };
            let mut keys = MeterKeys::generate(label, rng);
            state.save_keys(&mut keys)?;
            (keys, identity)
        }
    };
    if keys.label != label {
        return Err(EnrolError::OtherLabel { label: keys.label });
    }
    let recipient = recipient_to_age(&identity.recipient());
    let request = Request::new(keys.label, keys.bid, keys.spend.public().to_bytes(), recipient.clone());
    write_atomically(out, request.to_json().as_bytes())?;
    Ok(Requested {
        bid: hex::encode(keys.bid),
        recipient,
        file: out.to_owned(),
    })
}

/// Accepts the key centre's response in `file`.
///
/// # Errors
///
/// [`EnrolError`].
pub fn accept(state: &StateDir, file: &Path) -> Result<Accepted, EnrolError> {
    let _lock = state.lock()?;
    let mut keys = state.keys()?;
    let not_mine = |cause: String| EnrolError::NotForThisMeter {
        file: file.to_owned(),
        cause,
    };
    let sealed = std::fs::read(file).map_err(|error| EnrolError::Unreadable {
        file: file.to_owned(),
        cause: error.to_string(),
    })?;
    // Why decryption fails, a cipher cannot tell.
    let plain = decrypt_bytes(&sealed, &state.identity(None)?).map_err(|_| {
        not_mine("it does not decrypt with this meter's key; ask the key centre for the right one".into())
    })?;
    let response = Response::from_json(&plain).map_err(|cause| EnrolError::Malformed {
        file: file.to_owned(),
        cause,
    })?;
    if response.bid != keys.bid {
        return Err(not_mine(
            "it names another BID; ask the key centre for the right one".into(),
        ));
    }
    let changed = match &keys.enrolment {
        Some(enrolment)
            if (enrolment.region, enrolment.first_cycle, enrolment.genesis)
                == (response.region, response.first_cycle, response.genesis) =>
        {
            false
        }
        Some(enrolment) => {
            let (region, first_cycle) = (enrolment.region, enrolment.first_cycle);
            return Err(EnrolError::EnrolledOtherwise { region, first_cycle });
        }
        None => {
            let secret = MeterSecret::from_bytes(*response.meter_secret);
            keys.enrolment = Some(Enrolment::new(
                response.region,
                response.genesis,
                response.first_cycle,
                secret,
            ));
            state.save_keys(&mut keys)?;
            true
        }
    };
    Ok(Accepted {
        bid: hex::encode(keys.bid),
        region: response.region,
        first_cycle: response.first_cycle,
        genesis: hex::encode(response.genesis),
        changed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_bills::envelope::{encrypt_bytes, recipient_from_age};
    use gridveil_primitives::{keys::RootKey, Bid};
    use rand::{rngs::StdRng, SeedableRng};
    use tempfile::TempDir;
    use zeroize::Zeroizing;

    struct Home {
        dir: TempDir,
        state: StateDir,
    }

    impl Home {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let state = StateDir::new(&dir.path().join("meter"));
            Self { dir, state }
        }

        fn request(&self) -> Request {
            let out = self.dir.path().join("request.json");
            request(&self.state, "MAC1", &out, &mut StdRng::seed_from_u64(5)).unwrap();
            Request::from_json(&std::fs::read_to_string(out).unwrap()).unwrap()
        }

        fn response(&self, bid: Bid, region: RegionId, recipient: &str) -> PathBuf {
            let secret = Zeroizing::new(*RootKey::from_bytes([8; 32]).meter_secret(&bid).to_bytes());
            let response = Response::new(bid, region, 4, secret, [9; 32]);
            let sealed = encrypt_bytes(response.to_json().as_bytes(), &recipient_from_age(recipient).unwrap()).unwrap();
            let file = self.dir.path().join("response.age");
            std::fs::write(&file, sealed).unwrap();
            file
        }
    }

    #[test]
    fn a_response_to_the_request_enrols_the_meter_and_the_secret_is_the_key_centres() {
        let home = Home::new();
        let request = home.request();
        let accepted = accept(&home.state, &home.response(request.bid, 3, &request.recipient)).unwrap();
        assert!(accepted.changed && accepted.region == 3 && accepted.first_cycle == 4);
        let keys = home.state.keys().unwrap();
        assert_eq!(keys.spend.public().to_bytes(), request.spend_public);
        let expected = RootKey::from_bytes([8; 32]).meter_secret(&request.bid).cycle_keys();
        let sealed = home
            .state
            .seeds(4, &home.state.identity(None).unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(*sealed.mask[1].to_bytes(), *expected.mask[1].to_bytes());
    }

    #[test]
    fn asked_again_the_meter_makes_the_same_request() {
        let home = Home::new();
        assert_eq!(home.request(), home.request());
    }

    #[test]
    fn killed_between_identity_and_keys_the_meter_takes_up_its_identity() {
        let home = Home::new();
        let before = home.request();
        std::fs::remove_file(home.state.path().join("keys.json")).unwrap();
        assert_eq!(home.request().recipient, before.recipient);
    }

    #[test]
    fn another_label_in_the_same_directory_is_refused() {
        let home = Home::new();
        home.request();
        let out = home.dir.path().join("other.json");
        let error = request(&home.state, "MAC2", &out, &mut StdRng::seed_from_u64(5));
        assert!(matches!(error, Err(EnrolError::OtherLabel { label }) if label == "MAC1"));
    }

    #[test]
    fn accepting_the_same_response_again_does_not_set_the_keys_back() {
        let home = Home::new();
        let request = home.request();
        let file = home.response(request.bid, 3, &request.recipient);
        accept(&home.state, &file).unwrap();
        let mut keys = home.state.keys().unwrap();
        keys.enrolment.as_mut().unwrap().move_to(6).unwrap();
        home.state.save_keys(&mut keys).unwrap();
        assert!(!accept(&home.state, &file).unwrap().changed);
        assert_eq!(home.state.keys().unwrap().enrolment.unwrap().cycle(), 6);
    }

    #[test]
    fn a_second_enrolment_elsewhere_is_refused() {
        let home = Home::new();
        let request = home.request();
        accept(&home.state, &home.response(request.bid, 3, &request.recipient)).unwrap();
        let error = accept(&home.state, &home.response(request.bid, 2, &request.recipient));
        assert!(matches!(
            error,
            Err(EnrolError::EnrolledOtherwise {
                region: 3,
                first_cycle: 4
            })
        ));
    }

    #[test]
    fn a_response_for_another_meter_is_refused() {
        let home = Home::new();
        let request = home.request();
        let other = recipient_to_age(&Identity::generate().recipient());
        let error = accept(&home.state, &home.response(request.bid, 3, &other));
        assert!(matches!(error, Err(EnrolError::NotForThisMeter { .. })));
        let error = accept(&home.state, &home.response([1; 32], 3, &request.recipient));
        assert!(matches!(error, Err(EnrolError::NotForThisMeter { .. })));
        assert!(home.state.keys().unwrap().enrolment.is_none());
    }

    #[test]
    fn a_response_that_is_none_is_refused() {
        let home = Home::new();
        let request = home.request();
        let file = home.dir.path().join("response.age");
        assert!(matches!(accept(&home.state, &file), Err(EnrolError::Unreadable { .. })));
        let sealed = encrypt_bytes(b"{}", &recipient_from_age(&request.recipient).unwrap()).unwrap();
        std::fs::write(&file, sealed).unwrap();
        assert!(matches!(accept(&home.state, &file), Err(EnrolError::Malformed { .. })));
    }

    #[test]
    fn a_directory_without_a_meter_accepts_nothing() {
        let home = Home::new();
        assert!(matches!(
            accept(&home.state, Path::new("response")),
            Err(EnrolError::State(StateError::NoKeys { .. }))
        ));
    }
}
