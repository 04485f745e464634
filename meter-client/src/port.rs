//! Where a meter is heard: a serial port, a TCP port, a FIFO, or a recording.
//!
//! A serial port, a FIFO and a TCP port are listened to by a thread of their own for as long as the source lives. What fails
//! or stays quiet for half a minute is opened again, after a pause that doubles up to a minute. A telegram's time is that of
//! its arrival by this machine's clock, by which periods are told, too. A recording is a regular file of P1 telegrams: it is
//! read whole and replayed by the telegrams' own times, as a CSV file is by its labels.
//!
//! **Privacy.** Telegrams come in the clear, as meters send them: keep a TCP port within the home. What is logged is the port,
//! its errors and how many telegrams were dropped.

use crate::{
    clock::{Clock, SystemClock},
    register::{Book, Grid, Metered, Shared},
    source::{Source, SourceError},
    state::{StateDir, StateError},
    telegram::{listen, Fault, Protocol, Telegram},
};
use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};
use gridveil_primitives::{Moment, PeriodIndex};
use std::{
    fmt,
    fs::{self, File},
    io::{self, ErrorKind, Read},
    net::{TcpStream, ToSocketAddrs},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    str::FromStr,
    thread,
    time::Duration,
};

/// How long connecting may take, and how long a port may be quiet: meters speak every second, the older ones every ten.
const QUIET: Duration = Duration::from_secs(30);
/// The longest pause before a port is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The milliseconds between two boundaries of a replay.
const STEP: u64 = 1_800_000;

/// What can be wrong with a meter's port.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// There is nothing under this path.
    #[error("{}: {cause}; check that the cable is in, and the name (`ls /dev/serial/by-id`)", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A recording that cannot be replayed.
    #[error("{}: {reason}", path.display())]
    Recording {
        /// The path.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// What was kept of the registers cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A meter's port, as `--source` names it: `p1:PATH`, `sml:PATH`, `p1+tcp://HOST:PORT` or `sml+tcp://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// How the meter speaks.
    pub protocol: Protocol,
    /// Where.
    pub place: Place,
}

/// Where a meter speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A serial port, a FIFO or a recording.
    Path(PathBuf),
    /// The host and port of a serial port server or of a P1 reader.
    Tcp(String),
}

/// How to listen to a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterConfig {
    /// Where.
    pub port: Port,
    /// The serial port's speed; the protocol's own where none is given.
    pub baud: Option<u32>,
    /// The digits of kilowatt-hours after which registers roll over.
    pub digits: u32,
    /// The half hour of a recording that is period 0; its first whole one, where none is named.
    pub start: Option<DateTime<Utc>>,
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let (name, is_tcp) = scheme.strip_suffix("+tcp").map_or((scheme, false), |name| (name, true));
        let protocol = match name {
            "p1" => Protocol::P1,
            "sml" => Protocol::Sml,
            _ => return Err("a source is csv, p1:PATH, sml:PATH, p1+tcp://HOST:PORT or sml+tcp://HOST:PORT".into()),
        };
        let place = if is_tcp {
            rest.strip_prefix("//")
                .filter(|address| {
                    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
                    port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
                })
                .map(|address| Place::Tcp(address.into()))
        } else {
            Some(rest)
                .filter(|path| !path.is_empty())
                .map(|path| Place::Path(path.into()))
        };
        let place = place.ok_or_else(|| match is_tcp {
            true => format!("{name}+tcp wants a host and a port, as in {name}+tcp://192.168.1.20:23"),
            false => format!("{name} wants a path, as in {name}:/dev/ttyUSB0"),
        })?;
        Ok(Self { protocol, place })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.protocol {
            Protocol::P1 => "p1",
            Protocol::Sml => "sml",
        };
        match &self.place {
            Place::Path(path) => write!(f, "{name}:{}", path.display()),
            Place::Tcp(address) => write!(f, "{name}+tcp://{address}"),
        }
    }
}

/// The source that `config` describes; a port is listened to from now on. The caller holds the lock of the state directory.
///
/// # Errors
///
/// [`PortError`] for a path that is not there, a recording that cannot be replayed, and a state that cannot be used. A port
/// that only does not answer is no error: it is tried again.
pub fn open(config: &MeterConfig, state: &StateDir) -> Result<Box<dyn Source>, PortError> {
    if let Place::Path(path) = &config.port.place {
        let found = fs::metadata(path).map_err(|cause| PortError::Missing {
            path: path.clone(),
            cause,
        })?;
        if found.is_file() {
            return Ok(Box::new(Recording::read(path, config)?));
        }
    }
    let source = Metered::open(state, config.digits)?;
    let (shared, config) = (source.shared(), config.clone());
    thread::spawn(move || follow(&config, &shared, &SystemClock));
    Ok(Box::new(source))
}

