//! The configuration file, and flags over it.
//!
//! The file is the one named by `--config` or, where none is named, `meter.toml` in the state directory if it is there:
//!
//! ```toml
//! nodes = ["ws://127.0.0.1:9944", "ws://127.0.0.1:9945"]   # the region's aggregator first
//! store = "http://127.0.0.1:5001"                          # Kubo's RPC address, or a directory
//! by = "both"                                              # how shares are sent: direct, batch or both
//!
//! [source]
//! kind = "csv"
//! csv = "readings.csv.gz"
//! meter = "MAC000002"
//! day = "2013-01-18"
//! ```
//!
//! Relative paths in it start from the directory that the program is started in.
//!
//! **Privacy.** No secret belongs in it, and none can be put there: unknown names are refused.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The name of the file in the state directory.
const FILE: &str = "meter.toml";
/// The node that is used where none is named.
const NODE: &str = "ws://127.0.0.1:9944";

/// What can be wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {cause}; check the path and the permissions", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's words.
        cause: String,
    },
    /// The file is not of the form above.
    #[error("{}: {cause}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        cause: String,
    },
    /// Something that has no default is in neither the file nor the flags.
    #[error("{what} is not set; give {flag}, or set it in the configuration file")]
    Missing {
        /// What.
        what: &'static str,
        /// The flag.
        flag: &'static str,
    },
}

/// The configuration as the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The WebSocket addresses of the nodes, the region's aggregator first. Default: `ws://127.0.0.1:9944`.
    pub nodes: Option<Vec<String>>,
    /// Where bills are: the `http://` address of a Kubo RPC, or a directory.
    pub store: Option<String>,
    /// How shares are sent. Default: `direct`.
    pub by: Option<By>,
    /// Where readings come from.
    #[serde(default)]
    pub source: SourceConfig,
}

/// Where readings come from; in the file or by flags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The kind of source
    #[arg(long = "source")]
    pub kind: Option<SourceKind>,
    /// The file of readings to replay, plain or gzipped
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The meter whose rows are replayed
    #[arg(long, value_name = "NAME")]
    pub meter: Option<String>,
    /// The day whose 00:00 (UTC) is period 0; without day and start, period 0 is the meter's first row
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "start")]
    pub day: Option<NaiveDate>,
    /// The half hour that is period 0, as an ISO 8601 timestamp
    #[arg(long, value_name = "TIMESTAMP")]
    pub start: Option<DateTime<Utc>>,
}

/// The ways in which shares reach the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// As transactions of their own, by any node
    #[default]
    Direct,
    /// In the batches of the region's aggregator, the first node, and in no other way
    Batch,
    /// First in a batch; what is not final by half of the window, or is turned away, as a transaction
    Both,
}

/// The kinds of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Replays a CSV file of published readings
    Csv,
}

/// A replay, with everything that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayConfig {
    /// The file.
    pub csv: PathBuf,
    /// The meter.
    pub meter: String,
    /// The label of period 0.
    pub start: Option<DateTime<Utc>>,
}

impl Config {
    /// Reads `file` or, where none is named, the state directory's own file if it has one.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unreadable`], [`ConfigError::Malformed`].
    pub fn load(file: Option<&Path>, dir: &Path) -> Result<Self, ConfigError> {
        let path = file.map_or_else(|| dir.join(FILE), Path::to_owned);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(ConfigError::Unreadable {
                    file: path,
                    cause: error.to_string(),
                })
            }
        };
        toml::from_str(&text).map_err(|error| ConfigError::Malformed {
            file: path,
            cause: error.to_string(),
        })
    }

    /// The nodes, with those given by flags over the file's.
    pub fn nodes(&self, flags: &[String]) -> Vec<String> {
        match (flags, &self.nodes) {
            ([], Some(nodes)) => nodes.clone(),
            ([], None) => vec![NODE.into()],
            (flags, _) => flags.to_vec(),
        }
    }

    /// The store of bills, with the flag over the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`].
    pub fn store(&self, flag: Option<&str>) -> Result<String, ConfigError> {
        flag.map(str::to_owned)
            .or_else(|| self.store.clone())
            .ok_or(ConfigError::Missing {
                what: "the store of bills",
                flag: "--store",
            })
    }
}

