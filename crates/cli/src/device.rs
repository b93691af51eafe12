//! What this terminal calls itself at a hub, so that the other devices see who did what.

use std::path::Path;

use uuid::Uuid;

use crate::dirs;
use crate::protocol::api::Device;

/// The file that keeps this machine's id.
const FILE: &str = "device-id";
/// The hub takes names up to this length.
const MAX_NAME: usize = 100;

/// This terminal: an id that stays, and the name that was given, or the machine's.
pub(crate) fn this(name: Option<&str>) -> Device {
    let id = dirs::data(&dirs::process_env).ok().and_then(|directory| kept_id(&directory));
    let name = name.map_or_else(|| format!("terminal on {}", machine()), str::to_owned);
    Device { id: id.unwrap_or_else(|| Uuid::new_v4().to_string()), name: Some(name.chars().take(MAX_NAME).collect()) }
}

/// The id in the directory, made if there is none. Where nothing can be kept, each command is a device of its own.
fn kept_id(directory: &Path) -> Option<String> {
    let path = directory.join(FILE);
    let read = || std::fs::read_to_string(&path).ok().filter(|id| Uuid::parse_str(id.trim()).is_ok());
    if let Some(id) = read() {
        return Some(id.trim().to_owned());
    }
    std::fs::create_dir_all(directory).ok()?;
    let id = Uuid::new_v4().to_string();
    std::fs::write(&path, &id).ok()?;
    Some(id)
}

/// What the machine is called.
fn machine() -> String {
    let variable = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let file =
        || ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|path| std::fs::read_to_string(path).ok());
    let name = variable().or_else(file).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "a machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_and_a_damaged_one_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("new");
        let first = kept_id(&place).unwrap();
        assert_eq!(kept_id(&place).unwrap(), first);
        std::fs::write(place.join(FILE), "broken").unwrap();
        let other = kept_id(&place).unwrap();
        assert!(other != first && kept_id(&place).unwrap() == other);
    }

    #[test]
    fn a_name_is_kept_within_what_the_hub_takes() {
        let device = this(Some(&"é".repeat(200)));
        assert_eq!(device.name.unwrap().chars().count(), MAX_NAME);
        assert!(this(None).name.unwrap().starts_with("terminal on "));
    }
}
