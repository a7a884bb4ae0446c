//! What a phone does with its calls: forwarding, do not disturb, intercom, speed dial. Defaults of the file; what its
//! user sets by a code or by API is kept in the store and wins.

use crate::config::features::speed_dial;
use crate::config::phone::check_number;
use crate::config::reader::Reader;
use crate::config::words::words;
use std::collections::BTreeMap;
use std::time::Duration;

words! {
    /// Whose phone it is: how it is told to answer by itself.
    DeviceProfile {
        /// Both headers in their commonest form.
        "generic" => Generic,
        /// Yealink.
        "yealink" => Yealink,
        /// Snom.
        "snom" => Snom,
        /// Grandstream.
        "grandstream" => Grandstream,
        /// Poly, Polycom.
        "poly" => Poly,
        /// Linphone.
        "linphone" => Linphone,
        /// Zoiper.
        "zoiper" => Zoiper,
        /// MicroSIP.
        "microsip" => Microsip,
        /// baresip.
        "baresip" => Baresip,
        /// Cisco's SIP phones of the SPA and MPP series.
        "cisco" => Cisco,
    }
}

/// Where a phone's calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// All calls.
    pub always: Option<String>,
    /// Calls while it is busy.
    pub busy: Option<String>,
    /// Calls that it does not answer.
    pub no_answer: Option<String>,
    /// Calls while it is not registered.
    pub unreachable: Option<String>,
    /// After this a call counts as not answered.
    pub no_answer_after: Duration,
}

/// As long as a caller waits for five or six rings.
const NO_ANSWER_AFTER: Duration = Duration::from_secs(20);

impl Default for Forwarding {
    fn default() -> Self {
        Self {
            always: None,
            busy: None,
            no_answer: None,
            unreachable: None,
            no_answer_after: NO_ANSWER_AFTER,
        }
    }
}

/// The features of one phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneFeatures {
    /// Where its calls go.
    pub forward: Forwarding,
    /// It wants no calls.
    pub do_not_disturb: bool,
    /// Whose phone it is.
    pub profile: DeviceProfile,
    /// Whether it may make others answer by themselves.
    pub may_intercom: bool,
    /// Whether it answers intercom calls by itself.
    pub accepts_intercom: bool,
    /// Numbers by two digits.
    pub speed_dial: BTreeMap<String, String>,
}

impl Default for PhoneFeatures {
    fn default() -> Self {
        Self {
            forward: Forwarding::default(),
            do_not_disturb: false,
            profile: DeviceProfile::Generic,
            may_intercom: true,
            accepts_intercom: true,
            speed_dial: BTreeMap::new(),
        }
    }
}

impl PhoneFeatures {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let number = |text: &str| check_number(text).map(|()| text.to_string());
        let forward = reader.table("forward", |table| {
            Some(Forwarding {
                always: table.parsed("always", number),
                busy: table.parsed("busy", number),
                no_answer: table.parsed("no_answer", number),
                unreachable: table.parsed("unreachable", number),
                no_answer_after: table.seconds("no_answer_seconds"),
            })
        });
        Self {
            forward: forward.unwrap_or_default(),
            do_not_disturb: reader.flag("do_not_disturb"),
            profile: reader.word("profile").unwrap_or(DeviceProfile::Generic),
            may_intercom: reader.flag("may_intercom"),
            accepts_intercom: reader.flag("accepts_intercom"),
            speed_dial: speed_dial(reader),
        }
    }
}
