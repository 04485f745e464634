use super::*;
use crate::cid;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

const CONTENT: &[u8] = b"hello world";
/// Its CID as js-ipfs writes it.
const CONTENT_IN_BASE_58: &str = "zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn";

/// What the daemon that stands in for Kubo does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Stores and returns what it was given.
    Honest,
    /// Reports as js-ipfs does: CIDs in base 58, sizes as numbers.
    JsIpfs,
    /// Returns other bytes, and reports another CID.
    Lying,
    /// Accepts the connection and says nothing.
    Silent,
    /// Has nothing.
    Empty,
    /// Fails the first request and is honest afterwards.
    FailsOnce,
}

/// A daemon on the loopback interface, with the request lines that it saw.
struct Daemon {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

fn daemon(manner: Manner) -> Daemon {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    thread::spawn(move || {
        let mut held = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let (line, body) = read_request(&mut connection);
            let count = {
                let mut seen = seen.lock().unwrap();
                seen.push(line.clone());
                seen.len()
            };
            match manner {
                // A connection that was dropped would be a failure, not silence.
                Manner::Silent => held.push(connection),
                Manner::FailsOnce if count == 1 => answer(&mut connection, "500 Internal Server Error", b"busy"),
                _ => answer_as_kubo(&mut connection, manner, &line, &body),
            }
        }
    });
    Daemon { url, requests }
}

/// The request's first line and its body, which is chunked where it has no length.
fn read_request(connection: &mut TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("transfer-encoding", "chunked")) => chunked = true,
            _ => {}
        }
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).unwrap();
        chunk.truncate(size);
        body.extend(chunk);
        chunked = size > 0;
    }
    (line.trim().to_owned(), body)
}

fn answer_as_kubo(connection: &mut TcpStream, manner: Manner, line: &str, body: &[u8]) {
    let lying = manner == Manner::Lying;
    if line.starts_with("POST /api/v0/add?") {
        let content: &[u8] = if lying { b"other" } else { part_of_form(body) };
        let (hash, quote) = match manner {
            Manner::JsIpfs => (CONTENT_IN_BASE_58.to_owned(), ""),
            _ => (cid::of(content).unwrap().to_string(), "\""),
        };
        let json = format!(
            "{{\"Name\":\"{hash}\",\"Hash\":\"{hash}\",\"Size\":{quote}{}{quote}}}\n",
            content.len()
        );
        answer(connection, "200 OK", json.as_bytes());
    } else if manner == Manner::Empty {
        let json =
            r#"{"Message":"block was not found locally (offline): ipld: could not find node","Code":0,"Type":"error"}"#;
        answer(connection, "500 Internal Server Error", json.as_bytes());
    } else {
        answer(connection, "200 OK", if lying { b"hello there" } else { CONTENT });
    }
}

/// The content of the only part of a multipart form.
fn part_of_form(body: &[u8]) -> &[u8] {
    let start = body.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let end = body[start..].windows(4).position(|window| window == b"\r\n--").unwrap();
    &body[start..start + end]
}

fn answer(connection: &mut TcpStream, status: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(body).unwrap();
}

/// A store at an address, with times that suit a test.
fn kubo(url: &str) -> KuboStore {
    KuboStore::new(url)
        .unwrap()
        .with_times(Duration::from_millis(200), Duration::from_millis(1))
}

/// A store at a daemon that answers, which is given all the time it may need.
fn patient(daemon: &Daemon) -> KuboStore {
    KuboStore::new(&daemon.url)
        .unwrap()
        .with_times(Duration::from_secs(30), Duration::from_millis(1))
}

#[tokio::test]
async fn a_directory_gives_back_what_it_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(directory.path().join("new")).unwrap();
    let cid = store.put(CONTENT).await.unwrap();
    assert_eq!(cid, cid::of(CONTENT).unwrap());
    assert_eq!(store.get(&cid).await.unwrap(), CONTENT);
    assert_eq!(store.put(CONTENT).await.unwrap(), cid);
    assert_eq!(fs::read_dir(directory.path().join("new")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_directory_that_was_tampered_with_is_refused_and_can_be_mended() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(directory.path()).unwrap();
    let cid = store.put(CONTENT).await.unwrap();
    for tampered in [&b"hello worlds"[..], &b"hello"[..], &vec![0; cid::MAX_LEN + 10][..]] {
        fs::write(directory.path().join(cid.to_string()), tampered).unwrap();
        assert!(matches!(store.get(&cid).await, Err(StoreError::Altered { .. })));
    }
    store.put(CONTENT).await.unwrap();
    assert_eq!(store.get(&cid).await.unwrap(), CONTENT);
}

#[tokio::test]
async fn what_a_directory_does_not_have_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(directory.path()).unwrap();
    let cid = cid::of(CONTENT).unwrap();
    assert!(matches!(store.get(&cid).await, Err(StoreError::Missing { cid: found, .. }) if found == cid));
}

