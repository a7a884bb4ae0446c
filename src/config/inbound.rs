//! `[[inbound]]`: where calls from a trunk go.

use crate::config::context::Noun;
use crate::config::pattern::Pattern;
use crate::config::queue::Recording;
use crate::config::reader::Reader;
use crate::config::target::Target;
use crate::ids::TrunkId;

/// `[[inbound]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Where the call comes from.
    pub trunk: TrunkId,
    /// The called number.
    pub number: Pattern,
    /// Where it goes.
    pub to: Target,
    /// Which calls are recorded, when the rule says so.
    pub recording: Option<Recording>,
}

impl Inbound {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let number_at = reader.place_of("number");
        let trunk = reader.reference("trunk", Noun::Trunk);
        let number = reader.parsed("number", Pattern::parse);
        let to = reader.target("to", number.as_ref());
        let recording = reader.table("recording", Recording::read);
        let (trunk, number) = (trunk?, number?);
        reader.cx.take_inbound(&number_at, &trunk, number.as_str());
        Some(Self { trunk: TrunkId::new(&trunk), number, to: to?, recording })
    }
}
