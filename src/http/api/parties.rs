//! Who is in a conversation, and who hears whom: further parties, supervisors, mute, hold, keys.

use crate::http::api::act;
use crate::http::api::calls::seen;
use crate::http::api::ok;
use crate::http::dto;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::switch::action::Action;
use crate::switch::action::PartyChange;
use crate::switch::action::Supervision;
use crate::switch::view::CallView;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;

/// The most keys in one request.
const KEYS_MAX: usize = 64;

/// `POST /calls/{id}/parties`.
pub(crate) async fn add(asked: Asked) -> Result<Response, Problem> {
    let mut fields = Fields::read(&asked.headers, &asked.body)?;
    let to = needed(&mut fields, "to");
    fields.end()?;
    changed(asked, PartyChange::Add { to }).await
}

/// `DELETE /calls/{id}/parties/{leg}`.
pub(crate) async fn remove(asked: Asked) -> Result<Response, Problem> {
    let leg = asked.param("leg");
    let leg = leg.parse().map_err(|_| Problem::not_found("leg", leg))?;
    change(&asked, PartyChange::Remove { leg }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /calls/{id}/supervise`.
pub(crate) async fn supervise(asked: Asked) -> Result<Response, Problem> {
    let mut fields = Fields::read(&asked.headers, &asked.body)?;
    let phone = needed(&mut fields, "phone");
    let mode = match fields.word("mode", &["listen", "whisper", "barge", "take_over"]) {
        Some("whisper") => Supervision::Whisper,
        Some("barge") => Supervision::Barge,
        Some("take_over") => Supervision::TakeOver,
        Some(_) | None => Supervision::Listen,
    };
    fields.end()?;
    changed(asked, PartyChange::Supervise { phone, mode }).await
}

/// `POST /calls/{id}/mute`.
pub(crate) async fn mute(asked: Asked) -> Result<Response, Problem> {
    changed(asked, PartyChange::Mute(true)).await
}

/// `POST /calls/{id}/unmute`.
pub(crate) async fn unmute(asked: Asked) -> Result<Response, Problem> {
    changed(asked, PartyChange::Mute(false)).await
}

/// `POST /calls/{id}/hold`.
pub(crate) async fn hold(asked: Asked) -> Result<Response, Problem> {
    changed(asked, PartyChange::Hold(true)).await
}

/// `POST /calls/{id}/resume`.
pub(crate) async fn resume(asked: Asked) -> Result<Response, Problem> {
    changed(asked, PartyChange::Hold(false)).await
}

/// `POST /calls/{id}/dtmf`.
pub(crate) async fn press(asked: Asked) -> Result<Response, Problem> {
    let mut fields = Fields::read(&asked.headers, &asked.body)?;
    let digits = needed(&mut fields, "digits");
    let is_key = |key: char| matches!(key, '0'..='9' | '*' | '#' | 'A'..='D');
    if digits.len() > KEYS_MAX || !digits.chars().all(is_key) {
        fields.fault("/digits", format!("has to be at most {KEYS_MAX} of 0 to 9, *, # and A to D"));
    }
    fields.end()?;
    changed(asked, PartyChange::Press(digits)).await
}

fn needed(fields: &mut Fields, name: &str) -> String {
    let text = fields.text(name);
    if text.is_none() && !fields.has_fault(&format!("/{name}")) {
        fields.fault(format!("/{name}"), "has to be given");
    }
    text.unwrap_or_default()
}

async fn changed(asked: Asked, what: PartyChange) -> Result<Response, Problem> {
    ok(&dto::Call::from(change(&asked, what).await?))
}

async fn change(asked: &Asked, change: PartyChange) -> Result<CallView, Problem> {
    let call = seen(asked).await?.id;
    let by = asked.who()?.by();
    Ok(*act!(asked, Action::Parties { call, change, by } => Call))
}
