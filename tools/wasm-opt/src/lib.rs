//! The part of the `wasm-opt` crate that `substrate-wasm-builder` uses, over the system's `wasm-opt` program.
//!
//! The crate of that name on the registry compiles all of Binaryen from C++, a fifth of a cold build's time, to run two
//! passes over one file. Here the program of the system's `binaryen` package runs them; `scripts/setup` installs it.
//! Only what the wasm builder calls is here.
//!
//! Privacy: it sees the runtime's code only.

use std::{fmt, io, path::Path, process::Command};

/// A pass over the module.
#[derive(Clone, Copy, Debug)]
pub enum Pass {
    /// Removes DWARF sections.
    StripDwarf,
    /// Rewrites sign extension to instructions of the first WebAssembly version. There is nothing to do: the runtime's
    /// target has only that version's instructions, and `--mvp-features` refuses any other.
    SignextLowering,
}

/// The program's command line.
#[derive(Clone, Debug)]
pub struct OptimizationOptions(Vec<&'static str>);

impl OptimizationOptions {
    /// No passes of its own.
    pub fn new_opt_level_0() -> Self {
        Self(vec!["-O0"])
    }

    /// Accepts and writes instructions of the first WebAssembly version only.
    pub fn mvp_features_only(&mut self) -> &mut Self {
        self.with("--mvp-features")
    }

    /// Whether names are kept.
    pub fn debug_info(&mut self, keep: bool) -> &mut Self {
        if keep {
            self.with("--debuginfo")
        } else {
            self
        }
    }

    /// Adds a pass; they run in the order in which they were added.
    pub fn add_pass(&mut self, pass: Pass) -> &mut Self {
        match pass {
            Pass::StripDwarf => self.with("--strip-dwarf"),
            Pass::SignextLowering => self,
        }
    }

    /// Reads `input` and writes `output`, which may be the same file.
    ///
    /// # Errors
    ///
    /// The program is not there or fails.
    pub fn run(&self, input: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<(), Error> {
        let done = Command::new("wasm-opt")
            .args(&self.0)
            .arg(input.as_ref())
            .arg("--output")
            .arg(output.as_ref())
            .output()
            .map_err(Error::Start)?;
        if done.status.success() {
            Ok(())
        } else {
            Err(Error::Failed(String::from_utf8_lossy(&done.stderr).into_owned()))
        }
    }

    fn with(&mut self, flag: &'static str) -> &mut Self {
        self.0.push(flag);
        self
    }
}

/// What went wrong.
pub enum Error {
    /// The program could not be started.
    Start(io::Error),
    /// The program ended with an error, and said this.
    Failed(String),
}

// The wasm builder shows the error with `Debug`, so that is where the advice is.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Start(error) => write!(
                f,
                "wasm-opt could not be started ({error}): run scripts/setup, or install binaryen"
            ),
            Error::Failed(said) => write!(f, "wasm-opt failed: {said}"),
        }
    }
}
