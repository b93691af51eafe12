//! Files in a directory of this machine.

use std::borrow::Cow;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::names::{is_one_name, names};
use super::{FileInfo, FsError, SessionFs};
use crate::SessionError;

/// Where files are written before they take the place of others. No session has that name.
const SCRATCH: &str = ".writing";

/// Sessions' files in a directory, from which another process can resume them: `DIRECTORY/SESSION/…`, and below that
/// the CLI's own paths.
///
/// Nothing outside of the directory is touched, whatever a path says: `..` is refused, and so is what Windows would take
/// for something else (a device, a stream); an absolute path begins at the session's own directory, with its drive or
/// share as a name; and a symbolic link on the way is refused (none is ever made here; who can change the
/// directory *during* a call is not kept out). A file is written whole or not at all: another one with the old text stays
/// until the new text is on the disk. On Unix only the user can read what is made.
#[derive(Debug, Clone)]
pub struct DirectoryFs {
    root: Arc<Path>,
}

impl DirectoryFs {
    /// Files in `directory`, which is made if it is not there.
    pub fn new(directory: impl AsRef<Path>) -> Result<Self, SessionError> {
        let directory = directory.as_ref();
        let unusable = |error: io::Error| {
            SessionError::invalid("session_fs", format!("`{}` cannot be used: {error}", directory.display()))
        };
        make_directories(directory).map_err(unusable)?;
        // Links above it are the user's own business.
        let root = directory.canonicalize().map_err(unusable)?;
        make_directories(&root.join(SCRATCH)).map_err(unusable)?;
        Ok(Self { root: root.into() })
    }

    /// Where a session's files are; `None` for what cannot be the id of one.
    pub fn session_directory(&self, session: &str) -> Option<PathBuf> {
        (is_one_name(session) && !session.starts_with('.')).then(|| self.root.join(session))
    }

    /// Runs `work` on a file where it may block.
    async fn at<T: Send + 'static>(
        &self,
        session: &str,
        path: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, FsError> {
        let place = self.place(session, path)?;
        let shown = path.to_owned();
        blocking(move || work(&place.checked()?)).await.map_err(|error| failed(&shown, &error))
    }

    /// The place that a path means, without a look at the disk.
    fn place(&self, session: &str, path: &str) -> Result<Place, FsError> {
        let base = self.session_directory(session);
        let base = base.ok_or_else(|| FsError::Other(format!("`{session}` cannot be the id of a session")))?;
        let names = names(path)?.into_iter().map(Cow::into_owned).collect();
        Ok(Place { base, names })
    }

    /// A name for a file that is being written; on the same disk, so that it can be renamed.
    fn scratch(&self) -> PathBuf {
        self.root.join(SCRATCH).join(Uuid::new_v4().to_string())
    }
}

/// A place in a session's directory.
#[derive(Debug)]
struct Place {
    base: PathBuf,
    names: Vec<String>,
}

impl Place {
    /// Its path, unless a symbolic link is on the way.
    fn checked(self) -> io::Result<PathBuf> {
        let mut path = self.base;
        refuse_link(&path)?;
        for name in self.names {
            path.push(name);
            refuse_link(&path)?;
        }
        Ok(path)
    }
}

fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.file_type().is_symlink() => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "a symbolic link is on the way"))
        }
        // What is not there cannot lead anywhere.
        _ => Ok(()),
    }
}

