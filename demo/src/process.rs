//! Processes: started with their logs in files, stopped politely, never left behind.
//!
//! Promises that a process which this module started has ended when its [`Process`] is dropped, on every path out of the
//! program that runs destructors: an error, a panic, Ctrl-C. Ends only what it started, by its id.
//!
//! **Privacy.** Logs go to files in the run's own folder; arguments hold paths and public values, never secrets.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{kill_process, Pid, Signal};
use tokio::{process::Command, time::timeout};

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// How many of a log's last lines an error shows.
const LAST_LINES: usize = 12;

/// What went wrong with a process.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("can't start {name} ({program}): {source}")]
    NotStarted {
        /// What it was to be.
        name: String,
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended otherwise than it should.
    #[error("{name} ended with {status}; its log {log} ends with:\n{tail}")]
    Failed {
        /// What it was.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// Where its log is.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// It took too long.
    #[error("{name} did not end within {after:?}; its log is {log}")]
    TimedOut {
        /// What it was.
        name: String,
        /// The time it had.
        after: Duration,
        /// Where its log is.
        log: PathBuf,
    },
    /// It could not be waited for, or its output not read.
    #[error("lost {name}: {source}")]
    Lost {
        /// What it was.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// A program of gridveil's, beside the one that runs.
pub fn program(name: &str) -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name(name);
    if !path.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{} is missing: build the workspace's binaries first (the scripts do)",
                path.display()
            ),
        ));
    }
    Ok(path)
}

/// Where the log of the process with this name is.
pub fn log_file(logs: &Path, name: &str) -> PathBuf {
    logs.join(format!("{}.log", name.replace([' ', '/'], "-")))
}

/// A program with its arguments, not started yet.
pub struct Invocation {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    wrapper: Vec<String>,
    log: PathBuf,
}

/// How a program that ran to its end ended.
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
}

impl Finished {
    /// The JSON objects that it wrote, one a line; what is no JSON is passed over.
    pub fn json(&self) -> impl Iterator<Item = serde_json::Value> + '_ {
        self.stdout.lines().filter_map(|line| serde_json::from_str(line).ok())
    }
}

impl Invocation {
    /// `name` is what errors call it and names its log in `logs`.
    pub fn new(name: impl Into<String>, program: &Path, logs: &Path) -> Self {
        let name = name.into();
        let log = log_file(logs, &name);
        Self {
            name,
            program: program.into(),
            arguments: Vec::new(),
            wrapper: Vec::new(),
            log,
        }
    }

    /// Puts words before the program: another one, with its arguments, that becomes this program (`nsenter … --`).
    pub fn within(mut self, wrapper: &[String]) -> Self {
        self.wrapper = wrapper.to_vec();
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl ToString) -> Self {
        self.arguments.push(argument.to_string());
        self
    }

    /// Adds an option and its value.
    pub fn option(self, option: &str, value: impl ToString) -> Self {
        self.arg(option).arg(value)
    }

    /// Adds an option and a path as its value.
    pub fn path(self, option: &str, path: &Path) -> Self {
        self.option(option, path.display())
    }

    fn command(&self, stdout: Stdio, stderr: Stdio) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => Command::new(&self.program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program);
                command
            }
        };
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .kill_on_drop(true);
        command
    }

    fn open_log(&self) -> Result<File, ProcessError> {
        File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(|source| ProcessError::Lost {
                name: self.name.clone(),
                source,
            })
    }

    fn not_started(&self, source: io::Error) -> ProcessError {
        ProcessError::NotStarted {
            name: self.name.clone(),
            program: self.program.clone(),
            source,
        }
    }

    fn lost(&self, source: io::Error) -> ProcessError {
        ProcessError::Lost {
            name: self.name.clone(),
            source,
        }
    }

    /// Starts it and lets it run, everything it says in its log.
    pub fn start(self) -> Result<Process, ProcessError> {
        let log = self.open_log()?;
        let errors = log.try_clone().map_err(|e| self.lost(e))?;
        let child = self
            .command(log.into(), errors.into())
            .spawn()
            .map_err(|e| self.not_started(e))?;
        Ok(Process {
            name: self.name,
            log: self.log,
            child,
        })
    }

    /// Runs it to its end, whatever that is.
    pub async fn finish(self, within: Duration) -> Result<Finished, ProcessError> {
        let errors = self.open_log()?;
        let child = self
            .command(Stdio::piped(), errors.into())
            .spawn()
            .map_err(|e| self.not_started(e))?;
        match timeout(within, child.wait_with_output()).await {
            Err(_) => Err(ProcessError::TimedOut {
                name: self.name,
                after: within,
                log: self.log,
            }),
            Ok(Err(source)) => Err(self.lost(source)),
            Ok(Ok(output)) => Ok(Finished {
                status: output.status,
                stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            }),
        }
    }

    /// Runs it to its end, which must be a success, and returns what it wrote to standard output.
    pub async fn run(self, within: Duration) -> Result<String, ProcessError> {
        let (name, log) = (self.name.clone(), self.log.clone());
        let finished = self.finish(within).await?;
        if finished.status.success() {
            Ok(finished.stdout)
        } else {
            Err(ProcessError::Failed {
                name,
                status: finished.status,
                tail: tail(&log),
                log,
            })
        }
    }
}

