//! What keeps a hub from starting, in words that help.

use groundlink_hub::{Hub, HubError};

use crate::support::TestHub;

async fn failing(builder: groundlink_hub::HubBuilder) -> HubError {
    builder.start().await.expect_err("it cannot start")
}

#[tokio::test]
async fn a_taken_port_is_said_to_be_taken() {
    let hub = TestHub::start().await;
    let dir = tempfile::tempdir().unwrap();
    let address = hub.handle.local_addr().to_string();
    let error = failing(Hub::builder().data_dir(dir.path()).listen(&address)).await;
    assert!(matches!(error, HubError::PortTaken { .. }), "{error:?}");
    assert!(error.to_string().contains("port 0"));
}

#[tokio::test]
async fn a_data_directory_belongs_to_one_hub() {
    let hub = TestHub::start().await;
    let error = failing(Hub::builder().data_dir(hub.dir.path())).await;
    assert!(matches!(error, HubError::InUse { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unusable_data_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = failing(Hub::builder().data_dir(file.join("below"))).await;
    assert!(matches!(error, HubError::DataDir { .. }), "{error:?}");
    assert!(error.to_string().contains("choose another"), "{error}");
    assert!(matches!(failing(Hub::builder()).await, HubError::NoDataDir));
}

#[tokio::test]
async fn a_strange_address_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", ""] {
        let error = failing(Hub::builder().data_dir(dir.path()).listen(address)).await;
        assert!(matches!(error, HubError::ListenAddress { .. }), "{address}: {error:?}");
    }
    // An address of a network for documentation, which no machine has.
    let error = failing(Hub::builder().data_dir(dir.path()).listen("192.0.2.1:0")).await;
    assert!(matches!(error, HubError::Listen { .. }), "{error:?}");
}

#[tokio::test]
async fn a_public_url_must_be_a_start_of_links() {
    let dir = tempfile::tempdir().unwrap();
    for url in ["https://example.com/?x=1", "https://example.com/#x", "file:///x", "https://me:secret@example.com/"] {
        let builder = Hub::builder().data_dir(dir.path()).public_url(Some(url.parse().unwrap()));
        let error = failing(builder).await;
        assert!(matches!(error, HubError::PublicUrl { .. }), "{url}: {error:?}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn a_damaged_database_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hub.sqlite");
    std::fs::write(&path, "this is no database, but somebody's file".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = failing(Hub::builder().data_dir(dir.path())).await;
    assert!(matches!(error, HubError::Database { .. } | HubError::Migration { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn the_environment_points_a_cli_here() {
    let hub = TestHub::start().await;
    let environment: std::collections::HashMap<_, _> = hub.handle.environment().into_iter().collect();
    let url = hub.handle.url().as_str().trim_end_matches('/');
    assert_eq!(environment["COPILOT_MC_BASE_URL"], format!("{url}/mc"));
    assert_eq!(environment["COPILOT_MC_FRONTEND_URL"], url);
    assert!(environment["COPILOT_MC_ACCESS_TOKEN"].starts_with("glx_"));
    assert!(environment.contains_key("COPILOT_MC_REPO_IDS"));
    assert!(!format!("{:?}", hub.handle).contains("glx_"));
}