fn failed(path: &str, error: &io::Error) -> FsError {
    match error.kind() {
        io::ErrorKind::NotFound => FsError::NotFound(path.to_owned()),
        _ => FsError::Other(format!("{path}: {error}")),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Makes a directory and those above it.
fn make_directories(path: &Path) -> io::Result<()> {
    directory_builder().recursive(true).create(path)
}

fn directory_builder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn file_options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_parents(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_directories)
}

/// Writes `content` beside, and puts it in the place of `path` once it is on the disk.
fn replace(path: &Path, scratch: &Path, content: &[u8]) -> io::Result<()> {
    make_parents(path)?;
    let written = (|| {
        let mut file = file_options().write(true).create_new(true).open(scratch)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(scratch, path)
    })();
    if written.is_err() {
        // Nobody would look for it.
        let _ = fs::remove_file(scratch);
    }
    written
}

fn append(path: &Path, content: &[u8]) -> io::Result<()> {
    make_parents(path)?;
    let mut file: File = file_options().append(true).create(true).open(path)?;
    file.write_all(content)
}

fn info(about: &Metadata) -> io::Result<FileInfo> {
    let modified = about.modified()?;
    // Not every file system knows.
    let created = about.created().unwrap_or(modified);
    Ok(FileInfo { is_directory: about.is_dir(), size: about.len(), created, modified })
}

fn list(path: &Path) -> io::Result<Vec<(String, bool)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        // A link would be refused, and the CLI writes no name that is not Unicode.
        if !kind.is_symlink()
            && let Ok(name) = entry.file_name().into_string()
        {
            entries.push((name, kind.is_dir()));
        }
    }
    entries.sort();
    Ok(entries)
}

fn remove(path: &Path, recursive: bool) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    // Removes links, and does not follow them.
    if recursive { fs::remove_dir_all(path) } else { fs::remove_dir(path) }
}

#[async_trait]
impl SessionFs for DirectoryFs {
    async fn read(&self, session: &str, path: &str) -> Result<String, FsError> {
        self.at(session, path, |path| fs::read_to_string(path)).await
    }

    async fn write(&self, session: &str, path: &str, content: String) -> Result<(), FsError> {
        self.write_bytes(session, path, content.into_bytes()).await
    }

    async fn append(&self, session: &str, path: &str, content: String) -> Result<(), FsError> {
        self.at(session, path, move |path| append(path, content.as_bytes())).await
    }

    async fn stat(&self, session: &str, path: &str) -> Result<FileInfo, FsError> {
        self.at(session, path, |path| info(&fs::symlink_metadata(path)?)).await
    }

