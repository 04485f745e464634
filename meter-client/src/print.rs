//! What `meter-client` prints: sentences and tables for people, one JSON object a line for scripts.
//!
//! **Privacy.** Prints what it is given. Only a verdict has readings in it, and the user asked for it.

use comfy_table::{presets::UTF8_HORIZONTAL_ONLY, CellAlignment, Table};
use gridveil_bills::report::Report;
use gridveil_meter_client::{
    bill::{Fetched, Listed},
    disclosure::{Audit, Shown, Written},
    enrol::{Accepted, Requested},
    event::Event,
    receipt::Proven,
    status::{readable, Status},
    verify::Verdict,
};
use serde::Serialize;
use serde_json::json;
use std::{
    io::{self, Write},
    path::Path,
};

/// How many faults of a bill are listed for a person.
const FAULTS_SHOWN: usize = 10;

/// Prints in the form that was asked for.
pub struct Printer {
    json: bool,
}

impl Printer {
    /// A printer of JSON or of sentences.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints `value` as JSON, or else `text`. A reader that has gone away is no error of ours.
    fn say(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        let line = if self.json {
            serde_json::to_string(value).unwrap_or_default()
        } else {
            text()
        };
        let _ = writeln!(io::stdout(), "{line}");
    }

    /// Why the program ends: as a sentence on standard error and, for scripts, as JSON on standard output.
    pub fn failure(&self, kind: &str, message: &str) {
        if self.json {
            let _ = writeln!(
                io::stdout(),
                "{}",
                json!({ "event": "error", "kind": kind, "message": message })
            );
        }
        let _ = writeln!(io::stderr(), "error: {message}");
    }

    /// An enrolment request.
    pub fn requested(&self, requested: &Requested) {
        self.say(requested, || {
            format!(
                "wrote {}; hand it to the key centre\nBID {}",
                requested.file.display(),
                requested.bid
            )
        });
    }

    /// An accepted response.
    pub fn accepted(&self, accepted: &Accepted) {
        self.say(accepted, || {
            let Accepted {
                region,
                first_cycle,
                changed,
                ..
            } = accepted;
            let already = if *changed { "" } else { " (already so)" };
            format!("enrolled in region {region} from cycle {first_cycle} on{already}")
        });
    }

    /// An event of the period loop.
    pub fn event(&self, event: &Event) {
        self.say(event, || event.to_string());
    }

    /// A status.
    pub fn status(&self, status: &Status) {
        self.say(status, || status.to_string());
    }

    /// A list of bills.
    pub fn listed(&self, bills: &[Listed]) {
        self.say(&bills, || {
            if bills.is_empty() {
                return "the chain has no bills for this user".into();
            }
            let mut table = Table::new();
            table
                .load_preset(UTF8_HORIZONTAL_ONLY)
                .set_header(["cycle", "CID", "BLAKE2b-256"]);
            for bill in bills {
                table.add_row([&bill.cycle.to_string(), &bill.cid, &bill.hash]);
            }
            table.to_string()
        });
    }

    /// A fetched bill.
    pub fn fetched(&self, fetched: &Fetched) {
        self.say(fetched, || {
            format!(
                "cycle {}: {} bytes in {}",
                fetched.cycle,
                fetched.bytes,
                fetched.file.display()
            )
        });
    }

    /// An opened bill.
    pub fn opened(&self, file: &Path) {
        self.say(&json!({ "file": file }), || {
            format!("wrote {}; nothing was checked, see `bill verify`", file.display())
        });
    }

    /// A disclosure.
    pub fn disclosed(&self, written: &Written) {
        self.say(written, || {
            let Written { file, cycle, from, to } = written;
            format!(
                "wrote {}: it shows periods {from} to {to} of cycle {cycle}; hand it to the auditor alone",
                file.display()
            )
        });
    }

    /// What an auditor reads.
    pub fn audited(&self, audit: &Audit) {
        self.say(audit, || {
            let mut table = table(&["period", "from (UTC)", "Wh"]);
            for line in &audit.lines {
                let shown = match line.shown {
                    Shown::Energy(energy) => energy.to_string(),
                    Shown::Implausible => "implausible".into(),
                    Shown::NotSent => "not sent".into(),
                    Shown::NotKept => "not kept".into(),
                };
                table.add_row([line.period.to_string(), readable(line.start), shown]);
            }
            let Audit {
                region, cycle, energy, ..
            } = audit;
            format!("{table}\n{energy} Wh in these periods of cycle {cycle} in region {region}")
        });
    }

    /// What a receipt proves.
    pub fn proven(&self, proven: &Proven) {
        self.say(proven, || {
            let Proven {
                bid,
                cycle,
                cid,
                hash,
                block,
                set,
                signed,
                authorities,
                bill_compared,
            } = proven;
            let compared = match bill_compared {
                true => "\nthe bill that was given is this one",
                false => "",
            };
            format!(
                "the bill of cycle {cycle} for BID {bid} is on the chain\nCID {cid}\nBLAKE2b-256 {hash}{compared}\nin the \
                 state of block {block}, which {signed} of the {authorities} authorities of set {set} finalised"
            )
        });
    }

    /// What came of a verification.
    pub fn verdict(&self, verdict: &Verdict) {
        self.say(verdict, || {
            let mut text = verdict.report.as_ref().map(bill).unwrap_or_default();
            for fault in verdict.faults.iter().take(FAULTS_SHOWN) {
                text.push_str(&format!("WRONG: {fault}\n"));
            }
            let more = verdict.faults.len().saturating_sub(FAULTS_SHOWN);
            if more > 0 {
                text.push_str(&format!("and {more} more faults\n"));
            }
            let checked = &verdict.consumption;
            text.push_str(&format!(
                "consumption checked: {} periods by the chain, {} by the meter's record, {} by neither\n",
                checked.by_chain, checked.by_record, checked.unchecked
            ));
            text.push_str(if verdict.ok {
                "the bill is right"
            } else {
                "the bill is NOT right"
            });
            text
        });
    }
}

/// A table about periods, with its numbers at the right.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(header);
    for column in [0, 2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A bill as a table.
fn bill(report: &Report) -> String {
    let mut table = table(&["period", "from (UTC)", "Wh", "price per kWh"]);
    for line in &report.lines {
        let from = report
            .start
            .saturating_add(report.period_ms.saturating_mul(u64::from(line.period)));
        let price = |price: u64| format!("{}.{:06}", price / 1_000_000, price % 1_000_000);
        table.add_row([
            line.period.to_string(),
            readable(from),
            line.energy.map_or_else(|| "-".into(), |energy| energy.to_string()),
            line.price.map_or_else(|| "-".into(), price),
        ]);
    }
    let (sign, amount) = (if report.amount < 0 { "-" } else { "" }, report.amount.unsigned_abs());
    format!(
        "{table}\n{} Wh, {} {sign}{}.{:02}\n",
        report.energy,
        report.currency,
        amount / 100,
        amount % 100
    )
}
