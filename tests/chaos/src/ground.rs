//! What a scenario stands on: this machine and what it allows, the folder and the chances of the run, and its report.
//!
//! **Privacy.** Paths and numbers.

use std::{
    cell::Cell,
    future::Future,
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gridveil_demo::process::program;
use tokio::time::{sleep, Instant};

use crate::{error::ChaosError, faults::Chance, mesh::Mesh, report::Report};

/// The length of a slot in all scenarios.
pub const SLOT: Duration = Duration::from_secs(3);
/// The pause between two looks at whatever is waited for.
const POLL: Duration = Duration::from_millis(100);

/// This machine, and what it allows.
pub struct Ground {
    /// Whether this process lives in namespaces of its own, and so may make networks and mounts.
    pub nested: bool,
    /// The library that shows a process another time, if it is installed.
    pub faketime: Option<PathBuf>,
    /// The folder of all runs.
    dir: PathBuf,
    /// Where the runtime is in the form that it compiles to, once a network has run.
    pub compiled: PathBuf,
    /// The `gridveil-node` program.
    pub node: PathBuf,
    /// The `meter-client` program.
    pub meter_client: PathBuf,
    /// The `grid-operator` program.
    pub grid_operator: PathBuf,
    /// The runtime of the next version, if one was built.
    pub next_runtime: Option<PathBuf>,
    networks: Cell<u8>,
}

/// The variable that names the runtime of the next version.
const NEXT_RUNTIME: &str = "GRIDVEIL_NEXT_RUNTIME";

impl Ground {
    /// Looks around. `dir` is where runs keep their files.
    ///
    /// # Errors
    ///
    /// If a program of gridveil's is missing.
    pub fn new(nested: bool, dir: &Path) -> Result<Rc<Self>, ChaosError> {
        Ok(Rc::new(Self {
            nested,
            faketime: find_faketime(Path::new("/usr")),
            dir: dir.into(),
            compiled: dir.join("compiled"),
            node: program("gridveil-node")?,
            meter_client: program("meter-client")?,
            grid_operator: program("grid-operator")?,
            next_runtime: std::env::var_os(NEXT_RUNTIME).map(PathBuf::from),
            networks: Cell::new(0),
        }))
    }

    /// The number of a network that no other run has.
    pub fn next_network(&self) -> u8 {
        let number = self.networks.get();
        self.networks.set(number.wrapping_add(1));
        number
    }
}

/// The library of libfaketime for programs with threads, below a folder that has `lib` in it.
fn find_faketime(usr: &Path) -> Option<PathBuf> {
    let lib = usr.join("lib");
    let mut folders = vec![lib.clone(), usr.join("lib64")];
    folders.extend(
        std::fs::read_dir(&lib)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path())),
    );
    folders.sort();
    folders
        .into_iter()
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|file| file.is_file())
}

/// One run of a scenario.
pub struct Run {
    /// This machine.
    pub ground: Rc<Ground>,
    /// How many members the consortium has.
    pub members: usize,
    /// What the seed decides.
    pub chance: Chance,
    /// The folder of the run.
    pub dir: PathBuf,
    /// What was measured and checked.
    pub report: Report,
    /// Whether it is one of the short selection, which looks half as long.
    pub short: bool,
}

impl Run {
    /// A run that begins now, in a folder of its own.
    ///
    /// # Errors
    ///
    /// If the folder can't be made.
    pub fn new(ground: &Rc<Ground>, scenario: &str, members: usize, seed: u64) -> Result<Self, ChaosError> {
        let dir = ground.dir.join(format!("{scenario}-{members}"));
        std::fs::create_dir_all(&dir)?;
        Ok(Self {
            ground: ground.clone(),
            members,
            chance: Chance::new(seed),
            dir,
            report: Report::new(scenario, members, seed),
            short: false,
        })
    }

    /// How long to look at something that goes on as long as one looks.
    pub fn look(&self, usual: Duration) -> Duration {
        if self.short {
            usual / 2
        } else {
            usual
        }
    }

    /// f: how many members may fail.
    pub fn tolerated(&self) -> usize {
        self.members.saturating_sub(1) / 3
    }

    /// A network for nodes, where the machine allows one.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Process`].
    pub async fn mesh(&self, dir: &Path, logs: &Path) -> Result<Option<Mesh>, ChaosError> {
        if !self.ground.nested {
            return Ok(None);
        }
        Ok(Some(Mesh::build(self.ground.next_network(), dir, logs).await?))
    }
}

/// The present moment, by the clock of this machine, in milliseconds since the Unix epoch.
pub fn present() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The slot that it falls into.
pub fn present_slot() -> u64 {
    let slot = u64::try_from(SLOT.as_millis()).unwrap_or(u64::MAX);
    present() / slot.max(1)
}

/// Asks again and again until there is an answer, but not longer than `limit`; the answer and how long it took. That a node
/// does not answer, or not yet, is no error before the limit.
///
/// # Errors
///
/// Those of the question that do not pass by themselves.
pub async fn until<T, F, Fut>(limit: Duration, mut question: F) -> Result<Option<(T, Duration)>, ChaosError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>, ChaosError>>,
{
    let began = Instant::now();
    loop {
        match question().await {
            Ok(Some(answer)) => return Ok(Some((answer, began.elapsed()))),
            Ok(None) | Err(ChaosError::Rpc { .. }) => {}
            Err(ChaosError::Chain(error)) if error.is_transient() => {}
            Err(lasting) => return Err(lasting),
        }
        if began.elapsed() >= limit {
            return Ok(None);
        }
        sleep(POLL).await;
    }
}

/// The same for what must come about before a scenario can go on.
///
/// # Errors
///
/// [`ChaosError::Waited`] at the limit, and those of [`until`].
pub async fn needed<T, F, Fut>(what: &str, limit: Duration, question: F) -> Result<T, ChaosError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>, ChaosError>>,
{
    let found = until(limit, question).await?;
    found.map(|(answer, _)| answer).ok_or_else(|| ChaosError::Waited {
        what: what.into(),
        after: limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_with_the_answer_or_at_the_limit() {
        let calls = Cell::new(0);
        let counted = until(Duration::from_secs(5), || async {
            calls.set(calls.get() + 1);
            Ok((calls.get() == 3).then_some("there"))
        });
        assert_eq!(counted.await.unwrap().unwrap().0, "there");

        let never = || async { Ok(None::<()>) };
        let error = needed("the cows come home", Duration::from_millis(1), never).await;
        assert!(matches!(error, Err(ChaosError::Waited { .. })));
    }

    #[tokio::test]
    async fn a_node_that_is_away_is_waited_for_and_a_missing_file_is_not() {
        let away = || async {
            Err::<Option<()>, _>(ChaosError::Rpc {
                url: String::new(),
                method: String::new(),
                cause: String::new(),
            })
        };
        assert!(until(Duration::from_millis(1), away).await.unwrap().is_none());
        let missing = || async { Err::<Option<()>, _>(ChaosError::Missing("no such file".into())) };
        assert!(until(Duration::from_secs(5), missing).await.is_err());
    }

    #[test]
    fn the_library_is_found_where_debian_and_others_put_it() {
        let usr = tempfile::tempdir().unwrap();
        assert_eq!(find_faketime(usr.path()), None);
        let folder = usr.path().join("lib/x86_64-linux-gnu/faketime");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(find_faketime(usr.path()), None);
        let file = folder.join("libfaketimeMT.so.1");
        std::fs::write(&file, []).unwrap();
        assert_eq!(find_faketime(usr.path()), Some(file));
    }
}
