//! Where groundlink keeps things, by the conventions of each platform.

use std::path::PathBuf;

use crate::error::Error;

/// Looks up an environment variable; a parameter so that tests need not change the process's environment.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<PathBuf>;

/// The process's environment. An empty variable counts as unset.
pub(crate) fn process_env(name: &str) -> Option<PathBuf> {
    if name == "HOME" {
        return std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    }
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The directory for what can be fetched again.
pub(crate) fn cache(env: Env<'_>) -> Result<PathBuf, Error> {
    place(env, "XDG_CACHE_HOME", ".cache", "Library/Caches")
}

/// The directory for what should stay.
pub(crate) fn data(env: Env<'_>) -> Result<PathBuf, Error> {
    place(env, "XDG_DATA_HOME", ".local/share", "Library/Application Support")
}

fn place(env: Env<'_>, variable: &'static str, unix: &str, mac: &str) -> Result<PathBuf, Error> {
    // XDG says that a relative path is to be ignored.
    if let Some(set) = env(variable).filter(|path| path.is_absolute()) {
        return Ok(set.join("groundlink"));
    }
    if cfg!(windows)
        && let Some(local) = env("LOCALAPPDATA")
    {
        return Ok(local.join("groundlink"));
    }
    let home = env("HOME").ok_or(Error::NoHome { variable })?;
    Ok(home.join(if cfg!(target_os = "macos") { mac } else { unix }).join("groundlink"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn xdg_and_home() {
        let env = |name: &str| match name {
            "XDG_CACHE_HOME" => Some(PathBuf::from("/c")),
            "XDG_DATA_HOME" => Some(PathBuf::from("relative")),
            "HOME" => Some(PathBuf::from("/h")),
            _ => None,
        };
        assert_eq!(cache(&env).unwrap(), PathBuf::from("/c/groundlink"));
        assert_eq!(data(&env).unwrap(), PathBuf::from("/h/.local/share/groundlink"));
        assert!(cache(&|_| None).unwrap_err().to_string().contains("XDG_CACHE_HOME"));
    }
}
