//! What an electricity meter says by itself: DSMR P1 telegrams and SML transmissions, as registers of energy.
//!
//! [`listen`] reads bytes and hands over one [`Telegram`] at a time, or the [`Fault`] for which one was dropped; what comes
//! before the first whole one is skipped, since a reader joins in the middle. Only what carries a right checksum counts. Of
//! it, three things are used: the meter's number, the registers of energy drawn (1.8) and fed in (2.8), and, of P1, the time.
//!
//! **Privacy.** A register is a reading; it is neither logged nor shown.

use chrono::NaiveDate;
use dsmr5::{types::TST, ReaderError, Readout, OBIS};
use gridveil_primitives::Moment;
use sml_rs::{
    parser::{
        common::{ListEntry, Value},
        streaming::{MessageBody, ParseEvent, Parser},
    },
    transport::{DecodeErr, ReadDecodedError},
    SmlReader,
};
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, BufRead, BufReader, ErrorKind, Read},
};

/// Watt-hours by register: `1.8.0` is all that was drawn, `1.8.1` what was drawn at the first tariff, `2.8.0` all that was fed in.
pub type Registers = BTreeMap<String, u64>;

/// The unit watt-hour in the list of units of IEC 62056-62.
const WATT_HOURS: u8 = 30;

/// The objects of a P1 telegram that are used: its time, the meter's number, energy drawn and fed in.
const OBJECTS: [&str; 6] = [
    "0-0:1.0.0(",
    "0-0:96.1.1(",
    "1-0:1.8.1(",
    "1-0:1.8.2(",
    "1-0:2.8.1(",
    "1-0:2.8.2(",
];

/// How a meter speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// DSMR 4 and 5, the P1 port.
    P1,
    /// Smart Message Language, the optical port.
    Sml,
}

/// What a meter said at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Telegram {
    /// The meter's own number, in hexadecimal; empty where it does not say.
    pub meter: String,
    /// When it said so by its own clock; of P1 only.
    pub at: Option<Moment>,
    /// Its registers; a total where the meter has one, otherwise those of the tariffs.
    pub registers: Registers,
}

impl fmt::Debug for Telegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telegram").finish_non_exhaustive()
    }
}

/// Why a telegram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not as the meter sent it, or of another protocol.
    #[error("its checksum or form is wrong; check the cable, and the speed (--baud)")]
    Damaged,
    /// It is whole and has no register that is read here.
    #[error(
        "it has no register of energy drawn, 1.8.0 or 1.8.1; of an optical port, unlock the meter's full data set"
    )]
    NoRegister,
}

/// Reads telegrams until the input ends, and hands each to `hear`.
///
/// # Errors
///
/// That of the input.
pub fn listen(protocol: Protocol, input: impl Read, hear: impl FnMut(Result<Telegram, Fault>)) -> io::Result<()> {
    let input = BufReader::new(input);
    match protocol {
        Protocol::P1 => listen_p1(input, hear),
        Protocol::Sml => listen_sml(input, hear),
    }
}

fn listen_p1(input: impl BufRead, mut hear: impl FnMut(Result<Telegram, Fault>)) -> io::Result<()> {
    for readout in dsmr5::Reader::new(input.bytes()) {
        hear(match readout {
            Ok(readout) => p1(&readout),
            Err(ReaderError::BufferOverFlow) => Err(Fault::Damaged),
            Err(ReaderError::IOError(error)) => return Err(error),
        });
    }
    Ok(())
}

/// What a P1 telegram says.
fn p1(readout: &Readout) -> Result<Telegram, Fault> {
    // The parser cuts text at fixed places, where other characters than ASCII's could be cut in two.
    let text = std::str::from_utf8(&readout.buffer).ok().filter(|text| text.is_ascii());
    let text = text.ok_or(Fault::Damaged)?;
    readout.to_telegram().map_err(|_| Fault::Damaged)?;
    let (mut meter, mut at, mut registers) = (String::new(), None, Registers::new());
    // Only what is used is parsed: in some other objects (0-n:24.2.1) the parser panics at numbers of an odd form.
    let used = |line: &&str| OBJECTS.iter().any(|object| line.starts_with(object));
    for object in text.lines().filter(used).flat_map(OBIS::parse) {
        match object {
            OBIS::DateTime(time) => at = moment(&time),
            OBIS::EquipmentIdentifier(number) => meter = hex::encode(number.as_octets().flatten().collect::<Vec<_>>()),
            OBIS::MeterReadingTo(tariff, kwh) => {
                registers.insert(format!("1.8.{}", tariff as u8 + 1), watt_hours((&kwh).into()));
            }
            OBIS::MeterReadingBy(tariff, kwh) => {
                registers.insert(format!("2.8.{}", tariff as u8 + 1), watt_hours((&kwh).into()));
            }
            _ => {}
        }
    }
    telegram(meter, at, registers)
}

