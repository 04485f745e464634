use super::*;
use crate::telegram::tests::{p1_bytes, sml_bytes};
use gridveil_primitives::CycleSchedule;
use std::{
    collections::VecDeque,
    fs::OpenOptions,
    future::Future,
    io::Write,
    net::TcpListener,
    os::fd::AsRawFd,
    process::Command,
    sync::{
        mpsc::{channel, Receiver, RecvTimeoutError, Sender},
        Arc, Mutex,
    },
};
use tempfile::TempDir;

const HALF_HOUR: u64 = 1_800_000;
const SCHEDULE: CycleSchedule = CycleSchedule {
    start: HALF_HOUR,
    period_ms: HALF_HOUR,
    window_ms: HALF_HOUR,
    periods: 2,
};
/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that is asked once for each telegram: it gives the times it was told, and says that it was asked.
struct Script {
    times: Mutex<VecDeque<Moment>>,
    asked: Sender<()>,
}

impl Clock for Script {
    fn now(&self) -> Moment {
        let now = self.times.lock().unwrap().pop_front().unwrap_or(3 * HALF_HOUR);
        let _ = self.asked.send(());
        now
    }

    fn sleep_until(&self, _: Moment) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

fn config(source: &str) -> MeterConfig {
    MeterConfig {
        port: source.parse().unwrap(),
        baud: None,
        digits: 6,
        start: None,
    }
}

/// A source that is listening, whose telegrams come a second before the ends of two periods and then later.
struct Listening {
    source: Metered,
    asked: Receiver<()>,
    thread: thread::JoinHandle<()>,
    _dir: TempDir,
}

fn listening(source: &str) -> Listening {
    let dir = tempfile::tempdir().unwrap();
    let mut metered = Metered::open(&StateDir::new(dir.path()), 6).unwrap();
    metered.begin(&SCHEDULE);
    let (asked, receiver) = channel();
    let times = Mutex::new([HALF_HOUR - 1_000, 2 * HALF_HOUR - 1_000].into());
    let clock = Script { times, asked };
    let (config, shared): (_, Arc<Shared>) = (config(source), metered.shared());
    Listening {
        source: metered,
        asked: receiver,
        thread: thread::spawn(move || follow(&config, &shared, &clock)),
        _dir: dir,
    }
}

impl Listening {
    /// The reading of the first period, once two telegrams have been entered and a third was heard.
    fn reading(&mut self) -> Option<i64> {
        for _ in 0..3 {
            self.asked.recv_timeout(PATIENCE).expect("a telegram is heard");
        }
        self.source.reading(0).unwrap()
    }

    /// Ends the source, and with it, once the port is closed, the thread.
    fn end(self, port: impl Sized) {
        drop(self.source);
        drop(port);
        self.thread.join().unwrap();
    }
}

fn p1(wh: u64) -> Vec<u8> {
    p1_bytes("260714093005S", [wh, 1_000, 0])
}

fn damaged(wh: u64) -> Vec<u8> {
    let mut bytes = p1(wh);
    bytes[40] ^= 1;
    bytes
}

#[test]
fn a_tcp_port_is_connected_to_again_and_what_was_damaged_on_it_does_not_count() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut listening = listening(&format!("p1+tcp://{}", server.local_addr().unwrap()));
    let (mut first, _) = server.accept().unwrap();
    first
        .write_all(&[&p1(0)[50..], &damaged(9_000), &p1(5_000)].concat())
        .unwrap();
    // Cut off within a telegram.
    first.write_all(&p1(6_000)[..60]).unwrap();
    drop(first);
    let (mut second, _) = server.accept().unwrap();
    second
        .write_all(&[p1(5_321), damaged(9_000), p1(5_400)].concat())
        .unwrap();
    assert_eq!(listening.reading(), Some(321));
    listening.end(second);
}

#[test]
fn a_serial_port_is_read_raw_so_that_sml_comes_through() {
    let (meter, device) = serial2::SerialPort::pair().unwrap();
    let path = fs::read_link(format!("/proc/self/fd/{}", device.as_raw_fd())).unwrap();
    let mut listening = listening(&format!("sml:{}", path.display()));
    // Said again and again, as meters do; what was said while the port was being set may come through changed.
    let (stop, stopped) = channel::<()>();
    let meter = thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
            meter.write_all(&sml_bytes()).unwrap();
        }
        meter
    });
    assert_eq!(listening.reading(), Some(0));
    drop(stop);
    listening.end((meter.join().unwrap(), device));
}

#[test]
fn a_fifo_may_change_its_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("meter");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut listening = listening(&format!("p1:{}", path.display()));
    let writer = || OpenOptions::new().write(true).open(&path).unwrap();
    writer().write_all(&p1(5_000)).unwrap();
    let mut second = writer();
    second.write_all(&[p1(5_050), p1(5_060)].concat()).unwrap();
    assert_eq!(listening.reading(), Some(50));
    listening.end(second);
}

/// A recording in a file, of moments on a summer's day in Amsterdam and the register at each, and what becomes of it.
fn recording(of: &[(&str, u64)], start: Option<&str>, source: &str) -> (TempDir, Result<Box<dyn Source>, PortError>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recording");
    let bytes: Vec<u8> = of
        .iter()
        .flat_map(|(time, wh)| p1_bytes(&format!("260714{time}S"), [*wh, 0, 0]))
        .collect();
    fs::write(&path, bytes).unwrap();
    let config = MeterConfig {
        start: start.map(|start| start.parse().unwrap()),
        ..config(&format!("{source}:{}", path.display()))
    };
    let opened = open(&config, &StateDir::new(dir.path()));
    (dir, opened)
}

/// From shortly before half past nine to shortly before half past eleven, and nothing at half past ten.
const MORNING: [(&str, u64); 5] = [
    ("092955", 1_000),
    ("095945", 1_100),
    ("100500", 1_130),
    ("105955", 1_300),
    ("112955", 1_450),
];

#[test]
fn a_recording_is_replayed_by_its_own_times_from_its_first_half_hour_or_a_named_one() {
    for (start, readings) in [
        (None, [Some(100), None, None]),
        (Some("2026-07-14T07:30:00Z"), [Some(100), None, None]),
        (Some("2026-07-14T08:30:00Z"), [None, Some(150), None]),
    ] {
        let (_dir, source) = recording(&MORNING, start, "p1");
        let mut source = source.unwrap();
        // The chain's calendar is of no concern to it.
        source.begin(&SCHEDULE);
        assert_eq!(
            [0, 1, 2].map(|period| source.reading(period).unwrap()),
            readings,
            "{start:?}"
        );
    }
}

#[test]
fn a_recording_that_cannot_be_replayed_says_why() {
    for (of, start, source, told) in [
        (
            &MORNING[..],
            Some("2026-07-15T08:00:00Z"),
            "p1",
            "2026-07-14 07:29:55 UTC to 2026-07-14 09:29:55 UTC",
        ),
        (&MORNING, Some("2026-07-14T08:10:00Z"), "p1", "half hour"),
        (&MORNING[..1], None, "p1", "half hour"),
        (&[], None, "p1", "right checksum"),
        (&MORNING, None, "sml", "FIFO"),
    ] {
        let (_dir, opened) = recording(of, start, source);
        let error = opened.err().expect("it is refused").to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_path_at_which_there_is_nothing_is_told_of_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let error = open(&config("p1:/nowhere/ttyUSB0"), &StateDir::new(dir.path()))
        .err()
        .unwrap();
    assert!(error.to_string().contains("/nowhere/ttyUSB0"));
}
