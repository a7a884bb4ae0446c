//! What is understood but not built yet: the one table. A key or value in it warns once at start.
//!
//! Who builds something removes its line here; nothing else needs to change.

use crate::config::target::Scheme;
use std::fmt::Write;

/// Something not built.
pub(crate) struct Gap {
    /// `section.key`, or `destination` for wherever a destination may stand.
    pub(crate) key: &'static str,
    /// The values that are not built; empty: the key as such.
    pub(crate) values: &'static [&'static str],
    /// What happens instead.
    pub(crate) instead: &'static str,
}

const fn gap(key: &'static str, values: &'static [&'static str], instead: &'static str) -> Gap {
    Gap { key, values, instead }
}

const NO_LISTENER: &str = "nothing listens there";
const NO_EFFECT: &str = "it has no effect";

/// The pseudo-key of destinations.
pub(crate) const DESTINATION: &str = "destination";

pub(crate) const GAPS: &[Gap] = &[
    gap("http.tls_listen", &[], NO_LISTENER),
    gap("media.codecs", &["opus", "g722"], "it is neither offered nor accepted"),
    gap("agent.campaigns", &[], NO_EFFECT),
    gap("agent.skills", &[], NO_EFFECT),
    gap("dispositions.enabled", &["true"], "calls take no disposition"),
    gap("parking", &[], "nobody can park"),
    gap(
        "features.codes",
        &["park", "voicemail", "voicemail_other", "blind_transfer", "attended_transfer", "three_way"],
        "the code is answered with 501",
    ),
    gap(
        "queue.strategy",
        &[
            "ring-all",
            "round-robin",
            "linear",
            "random",
            "weighted-random",
            "fewest-calls",
            "least-talk-time",
        ],
        "longest-idle is used",
    ),
    gap("queue.open_hours", &[], "the queue is always open"),
    gap("queue.holidays", &[], NO_EFFECT),
    gap("queue.skills", &[], "every member is offered every caller"),
    gap("queue.callback", &[], "nobody can ask for a callback"),
    gap("queue.overflow", &[], "the caller is told that nobody can answer"),
    gap("queue.announce", &[], "callers hear music alone"),
    gap("campaign", &[], "nothing is dialled"),
    gap(DESTINATION, &["voicemail", "park"], "calls to it are answered with 501"),
];

/// The gap at a key, for a value (`None`: the key whatever its value).
pub(crate) fn find(key: &str, value: Option<&str>) -> Option<&'static Gap> {
    GAPS.iter().find(|gap| {
        gap.key == key
            && match value {
                Some(value) => gap.values.contains(&value),
                None => gap.values.is_empty(),
            }
    })
}

/// Whether destinations of this kind answer 501.
pub(crate) fn scheme_is_gap(scheme: Scheme) -> bool {
    find(DESTINATION, Some(scheme.as_str())).is_some()
}

/// Whether the key as such, or its section, is not built.
pub(crate) fn is_gap(path: &str) -> bool {
    GAPS.iter().any(|gap| {
        let inside = path.strip_prefix(gap.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        gap.values.is_empty() && inside
    })
}

/// The end of the reference page.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "\n## Not built yet\n\nThese are read and checked in full, warn once at start, and have no effect:\n\n\
         | key | values | instead |\n|---|---|---|\n",
    );
    for gap in GAPS {
        let values = gap.values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        let values = if values.is_empty() { "any".to_string() } else { values };
        let _ = writeln!(text, "| `{}` | {values} | {} |", gap.key, gap.instead);
    }
    text
}
