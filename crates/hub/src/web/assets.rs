//! The page's own files, compiled into the program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// The scripts that `page.js` imports; a page asks for them all at once.
pub(super) const MODULES: &[&str] = &[
    "base.js",
    "cards.js",
    "commands.js",
    "common.js",
    "composer.js",
    "device.js",
    "focus.js",
    "follow.js",
    "hub-link.js",
    "identity.js",
    "keys.js",
    "patches.js",
    "push.js",
    "settle.js",
    "stream.js",
];

/// The scripts that `sessions.js`, of the page of all sessions, imports.
pub(super) const LIST_MODULES: &[&str] =
    &["common.js", "focus.js", "hub-link.js", "identity.js", "list-stream.js", "push.js"];

/// A file that a page asks for.
#[derive(Clone, Debug)]
pub struct Asset {
    /// What is in it.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub content_type: &'static str,
    /// Changes with its content; quoted, as the header wants it.
    pub etag: String,
}

/// All scripts together: one names the others, so that a change of one is a change of all.
static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    let mut names: Vec<_> = Files::iter().filter(|name| is_script(name)).collect();
    names.sort();
    let mut texts = BTreeMap::new();
    for name in names {
        let Some(file) = Files::get(&name) else { continue };
        hash.update(name.as_bytes());
        hash.update(&file.data);
        texts.insert(name.into_owned(), String::from_utf8_lossy(&file.data).into_owned());
    }
    let tag = HEXLOWER.encode(&hash.finalize()[..8]);
    // The address of an imported file changes with its content, too, or a browser would keep an old one.
    let versioned = |text: String| text.replace(".js';\n", &format!(".js?v={tag}';\n"));
    let texts = texts.into_iter().map(|(name, text)| (name, versioned(text))).collect();
    Scripts { texts, tag }
});

struct Scripts {
    texts: BTreeMap<String, String>,
    tag: String,
}

fn is_script(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "js")
}

/// The file of this name, if there is one.
pub fn asset(path: &str) -> Option<Asset> {
    let content_type = match path.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    };
    if is_script(path) {
        let text = SCRIPTS.texts.get(path)?;
        let etag = format!("\"{}\"", SCRIPTS.tag);
        return Some(Asset { bytes: Cow::Borrowed(text.as_bytes()), content_type, etag });
    }
    let file = Files::get(path)?;
    Some(Asset {
        etag: format!("\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..8])),
        bytes: file.data,
        content_type,
    })
}

/// The address of a file, which changes with its content so that it may be cached for ever.
pub(super) fn address(base: &str, path: &str) -> String {
    let tag = asset(path).map_or_else(String::new, |asset| asset.etag.trim_matches('"').to_owned());
    format!("{base}/{path}?v={tag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_page_are_there() {
        let files = [
            "page.css",
            "transcript.css",
            "cards.css",
            "sessions.css",
            "page.js",
            "sessions.js",
            "push-worker.js",
            "icon.svg",
            "icon-attention.svg",
            "icon-192.png",
            "icon-512.png",
            "icon-maskable.png",
            "icon-touch.png",
        ];
        for path in files.iter().chain(MODULES).chain(LIST_MODULES) {
            let asset = asset(path).expect(path);
            assert!(!asset.bytes.is_empty());
            assert_eq!(asset.etag.len(), 18);
        }
        assert!(asset("nothing.css").is_none());
        assert!(asset("../Cargo.toml").is_none());
    }

    #[test]
    fn an_imported_script_is_named_with_its_version() {
        for path in ["page.js", "sessions.js"].iter().chain(MODULES).chain(LIST_MODULES) {
            let text = String::from_utf8(asset(path).expect(path).bytes.into_owned()).expect("text");
            for line in text.lines().filter(|line| line.starts_with("import ") || line.starts_with("} from")) {
                assert!(line.contains(".js?v="), "{path}: {line}");
            }
        }
    }

    /// Other origins are refused by the policy anyway; this says so before a browser does.
    #[test]
    fn the_files_name_no_other_site() {
        let files =
            ["page.css", "transcript.css", "cards.css", "sessions.css", "page.js", "sessions.js", "push-worker.js"];
        for path in files.iter().chain(MODULES).chain(LIST_MODULES) {
            let text = String::from_utf8(asset(path).expect(path).bytes.into_owned()).expect("text");
            assert!(!text.contains("//cdn") && !text.contains("https://"), "{path}");
        }
    }
}
