//! What a person sees while npm works.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::status;

/// Hears how an installation goes.
pub trait Progress: Sync {
    /// npm starts to install `version`.
    fn begin(&self, version: &str);
    /// So many bytes are unpacked by now.
    fn unpacked(&self, bytes: u64);
    /// npm has ended.
    fn end(&self, success: bool);
}

/// No display.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _version: &str) {}
    fn unpacked(&self, _bytes: u64) {}
    fn end(&self, _success: bool) {}
}

/// A line on stderr: moving on a terminal, plain sentences elsewhere.
#[derive(Debug, Default)]
pub struct Terminal {
    bar: Mutex<Option<ProgressBar>>,
}

impl Terminal {
    fn with_bar(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for Terminal {
    fn begin(&self, version: &str) {
        let what = format!("Installing the GitHub Copilot CLI {version} with npm");
        if !std::io::stderr().is_terminal() {
            eprintln!("{what} (once, about 100 MB) ...");
            return;
        }
        let style = ProgressStyle::with_template("{spinner} {prefix}  {msg}  {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_prefix(what).with_message("downloading");
        let bar = status::display().add(bar);
        bar.enable_steady_tick(Duration::from_millis(120));
        self.with_bar(|slot| *slot = Some(bar));
    }

    fn unpacked(&self, bytes: u64) {
        self.with_bar(|slot| {
            if let Some(bar) = slot.as_ref().filter(|_| bytes > 0) {
                bar.set_message(format!("{} unpacked", HumanBytes(bytes)));
            }
        });
    }

    fn end(&self, success: bool) {
        self.with_bar(|slot| {
            if let Some(bar) = slot.take() {
                bar.finish_and_clear();
            }
        });
        if success {
            eprintln!("Installed the GitHub Copilot CLI.");
        }
    }
}
