//! Calls: what goes on, and ending it.

use crate::http::api::act;
use crate::http::api::ask;
use crate::http::api::ok;
use crate::http::auth::Scope;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::ids::CallUid;
use crate::switch::action::Action;
use crate::switch::action::Question;
use crate::switch::action::RecordingAction;
use crate::switch::view::CallView;
use axum::response::Response;

/// `GET /calls`.
pub(crate) async fn list(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let calls = ask!(asked, Question::Calls => Calls);
    let seen = calls.into_iter().filter(|view| sight.call(view));
    ok(&Page::whole(seen.map(dto::Call::from).collect()))
}

/// `GET /calls/{id}`.
pub(crate) async fn one(asked: Asked) -> Result<Response, Problem> {
    ok(&dto::Call::from(seen(&asked).await?))
}

/// `POST /calls/{id}/hangup`.
pub(crate) async fn hang_up(asked: Asked) -> Result<Response, Problem> {
    let call = seen(&asked).await?.id;
    let by = asked.who()?.by();
    ok(&dto::Call::from(*act!(asked, Action::HangUp { call, by } => Call)))
}

/// `POST /calls/{id}/recording`.
pub(crate) async fn record(asked: Asked) -> Result<Response, Problem> {
    let mut fields = Fields::read(&asked.headers, &asked.body)?;
    let word = fields.word("action", &["start", "pause", "resume", "stop"]);
    fields.end()?;
    let what = match word {
        Some("start") => RecordingAction::Start,
        Some("pause") => RecordingAction::Pause,
        Some("resume") => RecordingAction::Resume,
        Some(_) | None => RecordingAction::Stop,
    };
    let call = seen(&asked).await?.id;
    let who = asked.who()?;
    // A key that controls calls is not bound to what an agent may do.
    let is_agent = !who.has_any(&[Scope::CallControl]);
    let by = who.by();
    ok(&dto::Call::from(*act!(asked, Action::Record { call, what, is_agent, by } => Call)))
}

/// The call of the path, where the key sees it.
pub(crate) async fn seen(asked: &Asked) -> Result<CallView, Problem> {
    let id = asked.param("id");
    let missing = || Problem::not_found("call", id);
    let call = CallUid::parse(id).ok_or_else(missing)?;
    let sight = asked.sight().await?;
    let view = *ask!(asked, Question::Call(call) => Call);
    if sight.call(&view) { Ok(view) } else { Err(missing()) }
}
