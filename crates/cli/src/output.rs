//! What goes to the standard output.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::error::Error;

/// Writes one JSON object on a line of its own, at once: the reader may be a program that waits for it.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Error> {
    let mut line = serde_json::to_vec(value).map_err(|error| Error::Output(error.into()))?;
    line.push(b'\n');
    write(&line)
}

/// Writes text for a person, with a line feed.
pub(crate) fn text(text: &str) -> Result<(), Error> {
    write(format!("{text}\n").as_bytes())
}

fn write(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Error::Output)
}
