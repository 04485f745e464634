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
//! For a real meter, the section is `kind = "p1:/dev/ttyUSB0"`, and perhaps `baud` and `register_digits`.
//! Relative paths in it start from the directory that the program is started in.
//!
//! **Privacy.** No secret belongs in it, and none can be put there: unknown names are refused.

use crate::port::{MeterConfig, Port};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The name of the file in the state directory.
const FILE: &str = "meter.toml";
/// The node that is used where none is named.
const NODE: &str = "ws://127.0.0.1:9944";
/// The digits of kilowatt-hours that nearly all meters have.
const DIGITS: u32 = 6;

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
    /// Where readings come from: csv, or a real meter at p1:PATH, sml:PATH, p1+tcp://HOST:PORT or sml+tcp://HOST:PORT, PATH
    /// being a serial port, a FIFO or, of P1, a recording to replay
    #[arg(long = "source", value_name = "SOURCE")]
    pub kind: Option<SourceKind>,
    /// The file of readings to replay, plain or gzipped
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The meter whose rows are replayed
    #[arg(long, value_name = "NAME")]
    pub meter: Option<String>,
    /// The day whose 00:00 (UTC) is period 0 of a replay; without day and start, period 0 is the first that the file has
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "start")]
    pub day: Option<NaiveDate>,
    /// The half hour that is period 0 of a replay, as an ISO 8601 timestamp
    #[arg(long, value_name = "TIMESTAMP")]
    pub start: Option<DateTime<Utc>>,
    /// The speed of the serial port; 115200 for P1 and 9600 for SML if not given
    #[arg(long, value_name = "N")]
    pub baud: Option<u32>,
    /// The digits of kilowatt-hours before the point after which the meter's registers roll over; 6 if not given
    #[arg(long, value_name = "N")]
    pub register_digits: Option<u32>,
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SourceKind {
    /// Replays a CSV file of published readings.
    Csv,
    /// Listens to a meter.
    Meter(Port),
}

impl FromStr for SourceKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "csv" => Ok(Self::Csv),
            port => port.parse().map(Self::Meter),
        }
    }
}

impl TryFrom<String> for SourceKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A source, with everything that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// A replay of a CSV file.
    Csv(ReplayConfig),
    /// A real meter.
    Meter(MeterConfig),
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
    /// The source that flags over the file name.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`].
    pub fn chosen(&self, file: &Self) -> Result<Chosen, ConfigError> {
        let missing = |what, flag| ConfigError::Missing { what, flag };
        let kind = self.kind.as_ref().or(file.kind.as_ref());
        if let SourceKind::Meter(port) = kind.ok_or_else(|| missing("where readings come from", "--source"))? {
            return Ok(Chosen::Meter(MeterConfig {
                port: port.clone(),
                baud: self.baud.or(file.baud),
                digits: self.register_digits.or(file.register_digits).unwrap_or(DIGITS),
                start: self.label().or_else(|| file.label()),
            }));
        }
        Ok(Chosen::Csv(ReplayConfig {
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
        }))
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

    fn replay(flags: &SourceConfig, config: &Config) -> ReplayConfig {
        match flags.chosen(&config.source).unwrap() {
            Chosen::Csv(replay) => replay,
            Chosen::Meter(_) => panic!("a meter"),
        }
    }

    #[test]
    fn the_directorys_own_file_is_read_where_none_is_named() {
        let config = load(TEXT).unwrap();
        assert_eq!(config.nodes(&[]), ["ws://one", "ws://two"]);
        assert_eq!(config.store(None).unwrap(), "somewhere");
        assert_eq!(config.by, Some(By::Both));
        let replay = replay(&SourceConfig::default(), &config);
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
        assert_eq!(replay(&flags, &config).meter, "MAC2");
        let start = Some("2013-01-19T09:30:00Z".parse().unwrap());
        let flags = SourceConfig {
            start,
            ..SourceConfig::default()
        };
        assert_eq!(replay(&flags, &config).start, start);
    }

    #[test]
    fn a_meter_goes_by_its_port_with_flags_over_the_file() {
        let text = "[source]\nkind = \"sml:/dev/ttyUSB0\"\nbaud = 19200\nregister_digits = 5";
        let config = load(text).unwrap();
        let flags = SourceConfig {
            register_digits: Some(8),
            ..SourceConfig::default()
        };
        let Chosen::Meter(meter) = flags.chosen(&config.source).unwrap() else {
            panic!("a replay")
        };
        assert_eq!(meter.port, "sml:/dev/ttyUSB0".parse().unwrap());
        assert_eq!((meter.baud, meter.digits), (Some(19_200), 8));
        let flags = SourceConfig {
            kind: Some("p1+tcp://meter.home:23".parse().unwrap()),
            ..SourceConfig::default()
        };
        let Chosen::Meter(meter) = flags.chosen(&SourceConfig::default()).unwrap() else {
            panic!("a replay")
        };
        assert_eq!(
            (meter.port.to_string().as_str(), meter.baud, meter.digits),
            ("p1+tcp://meter.home:23", None, 6)
        );
    }

    #[test]
    fn a_source_that_makes_no_sense_is_refused_and_told_of() {
        for text in [
            "",
            "p2:/dev/ttyUSB0",
            "p1",
            "sml:",
            "p1+tcp:meter:23",
            "p1+tcp://meter",
            "p1+tcp://:23",
            "sml+tcp://m:0",
        ] {
            assert!(text.parse::<SourceKind>().is_err(), "{text}");
        }
        let error = load("[source]\nkind = \"p1:\"").unwrap_err().to_string();
        assert!(error.contains("p1:/dev/ttyUSB0"), "{error}");
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
            flags.chosen(&config.source),
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
