//! A pallet's `weights.rs`, from what its benchmarks came to.

use crate::measure::{Effort, Measured};
use std::fmt::Write;

/// The file. `machine` says where and when the benchmarks ran.
pub fn weights(pallet: &str, measured: &[Measured], effort: Effort, machine: &str) -> String {
    let Effort { steps, repeat } = effort;
    let mut text = format!(
        "//! The weights of `{pallet}`, as `scripts/benchmark-weights` measured them and wrote them here.
//!
//! Each function is what the benchmark of its name in `benchmarking.rs` came to: the time of one core, without other
//! programs' time, and the entries of the state that are read and written, which the runtime adds its own weights for.
//! Nobody executes blocks on proofs of the state, so there are no sizes of proofs.
//!
//! {steps} steps of each component, {repeat} repeats; {machine}.
//!
//! **Privacy.** Weights depend on sizes only.

use core::marker::PhantomData;
use frame_support::{{traits::Get, weights::Weight}};

/// What the calls, hooks and extensions of `{pallet}` weigh.
pub trait WeightInfo {{
"
    );
    for benchmark in measured {
        let _ = writeln!(
            text,
            "    /// `{}`{}.\n    fn {};",
            benchmark.name,
            ranges(benchmark),
            signature(benchmark)
        );
    }
    let _ = write!(
        text,
        "}}

/// The weights as measured, with the runtime's weights of reads and writes.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {{
"
    );
    for (number, benchmark) in measured.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        function(&mut text, benchmark);
    }
    text.push_str("}\n");
    text
}

/// `, with `n` from 1 to 9, …`.
fn ranges(benchmark: &Measured) -> String {
    let each = |(name, low, high): &_| {
        format!(
            "`{name}` from {} to {}",
            digits(u128::from(*low)),
            digits(u128::from(*high))
        )
    };
    let ranges: Vec<_> = benchmark.components.iter().map(each).collect();
    match ranges.is_empty() {
        true => String::new(),
        false => format!(", with {}", ranges.join(", ")),
    }
}

fn signature(benchmark: &Measured) -> String {
    let arguments: Vec<_> = benchmark
        .components
        .iter()
        .map(|(name, ..)| format!("{name}: u32"))
        .collect();
    format!("{}({}) -> Weight", benchmark.name, arguments.join(", "))
}

fn function(text: &mut String, benchmark: &Measured) {
    let Measured {
        components,
        time,
        reads,
        writes,
        entries,
        ..
    } = benchmark;
    for (entry, (reads, writes)) in entries {
        let _ = writeln!(text, "    // {entry}: {reads} read, {writes} written");
    }
    let _ = writeln!(text, "    fn {} {{", signature(benchmark));
    let _ = writeln!(text, "        Weight::from_parts({}, 0)", digits(time.base));
    if reads.base + writes.base > 0 {
        let _ = writeln!(
            text,
            "            .saturating_add(T::DbWeight::get().reads_writes({}, {}))",
            reads.base, writes.base
        );
    }
    for (place, (name, ..)) in components.iter().enumerate() {
        let mut each = format!("Weight::from_parts({}, 0)", digits(time.slopes[place]));
        let (reads, writes) = (reads.slopes[place], writes.slopes[place]);
        if reads + writes > 0 {
            let _ = write!(
                each,
                ".saturating_add(T::DbWeight::get().reads_writes({reads}, {writes}))"
            );
        }
        let _ = writeln!(
            text,
            "            .saturating_add({each}.saturating_mul({name}.into()))"
        );
    }
    text.push_str("    }\n");
}

/// The number, with an underscore between thousands.
fn digits(number: u128) -> String {
    let digits = number.to_string();
    let ends = (1..=digits.len()).filter(|end| (digits.len() - end) % 3 == 0);
    let mut from = 0;
    let groups: Vec<_> = ends
        .map(|end| &digits[std::mem::replace(&mut from, end)..end])
        .collect();
    groups.join("_")
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1_000, 12_345_678].map(digits),
            ["0", "999", "1_000", "12_345_678"]
        );
    }
}
