//! Waiting callers: listing, moving, removing.

use crate::http::api::act;
use crate::http::api::ask;
use crate::http::api::ok;
use crate::http::api::queues;
use crate::http::api::wrong_answer;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::ids::EntryUid;
use crate::ids::QueueId;
use crate::switch::action::Action;
use crate::switch::action::Done;
use crate::switch::action::Question;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;

/// `GET /queues/{id}/callers`.
pub(crate) async fn list(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let queue = queues::seen(&asked, &sight)?;
    let callers = ask!(asked, Question::Callers(queue) => Callers);
    ok(&Page::whole(callers.into_iter().map(dto::Caller::from).collect()))
}

/// `PATCH /queues/{id}/callers/{caller}`.
pub(crate) async fn change(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let queue = queues::seen(&asked, &sight)?;
    let caller = entry(&asked)?;
    let mut fields = Fields::read(&asked.headers, &asked.body)?;
    let to_queue = fields.text("queue").map(|id| QueueId::new(&id));
    let position = fields.whole("position", 1..=i64::from(u32::MAX));
    let priority = fields.whole("priority", i64::from(i32::MIN)..=i64::from(i32::MAX));
    if to_queue.as_ref().is_some_and(|to| !sight.queue(to)) {
        fields.fault("/queue", "there is no such queue");
    }
    fields.end()?;
    if to_queue.is_none() && position.is_none() && priority.is_none() {
        return Err(Problem::field("", "give at least one of queue, position, priority"));
    }
    let action = Action::MoveCaller {
        queue,
        caller,
        to_queue,
        position: position.and_then(|number| u32::try_from(number).ok()),
        priority: priority.and_then(|number| i32::try_from(number).ok()),
        by: asked.who()?.by(),
    };
    ok(&dto::Caller::from(act!(asked, action => Caller)))
}

/// `DELETE /queues/{id}/callers/{caller}`.
pub(crate) async fn remove(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let queue = queues::seen(&asked, &sight)?;
    let caller = entry(&asked)?;
    let by = asked.who()?.by();
    let done = asked.shared.state.switch.act(Action::RemoveCaller { queue, caller, by }).await?;
    if done == Done::Removed { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(wrong_answer(&done)) }
}

fn entry(asked: &Asked) -> Result<EntryUid, Problem> {
    let id = asked.param("caller");
    EntryUid::parse(id).ok_or_else(|| Problem::not_found("caller", id))
}
