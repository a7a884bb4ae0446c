//! The actions behind the routes, one file for each kind of thing. Rights were checked before ([`crate::http::routes`]);
//! each action asks [`crate::http::sight`] what the key may see.

pub(crate) mod agents;
pub(crate) mod callers;
pub(crate) mod calls;
pub(crate) mod cdrs;
pub(crate) mod lines;
pub(crate) mod offers;
pub(crate) mod parties;
pub(crate) mod queues;
pub(crate) mod recordings;
pub(crate) mod system;
pub(crate) mod trace;

use crate::http::problem::Problem;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;

/// A body of JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_vec(body).map_err(|error| Problem::internal(&error.to_string()))?;
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// 200 with a body of JSON.
pub(crate) fn ok(body: &impl Serialize) -> Result<Response, Problem> {
    json(StatusCode::OK, body)
}

/// The answer to a question, taken out of its variant; another variant is the switch's fault.
macro_rules! ask {
    ($asked:expr, $question:expr => $variant:ident) => {
        match $asked.shared.state.switch.ask($question).await? {
            $crate::switch::action::Answer::$variant(answer) => answer,
            answer => return Err($crate::http::api::wrong_answer(&answer)),
        }
    };
}
pub(crate) use ask;

/// The result of an action, taken out of its variant; another variant is the switch's fault.
macro_rules! act {
    ($asked:expr, $action:expr => $variant:ident) => {
        match $asked.shared.state.switch.act($action).await? {
            $crate::switch::action::Done::$variant(done) => done,
            done => return Err($crate::http::api::wrong_answer(&done)),
        }
    };
}
pub(crate) use act;

/// 500 for an answer to another question.
pub(crate) fn wrong_answer(answer: &impl std::fmt::Debug) -> Problem {
    let variant = format!("{answer:?}");
    let variant = variant.split(['(', ' ']).next().unwrap_or_default();
    Problem::internal(&format!("the switch answered with {variant}"))
}
