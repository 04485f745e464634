//! A meter's part of the protocol on a Cortex-M4 without an operating system, a heap or a source of randomness.
//!
//! Two programs use this: `vectors` computes the test vectors of `gridveil-primitives` on the device and compares, `period`
//! computes one period's two signed shares and says what it took. Here is what they share: a counter of instructions, the
//! measure of flash and RAM, and an allocator that has nothing to give, so that a program that runs to its end has shown
//! that a meter needs no heap.
//!
//! Counting relies on QEMU's `-icount`, which advances the clock by one nanosecond an instruction. On the real chip the same
//! timer would count cycles.
//!
//! Privacy: all secrets here are those of the test vectors.

#![no_std]

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::asm,
    panic::PanicInfo,
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};
use cortex_m::peripheral::{syst::SystClkSource, SYST};
use cortex_m_rt::{exception, STACK_PAINT_VALUE};
use cortex_m_semihosting::{debug, heprintln};

/// No memory at all. Asking it for some ends the program with an error.
struct NoHeap;

// SAFETY: null is what an allocator answers that has no memory, and nothing can be given back that was never given out.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: NoHeap = NoHeap;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    heprintln!("{}", info);
    fail()
}

/// Ends the program with an error.
pub fn fail() -> ! {
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}

/// Ends the program.
pub fn succeed() -> ! {
    loop {
        debug::exit(debug::EXIT_SUCCESS);
    }
}

/// The timer's highest value, from which it counts down.
const TOP: u32 = 0x00ff_ffff;

/// How often the timer has come round.
static ROUNDS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    ROUNDS.fetch_add(1, Ordering::Relaxed);
}

/// Counts instructions with the processor's timer.
pub struct Counter {
    /// The ticks of a million instructions.
    million: u64,
}

impl Counter {
    /// Starts the timer and finds out how many instructions a tick is by running some that are known.
    pub fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(TOP);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
        // It holds the zero that it was cleared to until its first tick, and counts down from the top then.
        while SYST::get_current() == 0 {}
        let before = ticks();
        let rounds: u32 = 500_000;
        // SAFETY: two instructions, run 500,000 times, which touch a register and the flags only.
        unsafe { asm!("2:", "subs {0}, {0}, #1", "bne 2b", inout(reg) rounds => _) };
        Self {
            million: ticks().saturating_sub(before).max(1),
        }
    }

    /// What a piece of work gives, and how many instructions it took.
    pub fn count<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        let before = ticks();
        let result = work();
        (
            result,
            ticks().saturating_sub(before).saturating_mul(1_000_000) / self.million,
        )
    }
}

/// The ticks since the timer started.
fn ticks() -> u64 {
    loop {
        let rounds = ROUNDS.load(Ordering::Relaxed);
        let left = SYST::get_current();
        // Unchanged rounds mean that the timer did not come round between the two readings.
        if ROUNDS.load(Ordering::Relaxed) == rounds {
            return u64::from(rounds) * (u64::from(TOP) + 1) + u64::from(TOP.saturating_sub(left));
        }
    }
}

extern "C" {
    static __sidata: u32;
    static __sdata: u32;
    static __edata: u32;
    static __vector_table: u32;
    static __sbss: u32;
    static __ebss: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The bytes of flash that the program takes: vectors, code, constants and the first values of variables.
pub fn flash() -> usize {
    let end = ptr::addr_of!(__sidata) as usize + (ptr::addr_of!(__edata) as usize - ptr::addr_of!(__sdata) as usize);
    end - ptr::addr_of!(__vector_table) as usize
}

/// The bytes of variables that live as long as the program.
pub fn variables() -> usize {
    let data = ptr::addr_of!(__edata) as usize - ptr::addr_of!(__sdata) as usize;
    data + (ptr::addr_of!(__ebss) as usize - ptr::addr_of!(__sbss) as usize)
}

/// The bytes of stack that were in use at the same time, at most, since the program started.
pub fn deepest_stack() -> usize {
    let (mut at, top) = (ptr::addr_of!(_stack_end), ptr::addr_of!(_stack_start));
    // SAFETY: between the two symbols is the RAM that the startup code painted and the stack grows into.
    while at < top && unsafe { at.read_volatile() } == STACK_PAINT_VALUE {
        at = at.wrapping_add(1);
    }
    top as usize - at as usize
}
