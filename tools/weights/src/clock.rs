//! The clock of the benchmarks: the time that the processor has spent on this thread. What else the machine does, and how
//! long it lets the thread wait, is in no weight.

// What the macro generates has no documentation, and only the runtime calls it.
#![allow(missing_docs, dead_code)]

use rustix::time::{clock_gettime, ClockId};
use sp_runtime_interface::{pass_by::AllocateAndReturnPointer, runtime_interface};

/// Stands in for the function of that name of `frame_benchmarking`, which reads the time of day.
#[runtime_interface]
pub trait Benchmarking {
    /// Nanoseconds since the thread began, in little-endian order.
    fn current_time() -> AllocateAndReturnPointer<[u8; 16], 16> {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let nanoseconds = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
        nanoseconds.to_le_bytes()
    }
}
