//! Finding the Copilot CLI on this machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::SessionError;

/// The variable that names the CLI's executable.
pub(crate) const CLI_PATH_VARIABLE: &str = "COPILOT_CLI_PATH";

/// How to start the Copilot CLI: a program, and arguments that come before ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliCommand {
    program: PathBuf,
    args: Vec<OsString>,
}

impl CliCommand {
    /// Starts this program. A `.js` or `.mjs` file is run by `node`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        if has_extension(&program, &["js", "mjs", "cjs"]) {
            return Self { program: "node".into(), args: vec![program.into()] };
        }
        Self { program, args: Vec::new() }
    }

    /// Adds an argument before those that groundlink gives.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Finds the installed CLI: the file that `COPILOT_CLI_PATH` names, else `copilot` on `PATH`.
    ///
    /// The npm package's `copilot` is a small Node program that starts the real one as a child of
    /// its own; where the real one lies beside it, that is what is found. (A signal to the wrapper would end the wrapper, and
    /// the CLI without writing its last events.)
    pub fn find() -> Result<Self, SessionError> {
        Self::find_with(|name| env::var_os(name))
    }

    /// The same with an environment that is not the process's own.
    pub fn find_with(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, SessionError> {
        if let Some(named) = variable(CLI_PATH_VARIABLE).filter(|value| !value.is_empty()) {
            let path = PathBuf::from(named);
            check_executable(&path)?;
            return Ok(Self::new(behind_wrapper(&path).unwrap_or(path)));
        }
        let path = variable("PATH").unwrap_or_default();
        let found = env::split_paths(&path)
            .filter(|folder| !folder.as_os_str().is_empty())
            .flat_map(|folder| names().iter().map(move |name| folder.join(name)))
            .find(|candidate| check_executable(candidate).is_ok());
        match found {
            Some(path) => Ok(Self::new(behind_wrapper(&path).unwrap_or(path))),
            None => Err(SessionError::CliNotFound),
        }
    }

    /// The program to start.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Arguments that come first.
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// Says what is wrong with the program's path, where that can be known before starting it.
    pub(crate) fn check(&self) -> Result<(), SessionError> {
        // A bare name is looked up on PATH by the system.
        let bare = self.program.components().count() == 1 && !self.program.exists();
        if bare { Ok(()) } else { check_executable(&self.program) }
    }
}

fn names() -> &'static [&'static str] {
    if cfg!(windows) { &["copilot.exe", "copilot.cmd"] } else { &["copilot"] }
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|found| extensions.iter().any(|wanted| found.eq_ignore_ascii_case(wanted)))
}

fn check_executable(path: &Path) -> Result<(), SessionError> {
    let unusable = |reason: String| SessionError::CliUnusable { path: path.to_owned(), reason };
    let data = path.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unusable("there is no such file".to_owned()),
        _ => unusable(error.to_string()),
    })?;
    if data.is_dir() {
        return Err(unusable("it is a directory".to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if data.permissions().mode() & 0o111 == 0 && !has_extension(path, &["js", "mjs", "cjs"]) {
            return Err(unusable("it is not executable (chmod +x)".to_owned()));
        }
    }
    Ok(())
}

/// The platform binary behind the npm package's wrapper, if `path` is that wrapper.
fn behind_wrapper(path: &Path) -> Option<PathBuf> {
    let script = path.canonicalize().ok()?;
    let mut start = [0u8; 2];
    File::open(&script).ok()?.read_exact(&mut start).ok()?;
    if &start != b"#!" && !has_extension(&script, &["js", "mjs", "cjs", "cmd"]) {
        return None;
    }
    // .../@github/copilot/SCRIPT, and beside that package .../@github/copilot-PLATFORM-ARCH/copilot
    let scope = script.ancestors().find(|folder| folder.file_name() == Some(OsStr::new("copilot")))?.parent()?;
    if scope.file_name() != Some(OsStr::new("@github")) {
        return None;
    }
    let nested = scope.join("copilot").join("node_modules").join("@github");
    [scope, nested.as_path()]
        .iter()
        .flat_map(|scope| platforms().map(move |platform| scope.join(format!("copilot-{platform}"))))
        .map(|package| package.join(if cfg!(windows) { "copilot.exe" } else { "copilot" }))
        .find(|binary| check_executable(binary).is_ok())
}

/// Names of the packages that may hold this machine's binary, in npm's words, the likelier first.
fn platforms() -> impl Iterator<Item = String> {
    let arch = match env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let systems: &[&str] = match env::consts::OS {
        "linux" if cfg!(target_env = "musl") => &["linuxmusl", "linux"],
        "linux" => &["linux", "linuxmusl"],
        "macos" => &["darwin"],
        "windows" => &["win32"],
        _ => &[],
    };
    systems.iter().map(move |system| format!("{system}-{arch}"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn find(cli: Option<&Path>, path: &[&Path]) -> Result<CliCommand, SessionError> {
        let path = env::join_paths(path).unwrap();
        CliCommand::find_with(|name| match name {
            CLI_PATH_VARIABLE => cli.map(|p| p.as_os_str().to_owned()),
            "PATH" => Some(path.clone()),
            _ => None,
        })
    }

    #[test]
    fn the_variable_wins_and_a_wrong_one_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mine, other) = (dir.path().join("mine"), dir.path().join("bin/copilot"));
        write(&mine, "x", 0o755);
        write(&other, "x", 0o755);
        let bin = dir.path().join("bin");
        assert_eq!(find(Some(&mine), &[&bin]).unwrap().program(), mine);
        assert_eq!(find(None, &[&bin]).unwrap().program(), other);

        let cases: &[(&str, &str)] = &[("absent", "no such file"), ("plain", "not executable"), ("bin", "directory")];
        write(&dir.path().join("plain"), "x", 0o644);
        for (name, reason) in cases {
            let path = dir.path().join(name);
            let message = find(Some(&path), &[&bin]).unwrap_err().to_string();
            assert!(message.contains(reason) && message.contains(name), "{message}");
        }
    }

    #[test]
    fn an_absent_cli_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let message = find(None, &[dir.path()]).unwrap_err().to_string();
        assert!(message.contains("npm install") && message.contains(CLI_PATH_VARIABLE), "{message}");
    }

    #[test]
    fn the_platform_binary_is_preferred_over_the_npm_wrapper() {
        let dir = tempfile::tempdir().unwrap();
        let scope = dir.path().join("node_modules/@github");
        let wrapper = scope.join("copilot/npm-loader.js");
        write(&wrapper, "#!/usr/bin/env node\n", 0o755);
        let bin = dir.path().join("node_modules/.bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(&wrapper, bin.join("copilot")).unwrap();
        assert_eq!(find(None, &[&bin]).unwrap().program(), bin.join("copilot"), "no binary: the wrapper");

        let platform = platforms().next().unwrap();
        let binary = scope.join(format!("copilot-{platform}/copilot"));
        write(&binary, "binary", 0o755);
        let canonical = binary.canonicalize().unwrap();
        assert_eq!(find(None, &[&bin]).unwrap().program(), canonical);
        assert_eq!(find(Some(&wrapper), &[]).unwrap().program(), canonical);
    }

    #[test]
    fn a_script_is_run_by_node() {
        let command = CliCommand::new("/opt/copilot/index.js").arg("--x");
        assert_eq!(command.program(), Path::new("node"));
        assert_eq!(command.args(), ["/opt/copilot/index.js", "--x"]);
    }
}
