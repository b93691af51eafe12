//! Answers at limits: of the model's rate, of what a session may use.

use serde::Serialize;

use crate::SessionError;

/// Whether the CLI may go on with another model, when the one in use is at its rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AutoModeAnswer {
    /// Yes, this time.
    Yes,
    /// Yes, now and whenever it comes up.
    YesAlways,
    /// No; the turn ends with the error.
    No,
}

/// What happens to a session that has used up its limit of AI credits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum LimitsAnswer {
    /// It gets so many more.
    Add {
        /// How many.
        additional_ai_credits: f64,
    },
    /// It gets another limit.
    Set {
        /// The limit.
        max_ai_credits: f64,
    },
    /// It has no limit any more.
    Unset,
    /// The limit stays; the turn ends.
    Cancel,
}

impl LimitsAnswer {
    pub(crate) fn check(self) -> Result<(), SessionError> {
        match self {
            Self::Add { additional_ai_credits: credits } | Self::Set { max_ai_credits: credits }
                if !credits.is_finite() || credits <= 0.0 =>
            {
                Err(SessionError::invalid("credits", format!("`{credits}` is no amount of credits")))
            }
            _ => Ok(()),
        }
    }
}
