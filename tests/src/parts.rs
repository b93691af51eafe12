//! Where the real parts are: told by `cargo xtask test`, or found where it has put them before.

use std::path::{Path, PathBuf};

/// The Copilot CLI.
pub fn copilot() -> PathBuf {
    part("GROUNDLINK_TEST_CLI")
}

/// What the browser tests need.
#[derive(Debug)]
pub struct BrowserParts {
    /// Runs the driver.
    pub node: PathBuf,
    /// The folder with playwright-core.
    pub playwright: PathBuf,
    /// The browser.
    pub chromium: PathBuf,
    /// The folder with axe-core.
    pub axe: PathBuf,
}

/// Node, playwright-core, Chromium and axe-core.
pub fn browser() -> BrowserParts {
    BrowserParts {
        node: part("GROUNDLINK_TEST_NODE"),
        playwright: part("GROUNDLINK_TEST_PLAYWRIGHT"),
        chromium: part("GROUNDLINK_TEST_CHROMIUM"),
        axe: part("GROUNDLINK_TEST_AXE"),
    }
}

/// The `groundlink` command, built by `cargo xtask test` before the tests run.
pub fn groundlink() -> PathBuf {
    built("groundlink")
}

/// An example of the workspace, as built.
pub fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}"))
}

/// Where screenshots and other leftovers for people go.
pub fn output(folder: &str) -> PathBuf {
    let path = profile_dir().parent().map(Path::to_path_buf).unwrap_or_default().join(folder);
    std::fs::create_dir_all(&path).expect("a writable target directory");
    path
}

/// This package's own folder.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn part(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    match path {
        Some(path) if path.exists() => path,
        Some(path) => panic!("{variable} says {}, which is not there", path.display()),
        None => panic!(
            "{variable} is not set: run the tests with `cargo xtask test`, which provides the real parts (`cargo xtask test --quick -- NAME` for one)"
        ),
    }
}

fn built(name: &str) -> PathBuf {
    let path = profile_dir().join(name);
    assert!(path.is_file(), "{} is not built: run the tests with `cargo xtask test`", path.display());
    path
}

/// `target/debug` or the like: test binaries are in `deps` below it.
fn profile_dir() -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    this.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}
