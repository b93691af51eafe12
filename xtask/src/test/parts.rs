//! The real parts the whole-system tests use: where they are, and how they get there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Part;

/// The Copilot CLI the tests run against. A whole-system test holds it against the version `groundlink demo` installs.
const CLI_VERSION: &str = "1.0.102";
/// Drives Chromium; no browser comes with it.
const PLAYWRIGHT_VERSION: &str = "1.65.1";
/// Finds what keeps people with other eyes, ears and hands out of a page.
const AXE_VERSION: &str = "4.14.1";

/// Paths of the parts; `None` where a part is left out on purpose.
#[derive(Debug)]
pub(crate) struct Parts {
    cli: Option<PathBuf>,
    /// Where the CLI unpacks itself at its first start; shared, or each test with a home of its own would wait for it.
    unpacked: PathBuf,
    browser: Option<Browser>,
}

#[derive(Debug)]
struct Browser {
    node: PathBuf,
    /// The folder whose `node_modules` has playwright-core.
    playwright: PathBuf,
    chromium: PathBuf,
    /// The folder whose `node_modules` has axe-core.
    axe: PathBuf,
}

/// Why a real part could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartsError {
    /// Node or npm is not there.
    #[error(
        "{tool} is needed and not on PATH: install it (on Debian: `apt-get install nodejs npm`), or leave the tests \
         that need it out with `--without {part}`"
    )]
    NoTool {
        /// The program that was looked for.
        tool: &'static str,
        /// The part that needs it.
        part: &'static str,
    },
    /// npm ran and failed.
    #[error(
        "`npm install` of {what} failed ({status}); npm's own words are above. Leave the tests that need it out with \
         `--without {part}`"
    )]
    Npm {
        /// The package.
        what: String,
        /// The part that needs it.
        part: &'static str,
        /// How npm ended.
        status: std::process::ExitStatus,
    },
    /// npm ended well, but the file is not there.
    #[error("npm installed {what}, but {} is not there: is this platform supported by the package?", path.display())]
    NotThere {
        /// The package.
        what: String,
        /// The file that should be there.
        path: PathBuf,
    },
    /// No Chromium, and no way to install one.
    #[error(
        "Chromium is not there and could not be installed: install it (on Debian: `apt-get install chromium`), set \
         CHROMIUM_PATH, or leave the browser tests out with `--without browser`"
    )]
    NoChromium,
    /// A file could not be written or a program not be started.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Parts {
    /// Finds the parts, and installs into `target/testkit` what is missing.
    pub(crate) fn provide(root: &Path, without: &[Part]) -> Result<Self, PartsError> {
        let folder = target_dir(root).join("testkit");
        let wanted = |part| !without.contains(&part);
        let cli = wanted(Part::Cli).then(|| find_cli(&folder)).transpose()?;
        let browser = wanted(Part::Browser).then(|| Browser::find(&folder)).transpose()?;
        Ok(Self { cli, unpacked: folder.join("cli-unpacked"), browser })
    }

    /// The variables by which tests learn where the parts are.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut variables = Vec::new();
        if let Some(cli) = &self.cli {
            variables.push(("GROUNDLINK_TEST_CLI", cli.clone()));
            variables.push(("COPILOT_CLI_PATH", cli.clone()));
            variables.push(("COPILOT_PKG_CACHE_HOME", self.unpacked.clone()));
        }
        if let Some(browser) = &self.browser {
            variables.push(("GROUNDLINK_TEST_NODE", browser.node.clone()));
            variables.push(("GROUNDLINK_TEST_PLAYWRIGHT", browser.playwright.clone()));
            variables.push(("GROUNDLINK_TEST_CHROMIUM", browser.chromium.clone()));
            variables.push(("GROUNDLINK_TEST_AXE", browser.axe.clone()));
        }
        variables
    }

    /// One line a part, for the person who reads the log.
    pub(super) fn describe(&self) {
        match &self.cli {
            Some(path) => println!("Copilot CLI {CLI_VERSION}: {}", path.display()),
            None => println!("Copilot CLI: left out"),
        }
        match &self.browser {
            Some(browser) => println!(
                "browser: {} by playwright-core {PLAYWRIGHT_VERSION} in {}, looked at by axe-core {AXE_VERSION}",
                browser.chromium.display(),
                browser.playwright.display()
            ),
            None => println!("browser: left out"),
        }
    }
}