    async fn make_directory(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError> {
        let make = move |path: &Path| {
            if recursive { make_directories(path) } else { directory_builder().create(path) }
        };
        self.at(session, path, make).await
    }

    async fn list(&self, session: &str, path: &str) -> Result<Vec<(String, bool)>, FsError> {
        self.at(session, path, list).await
    }

    async fn remove(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError> {
        self.at(session, path, move |path| remove(path, recursive)).await
    }

    async fn rename(&self, session: &str, from: &str, to: &str) -> Result<(), FsError> {
        let target = self.place(session, to)?;
        let rename = move |from: &Path| {
            let to = target.checked()?;
            fs::symlink_metadata(from)?;
            make_parents(&to)?;
            fs::rename(from, to)
        };
        self.at(session, from, rename).await
    }

    fn keeps_bytes(&self) -> bool {
        true
    }

    async fn read_bytes(&self, session: &str, path: &str) -> Result<Vec<u8>, FsError> {
        self.at(session, path, |path| fs::read(path)).await
    }

    async fn write_bytes(&self, session: &str, path: &str, content: Vec<u8>) -> Result<(), FsError> {
        let scratch = self.scratch();
        self.at(session, path, move |path| replace(path, &scratch, &content)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_and_directories() {
        let place = tempfile::tempdir().unwrap();
        let fs = DirectoryFs::new(place.path().join("made/here")).unwrap();
        let text = |text: &str| text.to_owned();
        assert_eq!(fs.read("s", "/a").await, Err(FsError::NotFound(text("/a"))));
        fs.write("s", "/d/e/f", text("one")).await.unwrap();
        fs.append("s", "/d/e/f", text(" two")).await.unwrap();
        fs.append("s", "/d/new", text("three")).await.unwrap();
        assert_eq!(fs.read("s", "/d/e/f").await.as_deref(), Ok("one two"));
        fs.write("s", "/d/e/f", text("anew")).await.unwrap();
        assert_eq!(fs.read("s", "d/./e/f").await.as_deref(), Ok("anew"), "paths begin at the session's directory");
        let (directory, file) = (fs.stat("s", "/d/e/").await.unwrap(), fs.stat("s", "/d/e/f").await.unwrap());
        assert_eq!((directory.is_directory, file.is_directory, file.size), (true, false, 4));
        assert_eq!(fs.list("s", "/d").await.unwrap(), [(text("e"), true), (text("new"), false)]);
        assert!(matches!(fs.list("s", "/nowhere").await, Err(FsError::NotFound(_))));
        assert!(fs.make_directory("s", "/x/y", false).await.is_err());
        fs.make_directory("s", "/x/y", true).await.unwrap();
        assert!(fs.make_directory("s", "/x/y", false).await.is_err());
        fs.rename("s", "/d/e", "/x/z/e").await.unwrap();
        assert_eq!(fs.read("s", "/x/z/e/f").await.as_deref(), Ok("anew"));
        assert!(matches!(fs.rename("s", "/d/e", "/w").await, Err(FsError::NotFound(_))));
        assert!(fs.remove("s", "/x", false).await.is_err(), "it is not empty");
        fs.remove("s", "/x", true).await.unwrap();
        fs.remove("s", "/d/new", false).await.unwrap();
        assert!(matches!(fs.stat("s", "/x").await, Err(FsError::NotFound(_))));
        fs.write_bytes("s", "/b", vec![0xff, 0, 1]).await.unwrap();
        assert_eq!(fs.read_bytes("s", "/b").await.unwrap(), [0xff, 0, 1]);
        assert!(matches!(fs.read("s", "/b").await, Err(FsError::Other(_))), "no text");
        assert!(matches!(fs.read("t", "/b").await, Err(FsError::NotFound(_))), "each session has its own");
        // Paths of Windows mean the same on every system.
        fs.write("s", r"C:\state\d\f", text("windows")).await.unwrap();
        assert_eq!(fs.read("s", "c:/state/d/f").await.as_deref(), Ok("windows"));
        assert_eq!(fs.list("s", r"\\?\C:\state").await.unwrap(), [(text("d"), true)]);
        for path in [r"C:\..\x", r"C:\state\NUL", r"C:\state\f:stream"] {
            assert!(fs.write("s", path, text("x")).await.is_err(), "{path}");
        }
        let leftovers = std::fs::read_dir(fs.root.join(SCRATCH)).unwrap().count();
        assert_eq!(leftovers, 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nothing_leads_out_of_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let place = tempfile::tempdir().unwrap();
        let outside = place.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret"), "secret").unwrap();
        let fs = DirectoryFs::new(place.path().join("inside")).unwrap();
        fs.write("s", "/a", "a".to_owned()).await.unwrap();
        let home = fs.session_directory("s").unwrap();
        assert_eq!(std::fs::metadata(home.join("a")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
        symlink(&outside, home.join("link")).unwrap();
        symlink(outside.join("secret"), home.join("file")).unwrap();
        symlink(&outside, fs.root.join("linked")).unwrap();
        let absolute = outside.join("secret").display().to_string();
        for (session, path) in [
            ("s", "/../outside/secret"),
            ("s", "../../outside/secret"),
            ("s", "/a/../../../outside/secret"),
            ("s", "/link/secret"),
            ("s", "/file"),
            ("s", absolute.as_str()),
            ("linked", "/secret"),
            ("..", "/outside/secret"),
            ("../outside", "/secret"),
            (".", "/s/a"),
            ("", "/s/a"),
            ("s/..", "/s/a"),
            ("/", "/s/a"),
            (SCRATCH, "/a"),
        ] {
            assert!(fs.read(session, path).await.is_err(), "{session} {path}");
            assert!(fs.stat(session, path).await.is_err(), "{session} {path}");
            assert!(fs.rename(session, path, "/b").await.is_err(), "{session} {path}");
            if path != absolute {
                assert!(fs.write(session, path, "x".to_owned()).await.is_err(), "{session} {path}");
                assert!(fs.append(session, path, "x".to_owned()).await.is_err(), "{session} {path}");
                assert!(session != "s" || fs.rename("s", "/a", path).await.is_err(), "{session} {path}");
            }
        }
        assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "secret");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(fs.list("s", "/").await.unwrap(), [("a".to_owned(), false)], "links are not there");
        fs.remove("s", "/", true).await.unwrap();
        assert!(outside.join("secret").exists(), "what a link names is not removed with it");
        assert!(DirectoryFs::new(outside.join("secret")).is_err(), "a file is no directory");
    }
}
