//! What an INVITE to a trunk says: where it goes, who calls, which way the call has taken, where help is to be sent.
//!
//! Which target it goes to is `trunk_call`'s.

use crate::call::LegId;
use crate::clock::Now;
use crate::config;
use crate::dialplan;
use crate::ids::CallUid;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::identity;
use crate::switch::identity::Written;
use crate::switch::leg::Target;
use crate::switch::trunk_call::Outbound;
use crate::switch::view::Subject;
use crate::switch::write;

/// What of an INVITE is special to its leg.
#[derive(Debug, Default)]
pub(crate) struct Special {
    /// From without its tag; `None`: the number at our domain.
    pub(crate) from: Option<String>,
    /// Header lines.
    pub(crate) lines: Vec<String>,
}

impl Special {
    /// Leaves out the line that is missed least: of the call's way the deepest entry of History-Info, then the earliest
    /// Diversion. False when there is none left.
    pub(crate) fn shorten(&mut self) -> bool {
        let last = |name: Name| {
            let starts = |line: &String| line.split(':').next() == Some(name.as_str());
            self.lines.iter().rposition(starts)
        };
        let Some(place) = last(Name::HistoryInfo).or_else(|| last(Name::Diversion)) else { return false };
        self.lines.remove(place);
        true
    }
}

impl Core {
    /// Emergency calls are told of loudly: by the kind of number, not by the caller's.
    pub(crate) fn emergency_began(&mut self, now: Now, call: CallUid) {
        tracing::warn!(call = %call, "an emergency call; no limit applies to it");
        self.metrics.emergency_call();
        self.note(now, call, "emergency call".to_owned());
        if let Some(view) = self.call_shown(call) {
            self.notice(now, "call.emergency", Subject::Call(view));
        }
    }

    /// Where the leg's INVITE goes.
    pub(crate) fn trunk_target(&self, outbound: &Outbound) -> Target {
        let trunk = self.trunks.by_id.get(&outbound.trunk);
        let number = match trunk {
            // An emergency number is nobody's number in E.164.
            Some(trunk) if !outbound.emergency => {
                dialplan::for_trunk(&trunk.config.notation, &outbound.number)
            }
            Some(_) | None => outbound.number.clone(),
        };
        let host =
            trunk.and_then(|trunk| trunk.domain()).unwrap_or_else(|| outbound.way.candidate.host.clone());
        let parameter = match outbound.way.flow.transport {
            Transport::Tcp => ";transport=tcp",
            Transport::Udp | Transport::Tls | Transport::Ws | Transport::Wss => "",
        };
        let uri = format!("sip:{}@{host}{parameter}", write::dialled(&number));
        Target { uri, flow: outbound.way.flow, shown: outbound.shown.clone() }
    }

    /// What a leg's INVITE says besides what all do.
    pub(crate) fn special(&self, id: LegId, like: LegId) -> Special {
        let trail = self.legs.get(&id).map(|leg| leg.trail.clone()).unwrap_or_default();
        let as_lines = |headers: Vec<(Name, String)>| {
            headers.into_iter().map(|(name, value)| format!("{}: {value}", name.as_str()))
        };
        let Some(outbound) = self.trunks.outbound.get(&id) else {
            // A phone is told the way of a call that was sent on to it.
            return Special { from: None, lines: as_lines(trail.headers()).collect() };
        };
        let written = self.written(outbound, like);
        let caller = self.legs.get(&like);
        let trail =
            if trail.is_empty() { caller.map(|leg| leg.trail.clone()).unwrap_or_default() } else { trail };
        let mut lines = Vec::new();
        if let Some(trunk) = self.trunks.by_id.get(&outbound.trunk) {
            // RFC 3608 section 6.1: the service route is the preloaded route of our requests.
            lines.extend(trunk.service_route.iter().map(|route| format!("Route: {route}")));
        }
        lines.extend(as_lines(written.headers()));
        lines.extend(as_lines(trail.headers()));
        if outbound.emergency
            && let (_, Some(location)) = self.dialplan.emergency_identity()
        {
            // RFC 6442 sections 4.1 and 4.2: the place may be used to find the right answering point.
            lines.push(format!("Geolocation: <{location}>"));
            lines.push("Geolocation-Routing: yes".to_owned());
        }
        Special { from: Some(written.from()), lines }
    }

    /// The caller as this trunk is told of him.
    fn written(&self, outbound: &Outbound, like: LegId) -> Written {
        let trunk = self.trunks.by_id.get(&outbound.trunk);
        let private = self.legs.get(&like).is_some_and(|leg| leg.private) && !outbound.emergency;
        let (emergency_number, _) = self.dialplan.emergency_identity();
        let own = match emergency_number {
            Some(number) if outbound.emergency => number,
            Some(_) | None => self.trunks.caller_id(&outbound.trunk, &outbound.shown.number),
        };
        // Another number must not come with the caller's own name.
        let name = outbound.shown.name.clone().filter(|_| own == outbound.shown.number);
        Written {
            number: match trunk {
                Some(trunk) => dialplan::for_trunk(&trunk.config.notation, own),
                None => own.to_owned(),
            },
            name,
            private: private || own == identity::ANONYMOUS,
            preset: trunk.map_or(config::Identity::From, |trunk| trunk.config.identity),
            account: trunk.and_then(|trunk| trunk.user()).map(str::to_owned),
            domain: trunk.and_then(|trunk| trunk.domain()).unwrap_or_else(|| self.config.sip.domain.clone()),
        }
    }
}
