//! `[[pause_reason]]` and `[dispositions]`: what agents say of their pauses and of their calls.

use crate::config::context::Noun;
use crate::config::context::Spot;
use crate::config::reader::Reader;
use std::collections::BTreeMap;

/// `[[pause_reason]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseReason {
    /// Its id.
    pub id: String,
    /// Digits dialled after `*46`, each used once.
    pub code: Option<String>,
    /// Its name.
    pub name: Localized,
}

impl PauseReason {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::PauseReason);
        let code = code(reader);
        if let Some(code) = &code {
            reader.cx.define(Noun::PauseCode, code);
        }
        let name = reader.localized("name", id.as_deref().unwrap_or_default());
        Some(Self { id: id?, code: code.map(|code| code.text), name })
    }
}

fn code(reader: &mut Reader<'_, '_>) -> Option<Spot> {
    let code = reader.spot("code")?;
    let right = (1..=8).contains(&code.text.len()) && code.text.bytes().all(|byte| byte.is_ascii_digit());
    if !right {
        reader.cx.fault(&code.at, "`code` must be 1 to 8 digits");
        return None;
    }
    Some(code)
}

/// `[dispositions]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dispositions {
    /// Whether calls take a disposition.
    pub enabled: bool,
    /// Whether the wrap-up waits for one.
    pub mandatory: bool,
    /// The dispositions in order.
    pub values: Vec<Disposition>,
}

/// One way to conclude a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Localized,
}

impl Dispositions {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let mandatory_at = reader.place_of("mandatory");
        let dispositions = Self {
            enabled: reader.flag("enabled"),
            mandatory: reader.flag("mandatory"),
            values: reader.tables("values", |table| {
                let id = table.id("id", Noun::Disposition);
                let name = table.localized("name", id.as_deref().unwrap_or_default());
                Some(Disposition { id: id?, name })
            }),
        };
        if dispositions.mandatory && (!dispositions.enabled || dispositions.values.is_empty()) {
            reader.cx.doubt(&mandatory_at, "`mandatory` does nothing without `enabled` and `values`");
        }
        Some(dispositions)
    }
}

/// A name in one or more languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Localized {
    pub(crate) plain: String,
    pub(crate) by_language: BTreeMap<String, String>,
}

impl Localized {
    /// The name in a language; else in any it has; else as written without one.
    pub fn in_language(&self, language: &str) -> &str {
        let found = self.by_language.get(language).or_else(|| self.by_language.values().next());
        found.map_or(&self.plain, String::as_str)
    }
}
