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
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Shell => "M2.5 4 6.5 8l-4 4M8 12.5h5.5",
            Self::Pencil => "M2.5 13.5 3.2 10.6 10.9 2.9a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7L5.4 12.8ZM9.5 4.3l2.2 2.2",
            Self::File => "M4 1.8h5L12.5 5.300v8.900h-8.500zM9 1.8v3.500h3.500",
            Self::Search => "M7 2.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 0 1 0-9ZM10.300 10.300 14 14",
            Self::Globe => "M8 1.800a6.200 6.200 0 1 1 0 12.400A6.200 6.200 0 0 1 8 1.800ZM1.800 8h12.400M8 1.800c4 4 4 8.400 0 12.400-4-4-4-8.400 0-12.400Z",
            Self::Question => "M5.600 5.800a2.400 2.400 0 1 1 3.400 2.200c-.7.3-1 .8-1 1.600M8 12.300v.2",
            Self::Plan => "M5.500 3.500h8M5.500 8h8M5.500 12.500h8M2.300 3.500h.2M2.300 8h.2M2.300 12.500h.2",
            Self::Agent => "M4.500 5.500h7a2 2 0 0 1 2 2v4a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-4a2 2 0 0 1 2-2ZM8 5.500v-3M6 9v1M10 9v1",
            Self::Tool => "M13.500 4.700a3.300 3.300 0 0 1-4.400 4.100L4.700 13.200a1.300 1.300 0 0 1-1.900-1.900l4.400-4.400a3.300 3.300 0 0 1 4.100-4.400L9.200 4.600l.4 1.800 1.800.4z",
            Self::Check => "M3 8.500 6.500 12 13 4.500",
            Self::Cross => "M4 4l8 8M12 4l-8 8",
            Self::Stop => "M4.500 4.500h7v7h-7z",
            Self::Send => "M8 13.500v-11M3.500 7 8 2.500 12.500 7",
            Self::Folder => "M1.800 3.500h4.400l1.500 1.800h6.500v7.700H1.800z",
            Self::Branch => "M4.500 5.500v5M4.500 5.500a1.500 1.500 0 1 1 0-3a1.500 1.500 0 0 1 0 3ZM4.500 13.500a1.500 1.500 0 1 1 0-3a1.500 1.500 0 0 1 0 3ZM11.500 6.500a1.500 1.500 0 1 1 0-3a1.500 1.500 0 0 1 0 3ZM11.500 6.500c0 2.500-7 1.500-7 4",
            Self::Warning => "M8 2.200 14.500 13.500h-13zM8 6.500v3M8 11.600v.1",
            Self::Info => "M8 1.800a6.200 6.200 0 1 1 0 12.400A6.200 6.200 0 0 1 8 1.800ZM8 7.300v3.700M8 4.900v.1",
            Self::Down => "M8 2.500v11M3.500 9 8 13.500 12.500 9",
            Self::Chevron => "M6 3.500 10.500 8 6 12.500",
            Self::Thought => "M8 2.200a5 5 0 0 1 2.600 9.200v1.300H5.400v-1.300A5 5 0 0 1 8 2.200ZM6.300 14.600h3.400",
            Self::Shield => "M8 1.800 13.300 3.700v4.100c0 3-2.100 5.400-5.300 6.400-3.200-1-5.300-3.400-5.300-6.400V3.700Z",
        }
    }
}
