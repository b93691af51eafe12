//! Files that are nowhere but in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;

use super::names::with_slashes as plain;
use super::{FileInfo, FsError, SessionFs};

/// Sessions' files in memory, gone with the program: for tests, and for sessions that must leave nothing behind. Each
/// session has its own; there is no bound but the memory.
#[derive(Debug, Default)]
pub struct InMemoryFs {
    sessions: Mutex<BTreeMap<String, Entries>>,
}

/// What there is, by path.
type Entries = BTreeMap<String, Entry>;

#[derive(Debug, Clone)]
struct Entry {
    /// `None`: a directory.
    content: Option<Vec<u8>>,
    created: SystemTime,
    modified: SystemTime,
}

impl Entry {
    fn new(content: Option<Vec<u8>>) -> Self {
        let now = SystemTime::now();
        Self { content, created: now, modified: now }
    }
}

impl InMemoryFs {
    /// Nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The paths of a session's files.
    pub fn files(&self, session: &str) -> Vec<String> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        entries.iter().filter(|(_, entry)| entry.content.is_some()).map(|(path, _)| path.clone()).collect()
    }

    /// The text of a session's file, if it is one.
    pub fn content(&self, session: &str, path: &str) -> Option<String> {
        String::from_utf8(self.bytes(session, path)?).ok()
    }

    fn bytes(&self, session: &str, path: &str) -> Option<Vec<u8>> {
        self.lock().get(session)?.get(&*plain(path))?.content.clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entries>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(path: &str) -> FsError {
    FsError::NotFound(path.to_owned())
}

/// Makes the directories above a path.
fn parents(entries: &mut Entries, path: &str) {
    let ends = path.match_indices('/').map(|(index, _)| index).filter(|index| *index > 0);
    for end in ends {
        entries.entry(path[..end].to_owned()).or_insert_with(|| Entry::new(None));
    }
}

/// Whether `path` is below `directory`.
fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    path.strip_prefix(directory)?.strip_prefix('/')
}

#[async_trait]
impl SessionFs for InMemoryFs {
    async fn read(&self, session: &str, path: &str) -> Result<String, FsError> {
        let bytes = self.bytes(session, path).ok_or_else(|| missing(path))?;
        String::from_utf8(bytes).map_err(|_| FsError::Other(format!("{path} is no text")))
    }

    async fn write(&self, session: &str, path: &str, content: String) -> Result<(), FsError> {
        self.write_bytes(session, path, content.into_bytes()).await
    }

    fn keeps_bytes(&self) -> bool {
        true
    }

    async fn read_bytes(&self, session: &str, path: &str) -> Result<Vec<u8>, FsError> {
        self.bytes(session, path).ok_or_else(|| missing(path))
    }

