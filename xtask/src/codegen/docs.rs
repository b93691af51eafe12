//! Our words about the facts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{Error, Result};
use crate::facts::read_tables;

/// The file whose `[fields]` speak for every field of a name that has no words of its own.
const COMMON: &str = "common";

/// Docs by item and by part of it (a field, a word, a variant; `doc` is the item itself).
#[derive(Debug, Default)]
pub(super) struct Docs {
    texts: BTreeMap<(String, String), String>,
    used: RefCell<BTreeSet<(String, String)>>,
    missing: RefCell<BTreeSet<String>>,
    neutral: RefCell<BTreeSet<String>>,
}

impl Docs {
    /// Reads every docs file of a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut docs = Self::default();
        for (file, table) in read_tables(folder)? {
            let bad = |problem: String| Error::facts(&format!("docs/{file}.toml"), problem);
            for (item, parts) in &table {
                let parts = parts.as_table().ok_or_else(|| bad(format!("`{item}` is not a table")))?;
                if file == COMMON && item != "fields" {
                    return Err(bad(format!("`{item}`: only `fields` stands here")));
                }
                for (part, text) in parts {
                    let text = text.as_str().map(str::trim).filter(|text| !text.is_empty());
                    let text = text.ok_or_else(|| bad(format!("{item}.{part} is not a text")))?;
                    let item = if file == COMMON { "" } else { item };
                    if docs.texts.insert((item.to_owned(), part.clone()), text.to_owned()).is_some() {
                        return Err(bad(format!("{item}.{part} stands twice")));
                    }
                }
            }
        }
        Ok(docs)
    }

    /// The words about a part of an item (`doc` is the item itself), or else the neutral ones. An item that is
    /// kept by hand must have words of ours.
    pub(super) fn part(&self, item: &str, part: &str, neutral: &str, by_hand: bool) -> String {
        for key in [(item.to_owned(), part.to_owned()), (String::new(), part.to_owned())] {
            if let Some(text) = self.texts.get(&key) {
                self.used.borrow_mut().insert(key);
                return text.clone();
            }
        }
        let list = if by_hand { &self.missing } else { &self.neutral };
        list.borrow_mut().insert(format!("{item}.{part}"));
        neutral.to_owned()
    }

    /// Our own words about an item, if there are any.
    pub(super) fn own(&self, item: &str) -> Option<&str> {
        self.texts.get(&(item.to_owned(), "doc".to_owned())).map(String::as_str)
    }

    /// The items that have only neutral words so far.
    pub(super) fn without_own_words(&self) -> Vec<String> {
        self.neutral.borrow().iter().cloned().collect()
    }

    /// Refuses words about what is no fact, and facts kept by hand without words.
    pub(super) fn check(&self) -> Result<()> {
        let used = self.used.borrow();
        let unbacked = self.texts.keys().filter(|key| !used.contains(*key));
        let unbacked: Vec<String> = unbacked.map(|(item, part)| format!("{item}.{part}")).collect();
        if !unbacked.is_empty() {
            return Err(Error::facts("docs", format!("no fact backs these: {}", unbacked.join(", "))));
        }
        let missing: Vec<String> = self.missing.borrow().iter().cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::facts("docs", format!("say what these are: {}", missing.join(", "))))
    }
}

#[cfg(test)]
impl From<&[(&str, &str, &str)]> for Docs {
    fn from(texts: &[(&str, &str, &str)]) -> Self {
        let texts =
            texts.iter().map(|(item, part, text)| (((*item).to_owned(), (*part).to_owned()), (*text).to_owned()));
        Self { texts: texts.collect(), ..Self::default() }
    }
}
