//! Registered contacts and trunks.

use crate::http::api::ask;
use crate::http::api::ok;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::switch::action::Question;
use axum::response::Response;
use std::collections::BTreeSet;

/// `GET /registrations`. A narrowed key sees the phones of the agents that it sees.
pub(crate) async fn registrations(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let mut registrations = ask!(asked, Question::Registrations => Registrations);
    if !sight.is_whole() {
        let agents = ask!(asked, Question::Agents => Agents);
        let seen = agents.into_iter().filter_map(|view| sight.agent(view));
        let phones: BTreeSet<_> = seen.map(|agent| agent.phone).collect();
        registrations.retain(|registration| phones.contains(&registration.number));
    }
    ok(&Page::whole(registrations.into_iter().map(dto::Registration::from).collect()))
}

/// `GET /trunks`. Trunks belong to no agent and no queue: a narrowed key sees none.
pub(crate) async fn trunks(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let mut trunks = ask!(asked, Question::Trunks => Trunks);
    if !sight.is_whole() {
        trunks.clear();
    }
    ok(&Page::whole(trunks.into_iter().map(dto::Trunk::from).collect()))
}
