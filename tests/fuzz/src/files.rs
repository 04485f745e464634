//! Files that pass between homes, the key centre, auditors and courts.

use gridveil_bills::envelope::Identity;
use gridveil_chain_client::{
    enrolment::{Request, Response},
    Authorities,
};
use gridveil_meter_client::{
    disclosure,
    keys::{Enrolment, MeterKeys},
    receipt::Receipt,
    state::StateDir,
};
use gridveil_primitives::{keys::MeterSecret, Share};
use rand::{rngs::StdRng, SeedableRng};
use std::sync::LazyLock;

/// What a checker of receipts knows: no set that has signed anything.
static KNOWN: LazyLock<Authorities> = LazyLock::new(|| serde_json::from_str(AUTHORITIES).expect("a list"));
const AUTHORITIES: &str = r#"{"genesis":"0707070707070707070707070707070707070707070707070707070707070707","set":0,
    "keys":["0101010101010101010101010101010101010101010101010101010101010101"]}"#;
const RECEIPT: &str = r#"{"version":1,"genesis":"0707070707070707070707070707070707070707070707070707070707070707",
    "bid":"0808080808080808080808080808080808080808080808080808080808080808","cycle":2,
    "cid":"bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
    "hash":"0909090909090909090909090909090909090909090909090909090909090909","set":0,
    "header":"","finality":"","state":["00","8000"]}"#;

/// Takes one byte for the kind of file, and the file.
pub fn files(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    match kind % 6 {
        0 => {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(request) = Request::from_json(&text) {
                assert!(Request::from_json(&request.to_json()).is_ok());
            }
        }
        1 => {
            if let Ok(response) = Response::from_json(bytes) {
                assert!(Response::from_json(response.to_json().as_bytes()).is_ok());
            }
        }
        2 => {
            if let Ok(keys) = MeterKeys::from_json(bytes) {
                assert!(MeterKeys::from_json(&keys.to_json()).is_ok());
            }
        }
        3 => {
            if let Ok(disclosed) = disclosure::parse(bytes) {
                let share = Share {
                    prid: [1; 32],
                    value: 1,
                };
                for period in [0, 5, 1_439, u16::MAX] {
                    let shown = disclosed.reading(period, &[share]);
                    assert_eq!(shown.is_some(), disclosed.span.periods().contains(&period));
                }
            }
        }
        4 => drop(serde_json::from_slice::<Authorities>(bytes)),
        _ => {
            if let Ok(receipt) = serde_json::from_slice::<Receipt>(bytes) {
                assert!(
                    receipt.check(&KNOWN, &KNOWN.genesis, None).is_err(),
                    "nobody has signed this"
                );
            }
        }
    }
}

/// A file of each kind.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut keys = MeterKeys::generate("MAC000002", &mut StdRng::seed_from_u64(1));
    keys.enrolment = Some(Enrolment::new(1, [7; 32], 0, MeterSecret::from_bytes([4; 32])));
    let request = Request::new(
        keys.label.clone(),
        keys.bid,
        keys.spend.public().to_bytes(),
        gridveil_bills::envelope::recipient_to_age(&[9; 32]),
    );
    let response = Response::new(keys.bid, 1, 0, [4; 32].into(), [7; 32]);
    let folder = tempfile::tempdir().expect("a folder for a meter");
    let (state, identity) = (StateDir::new(&folder.path().join("meter")), Identity::generate());
    let disclosed = folder.path().join("disclosure.json");
    state
        .create()
        .and_then(|()| state.save_identity(&identity))
        .and_then(|()| state.save_keys(&mut keys))
        .expect("the folder takes files");
    disclosure::disclose(&state, &identity, 0, (5, 12), &disclosed).expect("a span of the meter's own cycle");
    let disclosed = std::fs::read(disclosed).expect("it was written");
    let file = |kind: u8, bytes: &[u8]| [&[kind][..], bytes].concat();
    vec![
        ("request", file(0, request.to_json().as_bytes())),
        ("response", file(1, response.to_json().as_bytes())),
        ("keys", file(2, &keys.to_json())),
        ("disclosure", file(3, &disclosed)),
        ("authorities", file(4, AUTHORITIES.as_bytes())),
        ("receipt", file(5, RECEIPT.as_bytes())),
    ]
}
