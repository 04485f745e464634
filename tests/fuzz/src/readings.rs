//! Files of readings.

use gridveil_meter_client::{replay::CsvReplay, source::Source};
use std::{fs, path::PathBuf, sync::LazyLock};

/// Where the files are put; one for each thread.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder for files"));

fn file() -> PathBuf {
    FOLDER.path().join(format!("{:?}", std::thread::current().id()))
}

/// Takes a file of readings, gzipped or not.
pub fn csv(input: &[u8]) {
    let file = file();
    fs::write(&file, input).expect("the folder takes files");
    if let Ok(mut readings) = CsvReplay::open(&file, "MAC000002", None) {
        for period in [0, 1, 47, 1_487, u16::MAX] {
            let reading = readings.reading(period).expect("it was read as a whole");
            assert!(reading.is_none_or(|energy| energy >= 0));
        }
    }
}

/// Two meters for an hour, and the same with what a spreadsheet may add.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let plain = "meter,timestamp_utc,wh\nMAC000002,2013-01-18T00:00:00Z,120\nMAC000002,2013-01-18T00:30:00Z,95\n\
                 MAC000014,2013-01-18T00:00:00Z,310\n";
    let odd = "\u{feff}\"wh\",\"meter\",\"timestamp_utc\",\"more\"\r\n\"7\",\"MAC000002\",\"2013-01-18T01:00:00+01:00\",\"\"\r\n";
    vec![("plain", plain.into()), ("odd", odd.into())]
}
