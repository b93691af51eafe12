//! The table, its limits, and how both are told.

use std::fmt;

use serde_json::{Value, json};

use super::measure::{Cost, Meter};
use super::programs::{OFFICIAL, Program, Programs};
use crate::error::Result;

/// A row of the table, and what it may cost.
pub(super) struct Row {
    pub(super) title: &'static str,
    /// How the programs call it.
    name: &'static str,
    /// Messages in the shorter and in the longer run.
    counts: (u64, u64),
    /// Most instructions for groundlink: what the prototype of its peer took.
    limit: f64,
    /// Most of what the official SDK takes, as a part of it.
    part: Option<f64>,
    /// Another way of ours: its name, what it is, and its limit.
    variant: Option<(&'static str, &'static str, f64)>,
    /// Whether jsonrpsee's own client can do this at all.
    stock: bool,
}

const MANY: (u64, u64) = (512, 2560);
const FEW: (u64, u64) = (100, 300);
const HALF: Option<f64> = Some(0.5);
const QUARTER: Option<f64> = Some(0.25);

/// The table.
pub(super) const ROWS: &[Row] = &[
    Row {
        title: "sequential call",
        name: "call-sequential",
        counts: MANY,
        limit: 15_800.0,
        part: HALF,
        variant: None,
        stock: true,
    },
    Row {
        title: "call, 256 in flight",
        name: "call-256",
        counts: MANY,
        limit: 11_300.0,
        part: HALF,
        variant: None,
        stock: true,
    },
    Row {
        title: "reverse request, 256 in flight",
        name: "reverse-256",
        counts: MANY,
        limit: 18_400.0,
        part: HALF,
        variant: Some(("sync", "a synchronous method of a jsonrpsee module", 15_500.0)),
        stock: false,
    },
    Row {
        title: "notification 400 B, kept raw",
        name: "notification-400-raw",
        counts: MANY,
        limit: 2_900.0,
        part: QUARTER,
        variant: Some(("slow", "without the fast path", 7_300.0)),
        stock: true,
    },
    Row {
        title: "notification 400 B, typed",
        name: "notification-400-typed",
        counts: MANY,
        limit: 9_100.0,
        part: None,
        variant: Some(("slow", "without the fast path", 13_400.0)),
        stock: true,
    },
    Row {
        title: "notification 20 KB, kept raw",
        name: "notification-20k-raw",
        counts: FEW,
        limit: 79_000.0,
        part: QUARTER,
        variant: Some(("slow", "without the fast path", 222_000.0)),
        stock: true,
    },
    Row {
        title: "notification 20 KB, typed",
        name: "notification-20k-typed",
        counts: FEW,
        limit: 315_000.0,
        part: None,
        variant: Some(("slow", "without the fast path", 458_000.0)),
        stock: true,
    },
];

/// What a row cost.
pub(super) struct Measured {
    row: &'static Row,
    floor: Cost,
    ours: Cost,
    variant: Option<Cost>,
    stock: Option<Cost>,
    official: Cost,
}

impl Measured {
    /// Measures a row with all programs.
    pub(super) fn take(row: &'static Row, programs: &Programs, meter: Meter) -> Result<Self> {
        let cost = |program, variant| meter.cost(programs, program, row.name, row.counts, variant);
        Ok(Self {
            row,
            floor: cost(Program::Floor, None)?,
            ours: cost(Program::Ours, None)?,
            variant: row.variant.map(|(name, ..)| cost(Program::Ours, Some(name))).transpose()?,
            stock: row.stock.then(|| cost(Program::Stock, None)).transpose()?,
            official: cost(Program::Official, None)?,
        })
    }

    fn json(&self) -> Value {
        let rounded = |cost: &Cost| json!(cost.each.round());
        let mut row = json!({
            "row": self.row.title,
            Program::Floor.name(): rounded(&self.floor),
            Program::Ours.name(): rounded(&self.ours),
            Program::Stock.name(): self.stock.as_ref().map(rounded),
            Program::Official.name(): rounded(&self.official),
            "part_of_official": (self.ours.each / self.official.each * 1000.0).round() / 1000.0,
        });
        if let (Some(cost), Some((_, title, _))) = (&self.variant, self.row.variant) {
            row[format!("{}, {title}", Program::Ours.name())] = rounded(cost);
        }
        let lost = [(Program::Ours, self.ours.lost), (Program::Official, self.official.lost)];
        for (program, lost) in lost.into_iter().filter(|(_, lost)| *lost > 0) {
            row[format!("lost by {}", program.name())] = json!(lost);
        }
        row
    }
}

/// A figure and what it may be at most.
pub(super) struct Limit {
    figure: String,
    measured: f64,
    most: f64,
}

impl Limit {
    /// Whether it is kept.
    pub(super) fn holds(&self) -> bool {
        self.measured <= self.most
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:.0}, at most {:.0}", self.figure, self.measured, self.most)
    }
}

/// Most memory the load may take beyond what the program had before, in KiB: small beside the 400 MB that pass through.
const LOAD_KIB: f64 = 64.0 * 1024.0;

/// Most crates in the tree.
const CRATES: f64 = 60.0;

/// All limits, with what was measured.
pub(super) fn limits(
    table: &[Measured],
    meter: Meter,
    calls: &Value,
    notifications: &Value,
    crates: usize,
) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut add = |figure: String, measured: f64, most: f64| limits.push(Limit { figure, measured, most });
    for measured in table {
        let Row { title, limit, part, variant, .. } = measured.row;
        if meter == Meter::Instructions {
            add(format!("{title}, instructions"), measured.ours.each, *limit);
            if let (Some(cost), Some((_, variant, limit))) = (&measured.variant, variant) {
                add(format!("{title}, {variant}, instructions"), cost.each, *limit);
            }
        }
        if let Some(part) = part {
            let most = measured.official.each * part;
            add(format!("{title}, {part} of the official SDK, {}", meter.unit()), measured.ours.each, most);
        }
    }
    let number = |report: &Value, name: &str| report[name].as_f64().unwrap_or(f64::INFINITY);
    let memory = |report: &Value| number(report, "peak_memory_kib") - number(report, "peak_memory_before_kib");
    add("calls lost or mixed up".to_owned(), number(calls, "lost_or_mixed_up"), 0.0);
    add("memory of the calls, KiB".to_owned(), memory(calls), LOAD_KIB);
    add("notifications lost".to_owned(), number(notifications, "lost"), 0.0);
    add("notifications out of order".to_owned(), number(notifications, "out_of_order"), 0.0);
    add("memory of the notifications, KiB".to_owned(), memory(notifications), LOAD_KIB);
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    add("crates in the tree of groundlink-transport".to_owned(), crates as f64, CRATES);
    limits
}

/// The whole report.
pub(super) fn json(
    table: &[Measured],
    meter: Meter,
    calls: &Value,
    notifications: &Value,
    crates: usize,
    limits: &[Limit],
) -> Value {
    let limits: Vec<Value> = limits
        .iter()
        .map(|limit| {
            json!({
                "figure": limit.figure,
                "measured": limit.measured.round(),
                "most": limit.most.round(),
                "holds": limit.holds(),
            })
        })
        .collect();
    json!({
        "bench": "transport",
        "unit_per_message": meter.unit(),
        "official_sdk": OFFICIAL,
        "table": table.iter().map(Measured::json).collect::<Vec<_>>(),
        "load": { "calls": calls, "notifications": notifications },
        "crates": crates,
        "limits": limits,
    })
}
