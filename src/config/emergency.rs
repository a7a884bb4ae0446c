//! `[emergency]`: numbers that pass every limit, and the trunks they take.

use crate::config::context::Noun;
use crate::config::context::Spot;
use crate::config::country::Country;
use crate::config::phone::check_number;
use crate::config::reader::Reader;
use crate::config::sip::header_text;
use crate::ids::TrunkId;

/// `[emergency]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emergency {
    /// The country's numbers and those of `numbers`, each once.
    pub numbers: Vec<String>,
    /// The trunks, in order; all of the configuration when none are named.
    pub trunks: Vec<TrunkId>,
    /// The number shown instead of the phone's own.
    pub caller_id: Option<String>,
    /// Where the phones are: a URI for Geolocation (RFC 6442).
    pub location: Option<String>,
}

impl Emergency {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let numbers_at = reader.place_of("numbers");
        let country = reader.parsed("country", Country::parse);
        let mut numbers: Vec<String> =
            country.iter().flat_map(|country| country.emergency.iter().map(ToString::to_string)).collect();
        for (spot, ()) in reader.parsed_list("numbers", check_number) {
            if !numbers.contains(&spot.text) {
                numbers.push(spot.text);
            }
        }
        let trunks = reader.references("trunk", Noun::Trunk);
        let caller_id = reader.spot("caller_id");
        if let Some(spot) = &caller_id
            && let Err(what) = check_number(&spot.text)
        {
            reader.cx.fault(&spot.at, format!("`caller_id`: {what}"));
        }
        let location = reader.parsed("location", location);
        if numbers.is_empty() {
            reader.cx.fault(&numbers_at, "`[emergency]` needs a `country` or `numbers`");
        }
        for number in &numbers {
            // A phone or queue of that number would stand in the way.
            let spot = Spot { at: numbers_at.clone(), text: number.clone() };
            reader.cx.take_number(&spot, "an emergency number".to_string());
        }
        Some(Self {
            numbers,
            trunks: trunks.iter().map(|id| TrunkId::new(id)).collect(),
            caller_id: caller_id.map(|spot| spot.text),
            location,
        })
    }

    /// Whether it is one of these numbers.
    pub fn has(&self, number: &str) -> bool {
        self.numbers.iter().any(|known| known == number)
    }
}

/// RFC 6442 section 4.1: a URI, without what would end the angle brackets around it.
fn location(text: &str) -> Result<String, String> {
    let text = header_text(text)?;
    let is_uri = text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte));
    if is_uri && plain {
        Ok(text)
    } else {
        Err(format!("`{text}` is not a URI such as https://lis.example.com/site1"))
    }
}
