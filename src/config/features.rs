//! `[features]`: which codes phones dial, speed dial for all, and whether a phone's redirection is followed.
//!
//! The codes of each profile are the dial plan's (`dialplan::codes`); here are their names.

use crate::config::context::Spot;
use crate::config::fault::Fault;
use crate::config::phone::check_number;
use crate::config::reader::Reader;
use crate::config::suggest::nearest;
use crate::config::words::Word;
use crate::config::words::words;
use std::collections::BTreeMap;

words! {
    /// Whose codes are dialled: people keep the ones that they know.
    CodeProfile {
        /// As in FreePBX; the default.
        "freepbx" => FreePbx,
        /// As in FusionPBX.
        "fusionpbx" => FusionPbx,
        /// As in Yeastar's S and P series.
        "yeastar" => Yeastar,
    }
}

words! {
    /// What a code is for.
    FeatureCode {
        /// Log in to all queues or one, or out.
        "queue_login" => QueueLogin,
        /// Pause or resume, with a reason's code.
        "queue_pause" => QueuePause,
        /// Says how many callers wait.
        "callers_waiting" => CallersWaiting,
        /// Ends the wrap-up.
        "end_wrap_up" => EndWrapUp,
        /// Parks a call.
        "park" => Park,
        /// Takes a call that rings in one's own pickup group.
        "pickup" => Pickup,
        /// Takes the call that rings at a phone.
        "pickup_directed" => PickupDirected,
        /// In a call: hands it on without asking.
        "blind_transfer" => BlindTransfer,
        /// In a call: hands it on after asking.
        "attended_transfer" => AttendedTransfer,
        /// In a call: takes a third party in.
        "three_way" => ThreeWay,
        /// In a call: pauses or resumes the recording.
        "recording" => Recording,
        /// Listens to a phone's call.
        "listen" => Listen,
        /// Speaks to the agent alone.
        "whisper" => Whisper,
        /// Speaks to both.
        "barge" => Barge,
        /// Calls a phone that answers by itself.
        "intercom" => Intercom,
        /// Wants no calls.
        "dnd_on" => DndOn,
        /// Wants calls again.
        "dnd_off" => DndOff,
        /// Forwards all calls to the number that follows.
        "forward_always_on" => ForwardAlwaysOn,
        /// Does not any more.
        "forward_always_off" => ForwardAlwaysOff,
        /// Forwards calls while busy.
        "forward_busy_on" => ForwardBusyOn,
        /// Does not any more.
        "forward_busy_off" => ForwardBusyOff,
        /// Forwards calls that are not answered or find no phone.
        "forward_no_answer_on" => ForwardNoAnswerOn,
        /// Does not any more.
        "forward_no_answer_off" => ForwardNoAnswerOff,
        /// Listens to one's own mailbox.
        "voicemail" => Voicemail,
        /// Listens to any mailbox.
        "voicemail_other" => VoicemailOther,
        /// Hears oneself.
        "echo" => Echo,
        /// Says the phone's own number.
        "who_am_i" => WhoAmI,
        /// Hold music.
        "music" => Music,
        /// Dials a short number's long one.
        "speed_dial" => SpeedDial,
    }
}

/// `[features]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// Whose codes.
    pub profile: CodeProfile,
    /// Codes instead of the profile's; an empty one takes the code away.
    pub codes: BTreeMap<FeatureCode, String>,
    /// Numbers by two digits.
    pub speed_dial: BTreeMap<String, String>,
    /// Whether a phone's 3xx answer forwards the call.
    pub follow_redirects: bool,
}

impl Features {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let profile = reader.word("profile").unwrap_or(CodeProfile::FreePbx);
        let codes = codes(reader);
        let speed_dial = speed_dial(reader);
        let follow_redirects = reader.flag("follow_redirects");
        Some(Self { profile, codes, speed_dial, follow_redirects })
    }
}

fn codes(reader: &mut Reader<'_, '_>) -> BTreeMap<FeatureCode, String> {
    let mut codes = BTreeMap::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (action, code) in reader.texts("codes") {
        let Some(known) = FeatureCode::named(&action.text) else {
            let suggestion = nearest(&action.text, FeatureCode::NAMES.iter().copied());
            let what = format!("`codes`: there is no action `{}`", action.text);
            reader.cx.faults.push(Fault { at: action.at, what, suggestion });
            continue;
        };
        reader.cx.note_gap("features.codes", Some(known.as_str()), &action.at);
        let right = code.text.len() <= 8
            && code.text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#'));
        if !right {
            reader.cx.fault(&code.at, format!("`{}` must be up to 8 of 0 to 9, * and #", action.text));
        }
        if !code.text.is_empty()
            && let Some(other) = seen.insert(code.text.clone(), action.text.clone())
        {
            reader.cx.fault(&code.at, format!("code `{}` is already `{other}`'s", code.text));
        }
        codes.insert(known, code.text);
    }
    codes
}

/// Short numbers: two digits, and the number that is dialled for them.
pub(crate) fn speed_dial(reader: &mut Reader<'_, '_>) -> BTreeMap<String, String> {
    let right = |short: &Spot| short.text.len() == 2 && short.text.bytes().all(|byte| byte.is_ascii_digit());
    let mut numbers = BTreeMap::new();
    for (short, number) in reader.texts("speed_dial") {
        if !right(&short) {
            reader.cx.fault(&short.at, format!("`speed_dial`: `{}` is not two digits", short.text));
        }
        if let Err(what) = check_number(&number.text) {
            reader.cx.fault(&number.at, format!("`speed_dial`: {what}"));
        }
        numbers.insert(short.text, number.text);
    }
    numbers
}
