//! Reading a JSON body field by field, so that a refusal points at every fault at once.
//!
//! A field is taken out when it is read; what is left at the end is a fault too: a misspelt field must not be ignored.

use crate::http::problem::Fault;
use crate::http::problem::Problem;
use crate::http::problem::shown;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use serde_json::Map;
use serde_json::Value;
use std::ops::RangeInclusive;

/// The longest text that a field takes.
const TEXT_BYTES_MAX: usize = 256;
/// The most entries that a list takes.
const LIST_MAX: usize = 1000;

/// The fields of a body that were not read yet, and the faults so far.
#[derive(Debug)]
pub(crate) struct Fields {
    left: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Fields {
    /// The fields of a JSON object.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        if let Some(media) = headers.get(header::CONTENT_TYPE) {
            let media = media.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
            let is_json = media.eq_ignore_ascii_case("application/json") || media.ends_with("+json");
            if !is_json {
                let what = "the body has to be application/json";
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", what));
            }
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(left)) => Ok(Self { left, faults: Vec::new() }),
            Ok(_) => Err(Problem::field("", "the body has to be a JSON object")),
            Err(error) => {
                let mut problem = Problem::new(StatusCode::BAD_REQUEST, "bad_json", "the body is not JSON");
                problem.errors.push(Fault { pointer: String::new(), message: error.to_string() });
                Err(problem)
            }
        }
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault { pointer: pointer.into(), message: message.into() });
    }

    /// Whether a fault was noted there.
    pub(crate) fn has_fault(&self, pointer: &str) -> bool {
        self.faults.iter().any(|fault| fault.pointer == pointer)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        self.as_text(value, format!("/{name}"))
    }

    fn as_text(&mut self, value: Value, pointer: String) -> Option<String> {
        match value {
            Value::String(text) if !text.is_empty() && text.len() <= TEXT_BYTES_MAX => Some(text),
            Value::String(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                self.fault(pointer, format!("has to be a text of 1 to {TEXT_BYTES_MAX} bytes"));
                None
            }
        }
    }

    /// One of some words; a missing one is a fault.
    pub(crate) fn word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let given = self.left.remove(name);
        let word =
            given.as_ref().and_then(Value::as_str).and_then(|text| words.iter().find(|word| **word == text));
        if word.is_none() {
            self.fault(format!("/{name}"), format!("has to be one of: {}", words.join(", ")));
        }
        word.copied()
    }

    /// A whole number within a range.
    pub(crate) fn whole(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.take(name)?;
        let number = value.as_i64().filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            self.fault(format!("/{name}"), format!("has to be a whole number from {low} to {high}"));
        }
        number
    }

    /// A list of texts.
    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        match self.take(name)? {
            Value::Array(values) if values.len() <= LIST_MAX => {
                let mut texts = Vec::with_capacity(values.len());
                for (index, value) in values.into_iter().enumerate() {
                    texts.extend(self.as_text(value, format!("/{name}/{index}")));
                }
                Some(texts)
            }
            Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                self.fault(format!("/{name}"), format!("has to be a list of at most {LIST_MAX} texts"));
                None
            }
        }
    }

    /// All faults, those of fields that nobody read included.
    pub(crate) fn end(mut self) -> Result<(), Problem> {
        const FAULTS_MAX: usize = 50;
        let unknown: Vec<_> = self.left.keys().map(|name| shown(name)).collect();
        for name in unknown {
            // RFC 6901 section 3: `~` and `/` are escaped.
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            self.fault(pointer, "there is no such field");
        }
        self.faults.truncate(FAULTS_MAX);
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::invalid(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Fields, Problem> {
        Fields::read(&HeaderMap::new(), body.as_bytes())
    }

    fn pointers(problem: &Problem) -> Vec<&str> {
        problem.errors.iter().map(|fault| fault.pointer.as_str()).collect()
    }

    #[test]
    fn every_fault_is_pointed_at() {
        let mut fields =
            read(r#"{"status":"busy","reason":7,"queues":["a",1,""],"n":1.5,"a/b~c":1,"void":null}"#)
                .unwrap();
        assert_eq!(fields.word("status", &["ready"]), None);
        assert_eq!(fields.text("reason"), None);
        assert_eq!(fields.list("queues"), Some(vec!["a".to_string()]));
        assert_eq!(fields.whole("n", 0..=9), None);
        assert_eq!(fields.text("void"), None);
        let problem = fields.end().unwrap_err();
        assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&problem), ["/status", "/reason", "/queues/1", "/queues/2", "/n", "/a~1b~0c"]);
    }

    #[test]
    fn what_is_right_passes() {
        let mut fields = read(r#"{"status":"ready","n":-3,"queues":[]}"#).unwrap();
        assert_eq!(fields.word("status", &["paused", "ready"]), Some("ready"));
        assert_eq!(fields.whole("n", -5..=5), Some(-3));
        assert_eq!(fields.list("queues"), Some(Vec::new()));
        assert!(fields.end().is_ok());
    }

    #[test]
    fn bodies_that_are_no_object_are_refused() {
        let deep = "[".repeat(100_000);
        for (body, status) in [
            ("", 400),
            ("{", 400),
            ("\u{0}", 400),
            ("[]", 422),
            ("1", 422),
            ("null", 422),
            (deep.as_str(), 400),
        ] {
            assert_eq!(read(body).unwrap_err().status.as_u16(), status);
        }
    }

    #[test]
    fn hostile_names_are_shortened_and_counted() {
        let many: Vec<_> = (0..1000).map(|n| format!("\"{}{n}\":0", "é".repeat(200))).collect();
        let problem = read(&format!("{{{}}}", many.join(","))).unwrap().end().unwrap_err();
        assert!(problem.errors.len() <= 50 && problem.errors.iter().all(|fault| fault.pointer.len() < 200));
    }
}
