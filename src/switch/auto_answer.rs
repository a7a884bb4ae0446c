//! The headers by which phones of each make answer by themselves, as data. Only on calls between our phones: an INVITE to
//! a phone is written anew, so that such headers of a caller from outside never come through.

use crate::config::DeviceProfile;
use crate::sip::msg::Name;

/// What of both headers a make of phones wants.
struct Row(DeviceProfile, bool, &'static str);

/// The form that Asterisk's world uses and most makes know.
const INFO: &str = "<http://www.notused.com>;info=alert-autoanswer;delay=0";

/// Make; whether `Call-Info: …;answer-after=0` is sent; the value of `Alert-Info`.
const ROWS: &[Row] = &[
    Row(DeviceProfile::Generic, true, INFO),
    Row(DeviceProfile::Yealink, true, INFO),
    Row(DeviceProfile::Snom, true, "<http://www.notused.com>;info=alert-autoanswer;delay=0"),
    Row(DeviceProfile::Grandstream, true, "<http://www.notused.com>;info=alert-autoanswer;delay=0"),
    // Poly compares the whole value with the ring classes of its configuration.
    Row(DeviceProfile::Poly, false, "Auto Answer"),
    Row(DeviceProfile::Linphone, true, INFO),
    Row(DeviceProfile::Zoiper, true, INFO),
    Row(DeviceProfile::Microsip, true, INFO),
    Row(DeviceProfile::Baresip, true, INFO),
    Row(DeviceProfile::Cisco, true, INFO),
];

/// The headers for a make of phones.
pub(crate) fn headers(profile: DeviceProfile, domain: &str) -> Vec<(Name, String)> {
    let row = ROWS.iter().find(|row| row.0 == profile);
    let (call_info, alert_info) = row.map_or((true, INFO), |row| (row.1, row.2));
    let mut headers = Vec::new();
    if call_info {
        headers.push((Name::CallInfo, format!("<sip:{domain}>;answer-after=0")));
    }
    headers.push((Name::AlertInfo, alert_info.to_owned()));
    headers
}
