//! What a doctor has found.

use std::fmt;

use serde::Serialize;

/// All checks, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What was looked at.
    pub name: CheckName,
    /// How it came out.
    pub outcome: CheckOutcome,
    /// What was found.
    pub found: String,
    /// Why that may be so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Who can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The HTTP status behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckName {
    /// Whether the Copilot CLI is there and starts.
    Cli,
    /// Whether its version and protocol are ones that groundlink speaks.
    Version,
    /// Whether somebody is signed in.
    Account,
    /// Whether the directory is a clone of a GitHub repository.
    Repository,
    /// Whether GitHub shares a session of this account in this repository.
    Sharing,
    /// Whether the hub answers, and takes the token.
    Hub,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// As it should be.
    Good,
    /// Not as it could be, and no hindrance.
    Note,
    /// A hindrance.
    Failed,
    /// Not looked at, because of a failure before.
    Skipped,
}

impl Report {
    /// Whether sessions can be shared.
    pub fn is_healthy(&self) -> bool {
        self.checks.iter().all(|check| matches!(check.outcome, CheckOutcome::Good | CheckOutcome::Note))
    }
}

impl Check {
    pub(super) fn new(name: CheckName, outcome: CheckOutcome, found: impl Into<String>) -> Self {
        Self { name, outcome, found: found.into(), why: None, next: None, who: None, status: None }
    }

    pub(super) fn good(name: CheckName, found: impl Into<String>) -> Self {
        Self::new(name, CheckOutcome::Good, found)
    }

    pub(super) fn failed(name: CheckName, found: impl Into<String>) -> Self {
        Self::new(name, CheckOutcome::Failed, found)
    }

    pub(super) fn because(mut self, why: &str) -> Self {
        self.why = Some(why.to_owned());
        self
    }

    pub(super) fn next(mut self, next: &str) -> Self {
        self.next = Some(next.to_owned());
        self
    }

    pub(super) fn by(mut self, who: &str) -> Self {
        self.who = Some(who.to_owned());
        self
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

impl CheckName {
    /// For people.
    fn word(self) -> &'static str {
        match self {
            Self::Cli => "Copilot CLI",
            Self::Version => "Version",
            Self::Account => "Account",
            Self::Repository => "Repository",
            Self::Sharing => "Sharing",
            Self::Hub => "Hub",
        }
    }
}

impl CheckOutcome {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// For people, a line for each fact.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "{:<8} {:<12} {}", check.outcome.word(), check.name.word(), check.found)?;
            for (word, text) in [("why", &check.why), ("do", &check.next), ("who", &check.who)] {
                if let Some(text) = text {
                    writeln!(f, "{:21}  {word}: {text}", "")?;
                }
            }
        }
        f.write_str(if self.is_healthy() { "Sessions can be shared." } else { "Sessions cannot be shared yet." })
    }
}
