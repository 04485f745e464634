//! What a command says: for people, or as JSON with one object on each line.
//!
//! **Privacy.** Prints what it is given; no command gives it a key or a reading.

use std::{
    io::{self, Write},
    time::Duration,
};

use comfy_table::{presets, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where a command's results go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// JSON in place of words.
    pub json: bool,
}

impl Output {
    /// Says something, above the progress bar where there is one. `words` is for people.
    pub fn say(&self, value: &impl Serialize, words: impl FnOnce() -> String, bar: &ProgressBar) {
        let text = if self.json { json(value) } else { words() };
        bar.suspend(|| line(&text));
    }

    /// Says a command's result.
    pub fn result(&self, value: &impl Serialize, words: impl FnOnce() -> String) {
        self.say(value, words, &ProgressBar::hidden());
    }

    /// A progress bar on the standard error, shown where that is a terminal and people read.
    pub fn bar(&self, what: &'static str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {elapsed} (eta {eta})") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(500));
        bar
    }

    /// Says on the standard error that something is being waited for and for how long, where that is a terminal and people
    /// read.
    pub fn waiting(&self, what: &'static str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// A value on one line.
fn json(value: &impl Serialize) -> String {
    // The results are structs of texts, numbers and lists, which cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn line(text: &str) {
    // Whoever read the output may have gone away; the work goes on.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Rows under a head, for people.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(head.iter().copied());
    table.add_rows(rows);
    table.to_string()
}
