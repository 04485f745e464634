//! Peer ids: the text that people write and the bytes that the chain keeps.
//!
//! **Privacy.** A listed peer id is public, and so is which member runs it.

use crate::error::Error;

/// What an ed25519 key's peer id begins with: identity, 36 bytes, a key of that type with 32 bytes.
const ED25519: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
/// What a hashed key's peer id begins with: SHA-256, 32 bytes.
const HASHED: [u8; 2] = [0x12, 0x20];
/// The bytes of a key or of its hash.
const KEY: usize = 32;

/// The bytes of a peer id given as text.
pub fn parse_peer(text: &str) -> Result<Vec<u8>, Error> {
    let bytes = bs58::decode(text).into_vec().ok();
    let fits = |bytes: &Vec<u8>| {
        let rest = bytes.strip_prefix(&ED25519).or_else(|| bytes.strip_prefix(&HASHED));
        rest.is_some_and(|rest| rest.len() == KEY)
    };
    bytes.filter(fits).ok_or_else(|| Error::Flag {
        flag: "PEER_ID",
        problem: format!(
            "{text:?} is none: give what the node prints at its start as \"Local node identity\", such as 12D3KooW…"
        ),
    })
}

/// The text of a peer id's bytes.
pub fn show_peer(bytes: &[u8]) -> String {
    bs58::encode(bytes).into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The peer id of an ed25519 key of zeros.
    fn peer() -> Vec<u8> {
        [&ED25519[..], &[0; KEY]].concat()
    }

    #[test]
    fn a_peer_id_is_the_same_in_both_forms() {
        let text = show_peer(&peer());
        assert!(text.starts_with("12D3KooW"), "{text}");
        assert_eq!(parse_peer(&text).unwrap(), peer());
        let hashed = [&HASHED[..], &[7; KEY]].concat();
        assert!(show_peer(&hashed).starts_with("Qm"));
        assert_eq!(parse_peer(&show_peer(&hashed)).unwrap(), hashed);
    }

    #[test]
    fn what_is_no_peer_id_is_refused_by_what_it_is() {
        let short = show_peer(&peer()[..37]);
        let long = show_peer(&[&peer()[..], &[0]].concat());
        for text in ["", "12D3KooW", "0OIl", &short, &long, "/ip4/10.0.0.1/tcp/30333"] {
            let error = parse_peer(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
