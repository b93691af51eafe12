//! The installer against stand-ins for `npm` and `copilot` on a search path of the test's own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::*;

/// A directory with a `bin` to search and a `cache` to install into.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Options that see this place only. The stand-ins need `/bin` for their shell's tools; no npm or copilot is
    /// looked for there.
    fn options(&self) -> InstallOptions {
        InstallOptions { search_path: Some(self.path("bin").into()), ..InstallOptions::new(self.path("cache")) }
    }

    fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Written under another name first: a file that is open for writing cannot be executed, and another
        // test's fork may hold the descriptor for a moment.
        let draft = path.with_extension("draft");
        std::fs::write(&draft, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&draft, &path).unwrap();
        path
    }
}

/// What a version check answers.
const GENUINE: &str = "echo 'GitHub Copilot CLI 9.9.9.'";

/// The package name for this machine's binary.
fn package() -> String {
    let arch = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x64" };
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    format!("@github/copilot-{system}-{arch}")
}

/// An npm that lays a package out below its `--prefix` and notes its arguments there.
fn working_npm() -> String {
    let package = package();
    format!(
        r#"
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) prefix="$2"; shift ;;
    @github/*) what="$1" ;;
  esac
  shift
done
mkdir -p "$prefix/node_modules/{package}" "$prefix/node_modules/@github/copilot"
echo licence > "$prefix/node_modules/{package}/LICENSE.md"
echo "$what" > "$prefix/installed"
printf '#!/bin/sh\n' > "$prefix/node_modules/{package}/copilot"
chmod +x "$prefix/node_modules/{package}/copilot"
"#
    )
}

async fn ensure(options: &InstallOptions) -> Result<PathBuf, Error> {
    ensure_cli(options, &Silent).await
}

/// An error's text without this run's paths.
fn words(error: &Error, place: &Place) -> String {
    error.to_string().replace(&place.dir.path().display().to_string(), "[DIR]")
}

fn entries(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[tokio::test]
async fn installs_once_and_keeps_the_licence() {
    let place = Place::new();
    place.script("bin/npm", &working_npm());
    let found = ensure(&place.options()).await.unwrap();
    let home = place.path("cache/copilot").join(DEFAULT_VERSION);
    assert_eq!(found, home.join("node_modules").join(package()).join("copilot"));
    assert!(found.with_file_name("LICENSE.md").exists());
    let installed = std::fs::read_to_string(home.join("installed")).unwrap();
    assert_eq!(installed.trim(), format!("@github/copilot@{DEFAULT_VERSION}"));

    std::fs::remove_file(place.path("bin/npm")).unwrap();
    assert_eq!(ensure(&place.options()).await.unwrap(), found, "the second time needs no npm");
    assert_eq!(entries(&place.path("cache/copilot")), [DEFAULT_VERSION], "nothing temporary is left");
}

#[tokio::test]
async fn without_npm_the_error_says_what_to_install() {
    let place = Place::new();
    insta::assert_snapshot!(words(&ensure(&place.options()).await.unwrap_err(), &place));
}

#[tokio::test]
async fn a_failing_npm_is_quoted_and_leaves_nothing() {
    let place = Place::new();
    place.script(
        "bin/npm",
        "seq 1 100 | sed 's/^/npm http fetch /' >&2; echo 'npm error code ENOTFOUND' >&2; \
         echo 'npm error network request failed' >&2; exit 1",
    );
    let error = ensure(&place.options()).await.unwrap_err();
    insta::assert_snapshot!(words(&error, &place));
    assert!(entries(&place.path("cache/copilot")).is_empty());
}

#[tokio::test]
async fn a_package_without_this_machines_binary_is_an_error() {
    let place = Place::new();
    place.script("bin/npm", "exit 0");
    let error = ensure(&place.options().version("1.2.3")).await.unwrap_err();
    assert!(error.to_string().contains("without a binary for this machine"), "{error}");
    assert!(entries(&place.path("cache/copilot")).is_empty());
}

#[tokio::test]
async fn a_broken_installation_is_replaced() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("cache/copilot").join(DEFAULT_VERSION).join("node_modules")).unwrap();
    place.script("bin/npm", &working_npm());
    assert!(ensure(&place.options()).await.unwrap().exists());
}

#[tokio::test]
async fn an_own_path_comes_first_and_has_to_be_right() {
    let place = Place::new();
    let genuine = place.script("own/copilot", GENUINE);
    place.script("bin/copilot", GENUINE);
    let with = |path: PathBuf| InstallOptions { cli_path: Some(path), ..place.options() };
    assert_eq!(ensure(&with(genuine.clone())).await.unwrap(), genuine);

    std::fs::write(place.path("plain"), "text").unwrap();
    let mut errors = Vec::new();
    place.script("other", "echo 'copilot version: v1.34.0'");
    for name in ["absent", "own", "plain", "other"] {
        errors.push(words(&ensure(&with(place.path(name))).await.unwrap_err(), &place));
    }
    insta::assert_snapshot!(errors.join("\n"));
}

#[tokio::test]
async fn the_search_path_gives_the_genuine_one_unless_a_version_is_chosen() {
    let place = Place::new();
    place.script("other/copilot", "echo 'copilot version: v1.34.0'");
    place.script("broken/copilot", "exit 3");
    let genuine = place.script("bin/copilot", GENUINE);
    place.script("bin/npm", &working_npm());
    let search = std::env::join_paths([place.path("other"), place.path("broken"), place.path("bin")]).unwrap();
    let options = InstallOptions { search_path: Some(search), ..place.options() };
    assert_eq!(ensure(&options).await.unwrap(), genuine);

    let chosen = ensure(&options.version("1.2.3")).await.unwrap();
    assert!(chosen.starts_with(place.path("cache/copilot/1.2.3")), "{}", chosen.display());
}

#[tokio::test]
async fn the_binary_is_found_behind_npms_wrapper() {
    for nested in [true, false] {
        let place = Place::new();
        let package_dir = place.path("lib/node_modules/@github/copilot");
        let modules = if nested { package_dir.join("node_modules") } else { place.path("lib/node_modules") };
        let binary = modules.join(package()).join("copilot");
        let relative = binary.strip_prefix(place.dir.path()).unwrap().display().to_string();
        place.script(&relative, GENUINE);
        place.script("lib/node_modules/@github/copilot/npm-loader.js", "exit 1");
        std::os::unix::fs::symlink(package_dir.join("npm-loader.js"), place.path("bin/copilot")).unwrap();
        assert_eq!(ensure(&place.options()).await.unwrap(), binary.canonicalize().unwrap(), "nested: {nested}");
    }
}

#[test]
fn versions() {
    for good in ["1.0.102", "1.0.102-1", "2.0.0-beta.3"] {
        assert_eq!(parse_version(good).unwrap(), good);
    }
    for bad in ["", "latest", "1.0", "1.0.0/..", "../1.0.0", "1.0.0 --global", "v1.0.0", "^1.0.0"] {
        assert!(parse_version(bad).is_err(), "{bad}");
    }
}