impl Browser {
    fn find(folder: &Path) -> Result<Self, PartsError> {
        Ok(Self {
            node: find_program("node").ok_or(PartsError::NoTool { tool: "node", part: "browser" })?,
            playwright: find_package(folder, "playwright", "playwright-core", PLAYWRIGHT_VERSION)?,
            chromium: find_chromium()?,
            axe: find_package(folder, "axe", "axe-core", AXE_VERSION)?,
        })
    }
}

fn target_dir(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}

/// `GROUNDLINK_TEST_CLI`, else our own installation: whatever happens to be on PATH may be another version.
fn find_cli(folder: &Path) -> Result<PathBuf, PartsError> {
    if let Some(path) = std::env::var_os("GROUNDLINK_TEST_CLI") {
        let path = PathBuf::from(path);
        return there("GROUNDLINK_TEST_CLI", path);
    }
    let home = folder.join(format!("cli-{CLI_VERSION}"));
    // The platform's own package: the general one only wraps it in a Node program.
    let package = format!("copilot-{}-{}", node_platform(), node_arch());
    let binary = home.join("node_modules/@github").join(&package).join("copilot");
    npm_install(&home, &format!("@github/copilot@{CLI_VERSION}"), &binary, "cli")?;
    Ok(binary)
}

/// The folder whose `node_modules` has a package for the browser tests.
fn find_package(folder: &Path, short: &str, package: &str, version: &str) -> Result<PathBuf, PartsError> {
    let home = folder.join(format!("{short}-{version}"));
    let proof = home.join("node_modules").join(package).join("package.json");
    npm_install(&home, &format!("{package}@{version}"), &proof, "browser")?;
    Ok(home)
}

/// Installs one pinned package into a folder of its own. No lock file: it would record where the registry is.
fn npm_install(home: &Path, package: &str, proof: &Path, part: &'static str) -> Result<(), PartsError> {
    if proof.is_file() {
        return Ok(());
    }
    let npm = find_program("npm").ok_or(PartsError::NoTool { tool: "npm", part })?;
    let failed = |what: String| move |source| PartsError::Io { what, source };
    std::fs::create_dir_all(home).map_err(failed(format!("cannot create {}", home.display())))?;
    // A package.json of its own keeps npm from walking up to somebody else's.
    std::fs::write(home.join("package.json"), "{\"private\":true}\n")
        .map_err(failed(format!("cannot write into {}", home.display())))?;
    println!("==> npm install {package}");
    let status = Command::new(npm)
        .args(["install", "--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", package])
        .current_dir(home)
        .stdin(Stdio::null())
        .status()
        .map_err(failed("cannot start npm".to_owned()))?;
    if !status.success() {
        return Err(PartsError::Npm { what: package.to_owned(), part, status });
    }
    there(package, proof.to_path_buf()).map(drop)
}

fn there(what: &str, path: PathBuf) -> Result<PathBuf, PartsError> {
    if path.is_file() { Ok(path) } else { Err(PartsError::NotThere { what: what.to_owned(), path }) }
}

fn find_chromium() -> Result<PathBuf, PartsError> {
    if let Some(path) = std::env::var_os("CHROMIUM_PATH") {
        let path = PathBuf::from(path);
        return if path.is_file() { Ok(path) } else { Err(PartsError::NoChromium) };
    }
    let known = || ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(find_program);
    if let Some(path) = known() {
        return Ok(path);
    }
    apt_install("chromium");
    known().ok_or(PartsError::NoChromium)
}

/// Tries the system's package manager, where that needs no password. Success is judged by what is there afterwards.
fn apt_install(package: &str) {
    let Some(apt) = find_program("apt-get") else { return };
    let root = output_of(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let sudo = || Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    let prefix: &[&str] = match (root, sudo) {
        (true, _) => &["env"],
        (false, sudo) if sudo() => &["sudo", "-n", "env"],
        _ => return,
    };
    println!("==> apt-get install {package}");
    for arguments in [&["update", "-q"][..], &["install", "-y", "-q", "--no-install-recommends", package]] {
        let mut command = Command::new(prefix[0]);
        command.args(&prefix[1..]).arg("DEBIAN_FRONTEND=noninteractive").arg(&apt).args(arguments);
        if let Err(error) = command.stdin(Stdio::null()).status() {
            eprintln!("cannot start apt-get: {error}");
        }
    }
}

fn output_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    String::from_utf8(output.stdout).ok()
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// The words npm packages use for platforms.
fn node_platform() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    }
}

fn node_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}
