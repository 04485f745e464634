//! The command itself: what it says to bad input, and what it leaves behind when it is stopped.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{kill_process, Pid, Signal};
use tempfile::TempDir;

/// How long something may take that takes no time on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The command, with a folder of its own for temporary files.
fn demo(temporary: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridveil-demo"));
    command.args(arguments).env("TMPDIR", temporary.path());
    command
}

fn is_empty(dir: &TempDir) -> bool {
    fs::read_dir(dir.path()).unwrap().next().is_none()
}

/// Runs the command with input that it cannot use; returns what it said.
fn refuse(arguments: &[&str]) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = demo(&temporary, arguments).output().unwrap();
    assert!(!status.success(), "{arguments:?}");
    assert!(is_empty(&temporary), "{arguments:?} left something behind");
    let stdout = String::from_utf8(stdout).unwrap();
    // What the parser of the command line refuses never becomes a run.
    if status.code() != Some(2) {
        assert_eq!(stdout.lines().last(), Some("0 passed, 1 failed"), "{arguments:?}");
    }
    String::from_utf8(stderr).unwrap()
}

#[test]
fn bad_input_is_told_before_anything_is_started_and_leaves_nothing_behind() {
    let full = tempfile::tempdir().unwrap();
    let table = full.path().join("table.csv");
    fs::write(&table, "name,when,watt\n").unwrap();
    let table = table.to_str().unwrap();
    for (arguments, told) in [
        (&["--readings", "missing.csv"][..], "can't read missing.csv"),
        (&["--gaps", "missing.csv"], "can't read missing.csv"),
        (&["--readings", table], "no column meter"),
        (&["--day", "2014-01-01"], "choose another --day"),
        (&["--day", "2013-02-30"], "--day"),
        (&["--meters", "100"], "24 meters for 2013-01-18"),
        (&["--meters", "0"], "--meters"),
        (&["--regions", "0"], "--regions"),
        (&["--meters", "5", "--regions", "2"], "leave 2 in one"),
        (&["--kubo", "127.0.0.1:5001"], "http:// address"),
        (&["--dir", full.path().to_str().unwrap()], "not empty"),
    ] {
        let said = refuse(&[&["--short"], arguments].concat());
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
}

#[test]
fn an_ipfs_daemon_that_is_down_is_told_before_the_day_and_not_after_it() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://{address}");
    let said = refuse(&["--short", "--kubo", &address]);
    assert!(said.contains(&address) && said.contains("check that it runs"), "{said}");
}

/// Waits for something; fails where it does not come about.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(20));
    }
}

/// The state and the parent of a process, if it is there.
fn look_up(process: &str) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before them is in parentheses and may be anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// The processes that a process has started and that are still its own.
fn children(parent: u32) -> Vec<String> {
    let names = fs::read_dir("/proc").unwrap().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| look_up(name).is_some_and(|(_, of)| of == parent))
        .collect()
}

/// Whether a process runs; one that has ended and was not waited for does not.
fn is_running(process: &str) -> bool {
    look_up(process).is_some_and(|(state, _)| state != 'Z')
}

#[test]
fn a_run_that_is_stopped_leaves_no_process_and_no_file() {
    for (signal, name) in [
        (Signal::INT, "Ctrl-C"),
        (Signal::TERM, "SIGTERM"),
        (Signal::HUP, "SIGHUP"),
    ] {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = demo(&temporary, &["--short"]);
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let line = BufReader::new(run.stdout.as_mut().unwrap()).lines().next();
        assert!(line.unwrap().unwrap().contains("Setup"));
        let mut started = Vec::new();
        wait_until("it starts a process", || {
            started = children(run.id());
            !started.is_empty()
        });
        let id = Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("stopped by {name}")), "{said}");
        assert!(is_empty(&temporary), "{name}");
        wait_until("its processes end", || {
            !started.iter().any(|process| is_running(process))
        });
    }
}