impl SourceConfig {
    /// The replay that flags over the file name.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`].
    pub fn replay(&self, file: &Self) -> Result<ReplayConfig, ConfigError> {
        let missing = |what, flag| ConfigError::Missing { what, flag };
        self.kind
            .or(file.kind)
            .ok_or_else(|| missing("the kind of source", "--source csv"))?;
        Ok(ReplayConfig {
            csv: self
                .csv
                .clone()
                .or_else(|| file.csv.clone())
                .ok_or_else(|| missing("the file to replay", "--csv"))?,
            meter: self
                .meter
                .clone()
                .or_else(|| file.meter.clone())
                .ok_or_else(|| missing("the meter to replay", "--meter"))?,
            start: self.label().or_else(|| file.label()),
        })
    }

    /// The label of period 0, where one is named.
    fn label(&self) -> Option<DateTime<Utc>> {
        self.start
            .or_else(|| self.day.map(|day| day.and_time(NaiveTime::MIN).and_utc()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        nodes = ["ws://one", "ws://two"]
        store = "somewhere"
        by = "both"
        [source]
        kind = "csv"
        csv = "readings.csv.gz"
        meter = "MAC1"
        day = "2013-01-18"
    "#;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), text).unwrap();
        Config::load(None, dir.path())
    }

    #[test]
    fn the_directorys_own_file_is_read_where_none_is_named() {
        let config = load(TEXT).unwrap();
        assert_eq!(config.nodes(&[]), ["ws://one", "ws://two"]);
        assert_eq!(config.store(None).unwrap(), "somewhere");
        assert_eq!(config.by, Some(By::Both));
        let replay = SourceConfig::default().replay(&config.source).unwrap();
        assert_eq!(
            replay,
            ReplayConfig {
                csv: "readings.csv.gz".into(),
                meter: "MAC1".into(),
                start: Some("2013-01-18T00:00:00Z".parse().unwrap())
            }
        );
    }

    #[test]
    fn flags_go_over_the_file() {
        let config = load(TEXT).unwrap();
        assert_eq!(config.nodes(&["ws://three".into()]), ["ws://three"]);
        assert_eq!(config.store(Some("elsewhere")).unwrap(), "elsewhere");
        let flags = SourceConfig {
            meter: Some("MAC2".into()),
            ..SourceConfig::default()
        };
        assert_eq!(flags.replay(&config.source).unwrap().meter, "MAC2");
        let start = Some("2013-01-19T09:30:00Z".parse().unwrap());
        let flags = SourceConfig {
            start,
            ..SourceConfig::default()
        };
        assert_eq!(flags.replay(&config.source).unwrap().start, start);
    }

    #[test]
    fn without_a_file_the_node_has_a_default_and_the_rest_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::load(None, dir.path()).unwrap();
        assert_eq!(config.nodes(&[]), [NODE]);
        assert!(matches!(
            config.store(None),
            Err(ConfigError::Missing { flag: "--store", .. })
        ));
        let flags = SourceConfig {
            kind: Some(SourceKind::Csv),
            ..SourceConfig::default()
        };
        assert!(matches!(
            flags.replay(&config.source),
            Err(ConfigError::Missing { flag: "--csv", .. })
        ));
    }

    #[test]
    fn a_named_file_that_is_not_there_is_an_error() {
        let error = Config::load(Some(Path::new("/nowhere/meter.toml")), Path::new("."));
        assert!(matches!(error, Err(ConfigError::Unreadable { .. })));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(matches!(load("secret = 1"), Err(ConfigError::Malformed { .. })));
    }
}
