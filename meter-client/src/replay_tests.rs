use super::*;
use flate2::{write::GzEncoder, Compression};
use std::io::Write;
use tempfile::TempDir;

const GOOD: &str = "meter,timestamp_utc,wh\n\
    MAC1,2013-01-01T23:30:00Z,5\n\
    MAC1,2013-01-02T00:00:00Z,10\n\
    MAC1,2013-01-02T01:00:00Z,30\n\
    MAC2,2013-01-01T00:00:00Z,7\n\
    MAC2,2013-01-03T00:00:00Z,8\n";

fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn day(text: &str) -> Option<DateTime<Utc>> {
    Some(format!("{text}T00:00:00Z").parse().unwrap())
}

fn open(text: &str) -> Result<CsvReplay, ReplayError> {
    let (_dir, path) = file("readings.csv", text.as_bytes());
    CsvReplay::open(&path, "MAC1", day("2013-01-02"))
}

fn with_row(row: &str) -> String {
    format!("{GOOD}{row}\n")
}

#[test]
fn period_k_is_the_kth_half_hour_of_the_day_and_a_missing_row_is_silence() {
    let mut replay = open(GOOD).unwrap();
    assert_eq!(replay.reading(0).unwrap(), Some(10));
    assert_eq!(replay.reading(1).unwrap(), None);
    assert_eq!(replay.reading(2).unwrap(), Some(30));
    assert_eq!(replay.reading(1_439).unwrap(), None);
}

#[test]
fn a_replay_runs_on_into_the_days_after() {
    let (_dir, path) = file("readings.csv", GOOD.as_bytes());
    let mut replay = CsvReplay::open(&path, "MAC2", day("2013-01-01")).unwrap();
    assert_eq!(replay.reading(0).unwrap(), Some(7));
    assert_eq!(replay.reading(96).unwrap(), Some(8));
}

#[test]
fn without_a_start_the_replay_begins_at_the_meters_first_row() {
    let (_dir, path) = file("readings.csv", GOOD.as_bytes());
    let mut replay = CsvReplay::open(&path, "MAC1", None).unwrap();
    assert_eq!(replay.reading(0).unwrap(), Some(5));
    assert_eq!(replay.reading(1).unwrap(), Some(10));
}

#[test]
fn a_replay_may_begin_within_a_day() {
    let (_dir, path) = file("readings.csv", GOOD.as_bytes());
    let mut replay = CsvReplay::open(&path, "MAC1", Some("2013-01-02T01:00:00Z".parse().unwrap())).unwrap();
    assert_eq!(replay.reading(0).unwrap(), Some(30));
    let off = CsvReplay::open(&path, "MAC1", Some("2013-01-02T01:10:00Z".parse().unwrap()));
    assert!(matches!(off, Err(ReplayError::StartOffTheHalfHour { .. })));
}

#[test]
fn a_gzipped_file_reads_the_same() {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(GOOD.as_bytes()).unwrap();
    let (_dir, path) = file("readings.csv.gz", &packer.finish().unwrap());
    let mut replay = CsvReplay::open(&path, "MAC1", day("2013-01-02")).unwrap();
    assert_eq!(replay.reading(2).unwrap(), Some(30));
}

#[test]
fn columns_may_come_in_any_order() {
    let mut replay = open("wh,meter,timestamp_utc\n10,MAC1,2013-01-02T00:00:00Z\n").unwrap();
    assert_eq!(replay.reading(0).unwrap(), Some(10));
}

#[test]
fn a_missing_column_is_named() {
    for column in COLUMNS {
        let text = GOOD.replacen(column, "other", 1);
        assert!(matches!(open(&text), Err(ReplayError::MissingColumn { column: named, .. }) if named == column));
    }
}

#[test]
fn text_in_a_number_is_refused_with_its_line() {
    let error = open(&with_row("MAC3,2013-01-01T00:00:00Z,twelve")).err().unwrap();
    assert!(matches!(&error, ReplayError::NotANumber { line: 7, value, .. } if value == "twelve"));
    assert!(error.to_string().contains("line 7: `twelve`"));
}

#[test]
fn a_fraction_and_an_empty_field_are_no_whole_numbers() {
    for wh in ["1.5", "", "99999999999999999999"] {
        let error = open(&with_row(&format!("MAC3,2013-01-01T00:00:00Z,{wh}"))).err();
        assert!(matches!(error, Some(ReplayError::NotANumber { line: 7, .. })), "{wh}");
    }
}

#[test]
fn a_negative_reading_is_refused_with_its_line() {
    let error = open(&with_row("MAC3,2013-01-01T00:00:00Z,-1")).err();
    assert!(matches!(error, Some(ReplayError::Negative { line: 7, value: -1, .. })));
}