/// Listens to a port until the source is gone.
fn follow(config: &MeterConfig, shared: &Shared, clock: &impl Clock) {
    let port = &config.port;
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times();
    let mut pause = pauses.build();
    let mut dropped = 0;
    while !shared.is_closed() {
        let heard = attach(config).and_then(|input| {
            listen(port.protocol, input, |heard| match heard {
                Ok(telegram) => {
                    pause = pauses.build();
                    shared.enter(telegram, clock.now());
                }
                Err(fault) => drop_one(port, fault, &mut dropped),
            })
        });
        let wait = pause.next().unwrap_or(LONGEST_PAUSE);
        let reason = match heard {
            Ok(()) => "it was closed from the other side".into(),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                format!(
                    "nothing came for {} s; check the cable, and whether the meter's port is switched on",
                    QUIET.as_secs()
                )
            }
            Err(error) => error.to_string(),
        };
        tracing::warn!(%port, reason, "the meter is not heard; its port is opened again in {} s", wait.as_secs());
        thread::sleep(wait);
    }
}

/// Counts a telegram that was dropped, and says so ever more rarely.
fn drop_one(port: &Port, fault: Fault, dropped: &mut u64) {
    *dropped += 1;
    if dropped.is_power_of_two() {
        tracing::warn!(%port, dropped = *dropped, %fault, "a telegram was dropped");
    }
}

/// Opens a port for reading, with a time-out. A FIFO has none: it waits for its writer.
fn attach(config: &MeterConfig) -> io::Result<Box<dyn Read>> {
    let address = match &config.port.place {
        Place::Path(path) if fs::metadata(path)?.file_type().is_fifo() => return Ok(Box::new(File::open(path)?)),
        Place::Path(path) => {
            let mut serial = serial2::SerialPort::open(path, config.baud.unwrap_or(config.port.protocol.baud()))?;
            serial.set_read_timeout(QUIET)?;
            return Ok(Box::new(serial));
        }
        Place::Tcp(address) => address,
    };
    let mut failure = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, QUIET) {
            Ok(stream) => {
                stream.set_read_timeout(Some(QUIET))?;
                return Ok(Box::new(stream));
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

impl Protocol {
    /// The speed of a serial port, of eight bits without parity.
    fn baud(self) -> u32 {
        match self {
            Self::P1 => 115_200,
            Self::Sml => 9_600,
        }
    }
}

/// A recording of P1 telegrams, replayed.
struct Recording {
    book: Book,
    grid: Grid,
    digits: u32,
}

impl Recording {
    fn read(path: &Path, config: &MeterConfig) -> Result<Self, PortError> {
        let wrong = |reason: String| PortError::Recording {
            path: path.to_owned(),
            reason,
        };
        let file =
            File::open(path).map_err(|error| wrong(format!("cannot be read: {error}; check the permissions")))?;
        let mut heard: Vec<(Moment, Telegram)> = Vec::new();
        let mut dropped = 0;
        listen(config.port.protocol, file, |telegram| match telegram {
            Ok(telegram) => heard.extend(telegram.at.map(|at| (at, telegram))),
            Err(fault) => drop_one(&config.port, fault, &mut dropped),
        })
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let (Some((first, _)), Some((last, _))) = (heard.first(), heard.last()) else {
            let reason =
                "holds no telegram with a right checksum and a time; SML has no time, so play it into a FIFO instead";
            return Err(wrong(reason.into()));
        };
        let start = match config.start {
            Some(start) => Moment::try_from(start.timestamp_millis()).unwrap_or_default(),
            None => first.next_multiple_of(STEP),
        };
        if start % STEP != 0 || !(first..=last).contains(&&start) {
            let time = |moment: &Moment| DateTime::from_timestamp_millis(moment.cast_signed()).unwrap_or_default();
            let reason = format!("covers {} to {}; start on a half hour within", time(first), time(last));
            return Err(wrong(reason));
        }
        let grid = Grid { start, step: STEP };
        let mut book = Book::new(grid);
        for (at, telegram) in heard {
            book.enter(telegram, at);
        }
        let digits = config.digits;
        Ok(Self { book, grid, digits })
    }
}

impl Source for Recording {
    fn reading(&mut self, period: PeriodIndex) -> Result<Option<i64>, SourceError> {
        let (from, to) = (self.grid.at(period), self.grid.at(period.saturating_add(1)));
        self.book.between(from, to, self.digits).map_err(|error| SourceError {
            period,
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
