use super::{finality::FinalityProof, finality::Header, *};
use codec::Encode;
use finality_grandpa::{Commit, Message, Precommit, SignedPrecommit};
use gridveil_chain_client::AuthorityKey;
use gridveil_primitives::bill::{BillSecret, Figures};
use sp_consensus_grandpa::{localized_payload, GrandpaJustification};
use sp_core::{
    ed25519,
    storage::{StateVersion, Storage},
    Blake2Hasher, Pair, H256,
};
use sp_runtime::traits::Header as _;
use sp_state_machine::{prove_read, InMemoryBackend};

const GENESIS: [u8; 32] = [0x9e; 32];
const BID: Bid = [7; 32];
const CYCLE: CycleId = 3;
const SET: u64 = 5;
const BILL: &[u8] = b"an encrypted bill";

fn member(number: u8) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[number; 32])
}

/// The members with these numbers, as the authorities of the set.
fn authorities(members: std::ops::Range<u8>) -> Authorities {
    Authorities {
        genesis: GENESIS,
        set: SET,
        keys: members.map(|number| AuthorityKey(member(number).public().0)).collect(),
    }
}

fn record() -> BillRecord {
    BillRecord {
        cid: gridveil_bills::cid::of(BILL).unwrap().to_bytes(),
        hash: gridveil_bills::hash(BILL),
        region: 1,
        commitments: Figures::default().commit(&BillSecret::from_bytes([0; 32])),
    }
}

/// The receipt for a state that has `genesis` and `bill` among other things, `later` blocks before the one that `signers`
/// sign.
fn receipt(genesis: [u8; 32], bill: Option<BillRecord>, later: u32, signers: &[u8]) -> Receipt {
    let keys = storage::keys(&BID, CYCLE);
    let mut state = Storage::default();
    state.top.extend((0..50_u8).map(|n| (vec![n; 40], vec![n; 40])));
    state.top.insert(keys[0].clone(), genesis.to_vec());
    state
        .top
        .insert(storage::keys(&BID, CYCLE + 1)[1].clone(), record().encode());
    if let Some(bill) = &bill {
        state.top.insert(keys[1].clone(), bill.encode());
    }
    let state = InMemoryBackend::<Blake2Hasher>::from((state, StateVersion::V1));
    let root = *state.root();
    let nodes = prove_read(state, &keys).unwrap().into_iter_nodes().map(Hex).collect();

    let block = |number, parent: H256| Header::new(number, H256([1; 32]), root, parent, Default::default());
    let first = block(40, H256([2; 32]));
    let mut headers = vec![first];
    for number in 41..=40 + later {
        headers.push(block(number, headers[headers.len() - 1].hash()));
    }
    let signed = &headers[headers.len() - 1];
    let precommit = Precommit::new(signed.hash(), signed.number);
    let vote = |number: &u8| SignedPrecommit {
        precommit: precommit.clone(),
        signature: member(*number)
            .sign(&localized_payload(9, SET, &Message::Precommit(precommit.clone())))
            .into(),
        id: member(*number).public().into(),
    };
    let justification = GrandpaJustification::<Header> {
        round: 9,
        commit: Commit {
            target_hash: signed.hash(),
            target_number: signed.number,
            precommits: signers.iter().map(vote).collect(),
        },
        votes_ancestries: Vec::new(),
    };
    let finality = FinalityProof {
        block: signed.hash(),
        justification: justification.encode(),
        unknown_headers: headers[1..].to_vec(),
    };
    Receipt {
        version: VERSION,
        genesis: GENESIS,
        bid: BID,
        cycle: CYCLE,
        cid: gridveil_bills::cid::of(BILL).unwrap().to_string(),
        hash: record().hash,
        set: SET,
        header: Hex(headers[0].encode()),
        finality: Hex(finality.encode()),
        state: nodes,
    }
}

/// What `member`s 0 to 3 of a consortium of four make of a receipt.
fn check(receipt: &Receipt) -> Result<Proven, ReceiptError> {
    receipt.check(&authorities(0..4), &GENESIS, None)
}

#[test]
fn a_receipt_convinces_whoever_knows_the_authorities() {
    for later in [0, 1, 5] {
        let receipt = receipt(GENESIS, Some(record()), later, &[0, 1, 3]);
        let proven = receipt
            .check(&authorities(0..4), &GENESIS, Some(("a file", BILL)))
            .unwrap();
        assert_eq!((proven.block, proven.signed, proven.authorities), (40, 3, 4));
        assert_eq!((proven.cycle, proven.bid), (CYCLE, hex::encode(BID)));
        assert!(proven.bill_compared && !check(&receipt).unwrap().bill_compared);
    }
}

#[test]
fn a_receipt_survives_its_file_and_a_file_with_more_in_it_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("receipt.json");
    let receipt = receipt(GENESIS, Some(record()), 1, &[0, 1, 2]);
    let mut json = serde_json::to_value(&receipt).unwrap();
    std::fs::write(&file, json.to_string()).unwrap();
    assert_eq!(read::<Receipt>(&file).unwrap(), receipt);
    json["paid"] = true.into();
    std::fs::write(&file, json.to_string()).unwrap();
    assert!(matches!(read::<Receipt>(&file), Err(ReceiptError::Unreadable { .. })));
}

