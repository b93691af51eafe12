//! The page as an app that a browser installs.

use serde_json::json;

use super::assets;
use super::chrome;
use super::page::LIGHT;
use crate::view::SessionView;

/// Where the manifest of a session's page is. By the API's base, which has the link's key and the prefix of the site.
pub(super) fn address(api_base: &str) -> String {
    let (site, key) = api_base.split_once("/api/v1/links/").unwrap_or(("", api_base));
    format!("{site}/t/{key}/app.webmanifest")
}

/// The manifest by which a browser installs the page of a session: JSON. The addresses are relative to its own,
/// `t/{key}/app.webmanifest`, so that it works under whatever name and prefix the hub was reached.
pub fn manifest(view: &SessionView, key: &str) -> String {
    let title = chrome::title(view);
    made(&format!("{title} · groundlink"), &title, "A session of a coding agent, live.", key)
}

/// Where the manifest of the page of all sessions is.
pub(super) fn list_address(api_base: &str) -> String {
    let (site, key) = api_base.split_once("/api/v1/hubs/").unwrap_or(("", api_base));
    format!("{site}/h/{key}/app.webmanifest")
}

/// The manifest by which a browser installs the page of all sessions, at `h/{key}/app.webmanifest`.
pub fn list_manifest(key: &str) -> String {
    made("Sessions · groundlink", "Sessions", "The sessions of your coding agents, live.", key)
}

fn made(name: &str, short: &str, about: &str, key: &str) -> String {
    let picture = |file: &str, size: &str, purpose: &str| {
        let address = assets::address("../../assets", file);
        let kind = assets::asset(file).map_or("", |asset| asset.content_type);
        json!({ "src": address, "sizes": size, "type": kind, "purpose": purpose })
    };
    let manifest = json!({
        "name": name,
        "short_name": short,
        "description": about,
        "start_url": format!("../{key}"),
        "scope": "../../",
        "display": "standalone",
        "background_color": LIGHT,
        "theme_color": LIGHT,
        "icons": [
            picture("icon.svg", "any", "any"),
            picture("icon-192.png", "192x192", "any"),
            picture("icon-512.png", "512x512", "any"),
            picture("icon-maskable.png", "512x512", "maskable"),
        ],
    });
    manifest.to_string()
}
