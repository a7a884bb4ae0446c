//! `[[campaign]]`: a list of contacts to be dialled.

use crate::config::context::Noun;
use crate::config::hours::OpenHours;
use crate::config::phone::number;
use crate::config::queue::TimeZone;
use crate::config::reader::Reader;
use crate::config::sip::header_text;
use crate::config::words::words;
use crate::ids::QueueId;
use crate::ids::TrunkId;

words! {
    /// How a campaign dials.
    Mode {
        /// The agent sees the contact and decides.
        "preview" => Preview,
        /// One contact for each ready agent.
        "progressive" => Progressive,
        /// A fixed number of contacts for each ready agent.
        "power" => Power,
        /// As many as the forecast allows.
        "predictive" => Predictive,
    }
}

/// `[[campaign]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How contacts are dialled.
    pub mode: Mode,
    /// Ring the agent before the contact.
    pub agents_first: bool,
    /// Queues whose abandoned callers land here.
    pub from_abandoned: Vec<QueueId>,
    /// The trunks in order.
    pub trunks: Vec<TrunkId>,
    /// The number shown.
    pub caller_id: Option<String>,
    /// When it dials; `None`: always.
    pub open_hours: Option<OpenHours>,
    /// The zone of the opening hours.
    pub time_zone: TimeZone,
}

impl Campaign {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::Campaign);
        let name = reader.parsed("name", header_text);
        let campaign = Self {
            name: name.or_else(|| id.clone()).unwrap_or_default(),
            id: id.clone().unwrap_or_default(),
            mode: reader.word("mode").unwrap_or(Mode::Progressive),
            agents_first: reader.flag("agents_first"),
            from_abandoned: reader
                .references("from_abandoned", Noun::Queue)
                .iter()
                .map(|id| QueueId::new(id))
                .collect(),
            trunks: reader.references("trunk", Noun::Trunk).iter().map(|id| TrunkId::new(id)).collect(),
            caller_id: number(reader, "caller_id").map(|number| number.text),
            open_hours: reader.parsed("open_hours", OpenHours::parse),
            time_zone: TimeZone::read(reader, "time_zone"),
        };
        id.map(|_| campaign)
    }
}
