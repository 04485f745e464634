//! The configuration file: what flags say otherwise, and flags win over it.
//!
//! ```toml
//! nodes = ["ws://10.0.0.1:9944", "ws://10.0.0.2:9944"]
//!
//! [key_centre]
//! dir = "key-centre"
//! key_file = "key-centre.uri"
//! unlock_key = "/media/stick/key-centre.txt"
//! store = "http://127.0.0.1:5001"
//! currency = "GBP"
//!
//! [control_centre]
//! key_file = "control-centre.uri"
//! tariff = "tariff.toml"
//!
//! [consortium]
//! key_file = "member.uri"
//! own_node = "ws://127.0.0.1:9944"
//! ```
//!
//! Relative paths in it start from its own directory. A setting that is not known is an error.
//!
//! **Privacy.** Names files of keys and holds none.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{error::Error, state::read_text};

/// The most bytes that a configuration may have.
const LONGEST: u64 = 1 << 20;
/// The node that is used where none is named.
const DEFAULT_NODE: &str = "ws://127.0.0.1:9944";

/// What all commands share, and a table for each role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The WebSocket addresses of the nodes to use, most preferred first. Default: `ws://127.0.0.1:9944`.
    pub nodes: Vec<String>,
    /// For `grid-operator key-centre`.
    pub key_centre: KeyCentreConfig,
    /// For `grid-operator control-centre`.
    pub control_centre: ControlCentreConfig,
    /// For `grid-operator consortium`.
    pub consortium: ConsortiumConfig,
}

/// The key centre's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyCentreConfig {
    /// The directory of the root key and the ledger.
    pub dir: Option<PathBuf>,
    /// The file of the secret URI of the account with the key centre's role, mode 0600.
    pub key_file: Option<PathBuf>,
    /// The file of the age identity that unlocks the root key.
    pub unlock_key: Option<PathBuf>,
    /// The file of the passphrase that does so instead, mode 0600; `-` asks for it.
    pub passphrase_file: Option<PathBuf>,
    /// Where bills are kept: a directory, or the `http://` address of a Kubo RPC.
    pub store: Option<String>,
    /// The currency of the prices, as bills name it: 1 to 8 characters, such as `GBP`.
    pub currency: Option<String>,
}

/// The control centre's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlCentreConfig {
    /// The directory in which decided prices are kept; without one they are kept in memory.
    pub dir: Option<PathBuf>,
    /// The file of the secret URI of the account with the control centre's role, mode 0600.
    pub key_file: Option<PathBuf>,
    /// The tariff's file.
    pub tariff: Option<PathBuf>,
}

/// A member's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsortiumConfig {
    /// The file of the secret URI of the member's account, mode 0600; not needed to look.
    pub key_file: Option<PathBuf>,
    /// The WebSocket address of the member's own node, which keeps its session keys. Default: the only one of `nodes`.
    pub own_node: Option<String>,
}

impl Config {
    /// Reads a configuration; without a file, the empty one.
    pub fn load(path: Option<&Path>) -> Result<Config, Error> {
        let Some(path) = path else { return Ok(Config::default()) };
        let text = read_text(path, LONGEST)?;
        let mut config: Config = toml::from_str(&text).map_err(|error| Error::Config {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        let home = path.parent().unwrap_or(Path::new(""));
        let (key, control) = (&mut config.key_centre, &mut config.control_centre);
        let files = [
            &mut key.dir,
            &mut key.key_file,
            &mut key.unlock_key,
            &mut control.dir,
            &mut control.key_file,
            &mut control.tariff,
            &mut config.consortium.key_file,
        ];
        for file in files.into_iter().flatten() {
            *file = home.join(&file);
        }
        if let Some(file) = key.passphrase_file.as_mut().filter(|file| *file != Path::new("-")) {
            *file = home.join(&file);
        }
        if let Some(store) = &mut key.store {
            if !store.contains("://") {
                *store = home.join(&store).to_string_lossy().into_owned();
            }
        }
        Ok(config)
    }

    /// The nodes to use, given those of the flags.
    pub fn nodes(&self, flags: &[String]) -> Vec<String> {
        match (flags, self.nodes.as_slice()) {
            ([], []) => vec![DEFAULT_NODE.to_owned()],
            ([], nodes) => nodes.to_vec(),
            (flags, _) => flags.to_vec(),
        }
    }
}

/// A setting from its flag or else from the configuration.
pub fn need<T>(flag: Option<T>, config: Option<T>, what: &'static str, name: &'static str) -> Result<T, Error> {
    flag.or(config).ok_or(Error::Missing { what, flag: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn relative_paths_start_from_the_configuration_and_addresses_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.toml");
        let text =
            "nodes = ['ws://a']\n[key_centre]\ndir = 'kc'\nkey_file = '/keys/kc'\nunlock_key = 'u'\nstore = 'bills'\n\
                    [control_centre]\ntariff = 't.toml'\n[consortium]\nkey_file = 'm.uri'\nown_node = 'ws://b'";
        std::fs::write(&path, text).unwrap();
        let config = Config::load(Some(&path)).unwrap();
        assert_eq!(config.key_centre.dir, Some(dir.path().join("kc")));
        assert_eq!(config.key_centre.key_file, Some("/keys/kc".into()));
        assert_eq!(config.key_centre.unlock_key, Some(dir.path().join("u")));
        assert_eq!(
            config.key_centre.store,
            Some(dir.path().join("bills").to_string_lossy().into_owned())
        );
        assert_eq!(config.control_centre.tariff, Some(dir.path().join("t.toml")));
        assert_eq!(config.consortium.key_file, Some(dir.path().join("m.uri")));
        assert_eq!(config.consortium.own_node.as_deref(), Some("ws://b"));
        let remote = load("[key_centre]\nstore = 'http://127.0.0.1:5001'").unwrap();
        assert_eq!(remote.key_centre.store.as_deref(), Some("http://127.0.0.1:5001"));
        let asked = load("[key_centre]\npassphrase_file = '-'").unwrap();
        assert_eq!(asked.key_centre.passphrase_file, Some("-".into()));
    }

    #[test]
    fn flags_win_over_the_configuration_and_that_over_the_default() {
        let config = load("nodes = ['ws://a']").unwrap();
        assert_eq!(config.nodes(&["ws://b".into()]), ["ws://b"]);
        assert_eq!(config.nodes(&[]), ["ws://a"]);
        assert_eq!(Config::default().nodes(&[]), [DEFAULT_NODE]);
        assert_eq!(need(Some(1), Some(2), "it", "--it").unwrap(), 1);
        assert_eq!(need(None, Some(2), "it", "--it").unwrap(), 2);
        assert!(matches!(
            need::<u8>(None, None, "it", "--it"),
            Err(Error::Missing { flag: "--it", .. })
        ));
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let error = load("[key_centre]\nkeyfile = 'k'").unwrap_err().to_string();
        assert!(error.contains("keyfile"), "{error}");
        assert!(matches!(load("nodes = 3"), Err(Error::Config { .. })));
    }

    #[test]
    fn a_configuration_that_is_not_there_is_named() {
        let error = Config::load(Some(Path::new("/nowhere/operator.toml")))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nowhere/operator.toml"), "{error}");
    }
}
