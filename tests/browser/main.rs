//! Whole-system tests in a real browser.

mod with_browser {
    mod composer;
    mod connection;
    mod demo;
    mod devices;
    mod native;
    mod racing;
}
