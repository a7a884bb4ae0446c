//! Feature codes as data: which code means what, in each profile, and the reading of a dialled number as one.
//!
//! What a code does is the switch's; a code whose action is not built leads to 501.

use crate::config::CodeProfile;
use crate::config::FeatureCode;
use crate::config::Features;

/// What follows a code.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// Digits, or nothing.
    Optional,
    /// Digits.
    Required,
}

/// A dialled code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// What for.
    pub code: FeatureCode,
    /// What was dialled after it; may be empty where it is optional.
    pub argument: String,
}

/// A code in the three profiles: FreePBX, FusionPBX, Yeastar; empty where the profile has none.
struct Row(FeatureCode, [&'static str; 3]);

use FeatureCode as C;

/// The three profiles. Where the sources below have no code for an action, ours stands in all of them: callers waiting, end
/// of wrap-up, whisper and barge of FusionPBX, and so on.
///
/// - FreePBX: the defaults that its modules install (`install.php` of `callforward`, `donotdisturb`, `queues`, `paging`,
///   `voicemail`, `infoservices`, `parking`). But `listen`, `whisper` and `barge` have `*51` to `*53`: forwarding without
///   answer, there `*52` and `*53`, is `*94` and `*95` in that profile.
/// - FusionPBX: the dialplans that it installs (`app/dialplans/resources/switch/conf/dialplan`: `200_agent_status`,
///   `215_agent_status_break`, `230_group-intercept`, `241_INTERCOM`, `260_eavesdrop`, `290_intercept-ext`, `350_echo`,
///   `380_hold_music`, `470_valet_park_auto`, `490_do-not-disturb`, and `085_bind_digit_action` for the codes in a call).
///   `*8` alone picks up, `*8` and a number is the intercom. Forwarding has the codes of the first profile.
/// - Yeastar: *Feature Code Reference* of the administrator's guide of the P-Series; do not disturb and the menu of
///   voicemail, which that has not, as *Feature Code* of the Cloud PBX has them.
const ROWS: &[Row] = &[
    Row(C::QueueLogin, ["*45", "*22", "*7"]),
    Row(C::QueuePause, ["*46", "*24", "*07"]),
    Row(C::CallersWaiting, ["*47", "*47", "*47"]),
    Row(C::EndWrapUp, ["*48", "*48", "*48"]),
    Row(C::Park, ["*68", "*5900", "*5"]),
    Row(C::Pickup, ["*8", "*8", "*4"]),
    Row(C::PickupDirected, ["**", "**", "*04"]),
    Row(C::BlindTransfer, ["##", "*1", "*03"]),
    Row(C::AttendedTransfer, ["*2", "*4", "*3"]),
    Row(C::ThreeWay, ["*3", "*3", ""]),
    Row(C::Recording, ["*1", "*2", "*1"]),
    Row(C::Listen, ["*51", "*33", "*51"]),
    Row(C::Whisper, ["*52", "*34", "*52"]),
    Row(C::Barge, ["*53", "*35", "*53"]),
    Row(C::Intercom, ["*80", "*8", "*6"]),
    Row(C::DndOn, ["*78", "*78", "*74"]),
    Row(C::DndOff, ["*79", "*79", "*074"]),
    Row(C::ForwardAlwaysOn, ["*72", "*72", "*31"]),
    Row(C::ForwardAlwaysOff, ["*73", "*73", "*031"]),
    Row(C::ForwardBusyOn, ["*90", "*90", "*32"]),
    Row(C::ForwardBusyOff, ["*91", "*91", "*032"]),
    Row(C::ForwardNoAnswerOn, ["*94", "*94", "*33"]),
    Row(C::ForwardNoAnswerOff, ["*95", "*95", "*033"]),
    Row(C::Voicemail, ["*97", "*97", "*2"]),
    Row(C::VoicemailOther, ["*98", "*98", "*02"]),
    Row(C::Echo, ["*43", "*9196", "*43"]),
    Row(C::WhoAmI, ["*65", "*65", "*65"]),
    Row(C::Music, ["*9664", "*9664", "*9664"]),
    Row(C::SpeedDial, ["*0", "*0", "*89"]),
];

/// What follows a code.
pub const fn argument(code: FeatureCode) -> Argument {
    match code {
        C::QueueLogin
        | C::QueuePause
        | C::CallersWaiting
        | C::VoicemailOther
        | C::ForwardAlwaysOn
        | C::ForwardBusyOn
        | C::ForwardNoAnswerOn => Argument::Optional,
        C::PickupDirected | C::Listen | C::Whisper | C::Barge | C::Intercom | C::SpeedDial => {
            Argument::Required
        }
        C::EndWrapUp
        | C::Park
        | C::Pickup
        | C::BlindTransfer
        | C::AttendedTransfer
        | C::ThreeWay
        | C::Recording
        | C::DndOn
        | C::DndOff
        | C::ForwardAlwaysOff
        | C::ForwardBusyOff
        | C::ForwardNoAnswerOff
        | C::Voicemail
        | C::Echo
        | C::WhoAmI
        | C::Music => Argument::None,
    }
}

/// Whether the action is served; else the code is answered with 501 (RFC 3261 section 21.5.2).
pub const fn is_built(code: FeatureCode) -> bool {
    !matches!(
        code,
        C::Park | C::BlindTransfer | C::AttendedTransfer | C::ThreeWay | C::Voicemail | C::VoicemailOther
    )
}

/// The codes of one configuration.
#[derive(Clone, Debug)]
pub struct Codes {
    /// In order. Two actions may have one text, where something follows the one and nothing the other.
    by_text: Vec<(String, FeatureCode)>,
}

impl From<&Features> for Codes {
    fn from(features: &Features) -> Self {
        let column = match features.profile {
            CodeProfile::FreePbx => 0,
            CodeProfile::FusionPbx => 1,
            CodeProfile::Yeastar => 2,
        };
        let own = features.codes.iter().filter(|(_, text)| !text.is_empty());
        let mut by_text: Vec<_> = own.map(|(code, text)| (text.clone(), *code)).collect();
        for Row(code, texts) in ROWS {
            let profile = texts.get(column).copied().unwrap_or_default();
            // A code of the configuration takes one of the profile's away from its action.
            let is_taken = features.codes.values().any(|text| text == profile);
            if !features.codes.contains_key(code) && !profile.is_empty() && !is_taken {
                by_text.push((profile.to_owned(), *code));
            }
        }
        by_text.sort();
        Self { by_text }
    }
}

impl Codes {
    /// The dialled number as a code: the code as such, else the longest code that something may follow.
    pub fn read(&self, number: &str) -> Option<Feature> {
        let whole =
            |(text, code): &&(String, FeatureCode)| text == number && argument(*code) != Argument::Required;
        if let Some((_, code)) = self.by_text.iter().find(whole) {
            return Some(Feature { code: *code, argument: String::new() });
        }
        let begins = |(text, code): &&(String, FeatureCode)| {
            argument(*code) != Argument::None
                && number.strip_prefix(text.as_str()).is_some_and(|rest| !rest.is_empty())
        };
        let (text, code) = self.by_text.iter().filter(begins).max_by_key(|(text, _)| text.len())?;
        let argument = number.strip_prefix(text.as_str())?.to_owned();
        Some(Feature { code: *code, argument })
    }

    /// The codes in order, with what follows each.
    pub fn all(&self) -> impl Iterator<Item = (&str, FeatureCode)> {
        self.by_text.iter().map(|(text, code)| (text.as_str(), *code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn codes(profile: CodeProfile, own: &[(FeatureCode, &str)]) -> Codes {
        Codes::from(&Features {
            profile,
            codes: own.iter().map(|(code, text)| (*code, (*text).to_owned())).collect(),
            speed_dial: BTreeMap::new(),
            follow_redirects: true,
        })
    }

    fn check(codes: &Codes, number: &str, expected: Option<(FeatureCode, &str)>) {
        let read = codes.read(number);
        let read = read.as_ref().map(|feature| (feature.code, feature.argument.as_str()));
        assert_eq!(read, expected, "{number}");
    }

    #[test]
    fn the_default_profile_is_the_list_of_the_requirements() {
        let codes = codes(CodeProfile::FreePbx, &[]);
        check(&codes, "*45", Some((C::QueueLogin, "")));
        check(&codes, "*45600", Some((C::QueueLogin, "600")));
        check(&codes, "*46", Some((C::QueuePause, "")));
        check(&codes, "*461", Some((C::QueuePause, "1")));
        check(&codes, "*47", Some((C::CallersWaiting, "")));
        check(&codes, "*47600", Some((C::CallersWaiting, "600")));
        check(&codes, "*48", Some((C::EndWrapUp, "")));
        check(&codes, "*68", Some((C::Park, "")));
        check(&codes, "*8", Some((C::Pickup, "")));
        check(&codes, "**1001", Some((C::PickupDirected, "1001")));
        check(&codes, "##", Some((C::BlindTransfer, "")));
        check(&codes, "*2", Some((C::AttendedTransfer, "")));
        check(&codes, "*3", Some((C::ThreeWay, "")));
        check(&codes, "*1", Some((C::Recording, "")));
        check(&codes, "*511001", Some((C::Listen, "1001")));
        check(&codes, "*521001", Some((C::Whisper, "1001")));
        check(&codes, "*531001", Some((C::Barge, "1001")));
        check(&codes, "*801001", Some((C::Intercom, "1001")));
        check(&codes, "*78", Some((C::DndOn, "")));
        check(&codes, "*79", Some((C::DndOff, "")));
        check(&codes, "*97", Some((C::Voicemail, "")));
        check(&codes, "*98", Some((C::VoicemailOther, "")));
        check(&codes, "*43", Some((C::Echo, "")));
        check(&codes, "*65", Some((C::WhoAmI, "")));
        check(&codes, "*9664", Some((C::Music, "")));
        check(&codes, "*012", Some((C::SpeedDial, "12")));
        check(&codes, "*720140000000", Some((C::ForwardAlwaysOn, "0140000000")));
    }

    #[test]
    fn a_code_needs_what_it_needs() {
        let codes = codes(CodeProfile::FreePbx, &[]);
        for number in ["*80", "**", "*488", "*99", "", "*", "45", "1*45"] {
            check(&codes, number, None);
        }
    }

    #[test]
    fn profiles_differ_and_the_configuration_wins() {
        check(&codes(CodeProfile::Yeastar, &[]), "*074", Some((C::DndOff, "")));
        check(&codes(CodeProfile::Yeastar, &[]), "*61001", Some((C::Intercom, "1001")));
        check(&codes(CodeProfile::Yeastar, &[]), "*76400", Some((C::QueueLogin, "6400")));
        check(&codes(CodeProfile::Yeastar, &[]), "*41", None);
        let fusion = codes(CodeProfile::FusionPbx, &[]);
        check(&fusion, "*9196", Some((C::Echo, "")));
        check(&fusion, "*8", Some((C::Pickup, "")));
        check(&fusion, "*81001", Some((C::Intercom, "1001")));
        check(&fusion, "*22600", Some((C::QueueLogin, "600")));
        let own = codes(CodeProfile::FreePbx, &[(C::Echo, "*600"), (C::DndOn, ""), (C::Music, "*43")]);
        check(&own, "*600", Some((C::Echo, "")));
        check(&own, "*43", Some((C::Music, "")));
        check(&own, "*9664", None);
        check(&own, "*78", None);
    }

    #[test]
    fn no_profile_has_a_code_twice() {
        for column in 0..3 {
            let all =
                || ROWS.iter().map(|row| (row.1[column], argument(row.0))).filter(|row| !row.0.is_empty());
            for (alone, follows) in [(true, false), (false, true)] {
                let fits = |(_, what): &(&str, Argument)| match what {
                    Argument::None => alone,
                    Argument::Optional => true,
                    Argument::Required => follows,
                };
                let mut texts: Vec<_> = all().filter(fits).map(|(text, _)| text).collect();
                let count = texts.len();
                texts.sort_unstable();
                texts.dedup();
                assert_eq!(texts.len(), count, "profile {column}");
            }
        }
        assert_eq!(ROWS.len(), 29);
    }
}
