//! Whole-system tests in a real browser.

mod with_browser {
    mod demo;
    mod devices;
    mod native;
    mod sessions;
}
