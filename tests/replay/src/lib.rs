//! A month of readings, from the CSV to checked bills, as fast as one node takes it.
//!
//! One development node with a driven clock stands for the aggregators of all regions; the meters, the key centre and the
//! control centre are the libraries that the real programs are made of, over the node's RPC. Meters fall silent or send half
//! of a pair where the CSV has a gap, and here and there besides. Promises that at the end every region's total, every fault,
//! every price and every line of every bill has been compared with the CSV.
//!
//! **Privacy.** Works on published, anonymous readings; shows sums and counts.

pub mod clock;
pub mod error;
pub mod meters;
pub mod month;
pub mod story;
pub mod verdict;