/// A running process; killed when dropped.
pub struct Process {
    name: String,
    log: PathBuf,
    child: tokio::process::Child,
}

impl Process {
    /// Kills it at once, as a machine that loses its power would.
    pub async fn kill(mut self) -> Result<(), ProcessError> {
        self.child.kill().await.map_err(|source| ProcessError::Lost {
            name: self.name,
            source,
        })
    }

    /// Asks it to end, and waits until it has; kills it when it takes too long, which is an error.
    pub async fn stop(mut self) -> Result<(), ProcessError> {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
            // A process that has just ended by itself is not there any more, and that is as well.
            let _ = kill_process(pid, Signal::TERM);
        }
        match timeout(GRACE, self.child.wait()).await {
            Err(_) => {
                let _ = self.child.kill().await;
                Err(ProcessError::TimedOut {
                    name: self.name,
                    after: GRACE,
                    log: self.log,
                })
            }
            Ok(status) => self.judge(status),
        }
    }

    /// Waits until it ends by itself, which must be a success.
    pub async fn wait(mut self, within: Duration) -> Result<(), ProcessError> {
        match timeout(within, self.child.wait()).await {
            Err(_) => Err(ProcessError::TimedOut {
                name: self.name,
                after: within,
                log: self.log,
            }),
            Ok(status) => self.judge(status),
        }
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.child.try_wait().map_err(|source| ProcessError::Lost {
            name: self.name.clone(),
            source,
        })
    }

    /// An error if it has ended with one.
    pub fn check_not_failed(&mut self) -> Result<(), ProcessError> {
        match self.status()? {
            Some(status) if !status.success() => Err(self.failed(status)),
            _ => Ok(()),
        }
    }

    /// An error if it has ended already.
    pub fn check_alive(&mut self) -> Result<(), ProcessError> {
        match self.status()? {
            None => Ok(()),
            Some(status) => Err(self.failed(status)),
        }
    }

    fn judge(&self, status: io::Result<ExitStatus>) -> Result<(), ProcessError> {
        let status = status.map_err(|source| ProcessError::Lost {
            name: self.name.clone(),
            source,
        })?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failed(status))
        }
    }

    fn failed(&self, status: ExitStatus) -> ProcessError {
        ProcessError::Failed {
            name: self.name.clone(),
            status,
            log: self.log.clone(),
            tail: tail(&self.log),
        }
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, logs: &Path) -> Invocation {
        Invocation::new("a shell", Path::new("/bin/sh"), logs).option("-c", script)
    }

    #[tokio::test]
    async fn output_comes_back_and_what_went_to_the_log_is_in_the_error() {
        let logs = tempfile::tempdir().unwrap();
        assert_eq!(shell("echo hello", logs.path()).run(GRACE).await.unwrap(), "hello\n");
        let error = shell("echo no luck >&2; exit 3", logs.path())
            .run(GRACE)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("no luck") && error.contains("exit status: 3"), "{error}");
    }

    #[tokio::test]
    async fn a_wrapped_process_has_the_surroundings_that_its_wrapper_makes() {
        let logs = tempfile::tempdir().unwrap();
        let wrapper = ["/usr/bin/env", "WRAPPED=yes"].map(String::from);
        let wrapped = shell("echo $WRAPPED", logs.path()).within(&wrapper);
        assert_eq!(wrapped.run(GRACE).await.unwrap(), "yes\n");
    }

    #[tokio::test]
    async fn a_process_that_takes_too_long_is_an_error_and_is_gone() {
        let logs = tempfile::tempdir().unwrap();
        let error = shell("echo $$ >&2; exec sleep 60", logs.path())
            .run(Duration::from_millis(300))
            .await
            .unwrap_err();
        assert!(matches!(error, ProcessError::TimedOut { .. }));
    }

    #[tokio::test]
    async fn a_polite_process_ends_at_sigterm_and_a_dropped_one_ends_too() {
        let logs = tempfile::tempdir().unwrap();
        let polite = shell(
            "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done",
            logs.path(),
        )
        .start()
        .unwrap();
        let log = logs.path().join("a-shell.log");
        while !std::fs::read_to_string(&log).unwrap().contains("ready") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        polite.stop().await.unwrap();

        let dropped = shell("exec sleep 60", logs.path()).start().unwrap();
        let id = dropped.child.id().unwrap();
        drop(dropped);
        // The runtime reaps it in the background: what is left of it till then is a zombie, not a running process.
        let running = || std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        for _ in 0..500 {
            if !running() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("process {id} is still running");
    }
}
