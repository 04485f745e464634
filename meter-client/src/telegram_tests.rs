use super::*;
use proptest::prelude::*;

const DSMR5: &[u8] = include_bytes!("../testdata/dsmr5.txt");
const DSMR4: &[u8] = include_bytes!("../testdata/dsmr4.txt");

/// The transmission of an optical port.
pub(crate) fn sml_bytes() -> Vec<u8> {
    let text = include_str!("../testdata/sml.hex");
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// A short P1 telegram of a moment in Amsterdam and of registers in watt-hours: drawn at two tariffs, and fed in.
pub(crate) fn p1_bytes(time: &str, [first, second, fed]: [u64; 3]) -> Vec<u8> {
    let kwh = |wh: u64| format!("{:06}.{:03}*kWh", wh / 1_000, wh % 1_000);
    let (first, second, fed) = (kwh(first), kwh(second), kwh(fed));
    let text = format!(
        "/GRV5\\2MADE\r\n\r\n0-0:1.0.0({time})\r\n0-0:96.1.1(4752)\r\n1-0:1.8.1({first})\r\n1-0:1.8.2({second})\r\n1-0:2.8.1({fed})\r\n!"
    );
    with_crc(&text)
}

/// A telegram with its checksum, CRC-16/ARC by its definition.
fn with_crc(text: &str) -> Vec<u8> {
    let crc = text.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| (crc >> 1) ^ (0xa001 * (crc & 1)))
    });
    format!("{text}{crc:04X}\r\n").into_bytes()
}

fn heard(protocol: Protocol, bytes: &[u8]) -> Vec<Result<Telegram, Fault>> {
    let mut heard = Vec::new();
    listen(protocol, bytes, |one| heard.push(one)).unwrap();
    heard
}

fn only(protocol: Protocol, bytes: &[u8]) -> Telegram {
    let [Ok(telegram)] = &heard(protocol, bytes)[..] else {
        panic!("no telegram, or several")
    };
    telegram.clone()
}

fn registers(of: &[(&str, u64)]) -> Registers {
    of.iter().map(|(name, wh)| ((*name).to_owned(), *wh)).collect()
}

fn time(text: &str) -> Option<Moment> {
    let time: chrono::DateTime<chrono::Utc> = text.parse().unwrap();
    Some(time.timestamp_millis().cast_unsigned())
}

#[test]
fn a_dsmr_5_telegram_gives_its_meter_its_summer_time_and_the_registers_of_both_tariffs() {
    let telegram = only(Protocol::P1, DSMR5);
    assert_eq!(telegram.meter, hex::encode("GRITVEL0000001"));
    assert_eq!(telegram.at, time("2026-07-14T07:30:05Z"));
    let expected = [
        ("1.8.1", 1_234_567),
        ("1.8.2", 890_123),
        ("2.8.1", 45_678),
        ("2.8.2", 12_001),
    ];
    assert!(telegram.registers == registers(&expected));
}

#[test]
fn a_dsmr_4_telegram_is_read_in_winter_time() {
    let telegram = only(Protocol::P1, DSMR4);
    assert_eq!(telegram.at, time("2026-01-18T22:59:50Z"));
    let expected = [("1.8.1", 12_345_678), ("1.8.2", 9_876_543), ("2.8.1", 0), ("2.8.2", 0)];
    assert!(telegram.registers == registers(&expected));
}

#[test]
fn an_sml_transmission_gives_its_totals_in_whole_watt_hours_and_leaves_out_their_parts() {
    let telegram = only(Protocol::Sml, &sml_bytes());
    assert_eq!((telegram.meter.as_str(), telegram.at), ("0a01475256000012ab34", None));
    assert!(telegram.registers == registers(&[("1.8.0", 12_345_678), ("2.8.0", 234_567)]));
}

#[test]
fn no_flipped_bit_gives_another_reading() {
    for (protocol, bytes) in [(Protocol::P1, DSMR5.to_vec()), (Protocol::Sml, sml_bytes())] {
        let whole = only(protocol, &bytes);
        let mut dropped = 0;
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match &heard(protocol, &flipped)[..] {
                [Ok(telegram)] => assert!(*telegram == whole, "{protocol:?}, bit {bit}"),
                others => {
                    assert!(others.iter().all(Result::is_err), "{protocol:?}, bit {bit}");
                    dropped += 1;
                }
            }
        }
        // But for the ends of lines, and small letters in place of capitals in the checksum.
        assert!(dropped > bytes.len() * 8 - 32, "{protocol:?}: {dropped}");
    }
}

