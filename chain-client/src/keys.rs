//! The key of an account that has a role.
//!
//! A [`RoleKey`] is read from a secret URI, the form that `gridveil-node key` prints and accepts. It signs role calls and
//! is given to [`crate::Chain::submit`] by the key centre, the control centre and the consortium's members.
//!
//! **Privacy.** The secret is erased when the key is dropped and is never printed; a key file that others may read is
//! refused.

use std::{fs, io, path::Path, path::PathBuf, str::FromStr};
use subxt_signer::{sr25519::Keypair, SecretUri};
use zeroize::Zeroizing;

/// Why a role's key could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no secret URI.
    #[error(
        "the key is not a secret URI; give a phrase of words, 0x and 64 hexadecimal digits, or //Name on a test chain"
    )]
    NotAUri,
    /// The file could not be read.
    #[error("cannot read the key file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Other users of the machine may read the file.
    #[error("the key file {} may be read by others (mode {mode:03o}); set it to 600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// An account's sr25519 key pair.
#[derive(Clone)]
pub struct RoleKey(Keypair);

impl RoleKey {
    /// The key of a secret URI: a phrase, a 0x-prefixed seed or, on a test chain, `//Name`; junctions may follow.
    ///
    /// Errors: [`KeyError::NotAUri`].
    pub fn from_uri(uri: &str) -> Result<Self, KeyError> {
        let uri = SecretUri::from_str(uri.trim()).map_err(|_| KeyError::NotAUri)?;
        Keypair::from_uri(&uri).map(Self).map_err(|_| KeyError::NotAUri)
    }

    /// The key whose secret URI is the content of a file; blanks around it do not matter.
    ///
    /// Errors: [`KeyError::Unreadable`], [`KeyError::Exposed`] where group or others have any right to the file,
    /// [`KeyError::NotAUri`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let unreadable = |source| KeyError::Unreadable {
            path: path.to_owned(),
            source,
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Exposed {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        let uri = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
        Self::from_uri(&uri)
    }

    /// The account that this key signs for.
    pub fn account(&self) -> [u8; 32] {
        self.0.public_key().0
    }

    /// Signs a transaction's payload.
    pub(crate) fn sign(&self, payload: &[u8]) -> [u8; 64] {
        self.0.sign(payload).0
    }
}

impl std::fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RoleKey(0x{})", hex::encode(self.account()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_development_uri_gives_the_well_known_account() {
        let alice = RoleKey::from_uri("//Alice").unwrap();
        assert_eq!(
            hex::encode(alice.account()),
            "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
        );
    }

    #[test]
    fn debug_shows_the_account_and_not_the_secret() {
        let seed = "5f".repeat(32);
        let key = RoleKey::from_uri(&format!("0x{seed}")).unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(&hex::encode(key.account())));
        assert!(!shown.contains(&seed));
    }

    #[test]
    fn text_that_is_no_uri_is_refused_without_being_repeated() {
        let error = RoleKey::from_uri("my secret words").unwrap_err();
        assert!(matches!(error, KeyError::NotAUri));
        assert!(!error.to_string().contains("secret words"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_read_only_where_nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "//Alice").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            RoleKey::from_file(file.path()),
            Err(KeyError::Exposed { mode: 0o640, .. })
        ));
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let key = RoleKey::from_file(file.path()).unwrap();
        assert_eq!(key.account(), RoleKey::from_uri("//Alice").unwrap().account());
    }

    #[test]
    fn a_missing_key_file_is_named() {
        let error = RoleKey::from_file("/nonexistent/role.key").unwrap_err();
        assert!(error.to_string().contains("/nonexistent/role.key"));
    }
}