#[test]
fn a_duplicate_row_is_refused_with_its_line() {
    let error = open(&with_row("MAC2,2013-01-03T00:00:00Z,8")).err();
    assert!(
        matches!(error, Some(ReplayError::Duplicate { line: 7, meter, timestamp, .. })
        if meter == "MAC2" && timestamp == "2013-01-03T00:00:00Z")
    );
}

#[test]
fn a_row_earlier_than_the_one_before_it_is_refused_with_its_line() {
    let error = open(&with_row("MAC2,2013-01-02T00:00:00Z,8")).err();
    assert!(matches!(error, Some(ReplayError::Unordered { line: 7, .. })));
}

#[test]
fn a_meter_that_comes_back_after_another_is_unordered() {
    let error = open(&with_row("MAC1,2013-01-09T00:00:00Z,8")).err();
    assert!(matches!(error, Some(ReplayError::Unordered { line: 7, meter, .. }) if meter == "MAC1"));
}

#[test]
fn a_timestamp_that_is_none_or_off_the_half_hour_is_refused_with_its_line() {
    for time in [
        "yesterday",
        "2013-01-03",
        "2013-01-03T00:10:00Z",
        "2013-01-03T00:30:00.5Z",
        "1913-01-03T00:30:00Z",
    ] {
        let error = open(&with_row(&format!("MAC3,{time},8"))).err();
        assert!(
            matches!(error, Some(ReplayError::BadTimestamp { line: 7, .. })),
            "{time}"
        );
    }
}

#[test]
fn a_row_with_too_few_fields_is_refused_with_its_line() {
    let error = open(&with_row("MAC3,2013-01-03T00:00:00Z")).err().unwrap();
    assert!(matches!(error, ReplayError::Malformed { line: 7, .. }), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let mut bytes = GOOD.as_bytes().to_vec();
    bytes.extend_from_slice(b"MAC3,2013-01-03T00:00:00Z,\xff\n");
    let (_dir, path) = file("readings.csv", &bytes);
    let error = CsvReplay::open(&path, "MAC1", None).err().unwrap();
    assert!(matches!(error, ReplayError::Malformed { line: 7, .. }), "{error}");
}

#[test]
fn a_meter_that_is_not_in_the_file_is_named() {
    let (_dir, path) = file("readings.csv", GOOD.as_bytes());
    let error = CsvReplay::open(&path, "MAC9", None).err();
    assert!(matches!(error, Some(ReplayError::NoSuchMeter { meter, .. }) if meter == "MAC9"));
}

#[test]
fn a_file_with_a_header_alone_has_no_such_meter() {
    assert!(matches!(
        open("meter,timestamp_utc,wh\n"),
        Err(ReplayError::NoSuchMeter { .. })
    ));
}

#[test]
fn an_empty_file_misses_its_columns() {
    assert!(matches!(
        open(""),
        Err(ReplayError::MissingColumn { column: "meter", .. })
    ));
}

#[test]
fn a_start_outside_the_file_is_refused() {
    let (_dir, path) = file("readings.csv", GOOD.as_bytes());
    for text in ["2012-12-31", "2013-01-04"] {
        assert!(matches!(
            CsvReplay::open(&path, "MAC1", day(text)),
            Err(ReplayError::StartOutside { .. })
        ));
    }
}

#[test]
fn a_gzip_file_that_cannot_be_unpacked_is_refused() {
    let (_dir, path) = file("readings.csv.gz", b"meter,timestamp_utc,wh\n");
    assert!(matches!(
        CsvReplay::open(&path, "MAC1", None),
        Err(ReplayError::UnreadableGz { .. })
    ));
}

#[test]
fn a_gzip_file_that_breaks_off_is_refused() {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(GOOD.as_bytes()).unwrap();
    let mut bytes = packer.finish().unwrap();
    // Without the checksum at its end, every row can be read and none can be trusted.
    bytes.truncate(bytes.len() - 4);
    let (_dir, path) = file("broken.gz", &bytes);
    assert!(matches!(
        CsvReplay::open(&path, "MAC1", None),
        Err(ReplayError::UnreadableGz { .. })
    ));
}

#[test]
fn a_file_that_is_not_there_is_an_error_with_its_name() {
    let error = CsvReplay::open(Path::new("/nowhere/readings.csv"), "MAC1", None)
        .err()
        .unwrap();
    assert!(matches!(error, ReplayError::Unreadable { .. }));
    assert!(error.to_string().contains("/nowhere/readings.csv"));
}
