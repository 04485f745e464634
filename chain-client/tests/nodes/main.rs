//! The client against nodes that are scripted: servers on the loopback interface that speak a node's JSON-RPC, with the
//! real runtime's metadata and whatever chain and pool a test needs.

mod batch;
mod calls;
mod connection;
mod consortium;
mod heads;
mod node;
mod roles;
mod shares;