    async fn write_bytes(&self, session: &str, path: &str, content: Vec<u8>) -> Result<(), FsError> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        let path = plain(path);
        parents(entries, &path);
        let entry = entries.entry(path.into_owned()).or_insert_with(|| Entry::new(None));
        entry.content = Some(content);
        entry.modified = SystemTime::now();
        Ok(())
    }

    async fn append(&self, session: &str, path: &str, content: String) -> Result<(), FsError> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        let path = plain(path);
        parents(entries, &path);
        let entry = entries.entry(path.into_owned()).or_insert_with(|| Entry::new(None));
        entry.content.get_or_insert_default().extend_from_slice(content.as_bytes());
        entry.modified = SystemTime::now();
        Ok(())
    }

    async fn stat(&self, session: &str, path: &str) -> Result<FileInfo, FsError> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        let plain = plain(path);
        if plain.is_empty() {
            let epoch = SystemTime::UNIX_EPOCH;
            return Ok(FileInfo { is_directory: true, size: 0, created: epoch, modified: epoch });
        }
        let entry = entries.get(&*plain).ok_or_else(|| missing(path))?;
        Ok(FileInfo {
            is_directory: entry.content.is_none(),
            size: entry.content.as_ref().map_or(0, |content| content.len() as u64),
            created: entry.created,
            modified: entry.modified,
        })
    }

    async fn make_directory(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        let path = &*plain(path);
        if recursive {
            parents(entries, path);
        } else if let Some((above, _)) = path.rsplit_once('/')
            && !above.is_empty()
            && !entries.contains_key(above)
        {
            return Err(missing(above));
        }
        match entries.get(path) {
            Some(entry) if entry.content.is_some() => Err(FsError::Other(format!("{path} is a file"))),
            Some(_) if !recursive => Err(FsError::Other(format!("{path} exists"))),
            Some(_) => Ok(()),
            None => {
                entries.insert(path.to_owned(), Entry::new(None));
                Ok(())
            }
        }
    }

    async fn list(&self, session: &str, path: &str) -> Result<Vec<(String, bool)>, FsError> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        let path = &*plain(path);
        if !path.is_empty() && entries.get(path).is_none_or(|entry| entry.content.is_some()) {
            return Err(missing(path));
        }
        let inside = entries.iter().filter_map(|(name, entry)| Some((below(name, path)?, entry.content.is_none())));
        Ok(inside.filter(|(name, _)| !name.contains('/')).map(|(name, dir)| (name.to_owned(), dir)).collect())
    }

    async fn remove(&self, session: &str, path: &str, recursive: bool) -> Result<(), FsError> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        let path = &*plain(path);
        if !entries.contains_key(path) {
            return Err(missing(path));
        }
        if !recursive && entries.keys().any(|name| below(name, path).is_some()) {
            return Err(FsError::Other(format!("{path} is not empty")));
        }
        entries.retain(|name, _| name != path && below(name, path).is_none());
        Ok(())
    }

    async fn rename(&self, session: &str, from: &str, to: &str) -> Result<(), FsError> {
        let mut sessions = self.lock();
        let entries = sessions.entry(session.to_owned()).or_default();
        let (from, to) = (&*plain(from), &*plain(to));
        if !entries.contains_key(from) {
            return Err(missing(from));
        }
        parents(entries, to);
        let moved: Vec<String> =
            entries.keys().filter(|name| *name == from || below(name, from).is_some()).cloned().collect();
        for name in moved {
            if let Some(entry) = entries.remove(&name) {
                entries.insert(format!("{to}{}", &name[from.len()..]), entry);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_and_directories() {
        let fs = InMemoryFs::new();
        let text = |text: &str| text.to_owned();
        assert_eq!(fs.read("s", "/a").await, Err(missing("/a")));
        fs.write("s", "/d/e/f", text("one")).await.unwrap();
        fs.append("s", "/d/e/f", text(" two")).await.unwrap();
        assert_eq!(fs.read("s", "/d/e/f").await.as_deref(), Ok("one two"));
        fs.write_bytes("b", "/b", vec![0xff]).await.unwrap();
        assert_eq!(fs.read_bytes("b", "/b").await.unwrap(), [0xff]);
        assert!(fs.read("b", "/b").await.is_err() && fs.content("b", "/b").is_none(), "no text");
        let info = fs.stat("s", "/d/e/").await.unwrap();
        assert!(info.is_directory);
        assert_eq!(fs.stat("s", "/d/e/f").await.unwrap().size, 7);
        assert_eq!(fs.list("s", "/d").await.unwrap(), [(text("e"), true)]);
        assert_eq!(fs.list("s", "/").await.unwrap(), [(text("d"), true)]);
        assert!(fs.list("s", "/nowhere").await.is_err());
        assert!(fs.make_directory("s", "/x/y", false).await.is_err());
        fs.make_directory("s", "/x/y", true).await.unwrap();
        assert!(fs.make_directory("s", "/x/y", false).await.is_err());
        fs.rename("s", "/d/e", "/x/z").await.unwrap();
        assert_eq!(fs.files("s"), ["/x/z/f"]);
        assert!(fs.remove("s", "/x", false).await.is_err());
        fs.remove("s", "/x", true).await.unwrap();
        assert!(fs.files("s").is_empty() && fs.stat("s", "/x").await.is_err());
        assert!(fs.rename("s", "/x", "/w").await.is_err());
        fs.write("w", r"C:\state\d\f", text("windows")).await.unwrap();
        assert_eq!(fs.list("w", r"C:\state\").await.unwrap(), [(text("d"), true)]);
        assert_eq!(fs.read("w", "C:/state/d/f").await.as_deref(), Ok("windows"));
        fs.write("t", "/a", text("of t")).await.unwrap();
        assert!(fs.read("s", "/a").await.is_err(), "each session has its own");
    }
}
