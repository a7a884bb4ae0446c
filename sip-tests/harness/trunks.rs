//! Worlds with trunks of the test's own, and what is asked of them.

use super::network::Quality;
use super::world::{CONFIGURATION, PhoneId, World};
use std::time::Duration;
use strowger::sip::msg::{Message, Name};
use strowger::store::Restored;
use strowger::switch::action::{Answer, Question};
use strowger::switch::view::TrunkView;

/// Where carriers stand.
pub const FIRST: &str = "192.0.2.81:5060";
pub const SECOND: &str = "192.0.2.82:5060";
pub const THIRD: &str = "192.0.2.83:5060";

impl World {
    /// The usual world with more configuration.
    pub fn with_trunks(more: &str, quality: Quality, seed: u64) -> Self {
        Self::with(&format!("{CONFIGURATION}\n{more}"), quality, seed, Restored::default(), 60)
    }

    /// A carrier at an address.
    pub fn carrier_at(&mut self, address: &str) -> PhoneId {
        self.add_at("+33123456789", address)
    }

    /// INVITEs that a carrier has seen, each once.
    pub fn invites(&self, carrier: PhoneId) -> Vec<&Message> {
        let invite = |message: &&Message| message.method() == strowger::sip::msg::Method::Invite;
        self.phones[carrier.0].carrier.requests.iter().filter(invite).collect()
    }

    /// A header of the last INVITE that a carrier has seen.
    pub fn invited_with(&self, carrier: PhoneId, name: Name) -> String {
        let invites = self.invites(carrier);
        let value = invites.last().and_then(|invite| invite.header(name)).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    }

    /// The trunk as the API shows it.
    pub fn trunk(&self, id: &str) -> TrunkView {
        let Answer::Trunks(trunks) = self.ask(Question::Trunks) else { self.fail("no trunks") };
        trunks.into_iter().find(|trunk| trunk.id == id).unwrap_or_else(|| self.fail("no such trunk"))
    }

    /// A metric's value by its line's beginning, as a scrape has it; 0 when it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.switch.metrics.render(None);
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// Waits until a trunk is registered.
    pub fn registered(&mut self, id: &str, longest: Duration) {
        self.expect("the trunk is registered", longest, |world| world.trunk(id).registered == Some(true));
    }
}
