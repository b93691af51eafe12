//! Small drawings, inline so that they take the colour of the text.

use maud::{Markup, html};

/// An icon on a 16 by 16 grid, hidden from screen readers: the words beside it say what it means.
pub(super) fn icon(name: Icon) -> Markup {
    html! {
        svg.ic viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" {
            path d=(name.path()) {}
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Icon {
    Shell,
    Pencil,
    File,
    Search,
    Globe,
    Question,
    Plan,
    Agent,
    Tool,
    Check,
    Cross,
    Stop,
    Send,
    Folder,
    Branch,
    Warning,
    Info,
    Down,
    Chevron,
    Thought,
    Shield,
    Steer,
    Picture,
    Share,
    Keys,
    More,
    Bell,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Shell => "M2.5 4 6.5 8l-4 4M8 12.5h5.5",
            Self::Pencil => {
                "M2.5 13.5 3.2 10.6 10.9 2.9a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7L5.4 12.8ZM9.5 4.3l2.2 2.2"
            }
            Self::File => "M4 1.8h5L12.5 5.3v8.9h-8.5zM9 1.8v3.5h3.5",
            Self::Search => "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9ZM10.3 10.3 14 14",
            Self::Globe => {
                "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM1.8 8h12.4M8 1.8c4 4 4 8.4 0 12.4-4-4-4-8.4 0-12.4Z"
            }
            Self::Question => "M5.6 5.8a2.4 2.4 0 1 1 3.4 2.2c-.7.3-1 .8-1 1.6M8 12.3v.2",
            Self::Plan => "M5.5 3.5h8M5.5 8h8M5.5 12.5h8M2.3 3.5h.2M2.3 8h.2M2.3 12.5h.2",
            Self::Agent => {
                "M4.5 5.5h7a2 2 0 0 1 2 2v4a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-4a2 2 0 0 1 2-2ZM8 5.5v-3M6 9v1M10 9v1"
            }
            Self::Tool => {
                "M13.5 4.7a3.3 3.3 0 0 1-4.4 4.1L4.7 13.2a1.3 1.3 0 0 1-1.9-1.9l4.4-4.4a3.3 3.3 0 0 1 4.1-4.4L9.2 4.6l.4 1.8 1.8.4z"
            }
            Self::Check => "M3 8.5 6.5 12 13 4.5",
            Self::Cross => "M4 4l8 8M12 4l-8 8",
            Self::Stop => "M4.5 4.5h7v7h-7z",
            Self::Send => "M8 13.5v-11M3.5 7 8 2.5 12.5 7",
            Self::Folder => "M1.8 3.5h4.4l1.5 1.8h6.5v7.7H1.8z",
            Self::Branch => {
                "M4.5 5.5v5M4.5 5.5a1.5 1.5 0 1 1 0-3a1.5 1.5 0 0 1 0 3ZM4.5 13.5a1.5 1.5 0 1 1 0-3a1.5 1.5 0 0 1 0 3ZM11.5 6.5a1.5 1.5 0 1 1 0-3a1.5 1.5 0 0 1 0 3ZM11.5 6.5c0 2.5-7 1.5-7 4"
            }
            Self::Warning => "M8 2.2 14.5 13.5h-13zM8 6.5v3M8 11.6v.1",
            Self::Info => "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM8 7.3v3.7M8 4.9v.1",
            Self::Down => "M8 2.5v11M3.5 9 8 13.5 12.5 9",
            Self::Chevron => "M6 3.5 10.5 8 6 12.5",
            Self::Thought => "M8 2.2a5 5 0 0 1 2.6 9.2v1.3H5.4v-1.3A5 5 0 0 1 8 2.2ZM6.3 14.6h3.4",
            Self::Steer => "M9 1.8 3.5 9h4L7 14.2 12.5 7h-4z",
            Self::Picture => "M2.2 3h11.6v10H2.2zM2.5 11.5 6 7.8l2.6 2.8 1.7-1.6 3.2 3M10.7 5.7h.1",
            Self::Share => {
                "M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h1.4v1.4H9.5zM12.4 12.1h1.1v1.4h-1.1zM12.3 9.5h1.2M9.5 13.5h1"
            }
            Self::Keys => "M1.8 4h12.4v8H1.8zM4.3 6.5h.1M6.8 6.5h.1M9.2 6.5h.1M11.7 6.5h.1M5 9.6h6",
            Self::More => "M3.5 8h.1M8 8h.1M12.5 8h.1",
            Self::Bell => "M4 11.2V7a4 4 0 0 1 8 0v4.2l1.3 1.3H2.7zM6.6 14.4h2.8",
            Self::Shield => "M8 1.8 13.3 3.7v4.1c0 3-2.1 5.4-5.3 6.4-3.2-1-5.3-3.4-5.3-6.4V3.7Z",
        }
    }
}
