//! The keys of `[sip]` about subscriptions: how long, how many, and what lamps tell.

use crate::config::reader::Reader;
use std::time::Duration;

/// What phones may subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriptions {
    /// The shortest (RFC 6665 section 4.2.1.1, 423).
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// How many in all.
    pub all_max: usize,
    /// How many a phone may have.
    pub per_phone_max: usize,
    /// Whether those who watch a phone see with whom it talks.
    pub blf_identities: bool,
}

impl Subscriptions {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let min_at = reader.place_of("subscription_min_seconds");
        let read = Self {
            min: reader.seconds("subscription_min_seconds"),
            max: reader.seconds("subscription_max_seconds"),
            all_max: count(reader, "subscriptions_max"),
            per_phone_max: count(reader, "subscriptions_per_phone_max"),
            blf_identities: reader.flag("blf_identities"),
        };
        if read.min > read.max {
            let what = "`subscription_min_seconds` is above `subscription_max_seconds`";
            reader.cx.fault(&min_at, what);
        }
        read
    }
}

fn count(reader: &mut Reader<'_, '_>, name: &str) -> usize {
    reader.number::<u32>(name).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::config;

    fn parse(lines: &str) -> Result<config::Config, String> {
        let text = format!(
            "[sip]\ndomain = \"x.example\"\nudp = [\"127.0.0.1:5060\"]\n{lines}\n[[phone]]\nnumber = \"1\"\n\
             secret = \"s\"\n[[phone]]\nnumber = \"2\"\nsecret = \"s\"\nblf_identities = false\n"
        );
        match config::parse("test", &text, &|_| None) {
            Ok(loaded) => Ok(loaded.config),
            Err(faults) => Err(format!("{faults:?}")),
        }
    }

    #[test]
    fn the_defaults_fit_desk_phones() {
        let config = parse("").unwrap();
        let rules = &config.sip.subscriptions;
        assert_eq!((rules.min.as_secs(), rules.max.as_secs()), (60, 3600));
        assert_eq!((rules.all_max, rules.per_phone_max, rules.blf_identities), (50_000, 300, true));
        let own = |number: &str| config.phone(number).unwrap().blf_identities;
        assert_eq!((own("1"), own("2")), (None, Some(false)));
    }

    #[test]
    fn the_least_is_not_above_the_most() {
        let fault = parse("subscription_min_seconds = 600\nsubscription_max_seconds = 300").unwrap_err();
        assert!(fault.contains("subscription_min_seconds"), "{fault}");
        assert!(parse("subscriptions_max = 0").is_err());
    }
}
