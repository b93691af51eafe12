//! Whole-system tests in a real browser.

mod with_browser {
    mod access;
    mod approvals;
    mod attention;
    mod composer;
    mod connection;
    mod demo;
    mod devices;
    mod ends;
    mod hostile;
    mod native;
    mod racing;
    mod reading;
    mod sessions;
    mod work;
}
