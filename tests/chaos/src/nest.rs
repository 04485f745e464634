//! The namespaces that a run lives in: of the network, so that a node can be cut off; of mounts, so that a node can have a
//! full disk; and of processes, so that nothing survives the run.
//!
//! The program starts itself once more inside of them, with `unshare`. Promises: when the program inside ends, by whatever
//! cause, the kernel ends every process in there and takes the networks and mounts away; and the program inside ends when
//! the one outside does, because it reads the pipe that the outer one holds. Nothing outside is touched, and no packet
//! leaves. Where namespaces can't be made, it says why, and the run has to do without.
//!
//! **Privacy.** Nothing but command lines passes.

use std::{
    io::Read,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    signal::unix::{signal, SignalKind},
    sync::oneshot,
    time::timeout,
};

/// Namespaces of the network, of mounts and of processes; the last need a process of their own and a `/proc` of theirs.
const NEST: &[&str] = &["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
/// The same for a user who is not root, who becomes root in there and nowhere else.
const USER_NEST: &[&str] = &["--user", "--map-root-user"];
/// How long the program inside may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(20);

/// The options of `unshare` that this machine allows.
///
/// # Errors
///
/// Why none is allowed, in the machine's words.
pub async fn options() -> Result<Vec<&'static str>, String> {
    let mut causes = Vec::new();
    for options in [NEST.to_vec(), [USER_NEST, NEST].concat()] {
        let probe = Command::new("unshare")
            .args(&options)
            .arg("true")
            .stdin(Stdio::null())
            .output();
        match probe.await {
            Ok(output) if output.status.success() => return Ok(options),
            Ok(output) => causes.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => causes.push(format!("unshare: {error}")),
        }
    }
    Err(causes.join("; "))
}

/// Runs this program once more, inside, and waits for its end; a signal to this one ends that one, too.
///
/// # Errors
///
/// If it can't be started or waited for.
pub async fn run(options: &[&str], dir: &Path) -> std::io::Result<ExitStatus> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut child = Command::new("unshare")
        .args(options)
        .arg("--")
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--nested")
        .arg(dir)
        .stdin(Stdio::piped())
        // A Ctrl-C at the terminal reaches this process alone, which ends that one in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let pipe = child.stdin.take();
    tokio::select! {
        status = child.wait() => return status,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drop(pipe);
    end(child).await
}

async fn end(mut child: Child) -> std::io::Result<ExitStatus> {
    if let Ok(status) = timeout(GRACE, child.wait()).await {
        return status;
    }
    child.start_kill()?;
    child.wait().await
}

/// Resolves when the program outside has gone or wants this one to end.
pub fn outside_is_gone() -> oneshot::Receiver<()> {
    let (gone, told) = oneshot::channel();
    // A thread of its own, because the runtime would wait at its end for a read that does not come back.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin();
        let mut buffer = [0; 64];
        while matches!(stdin.read(&mut buffer), Ok(count) if count > 0) {}
        // Nobody listens any more when the run is over.
        let _ = gone.send(());
    });
    told
}
