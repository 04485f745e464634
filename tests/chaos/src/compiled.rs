//! What the runtime compiles to, handed on from one network of a run to the next.
//!
//! A node keeps it below its base path, so that only its first start compiles. Here many nodes have a first start, on one
//! machine and with one runtime: the first network's nodes compile it, all later ones find it. A node looks by content and
//! settings, so what does not fit does no harm.
//!
//! **Privacy.** The runtime's code.

use std::{io, path::Path};

/// Where a node keeps it, below its base path.
const FOLDER: &str = "compiled-runtimes";

/// Keeps what a node has compiled in `store`, unless something is there.
///
/// # Errors
///
/// If it can't be read or written.
pub fn keep(base: &Path, store: &Path) -> io::Result<()> {
    let compiled = base.join(FOLDER);
    if store.exists() || !compiled.is_dir() {
        return Ok(());
    }
    copy(&compiled, store)
}

/// Gives a node that has none what is in `store`, if anything is.
///
/// # Errors
///
/// If it can't be read or written.
pub fn hand_on(store: &Path, base: &Path) -> io::Result<()> {
    let compiled = base.join(FOLDER);
    if compiled.exists() || !store.is_dir() {
        return Ok(());
    }
    copy(store, &compiled)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_node_compiled_the_next_one_has_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let [first, store, second] = ["first", "store", "second"].map(|name| dir.path().join(name));
        hand_on(&store, &second).unwrap();
        assert!(!second.exists());

        let module = |base: &Path| base.join(FOLDER).join("modules/one");
        std::fs::create_dir_all(module(&first).parent().unwrap()).unwrap();
        std::fs::write(module(&first), "code").unwrap();
        keep(&first, &store).unwrap();
        hand_on(&store, &second).unwrap();
        assert_eq!(std::fs::read(module(&second)).unwrap(), b"code");

        std::fs::write(module(&first), "other").unwrap();
        keep(&first, &store).unwrap();
        hand_on(&store, &second).unwrap();
        assert_eq!(std::fs::read(module(&second)).unwrap(), b"code");
    }
}
