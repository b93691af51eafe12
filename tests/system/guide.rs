//! The guide's claims name tests that exist.

use std::path::Path;

#[test]
fn every_row_of_the_parity_page_names_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../crates/sdk/docs/parity.md")).expect("the page");
    let mut rows = 0;
    for line in page.lines().take_while(|line| !line.starts_with("Without a test")).filter(|line| line.ends_with("` |"))
    {
        let last = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim().trim_matches('`');
        let Some((module, test)) = last.split_once("::") else { continue };
        rows += 1;
        let source = root.join("system/with_cli").join(format!("{module}.rs"));
        let source = std::fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        assert!(source.contains(&format!("async fn {test}(")), "{last} is not a test: {line}");
    }
    assert!(rows >= 40, "{rows} rows");
}
