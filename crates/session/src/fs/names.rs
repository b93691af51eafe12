//! Paths, as the CLI writes them: in POSIX form, or in that of Windows whatever system this program runs on.

use std::borrow::Cow;

use super::FsError;

/// Names that mean a device on Windows, with any ending.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
/// The same, with a digit behind.
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// The names that a path consists of; a drive or a share is a name like the others. `None`: it leads out of where it
/// begins, or one of them cannot be the name of a file.
fn split(path: &str, windows: bool) -> Option<Vec<Cow<'_, str>>> {
    let (drive, rest) = if windows { drive(path) } else { (None, path) };
    let mut names: Vec<_> = drive.into_iter().collect();
    for name in rest.split(|c| c == '/' || windows && c == '\\') {
        match name {
            "" | "." => {}
            ".." => return None,
            _ if name.contains('\0') || windows && !is_name(name) => return None,
            _ => names.push(name.into()),
        }
    }
    Some(names)
}

/// The names that a path consists of.
pub(super) fn names(path: &str) -> Result<Vec<Cow<'_, str>>, FsError> {
    let names = split(path, cfg!(windows) || is_windows(path));
    names.ok_or_else(|| FsError::Other(format!("`{path}` leads out of the session's directory, or cannot be a path")))
}

/// Whether the text is one name, and nothing else.
pub(super) fn is_one_name(text: &str) -> bool {
    matches!(names(text).as_deref(), Ok([name]) if name == text)
}

/// The path with slashes, and none at its end.
pub(super) fn with_slashes(path: &str) -> Cow<'_, str> {
    if is_windows(path) {
        path.replace('\\', "/").trim_end_matches('/').to_owned().into()
    } else {
        path.trim_end_matches('/').into()
    }
}

/// Whether a path is absolute in the form of Windows: `C:\x`, `C:/x`, `\\server\share`.
fn is_windows(path: &str) -> bool {
    let mut start = path.chars();
    let letter = start.next().is_some_and(|c| c.is_ascii_alphabetic());
    path.starts_with(r"\\") || letter && start.next() == Some(':') && matches!(start.next(), None | Some('/' | '\\'))
}

/// The drive that a path of Windows begins with, and what is behind it.
fn drive(path: &str) -> (Option<Cow<'_, str>>, &str) {
    // `\\?\C:\x` and `\\.\C:\x` say that the rest is to be taken as written; `\\?\UNC\server` is `\\server`.
    let slash = ['/', '\\'];
    let verbatim = [r"\\?\", r"\\.\", "//?/", "//./"].iter().find_map(|prefix| path.strip_prefix(prefix));
    let rest = match verbatim {
        Some(rest) => match rest.split_once(slash) {
            Some((unc, share)) if unc.eq_ignore_ascii_case("UNC") => share,
            _ => rest,
        },
        None => path,
    };
    match rest.split_at_checked(2) {
        Some((start, behind)) if start.ends_with(':') && start.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            // The same drive in either case.
            (Some(start[..1].to_ascii_uppercase().into()), behind)
        }
        _ => (None, rest),
    }
}

/// Whether Windows takes it for a file's name: no stream of another file, no device, nothing that it would cut off.
fn is_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let is = |device: &str| stem.eq_ignore_ascii_case(device);
    let numbered = |device: &str| {
        stem.len() == device.len() + 1
            && stem.ends_with(|c: char| c.is_ascii_digit())
            && stem.get(..device.len()).is_some_and(|start| start.eq_ignore_ascii_case(device))
    };
    !name.contains(|c: char| c.is_control() || r#"<>:"|?*"#.contains(c))
        && !name.ends_with(['.', ' '])
        && !DEVICES.into_iter().any(is)
        && !NUMBERED_DEVICES.into_iter().any(numbered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(path: &str, windows: bool) -> Option<String> {
        split(path, windows).map(|names| names.join("|"))
    }

    #[test]
    fn paths_of_windows() {
        for (path, names) in [
            (r"C:\state\events.jsonl", "C|state|events.jsonl"),
            ("c:/state/.\\a//b\\", "C|state|a|b"),
            (r"C:\", "C"),
            ("C:", "C"),
            (r"C:a\b", "C|a|b"),
            (r"\\server\share\a", "server|share|a"),
            ("//server/share/a", "server|share|a"),
            (r"\\?\C:\a", "C|a"),
            (r"\\.\d:\a", "D|a"),
            (r"\\?\UNC\server\share\a", "server|share|a"),
            (r"\a", "a"),
            (r"a\b", "a|b"),
            ("", ""),
            ("é:", "é:"),
            ("console.log", "console.log"),
            ("com10", "com10"),
        ] {
            let expected = (path != "é:").then(|| names.to_owned());
            assert_eq!(joined(path, true), expected, "{path}");
        }
    }

    #[test]
    fn nothing_leads_out_on_windows() {
        for path in [
            r"..\x",
            r"C:\a\..\b",
            r"C:..\x",
            r"\\?\C:\..\x",
            r"\\server\..\share",
            "C:/a/../b",
            "a/.. /b",
            "a/.../b",
            r"C:\a.",
            r"C:\a ",
            r"C:\file:stream",
            r"C:\a\D:\b",
            r"C:\NUL",
            r"C:\nul.txt",
            r"C:\con .txt",
            r"C:\Com1",
            r"C:\lpt9.log",
            "C:\\a\0b",
            "C:\\a\nb",
            r"C:\a?b",
        ] {
            assert_eq!(joined(path, true), None, "{path}");
        }
    }

    #[test]
    fn paths_of_other_systems() {
        for (path, names) in [
            ("/state/events.jsonl", Some("state|events.jsonl")),
            ("a//./b/", Some("a|b")),
            (r"/a\b", Some(r"a\b")),
            ("/nul/a:b", Some("nul|a:b")),
            ("/a/../b", None),
            ("..", None),
            ("/a\0b", None),
        ] {
            assert_eq!(joined(path, false).as_deref(), names, "{path}");
        }
        // Whatever this program runs on, the form decides.
        for (path, windows) in [
            (r"C:\a", true),
            ("c:/a", true),
            ("C:", true),
            (r"\\s\x", true),
            ("/a", false),
            ("a:b", false),
            ("é:/", false),
        ] {
            assert_eq!(is_windows(path), windows, "{path}");
        }
        assert_eq!(with_slashes(r"C:\a\b\"), "C:/a/b");
        assert_eq!(with_slashes(r"/a\b/"), r"/a\b");
        assert!(
            is_one_name("a-1") && !is_one_name("a/") && !is_one_name("..") && !is_one_name("") && !is_one_name("C:")
        );
    }

    proptest! {
        #[test]
        fn no_name_can_lead_anywhere(path in r"([a-cA-C.: /\\?]|UNC){0,24}", windows: bool) {
            for name in split(&path, windows).unwrap_or_default() {
                prop_assert!(!name.is_empty() && name != "." && name != ".." && !name.contains('/'));
                prop_assert!(!windows || !name.contains(['\\', ':']) && !name.ends_with(['.', ' ']));
            }
        }
    }
}
