//! Agents: their states, and changing them.

use crate::http::api::act;
use crate::http::api::ask;
use crate::http::api::json;
use crate::http::api::ok;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::http::sight::Sight;
use crate::ids::AgentId;
use crate::ids::QueueId;
use crate::record::QueueStatus;
use crate::switch::action::Action;
use crate::switch::action::Question;
use crate::switch::view::AgentView;
use axum::http::StatusCode;
use axum::response::Response;

/// `GET /agents`.
pub(crate) async fn list(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let agents = ask!(asked, Question::Agents => Agents);
    let seen = agents.into_iter().filter_map(|view| sight.agent(view));
    ok(&Page::whole(seen.map(dto::Agent::from).collect()))
}

/// `GET /agents/{id}`.
pub(crate) async fn one(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    ok(&dto::Agent::from(seen(&asked, &sight, asked.param("id")).await?))
}

/// `GET /agents/me`.
pub(crate) async fn me(asked: Asked) -> Result<Response, Problem> {
    let Some(id) = &asked.who()?.agent else { return Err(Problem::not_found("agent", "me")) };
    let sight = asked.sight().await?;
    ok(&dto::Agent::from(seen(&asked, &sight, id.as_str()).await?))
}

/// `PUT /agents/{id}/status`.
pub(crate) async fn set_status(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let agent = seen(&asked, &sight, asked.param("id")).await?;
    let (status, queues) = wanted(&asked, &sight, &agent)?;
    let by = asked.who()?.by();
    let action = Action::SetAgentStatus { agent: agent.id, status, queues, by };
    let view = *act!(asked, action => Agent);
    let status = if view.pending.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    json(status, &sight.agent(view).map(dto::Agent::from))
}

/// `POST /agents/{id}/end-wrap-up`.
pub(crate) async fn end_wrap_up(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let agent = seen(&asked, &sight, asked.param("id")).await?.id;
    let by = asked.who()?.by();
    let view = *act!(asked, Action::EndWrapUp { agent, by } => Agent);
    ok(&sight.agent(view).map(dto::Agent::from))
}

/// The agent, where the key sees him.
async fn seen(asked: &Asked, sight: &Sight, id: &str) -> Result<AgentView, Problem> {
    let missing = || Problem::not_found("agent", id);
    if sight.only_agent().is_some_and(|only| only.as_str() != id) {
        return Err(missing());
    }
    let view = *ask!(asked, Question::Agent(AgentId::new(id)) => Agent);
    sight.agent(view).ok_or_else(missing)
}

/// The status that the body asks for, and in which queues.
fn wanted(
    asked: &Asked,
    sight: &Sight,
    agent: &AgentView,
) -> Result<(QueueStatus, Option<Vec<QueueId>>), Problem> {
    let mut fields = Fields::read(&asked.headers, &asked.body)?;
    let word = fields.word("status", &["ready", "paused", "logged_out"]);
    let reason = fields.text("reason");
    let queues = fields.list("queues");
    let campaigns = fields.list("campaigns");
    if reason.is_some() && word.is_some_and(|word| word != "paused") {
        fields.fault("/reason", "only a pause has a reason");
    }
    let names_nothing =
        queues.as_ref().is_none_or(Vec::is_empty) && campaigns.as_ref().is_none_or(Vec::is_empty);
    if names_nothing && (queues.is_some() || campaigns.is_some()) {
        let pointer = if queues.is_some() { "/queues" } else { "/campaigns" };
        fields.fault(pointer, "name at least one queue or campaign, or leave both fields out to mean all");
    }
    for (index, queue) in queues.iter().flatten().enumerate() {
        if sight.only_queues().is_some_and(|only| !only.contains(&QueueId::new(queue))) {
            fields.fault(format!("/queues/{index}"), "there is no such queue");
        }
    }
    fields.end()?;
    if campaigns.is_some_and(|campaigns| !campaigns.is_empty()) {
        return Err(Problem::not_built("an agent's status in single campaigns"));
    }
    let status = match word {
        Some("ready") => QueueStatus::Ready,
        Some("paused") => QueueStatus::Paused { reason },
        Some(_) | None => QueueStatus::LoggedOut,
    };
    let named = queues.map(|queues| queues.iter().map(|queue| QueueId::new(queue)).collect());
    // A key of some queues changes these alone: "everywhere" ends where it sees nothing.
    let own = || agent.queues.iter().map(|queue| queue.id.clone()).collect();
    Ok((status, named.or_else(|| sight.only_queues().map(|_| own()))))
}