#[test]
fn two_of_four_signatures_are_too_few_however_often_they_are_given() {
    for signers in [&[][..], &[0], &[0, 1], &[0, 1, 0, 1], &[0, 0, 1, 1, 1]] {
        let refused = check(&receipt(GENESIS, Some(record()), 1, signers));
        assert!(matches!(refused, Err(ReceiptError::NotFinal(_))), "{signers:?}");
    }
}

#[test]
fn signatures_of_others_than_the_authorities_do_not_count() {
    let refused = check(&receipt(GENESIS, Some(record()), 0, &[0, 1, 7, 8, 9]));
    assert!(matches!(refused, Err(ReceiptError::NotFinal(_))));
}

#[test]
fn a_list_of_other_authorities_or_of_another_set_or_chain_refuses_the_receipt() {
    let receipt = receipt(GENESIS, Some(record()), 0, &[0, 1, 2]);
    let with = |authorities: Authorities, genesis| receipt.check(&authorities, &genesis, None);
    assert!(matches!(
        with(authorities(1..5), GENESIS),
        Err(ReceiptError::NotFinal(_))
    ));
    assert!(matches!(
        with(authorities(0..0), GENESIS),
        Err(ReceiptError::NotFinal(_))
    ));
    let mut other = authorities(0..4);
    other.set = SET + 1;
    assert!(matches!(
        with(other.clone(), GENESIS),
        Err(ReceiptError::OtherSet { needed: SET, .. })
    ));
    // Saying that it is of that set does not help: the signatures are over the number.
    let renamed = Receipt {
        set: SET + 1,
        ..receipt.clone()
    };
    assert!(matches!(
        renamed.check(&other, &GENESIS, None),
        Err(ReceiptError::NotFinal(_))
    ));
    other = authorities(0..4);
    other.genesis = [1; 32];
    assert!(matches!(
        with(other, GENESIS),
        Err(ReceiptError::OtherChain {
            what: "the list of authorities",
            ..
        })
    ));
    assert!(matches!(
        with(authorities(0..4), [1; 32]),
        Err(ReceiptError::OtherChain {
            what: "the receipt",
            ..
        })
    ));
}

#[test]
fn a_state_of_another_chain_or_without_the_bill_or_with_another_one_proves_nothing() {
    let signers = [0, 1, 2, 3];
    let other = BillRecord {
        hash: [1; 32],
        ..record()
    };
    for (receipt, said) in [
        (receipt([1; 32], Some(record()), 0, &signers), "another chain's"),
        (receipt(GENESIS, None, 0, &signers), "no bill"),
        (receipt(GENESIS, Some(other), 0, &signers), "another for this user"),
    ] {
        match check(&receipt) {
            Err(ReceiptError::NotThere(why)) => assert!(why.contains(said), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_bill_of_another_month_or_user_is_not_the_one_of_the_receipt() {
    let receipt = receipt(GENESIS, Some(record()), 0, &[0, 1, 2]);
    let other_month = Receipt {
        cycle: CYCLE - 1,
        ..receipt.clone()
    };
    let other_user = Receipt {
        bid: [8; 32],
        ..receipt.clone()
    };
    for other in [other_month, other_user] {
        assert!(matches!(check(&other), Err(ReceiptError::NotThere(_))));
    }
    let other_bytes = receipt.check(&authorities(0..4), &GENESIS, Some(("a file", b"another bill")));
    assert!(matches!(other_bytes, Err(ReceiptError::OtherBill(_))));
}

#[test]
fn no_byte_of_a_receipt_can_be_changed() {
    let good = receipt(GENESIS, Some(record()), 1, &[0, 1, 2]);
    check(&good).unwrap();
    let parts: [fn(&mut Receipt) -> &mut Vec<u8>; 2] =
        [|receipt| &mut receipt.header.0, |receipt| &mut receipt.finality.0];
    for part in parts {
        for place in 0..part(&mut good.clone()).len() {
            let mut bad = good.clone();
            part(&mut bad)[place] ^= 1;
            assert!(check(&bad).is_err(), "byte {place}");
        }
    }
    for node in 0..good.state.len() {
        for place in 0..good.state[node].0.len() {
            let mut bad = good.clone();
            bad.state[node].0[place] ^= 0x10;
            assert!(
                matches!(check(&bad), Err(ReceiptError::NotThere(_))),
                "node {node}, byte {place}"
            );
        }
    }
}

#[test]
fn the_genesis_hash_is_looked_for_where_every_substrate_chain_has_it() {
    let known = "26aa394eea5630e07c48ae0c9558cef7a44704b568d21667356a5a050c118746b4def25cfda6ef3a00000000";
    assert_eq!(hex::encode(&storage::keys(&BID, CYCLE)[0]), known);
}
