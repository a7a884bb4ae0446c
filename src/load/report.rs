//! The figures of a run, as text for people and as JSON for scripts.

use crate::sim::histogram::Histogram;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// One figure.
#[derive(Clone, Debug)]
pub(in crate::load) enum Figure {
    /// A count.
    Count(u64),
    /// Something measured, with its unit in the name.
    Number(f64),
    /// Counts by SIP status.
    Codes(BTreeMap<u16, u64>),
    /// A distribution of durations.
    Times(Box<Histogram>),
}

/// All figures in order, and whether the run went well.
#[derive(Clone, Debug, Default)]
pub(in crate::load) struct Report {
    figures: Vec<(&'static str, Figure)>,
    faults: Vec<String>,
    remarks: Vec<String>,
}

const PERCENTILES: [(&str, f64); 4] =
    [("p50_ms", 50.0), ("p95_ms", 95.0), ("p99_ms", 99.0), ("p999_ms", 99.9)];

impl Report {
    /// Adds a figure.
    pub(in crate::load) fn add(&mut self, name: &'static str, figure: Figure) {
        self.figures.push((name, figure));
    }

    /// Adds a count.
    pub(in crate::load) fn count(&mut self, name: &'static str, count: u64) {
        self.add(name, Figure::Count(count));
    }

    /// Adds a number, where there is one.
    pub(in crate::load) fn number(&mut self, name: &'static str, number: Option<f64>) {
        if let Some(number) = number.filter(|number| number.is_finite()) {
            self.add(name, Figure::Number(number));
        }
    }

    /// Adds a distribution that is not empty.
    pub(in crate::load) fn times(&mut self, name: &'static str, times: &Histogram) {
        if times.count() > 0 {
            self.add(name, Figure::Times(Box::new(times.clone())));
        }
    }

    /// Something that makes the run a failure.
    pub(in crate::load) fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// Something to know when reading the figures.
    pub(in crate::load) fn remark(&mut self, what: String) {
        self.remarks.push(what);
    }

    /// Whether nothing failed.
    pub(in crate::load) fn is_well(&self) -> bool {
        self.faults.is_empty()
    }

    /// One line a figure.
    pub(in crate::load) fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, figure) in &self.figures {
            let name = name.replace('_', " ");
            let value = match figure {
                Figure::Count(count) => count.to_string(),
                Figure::Number(number) => format!("{number:.3}"),
                Figure::Codes(codes) => {
                    let each: Vec<String> = codes.iter().map(|(code, n)| format!("{code}: {n}")).collect();
                    if each.is_empty() { "-".to_owned() } else { each.join(", ") }
                }
                Figure::Times(times) => {
                    let mut each: Vec<String> = PERCENTILES
                        .iter()
                        .map(|(label, percent)| {
                            let label = label.trim_end_matches("_ms");
                            format!("{label} {:.2}", millis(times.percentile(*percent).unwrap_or_default()))
                        })
                        .collect();
                    each.push(format!("max {:.2} ms of {}", millis(times.max()), times.count()));
                    each.join("  ")
                }
            };
            put(&mut text, format_args!("{name:<34} {value}\n"));
        }
        for remark in &self.remarks {
            put(&mut text, format_args!("note: {remark}\n"));
        }
        for fault in &self.faults {
            put(&mut text, format_args!("FAILED: {fault}\n"));
        }
        text
    }

    /// One object.
    pub(in crate::load) fn to_json(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for (name, figure) in &self.figures {
            let value = match figure {
                Figure::Count(count) => count.to_string(),
                Figure::Number(number) => format!("{number:.6}"),
                Figure::Codes(codes) => {
                    let each: Vec<String> =
                        codes.iter().map(|(code, count)| format!("\"{code}\":{count}")).collect();
                    format!("{{{}}}", each.join(","))
                }
                Figure::Times(times) => times_json(times),
            };
            parts.push(format!("\"{name}\":{value}"));
        }
        for (name, list) in [("remarks", &self.remarks), ("faults", &self.faults)] {
            let each: Vec<String> = list.iter().map(|text| quoted(text)).collect();
            parts.push(format!("\"{name}\":[{}]", each.join(",")));
        }
        format!("{{{}}}", parts.join(","))
    }
}

fn times_json(times: &Histogram) -> String {
    let mut each: Vec<String> = PERCENTILES
        .iter()
        .map(|(label, percent)| {
            format!("\"{label}\":{:.3}", millis(times.percentile(*percent).unwrap_or_default()))
        })
        .collect();
    each.push(format!("\"mean_ms\":{:.3}", millis(times.mean().unwrap_or_default())));
    each.push(format!("\"max_ms\":{:.3}", millis(times.max())));
    each.push(format!("\"count\":{}", times.count()));
    format!("{{{}}}", each.join(","))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A JSON string; what we write has no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Formats into a string, which cannot fail.
fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_both_forms() {
        let mut report = Report::default();
        report.count("calls_placed", 2);
        report.number("server_cpu_us_per_call", Some(42.5));
        report.number("nothing", None);
        report.add("failed_by_code", Figure::Codes(BTreeMap::from([(503, 1)])));
        let mut times = Histogram::default();
        times.add(Duration::from_millis(2));
        report.times("set_up", &times);
        assert!(report.is_well());
        report.fault("1 call \"failed\"".into());
        assert!(!report.is_well());
        let json = report.to_json();
        assert!(json.starts_with("{\"calls_placed\":2,\"server_cpu_us_per_call\":42.500000,"), "{json}");
        assert!(
            json.contains("\"failed_by_code\":{\"503\":1}") && json.contains("\"p50_ms\":2.000"),
            "{json}"
        );
        assert!(json.ends_with("\"remarks\":[],\"faults\":[\"1 call \\\"failed\\\"\"]}"), "{json}");
        assert!(report.to_text().contains("FAILED: 1 call"));
    }
}
