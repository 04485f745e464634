//! Nodes as processes, and what they agree on.

mod batches;
mod blocks;
mod certificates;
#[path = "../common/mod.rs"]
mod common;
mod consortium;
mod peers;
mod pruning;
mod spec;

use common::Node;
use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// Where the Prometheus exporter of a node says it listens.
const EXPORTER: &str = "Prometheus exporter started at 127.0.0.1:";

/// Waits until all nodes have finalised the block `number`, and asserts that it is the same one.
async fn same_finalised_hash(nodes: &[Node], number: u64) -> String {
    let first = nodes[0].finalised_hash(number).await;
    for node in &nodes[1..] {
        assert_eq!(
            node.finalised_hash(number).await,
            first,
            "block {number} at RPC port {}",
            node.rpc_port
        );
    }
    first
}

fn http_get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(common::STOP)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}
