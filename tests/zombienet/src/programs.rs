//! The programs of gridveil, run as the processes that they are.
//!
//! Promises that a process which was started here has ended when what stands for it is dropped.
//!
//! **Privacy.** Secrets pass in files of mode 0600, never as arguments.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{bail, ensure, Context, Result};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// How long a command may take that runs to its end. An export of a chain spec translates the runtime first.
const COMMAND: Duration = Duration::from_secs(180);
/// How many of a log's last lines an error shows.
const LAST_LINES: usize = 12;

/// Where the programs and their logs are.
pub struct Programs {
    bin: PathBuf,
    logs: PathBuf,
}

/// A program that runs.
pub struct Running {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Programs {
    /// Finds the programs in `bin`, and makes a folder for their logs in `dir`.
    ///
    /// # Errors
    ///
    /// If a program is missing or the folder can't be made.
    pub fn find(bin: &Path, dir: &Path) -> Result<Self> {
        let bin = bin
            .canonicalize()
            .with_context(|| format!("no folder {}", bin.display()))?;
        for name in ["gridveil-node", "grid-operator", "meter-client"] {
            ensure!(
                bin.join(name).is_file(),
                "{name} is not in {}: build the workspace first (scripts/zombienet does)",
                bin.display()
            );
        }
        let logs = dir.join("logs");
        std::fs::create_dir_all(&logs)?;
        Ok(Self { bin, logs })
    }

    /// Where a program is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn command(&self, name: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(self.path(name));
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a program to its end, which must be a success; returns what it wrote to standard output. `what` names its log.
    ///
    /// # Errors
    ///
    /// If it fails or takes too long.
    pub async fn run(&self, what: &str, name: &str, arguments: &[String]) -> Result<String> {
        let log = self.logs.join(format!("{what}.log"));
        let mut command = self.command(name, arguments);
        let child = command.stdout(Stdio::piped()).stderr(File::create(&log)?).spawn()?;
        let output = timeout(COMMAND, child.wait_with_output())
            .await
            .with_context(|| format!("{what} did not end within {} s", COMMAND.as_secs()))??;
        judge(what, output.status, &log)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts a program and lets it run, everything it says in its log.
    ///
    /// # Errors
    ///
    /// If it can't be started.
    pub fn start(&self, what: &str, name: &str, arguments: &[String]) -> Result<Running> {
        let log = self.logs.join(format!("{what}.log"));
        let file = File::create(&log)?;
        let mut command = self.command(name, arguments);
        let child = command.stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Running {
            name: what.into(),
            log,
            child,
        })
    }
}

impl Running {
    /// Whether it has ended, which must have been a success.
    ///
    /// # Errors
    ///
    /// If it ended with a failure.
    pub fn has_ended(&mut self) -> Result<bool> {
        match self.child.try_wait()? {
            None => Ok(false),
            Some(status) => judge(&self.name, status, &self.log).map(|()| true),
        }
    }
}

fn judge(what: &str, status: ExitStatus, log: &Path) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    bail!("{what} ended with {status}; its log ends with:\n{tail}")
}

/// Writes a file that only its owner may read.
///
/// # Errors
///
/// If it is there already or can't be written.
pub fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// Arguments as the programs take them.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { [$($argument.to_string()),*] };
}
pub(crate) use arguments;
