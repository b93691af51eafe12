//! What is told of many measurements.

use std::time::Duration;

use serde_json::{Value, json};

/// Any result; the first error ends the bench.
pub type Any<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Durations, told in milliseconds.
#[derive(Default)]
pub struct Times(Vec<f64>);

impl Times {
    /// Adds one.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1_000.0);
    }

    /// Adds all of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The middle one, the one that 99 of 100 do not exceed, the longest.
    pub fn json(mut self) -> Value {
        self.0.sort_by(f64::total_cmp);
        let at = |part: usize| self.0.get((self.0.len() * part / 100).min(self.0.len().saturating_sub(1))).copied();
        json!({
            "count": self.0.len(),
            "p50": at(50).map(rounded),
            "p99": at(99).map(rounded),
            "most": self.0.last().copied().map(rounded),
        })
    }
}

/// To tenths.
pub fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Numbers that look random and are the same in every run.
pub struct Dice(u64);

impl Dice {
    /// A row of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A duration below `most`.
    pub fn below(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        most.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}
