//! The page's own files, compiled into the program.

use std::borrow::Cow;

use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

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

/// The file of this name, if there is one.
pub fn asset(path: &str) -> Option<Asset> {
    let content_type = match path.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    };
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
        for path in ["page.css", "page.js", "icon.svg", "icon-attention.svg"] {
            let asset = asset(path).expect(path);
            assert!(!asset.bytes.is_empty());
            assert_eq!(asset.etag.len(), 18);
        }
        assert!(asset("nothing.css").is_none());
        assert!(asset("../Cargo.toml").is_none());
    }

    /// Other origins are refused by the policy anyway; this says so before a browser does.
    #[test]
    fn the_files_name_no_other_site() {
        for path in ["page.css", "page.js"] {
            let text = String::from_utf8(asset(path).expect(path).bytes.into_owned()).expect("text");
            assert!(!text.contains("//cdn") && !text.contains("https://"), "{path}");
        }
    }
}