#[tokio::test]
async fn content_that_is_too_large_is_stored_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = daemon(Manner::Honest);
    let stores: [Box<dyn Store>; 2] = [
        Box::new(DirectoryStore::new(directory.path()).unwrap()),
        Box::new(patient(&daemon)),
    ];
    for store in stores {
        let refused = store.put(&vec![0; cid::MAX_LEN + 1]).await;
        assert!(matches!(refused, Err(StoreError::Cid(CidError::TooLarge { .. }))));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    assert!(daemon.requests.lock().unwrap().is_empty());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = DirectoryStore::new(file.path().join("below")).unwrap_err();
    assert!(error.to_string().contains("below"));
}

#[tokio::test]
async fn kubo_is_asked_for_pinned_raw_version_1_content_and_gives_it_back() {
    let daemon = daemon(Manner::Honest);
    let store = patient(&daemon);
    let cid = store.put(CONTENT).await.unwrap();
    assert_eq!(cid, cid::of(CONTENT).unwrap());
    assert_eq!(store.get(&cid).await.unwrap(), CONTENT);
    let requests = daemon.requests.lock().unwrap();
    for option in ["cid-version=1", "raw-leaves=true", "chunker=size-262144", "pin=true"] {
        assert!(requests[0].contains(option), "{}", requests[0]);
    }
    assert!(
        requests[1].starts_with(&format!("POST /api/v0/cat?arg={cid}")),
        "{}",
        requests[1]
    );
}

#[tokio::test]
async fn js_ipfs_is_understood_though_it_writes_cids_and_sizes_in_its_own_way() {
    let daemon = daemon(Manner::JsIpfs);
    assert_eq!(patient(&daemon).put(CONTENT).await.unwrap(), cid::of(CONTENT).unwrap());
    let others = patient(&daemon).put(b"other").await;
    assert!(matches!(others, Err(StoreError::OtherCid { .. })));
}

#[tokio::test]
async fn a_daemon_that_lies_is_found_out() {
    let daemon = daemon(Manner::Lying);
    let store = patient(&daemon);
    let cid = cid::of(CONTENT).unwrap();
    let put = store.put(CONTENT).await;
    assert!(matches!(put, Err(StoreError::OtherCid { found, .. }) if found == cid::of(b"other").unwrap().to_string()));
    assert!(matches!(store.get(&cid).await, Err(StoreError::Altered { .. })));
    // A lie is not worth a retry.
    assert_eq!(daemon.requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_daemon_that_is_down_is_named() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = kubo(&format!("http://{address}"));
    for failure in [
        store.put(CONTENT).await.map(|_| ()),
        store.get(&cid::of(CONTENT).unwrap()).await.map(|_| ()),
    ] {
        match failure {
            Err(StoreError::Failed { store, .. }) => assert!(store.contains(&address.to_string())),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_daemon_that_is_silent_runs_into_the_time_out_after_retries() {
    let daemon = daemon(Manner::Silent);
    let store = kubo(&daemon.url);
    assert!(matches!(store.put(CONTENT).await, Err(StoreError::TimedOut { .. })));
    assert!(daemon.requests.lock().unwrap().len() > 1);
    assert!(matches!(
        store.get(&cid::of(CONTENT).unwrap()).await,
        Err(StoreError::TimedOut { .. })
    ));
}

#[tokio::test]
async fn a_daemon_that_fails_once_is_asked_again() {
    let daemon = daemon(Manner::FailsOnce);
    assert_eq!(patient(&daemon).put(CONTENT).await.unwrap(), cid::of(CONTENT).unwrap());
    assert_eq!(daemon.requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_daemon_does_not_have_is_missing() {
    let daemon = daemon(Manner::Empty);
    let missing = patient(&daemon).get(&cid::of(CONTENT).unwrap()).await;
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    assert_eq!(daemon.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_is_chosen_by_the_form_of_its_address() {
    let daemon = daemon(Manner::Honest);
    let cid = open(&daemon.url).unwrap().put(CONTENT).await.unwrap();
    assert_eq!(daemon.requests.lock().unwrap().len(), 1);
    let directory = tempfile::tempdir().unwrap();
    open(directory.path().to_str().unwrap())
        .unwrap()
        .put(CONTENT)
        .await
        .unwrap();
    assert!(directory.path().join(cid.to_string()).exists());
}

#[test]
fn addresses_of_other_kinds_are_refused() {
    for spec in ["", "https://127.0.0.1:5001", "ipfs://bafy", "http://", "http:// x"] {
        assert!(matches!(open(spec), Err(StoreError::Address(_))), "{spec}");
    }
}
