//! `[[route]]`: which dialled numbers leave by which trunks.

use crate::config::context::Noun;
use crate::config::pattern::Pattern;
use crate::config::pattern::Template;
use crate::config::reader::Reader;
use crate::ids::TrunkId;

/// `[[route]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The dialled numbers.
    pub pattern: Pattern,
    /// The trunks in order, at least one.
    pub trunks: Vec<TrunkId>,
    /// The number that is sent; `None`: as dialled.
    pub rewrite: Option<Template>,
}

impl Route {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let pattern = reader.parsed("pattern", Pattern::parse);
        let trunk_at = reader.place_of("trunk");
        if reader.has("trunk") && reader.is_empty("trunk") {
            reader.cx.fault(&trunk_at, "`trunk` must name at least one trunk");
        }
        let trunks = reader.references("trunk", Noun::Trunk);
        let rewrite_at = reader.place_of("rewrite");
        let rewrite = reader.parsed("rewrite", Template::parse);
        if let (Some(pattern), Some(rewrite)) = (&pattern, &rewrite)
            && let Err(what) = rewrite.check(Some(pattern))
        {
            reader.cx.fault(&rewrite_at, format!("`rewrite`: {what}"));
        }
        Some(Self { pattern: pattern?, trunks: trunks.iter().map(|id| TrunkId::new(id)).collect(), rewrite })
    }
}
