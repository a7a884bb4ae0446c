//! Opening hours in the notation of OpenStreetMap, as far as a call centre needs it:
//! `Mo-Fr 09:00-12:00,14:00-18:00; Sa 09:00-12:00; PH off`, or `24/7`.
//!
//! No calendar here: which day is a public holiday is not this file's to know.

/// Opening hours: rules in order, a later one replacing earlier ones for its days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHours {
    text: String,
    /// The rules in order.
    pub rules: Vec<HoursRule>,
}

/// Hours of some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoursRule {
    /// Monday to Sunday.
    pub days: [bool; 7],
    /// Public holidays (`PH`).
    pub public_holidays: bool,
    /// From and to, in minutes since midnight; an end before its beginning lies on the next day. Empty: closed.
    pub spans: Vec<(u16, u16)>,
}

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const DAY_MINUTES: u16 = 24 * 60;
/// More rules than this are a mistake, not a timetable.
const RULES_MAX: usize = 64;

impl OpenHours {
    /// Reads opening hours.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rules = text.split(';').map(str::trim).filter(|rule| !rule.is_empty());
        let rules = rules.take(RULES_MAX + 1).map(rule).collect::<Result<Vec<_>, _>>()?;
        match rules.len() {
            0 => Err("opening hours must not be empty; `24/7` is always open".to_string()),
            1..=RULES_MAX => Ok(Self { text: text.to_string(), rules }),
            _ => Err(format!("opening hours have at most {RULES_MAX} rules")),
        }
    }

    /// Whether they are open at a minute of a day of the week (0 is Monday) that is no public holiday.
    pub fn is_open(&self, day: usize, minute: u16) -> bool {
        let before = (day + 6) % 7;
        // A later rule replaces earlier ones for its days.
        let of_day = |day: usize| self.rules.iter().rev().find(|rule| rule.days.get(day) == Some(&true));
        let spans = |day| of_day(day).map_or(&[][..], |rule| &rule.spans);
        let today = spans(day).iter().any(|(from, to)| minute >= *from && (minute < *to || to < from));
        let from_yesterday = spans(before).iter().any(|(from, to)| to < from && minute < *to);
        today || from_yesterday
    }

    /// As they were written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn rule(text: &str) -> Result<HoursRule, String> {
    if text == "24/7" {
        return Ok(HoursRule { days: [true; 7], public_holidays: true, spans: vec![(0, DAY_MINUTES)] });
    }
    let (days, times) = match text.split_once(char::is_whitespace) {
        Some((days, times)) => (Some(days), times.trim()),
        None => (None, text),
    };
    let mut rule = HoursRule::default();
    match days {
        Some(days) => days.split(',').try_for_each(|day| add_days(&mut rule, day))?,
        None => rule.days = [true; 7],
    }
    if !matches!(times, "off" | "closed") {
        rule.spans = times.split(',').map(|part| span(part.trim())).collect::<Result<_, _>>()?;
    }
    Ok(rule)
}

fn add_days(rule: &mut HoursRule, text: &str) -> Result<(), String> {
    let wrong = |day: &str| format!("opening hours: `{day}` is not a day (Mo Tu We Th Fr Sa Su, PH)");
    let index = |day: &str| DAYS.iter().position(|known| *known == day).ok_or_else(|| wrong(day));
    if text == "PH" {
        rule.public_holidays = true;
        return Ok(());
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (index(first)?, index(last)?);
    // `Sa-Mo` runs over the end of the week.
    for (day, open) in rule.days.iter_mut().enumerate() {
        *open |= if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last };
    }
    Ok(())
}

fn span(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("opening hours: `{text}` is not a span such as 09:00-18:00");
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
    if from == to || from == DAY_MINUTES { Err(wrong()) } else { Ok((from, to)) }
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= DAY_MINUTES).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_read() {
        let hours = OpenHours::parse("Mo-Fr 10:00-13:00,14:00-20:00; PH off").unwrap();
        assert_eq!(
            hours.rules,
            [
                HoursRule {
                    days: [true, true, true, true, true, false, false],
                    public_holidays: false,
                    spans: vec![(600, 780), (840, 1200)],
                },
                HoursRule { days: [false; 7], public_holidays: true, spans: vec![] },
            ]
        );
        let weekend = OpenHours::parse("Sa-Mo,We 22:00-02:00").unwrap();
        assert_eq!(weekend.rules[0].days, [true, false, true, false, false, true, true]);
        assert_eq!(weekend.rules[0].spans, [(1320, 120)]);
        assert_eq!(OpenHours::parse("24/7").unwrap().rules[0].spans, [(0, 1440)]);
        assert_eq!(OpenHours::parse("09:00-24:00").unwrap().rules[0].days, [true; 7]);
    }

    #[test]
    fn it_is_open_or_not() {
        let hours = OpenHours::parse("Mo-Fr 09:00-12:00,14:00-18:00; Fr 22:00-02:00").unwrap();
        for (day, minute, open) in
            [(0, 540, true), (0, 539, false), (3, 720, false), (3, 840, true), (4, 600, false)]
        {
            assert_eq!(hours.is_open(day, minute), open, "{day} {minute}");
        }
        assert!(hours.is_open(4, 1320) && hours.is_open(5, 119) && !hours.is_open(5, 120));
        assert!(OpenHours::parse("24/7").unwrap().is_open(6, 1439));
    }

    #[test]
    fn nonsense_is_named() {
        let check = |text, part: &str| {
            let error = OpenHours::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("Mo-Fri 09:00-18:00", "`Fri`");
        check("Mo 9:00-18:00", "`9:00-18:00`");
        check("Mo 09:00-25:00", "`09:00-25:00`");
        check("Mo", "`Mo`");
        check("Mo 09:00-09:00", "`09:00-09:00`");
        check("", "must not be empty");
        check(&"Mo off;".repeat(65), "at most");
    }
}
