use super::*;
use gridveil_primitives::Moment;
use serde_json::{json, Value};

const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 2,
    period: 3,
};
const SHARE: SignedShare = SignedShare {
    prid: [4; 32],
    value: 5,
    signature: [6; 64],
};
const CLOSES: Moment = 7;

fn receipt() -> Receipt {
    Receipt {
        aggregator: [1; 32],
        key: KEY,
        prid: SHARE.prid,
        value: SHARE.value,
        closes: CLOSES,
        signature: [2; 64],
    }
}

/// What the method answers to these bytes.
async fn call(methods: &RpcModule<()>, bytes: Vec<u8>) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 0, "method": SUBMIT_SHARE, "params": [Bytes(bytes)] });
    let (answer, _) = methods.raw_json_request(&request.to_string(), 1).await.unwrap();
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test]
async fn a_share_goes_to_the_worker_and_the_receipt_comes_back_in_hexadecimal() {
    let (methods, mut requests) = methods().unwrap();
    let worker = async {
        let Request { key, share, answer } = requests.recv().await.unwrap();
        assert_eq!((key, share), (KEY, SHARE));
        answer.send(Ok(receipt())).unwrap();
    };
    let (answer, ()) = tokio::join!(call(&methods, (KEY, SHARE).encode()), worker);
    let bytes: Bytes = serde_json::from_value(answer["result"].clone()).unwrap();
    assert_eq!(Receipt::decode_all(&mut &bytes[..]), Ok(receipt()));
}

#[tokio::test]
async fn a_refusal_has_a_code_the_reasons_name_and_its_number() {
    let (methods, mut requests) = methods().unwrap();
    let worker = async {
        let refused = Err(Refusal::NotInFilter.into());
        requests.recv().await.unwrap().answer.send(refused).unwrap();
    };
    let (answer, ()) = tokio::join!(call(&methods, (KEY, SHARE).encode()), worker);
    let error = &answer["error"];
    assert_eq!((&error["code"], &error["data"]), (&json!(REFUSED), &json!(7)));
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("NotInFilter: the pseudonym is not"), "{message}");
}

#[tokio::test]
async fn where_too_many_wait_the_next_is_told_so_at_once() {
    let (methods, requests) = methods().unwrap();
    // Nobody answers; each call is begun, and the last finds no place.
    let mut calls: Vec<_> = (0..=MAX_WAITING)
        .map(|_| Box::pin(call(&methods, (KEY, SHARE).encode())))
        .collect();
    for begun in &mut calls[..MAX_WAITING] {
        assert!(futures::poll!(begun).is_pending());
    }
    let answer = calls.pop().unwrap().await;
    assert_eq!(answer["error"]["code"], json!(BUSY), "{answer}");
    assert_eq!(requests.len(), MAX_WAITING);

    // A node that stops answers those that wait.
    drop(requests);
    let answer = calls.pop().unwrap().await;
    assert_eq!(answer["error"]["code"], json!(FAILED), "{answer}");
}

#[tokio::test]
async fn what_is_no_share_is_refused_as_such() {
    let (methods, _requests) = methods().unwrap();
    let whole = (KEY, SHARE).encode();
    for bytes in [vec![], whole[1..].to_vec(), [&whole[..], &[0]].concat()] {
        let answer = call(&methods, bytes).await;
        assert_eq!(answer["error"]["code"], json!(INVALID_PARAMS_CODE), "{answer}");
    }
}
