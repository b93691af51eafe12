//! What was seen of the CLI where its schemas are wrong.

use std::path::Path;

use crate::error::{Error, Result};
use crate::facts::{Facts, Field, Form, field, read_tables};

/// The folder of corrections, inside the folder of facts.
const FOLDER: &str = "corrections";

/// Puts what was seen in place of what was imported. A correction that nothing needs any more is an error.
pub(super) fn apply(schema: &Path, facts: &mut Facts) -> Result<()> {
    let folder = schema.join(FOLDER);
    if !folder.is_dir() {
        return Ok(());
    }
    for (file, table) in read_tables(&folder)? {
        let bad = |problem: String| Error::facts(&format!("{FOLDER}/{file}.toml"), problem);
        for (name, corrected) in table.iter().filter(|(name, _)| *name != "origin") {
            let corrected = corrected.as_table().ok_or_else(|| bad(format!("`{name}` is not a table")))?;
            for (wire, fact) in corrected {
                let new = field(wire, fact).map_err(|problem| bad(format!("{name}.{wire}: {problem}")))?;
                let records = facts.types.iter_mut().filter(|t| t.name == *name);
                let mut fields =
                    records.filter_map(|t| if let Form::Record(fields) = &mut t.form { Some(fields) } else { None });
                let old = fields.next().and_then(|fields| fields.iter_mut().find(|field| field.wire == *wire));
                let old = old.ok_or_else(|| bad(format!("{name}.{wire} was not imported")))?;
                let new = Field { marks: old.marks.clone(), ..new };
                if *old == new {
                    return Err(bad(format!("{name}.{wire} was imported just so; drop the correction")));
                }
                *old = new;
            }
        }
    }
    Ok(())
}
