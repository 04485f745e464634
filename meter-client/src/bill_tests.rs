use super::*;
use crate::testing::{enrolled, FakeLedger};
use gridveil_bills::{
    cid,
    envelope::encrypt_bytes,
    store::{DirectoryStore, KuboStore, StoreError},
};
use gridveil_primitives::bill::{BillSecret, Figures};
use std::{net::TcpListener, time::Duration};
use tempfile::TempDir;

const BID: Bid = [7; 32];
const BYTES: &[u8] = b"an encrypted bill";

/// A store that has `BYTES`, and a chain that says so.
async fn stored() -> (TempDir, DirectoryStore, FakeLedger) {
    let dir = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(dir.path().join("store")).unwrap();
    let cid = store.put(BYTES).await.unwrap();
    let mut ledger = FakeLedger::default();
    ledger.bills.insert(
        3,
        BillRecord {
            cid: cid.to_bytes(),
            hash: gridveil_bills::hash(BYTES),
            region: 1,
            commitments: Figures::default().commit(&BillSecret::from_bytes([0; 32])),
        },
    );
    (dir, store, ledger)
}

#[tokio::test]
async fn a_fetched_bill_is_kept_where_it_was_asked_for() {
    let (dir, store, ledger) = stored().await;
    let out = dir.path().join("new/bill.age");
    let fetched = fetch(&ledger, &store, 3, &BID, &out).await.unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), BYTES);
    assert_eq!(
        (fetched.cid, fetched.bytes),
        (cid::of(BYTES).unwrap().to_string(), BYTES.len())
    );
}

#[tokio::test]
async fn a_bill_that_the_chain_does_not_have_is_missing() {
    let (dir, store, ledger) = stored().await;
    let error = fetch(&ledger, &store, 4, &BID, &dir.path().join("bill.age"))
        .await
        .unwrap_err();
    assert!(matches!(&error, BillError::MissingBill { cycle: 4, .. }));
    assert_eq!(error.kind(), "missing_bill");
}

#[tokio::test]
async fn bytes_with_another_hash_than_the_chains_are_not_kept() {
    let (dir, store, mut ledger) = stored().await;
    ledger.bills.get_mut(&3).unwrap().hash = [0; 32];
    let out = dir.path().join("bill.age");
    let error = fetch(&ledger, &store, 3, &BID, &out).await.unwrap_err();
    assert!(matches!(error, BillError::HashMismatch { .. }) && !out.exists());
}

#[tokio::test]
async fn a_store_that_returns_other_bytes_is_refused() {
    let (dir, store, ledger) = stored().await;
    for entry in std::fs::read_dir(dir.path().join("store")).unwrap() {
        std::fs::write(entry.unwrap().path(), b"something else").unwrap();
    }
    let out = dir.path().join("bill.age");
    let error = fetch(&ledger, &store, 3, &BID, &out).await.unwrap_err();
    assert!(matches!(error, BillError::Store(StoreError::Altered { .. })) && !out.exists());
}

#[tokio::test]
async fn a_store_that_is_down_is_named_and_what_was_fetched_before_stays() {
    let (dir, store, ledger) = stored().await;
    let out = dir.path().join("bill.age");
    fetch(&ledger, &store, 3, &BID, &out).await.unwrap();
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let (limit, pause) = (Duration::from_secs(30), Duration::from_millis(1));
    let down = KuboStore::new(&url).unwrap().with_times(limit, pause);
    let error = fetch(&ledger, &down, 3, &BID, &out).await.unwrap_err();
    assert!(matches!(&error, BillError::Store(StoreError::Failed { store, .. }) if *store == url));
    assert_eq!(error.kind(), "store");
    assert_eq!(std::fs::read(&out).unwrap(), BYTES);
}

#[tokio::test]
async fn a_store_without_the_bill_is_an_error() {
    let (dir, _, ledger) = stored().await;
    let empty = DirectoryStore::new(dir.path().join("empty")).unwrap();
    let error = fetch(&ledger, &empty, 3, &BID, &dir.path().join("bill.age"))
        .await
        .unwrap_err();
    assert!(matches!(error, BillError::Store(StoreError::Missing { .. })));
}

#[tokio::test]
async fn a_cid_of_no_use_is_named() {
    let (dir, store, mut ledger) = stored().await;
    ledger.bills.get_mut(&3).unwrap().cid = vec![1, 2, 3];
    let error = fetch(&ledger, &store, 3, &BID, &dir.path().join("bill.age"))
        .await
        .unwrap_err();
    assert!(matches!(error, BillError::BadCid { cycle: 3, .. }));
}

#[tokio::test]
async fn a_list_shows_cids_as_text() {
    let (_dir, _, ledger) = stored().await;
    let listed = list(&ledger, &BID).await.unwrap();
    let cid = cid::of(BYTES).unwrap().to_string();
    assert_eq!(
        listed,
        [Listed {
            cycle: 3,
            cid,
            hash: hex::encode(gridveil_bills::hash(BYTES))
        }]
    );
}

#[tokio::test]
async fn a_bill_is_fetched_once_and_then_taken_from_the_state_directory() {
    let (dir, _, ledger) = stored().await;
    let (_state_dir, state) = enrolled();
    let path = dir.path().join("store");
    let open: &dyn Fn() -> Result<Box<dyn Store>, BillError> =
        &|| Ok(gridveil_bills::store::open(path.to_str().unwrap())?);
    let closed: &dyn Fn() -> Result<Box<dyn Store>, BillError> = &|| panic!("the store is not needed");
    for store in [open, closed] {
        let sought = Sought {
            cycle: 3,
            bid: BID,
            file: None,
            store,
        };
        let (bytes, from) = load(&state, &ledger, &sought).await.unwrap();
        assert_eq!(bytes, BYTES);
        assert!(from.ends_with("bills/cycle-3.html.age"));
    }
    let named = dir.path().join("other.age");
    std::fs::write(&named, b"other").unwrap();
    let sought = Sought {
        cycle: 3,
        bid: BID,
        file: Some(&named),
        store: closed,
    };
    assert_eq!(load(&state, &ledger, &sought).await.unwrap().0, b"other");
}

#[tokio::test]
async fn a_named_file_that_is_not_there_is_an_error() {
    let (dir, _, ledger) = stored().await;
    let (_state_dir, state) = enrolled();
    let named = dir.path().join("nothing.age");
    let store: &dyn Fn() -> Result<Box<dyn Store>, BillError> = &|| panic!("the store is not needed");
    let sought = Sought {
        cycle: 3,
        bid: BID,
        file: Some(&named),
        store,
    };
    assert!(matches!(
        load(&state, &ledger, &sought).await,
        Err(BillError::Unreadable { .. })
    ));
}

#[test]
fn an_opened_bill_is_its_page_and_another_key_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (owner, other) = (Identity::generate(), Identity::generate());
    let sealed = encrypt_bytes(b"<p>page</p>   ", &owner.recipient()).unwrap();
    let out = dir.path().join("bill.html");
    let error = open(&sealed, "a file", &other, &out).unwrap_err();
    assert!(matches!(&error, BillError::WrongKey { .. }) && !out.exists());
    assert_eq!(error.kind(), "wrong_key");
    open(&sealed, "a file", &owner, &out).unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), b"<p>page</p>");
}