#[test]
fn a_reader_that_joins_in_the_middle_hears_the_next_whole_telegram() {
    for (protocol, bytes) in [(Protocol::P1, DSMR5.to_vec()), (Protocol::Sml, sml_bytes())] {
        let whole = only(protocol, &bytes);
        for cut in 1..bytes.len() {
            let twice = [&bytes[cut..], &bytes].concat();
            let heard = heard(protocol, &twice);
            let good: Vec<_> = heard.iter().flatten().collect();
            assert!(good == [&whole], "{protocol:?}, from byte {cut}");
        }
    }
}

#[test]
fn an_input_that_ends_within_a_telegram_gives_none() {
    for (protocol, bytes) in [(Protocol::P1, DSMR5.to_vec()), (Protocol::Sml, sml_bytes())] {
        assert!(heard(protocol, &bytes[..bytes.len() - 8]).iter().all(Result::is_err));
    }
}

#[test]
fn a_telegram_without_registers_of_energy_is_told_from_a_damaged_one() {
    let text = "/GRV5\\2GAS\r\n\r\n0-0:1.0.0(260714093005S)\r\n!";
    assert_eq!(heard(Protocol::P1, &with_crc(text)), [Err(Fault::NoRegister)]);
    assert_eq!(
        heard(Protocol::P1, format!("{text}0000").as_bytes()),
        [Err(Fault::Damaged)]
    );
}

#[test]
fn an_object_of_an_odd_form_that_is_not_used_does_no_harm() {
    let gas = "0-1:24.2.1(260714093000S)(123456789012.345*m3)";
    let text = format!("/GRV5\\2ODD\r\n\r\n{gas}\r\n1-0:1.8.1(000001.234*kWh)\r\n!");
    assert!(only(Protocol::P1, &with_crc(&text)).registers == registers(&[("1.8.1", 1_234)]));
}

#[test]
fn a_telegram_is_shown_without_what_is_in_it() {
    assert_eq!(format!("{:?}", only(Protocol::P1, DSMR5)), "Telegram { .. }");
}

proptest! {
    #[test]
    fn bytes_that_nobody_meant_give_no_reading_and_no_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        at in any::<prop::sample::Index>(),
    ) {
        for (protocol, good) in [(Protocol::P1, DSMR5.to_vec()), (Protocol::Sml, sml_bytes())] {
            prop_assert!(heard(protocol, &bytes).iter().all(Result::is_err));
            let mut torn = good.clone();
            let at = at.index(good.len());
            torn.splice(at..at, bytes.iter().copied());
            heard(protocol, &torn);
        }
    }

    #[test]
    fn a_transmission_with_a_right_checksum_is_read_without_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..40,
    ) {
        let mut inner = sml_rs::transport::decode(sml_bytes()).remove(0).unwrap();
        let at = at.index(inner.len());
        let end = inner.len().min(at + cut);
        inner.splice(at..end, bytes);
        heard(Protocol::Sml, &sml_rs::transport::encode::<Vec<u8>>(inner).unwrap());
    }

    #[test]
    fn text_with_a_right_checksum_is_read_without_panic(lines in prop::collection::vec(line(), 0..20)) {
        heard(Protocol::P1, &with_crc(&format!("/GRV5\\2ANY\r\n\r\n{}!", lines.concat())));
    }
}

/// A line of a telegram, of a known object or of none, with a body that may be anything.
fn line() -> impl Strategy<Value = String> {
    let object = "(0-0:1\\.0\\.0|0-0:96\\.1\\.1|1-0:[12]\\.8\\.[12]|1-0:99\\.97\\.0|0-1:24\\.2\\.1|[0-9:.-]{0,9})";
    let body = "(\\([0-9SW.*)kh]{0,20}\\)|[^!/]{0,20})";
    (object, body).prop_map(|(object, body)| format!("{object}{body}\r\n"))
}
