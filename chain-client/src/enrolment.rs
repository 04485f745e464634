//! The two files by which a meter and the key centre get to know each other.
//!
//! The meter's [`Request`] is public. The key centre's [`Response`] holds the meter's secret for its first cycle and is
//! only ever written encrypted to the request's recipient, which is the caller's part. Both are JSON with a version.
//!
//! **Privacy.** A request ties a label to a BID: it belongs to the meter's owner and the key centre alone. A response's
//! secret gives away the meter's masks and pseudonyms; it is erased from memory when dropped and never printed.

use gridveil_primitives::{Bid, CycleId, RegionId};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The version that this release reads and writes.
pub const VERSION: u16 = 1;

/// Why an enrolment file was refused.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    /// The file is not of the expected form.
    #[error("this is no enrolment {kind}: {cause}; ask its sender for a new one")]
    Malformed {
        /// `request` or `response`.
        kind: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The file is of another version.
    #[error("this enrolment {kind} has version {found}, this program reads version {VERSION}; use the same release on both sides")]
    Version {
        /// `request` or `response`.
        kind: &'static str,
        /// The file's version.
        found: u16,
    },
}

/// What a meter tells the key centre to be enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The version of this form.
    pub version: u16,
    /// A name for the key centre's own ledger.
    pub label: String,
    /// The user's bill identifier.
    #[serde(with = "hex::serde")]
    pub bid: Bid,
    /// P0, the public half of the meter's spend key.
    #[serde(with = "hex::serde")]
    pub spend_public: [u8; 32],
    /// The `age` recipient that the response and the bills are encrypted to.
    pub recipient: String,
}

impl Request {
    /// A request of the present version.
    pub fn new(label: String, bid: Bid, spend_public: [u8; 32], recipient: String) -> Self {
        Self {
            version: VERSION,
            label,
            bid,
            spend_public,
            recipient,
        }
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        to_json(self).as_str().to_owned()
    }

    /// Reads a file's content. Errors: [`EnrolmentError`].
    pub fn from_json(text: &str) -> Result<Self, EnrolmentError> {
        let request: Self = parse("request", text.as_bytes())?;
        check("request", request.version)?;
        Ok(request)
    }
}

/// What the key centre gives an enrolled meter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The version of this form.
    pub version: u16,
    /// The bill identifier of the request.
    #[serde(with = "hex::serde")]
    pub bid: Bid,
    /// The meter's region.
    pub region: RegionId,
    /// The first cycle in which the meter takes part.
    pub first_cycle: CycleId,
    /// The meter's secret for that cycle.
    #[serde(with = "secret")]
    pub meter_secret: Zeroizing<[u8; 32]>,
    /// The genesis hash of the chain that the meter sends to.
    #[serde(with = "hex::serde")]
    pub genesis: [u8; 32],
}

impl Response {
    /// A response of the present version.
    pub fn new(
        bid: Bid,
        region: RegionId,
        first_cycle: CycleId,
        meter_secret: Zeroizing<[u8; 32]>,
        genesis: [u8; 32],
    ) -> Self {
        Self {
            version: VERSION,
            bid,
            region,
            first_cycle,
            meter_secret,
            genesis,
        }
    }

    /// The file's content before encryption.
    pub fn to_json(&self) -> Zeroizing<String> {
        to_json(self)
    }

    /// Reads a decrypted file's content. Errors: [`EnrolmentError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, EnrolmentError> {
        let response: Self = parse("response", bytes)?;
        check("response", response.version)?;
        Ok(response)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("version", &self.version)
            .field("bid", &hex::encode(self.bid))
            .field("region", &self.region)
            .field("first_cycle", &self.first_cycle)
            .field("genesis", &hex::encode(self.genesis))
            .finish_non_exhaustive()
    }
}

fn to_json(value: &impl Serialize) -> Zeroizing<String> {
    // Structs of strings, numbers and arrays have no way to fail; an empty text would be refused by any reader.
    Zeroizing::new(serde_json::to_string_pretty(value).unwrap_or_default())
}

fn parse<'de, T: Deserialize<'de>>(kind: &'static str, bytes: &'de [u8]) -> Result<T, EnrolmentError> {
    // The cause names a place, not the content: serde_json quotes no values of hexadecimal fields.
    serde_json::from_slice(bytes).map_err(|cause| EnrolmentError::Malformed {
        kind,
        cause: cause.to_string(),
    })
}

fn check(kind: &'static str, found: u16) -> Result<(), EnrolmentError> {
    if found == VERSION {
        Ok(())
    } else {
        Err(EnrolmentError::Version { kind, found })
    }
}

/// Hexadecimal form of a secret, in memory that is erased.
mod secret {
    use serde::{de::Error, Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub fn serialize<S: Serializer>(secret: &Zeroizing<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Zeroizing::new(hex::encode(secret.as_slice()));
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<[u8; 32]>, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.as_bytes(), secret.as_mut_slice())
            .map_err(|_| D::Error::custom("a secret is 64 hexadecimal digits"))?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> Response {
        Response::new([1; 32], 7, 3, Zeroizing::new([0xab; 32]), [9; 32])
    }

    #[test]
    fn a_request_survives_its_file() {
        let request = Request::new("MAC000002".into(), [1; 32], [2; 32], "age1example".into());
        assert_eq!(Request::from_json(&request.to_json()).unwrap(), request);
    }

    #[test]
    fn a_response_survives_its_file() {
        assert_eq!(
            Response::from_json(response().to_json().as_bytes()).unwrap(),
            response()
        );
    }

    #[test]
    fn debug_does_not_show_the_meter_secret() {
        assert!(!format!("{:?}", response()).contains("abab"));
    }

    #[test]
    fn a_file_of_another_version_is_named_as_such() {
        let text = response().to_json().replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(
            Response::from_json(text.as_bytes()),
            Err(EnrolmentError::Version { found: 2, .. })
        ));
    }

    #[test]
    fn a_short_secret_is_refused_without_being_repeated() {
        let text = response().to_json().replace(&"ab".repeat(32), "abab");
        let error = Response::from_json(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"));
        assert!(!error.contains("abab"));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let text = response().to_json().replace("\"region\"", "\"regions\"");
        assert!(matches!(
            Response::from_json(text.as_bytes()),
            Err(EnrolmentError::Malformed { .. })
        ));
    }
}