/// Kilowatt-hours with three decimals, of nine digits together, as watt-hours; exact, as a double has 15 digits.
fn watt_hours(kwh: f64) -> u64 {
    (kwh * 1_000.0).round() as u64
}

/// The time of a P1 telegram, which is that of Amsterdam.
fn moment(time: &TST) -> Option<Moment> {
    let offset = if time.dst { 7_200 } else { 3_600 };
    let local = NaiveDate::from_ymd_opt(2_000 + i32::from(time.year), time.month.into(), time.day.into())?
        .and_hms_opt(time.hour.into(), time.minute.into(), time.second.into())?
        .and_utc();
    Moment::try_from((local.timestamp() - offset) * 1_000).ok()
}

fn listen_sml(input: impl Read, mut hear: impl FnMut(Result<Telegram, Fault>)) -> io::Result<()> {
    let mut reader = SmlReader::from_reader(input);
    loop {
        hear(match reader.next::<Parser>() {
            None => return Ok(()),
            Some(Ok(events)) => sml(events),
            Some(Err(ReadDecodedError::DecodeErr(DecodeErr::DiscardedBytes(_)))) => continue,
            Some(Err(ReadDecodedError::DecodeErr(_))) => Err(Fault::Damaged),
            Some(Err(ReadDecodedError::IoErr(error, _))) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Some(Err(ReadDecodedError::IoErr(error, _))) => return Err(error),
        });
    }
}

/// What an SML transmission says.
fn sml(events: Parser) -> Result<Telegram, Fault> {
    let (mut meter, mut registers) = (String::new(), Registers::new());
    for event in events {
        match event.map_err(|_| Fault::Damaged)? {
            ParseEvent::MessageStart(start) => {
                if let MessageBody::GetListResponse(list) = start.message_body {
                    meter = hex::encode(list.server_id);
                }
            }
            ParseEvent::ListEntry(entry) => registers.extend(energy(&entry)),
            ParseEvent::GetListResponseEnd(_) => {}
        }
    }
    telegram(meter, None, registers)
}

/// The register that a list's entry is, if it is one of energy.
fn energy(entry: &ListEntry) -> Option<(String, u64)> {
    let &[1, 0, direction @ (1 | 2), 8, tariff @ 0..=2, _] = entry.obj_name else {
        return None;
    };
    let raw: u64 = match entry.value {
        Value::U8(raw) => raw.into(),
        Value::U16(raw) => raw.into(),
        Value::U32(raw) => raw.into(),
        Value::U64(raw) => raw,
        Value::I8(raw) => raw.try_into().ok()?,
        Value::I16(raw) => raw.try_into().ok()?,
        Value::I32(raw) => raw.try_into().ok()?,
        Value::I64(raw) => raw.try_into().ok()?,
        Value::Bool(_) | Value::Bytes(_) | Value::List(_) => return None,
    };
    let scaler = entry.scaler.unwrap_or(0);
    let factor = 10_u64.checked_pow(scaler.unsigned_abs().into())?;
    // What is less than a watt-hour is in the next period's.
    let value = if scaler < 0 {
        raw / factor
    } else {
        raw.checked_mul(factor)?
    };
    (entry.unit == Some(WATT_HOURS)).then(|| (format!("{direction}.8.{tariff}"), value))
}

/// A telegram of these registers. Tariffs are parts of a total, where there is one.
fn telegram(meter: String, at: Option<Moment>, mut registers: Registers) -> Result<Telegram, Fault> {
    for direction in ["1.8", "2.8"] {
        let total = format!("{direction}.0");
        if registers.contains_key(&total) {
            registers.retain(|name, _| !name.starts_with(direction) || *name == total);
        }
    }
    if !registers.keys().any(|name| name.starts_with("1.8")) {
        return Err(Fault::NoRegister);
    }
    Ok(Telegram { meter, at, registers })
}

#[cfg(test)]
#[path = "telegram_tests.rs"]
pub(crate) mod tests;
