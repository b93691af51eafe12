//! The one line that shows how a shared session is doing, and the words beside it.

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// A line at the bottom of the terminal; nothing when stderr is no terminal.
#[derive(Debug)]
pub(crate) struct StatusLine {
    bar: Option<ProgressBar>,
}

impl StatusLine {
    /// A line that says `text`.
    pub(crate) fn new(text: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let bar = display().add(bar);
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar: Some(bar) }
    }

    /// No line, for output that programs read.
    pub(crate) fn none() -> Self {
        Self { bar: None }
    }

    /// Says something else from now on.
    pub(crate) fn set(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What all moving lines share, so that other output does not run through them.
pub(crate) fn display() -> &'static MultiProgress {
    static DISPLAY: OnceLock<MultiProgress> = OnceLock::new();
    DISPLAY.get_or_init(MultiProgress::new)
}

/// Writes to stderr, above the moving lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AboveStatus;

impl Write for AboveStatus {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        display().suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// How many people look on, in words.
pub(crate) fn viewers(count: u64) -> String {
    match count {
        0 => "nobody is watching".to_owned(),
        1 => "1 viewer".to_owned(),
        _ => format!("{count} viewers"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewer_counts() {
        assert_eq!([0, 1, 2].map(viewers), ["nobody is watching", "1 viewer", "2 viewers"]);
    }
}
