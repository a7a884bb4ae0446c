//! Queues: their real-time cards.

use crate::http::api::ask;
use crate::http::api::ok;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::http::sight::Sight;
use crate::ids::QueueId;
use crate::switch::action::Question;
use axum::response::Response;

/// `GET /queues`.
pub(crate) async fn list(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let queues = ask!(asked, Question::Queues => Queues);
    let seen = queues.into_iter().filter(|view| sight.queue(&view.id));
    ok(&Page::whole(seen.map(dto::Queue::from).collect()))
}

/// `GET /queues/{id}`.
pub(crate) async fn one(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let id = seen(&asked, &sight)?;
    let view = ask!(asked, Question::Queue(id) => Queue);
    ok(&dto::Queue::from(*view))
}

/// The queue of the path, where the key sees it.
pub(crate) fn seen(asked: &Asked, sight: &Sight) -> Result<QueueId, Problem> {
    let id = QueueId::new(asked.param("id"));
    if sight.queue(&id) { Ok(id) } else { Err(Problem::not_found("queue", id.as_str())) }
}
