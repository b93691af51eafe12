//! `cargo xtask protocol-diff`: what changed between two versions of the CLI, and what of it could break a client.

mod compare;
mod npm;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::Path;

use crate::error::{Error, Result};
use crate::facts::{Facts, read_tables};
use crate::import;
use compare::{Changes, Effect, compare};

/// Messages that are named with a change; more are counted.
const NAMED: usize = 3;

/// Options of `cargo xtask protocol-diff`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder of schemas, a folder of facts, or a published version such as 1.0.81.
    old: String,
    /// The same for what to compare with.
    new: String,
    /// Also list what only the CLI itself uses.
    #[arg(long)]
    internal: bool,
}

/// Runs the task; fails when something could break a client.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let changes = compare(&old, &new);
    print!("{}", report(&old, &new, &changes, args.internal));
    let breaking = count(&changes, Effect::Breaks);
    if breaking == 0 { Ok(()) } else { Err(Error::Breaking(breaking)) }
}

/// The facts of whatever was named.
fn read(what: &str) -> Result<Facts> {
    let path = Path::new(what);
    if !path.exists() {
        let Some(version) = npm::Version::parse(what) else {
            return Err(Error::facts(what, "is neither a folder nor a published version such as 1.0.81"));
        };
        return import::read(&npm::schemas(&version)?, Some(what));
    }
    if path.is_dir() && !read_tables(path)?.is_empty() {
        let imported = path.join(import::FOLDER);
        return Facts::read(if imported.is_dir() { &imported } else { path });
    }
    import::read(path, None)
}

fn count(changes: &Changes, effect: Effect) -> usize {
    changes.keys().filter(|change| change.effect == effect).count()
}

fn report(old: &Facts, new: &Facts, changes: &Changes, internal: bool) -> String {
    let mut text = format!("{} -> {}\n", old.origin, new.origin);
    for (effect, title) in [
        (Effect::Breaks, "Could break a client"),
        (Effect::Works, "Breaks nothing"),
        (Effect::Internal, "Of the CLI's own"),
    ] {
        let of: Vec<_> = changes.iter().filter(|(change, _)| change.effect == effect).collect();
        let _ = writeln!(text, "\n{title}: {}", of.len());
        if effect == Effect::Internal && !internal {
            continue;
        }
        for (change, messages) in of {
            let _ = writeln!(text, "- {}{}", change.text, met_in(&change.text, messages.iter().map(String::as_str)));
        }
    }
    text
}

/// The messages a change is met in, unless it names them itself.
fn met_in<'a>(text: &str, messages: impl Iterator<Item = &'a str>) -> String {
    let messages: Vec<&str> = messages.filter(|message| !text.contains(&format!("`{message}`"))).collect();
    match messages.len() {
        0 => String::new(),
        count if count <= NAMED => format!(" ({})", messages.join(", ")),
        count => format!(" ({} and {} more)", messages[..NAMED].join(", "), count - NAMED),
    }
}
