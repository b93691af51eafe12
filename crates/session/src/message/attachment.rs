//! What goes with a message.

use std::path::Path;

use serde::Serialize;

/// What goes with a message. The CLI reads files itself, and passes over those that are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Attachment {
    /// A file.
    File {
        /// Where it is, absolute.
        path: String,
        /// Its name for people.
        display_name: String,
    },
    /// A directory: the agent is told what is in it.
    Directory {
        /// Where it is, absolute.
        path: String,
        /// Its name for people.
        display_name: String,
    },
    /// A part of a file.
    Selection {
        /// Where the file is, absolute.
        file_path: String,
        /// Its name for people.
        display_name: String,
        /// The text.
        text: String,
        /// Where it begins and ends.
        selection: FileSpan,
    },
    /// Bytes, such as a picture.
    Blob {
        /// The bytes, as base64.
        data: String,
        /// What they are, such as `image/png`.
        mime_type: String,
        /// Their name for people.
        display_name: String,
    },
}

/// A span of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileSpan {
    start: Place,
    end: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Place {
    line: u32,
    character: u32,
}

impl Attachment {
    /// A file.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::File { display_name: name(path.as_ref()), path: text(path.as_ref()) }
    }

    /// A directory.
    pub fn directory(path: impl AsRef<Path>) -> Self {
        Self::Directory { display_name: name(path.as_ref()), path: text(path.as_ref()) }
    }

    /// A part of a file: its text, and where it begins and ends, as line and character, both from 0.
    pub fn selection(path: impl AsRef<Path>, content: impl Into<String>, start: (u32, u32), end: (u32, u32)) -> Self {
        let place = |(line, character)| Place { line, character };
        Self::Selection {
            display_name: name(path.as_ref()),
            file_path: text(path.as_ref()),
            text: content.into(),
            selection: FileSpan { start: place(start), end: place(end) },
        }
    }

    /// Bytes as base64, of a MIME type.
    pub fn blob(name: impl Into<String>, mime_type: impl Into<String>, base64: impl Into<String>) -> Self {
        Self::Blob { data: base64.into(), mime_type: mime_type.into(), display_name: name.into() }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| text(path), |name| name.to_string_lossy().into_owned())
}
