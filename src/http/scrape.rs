//! `GET /metrics`: the gauges that the switch owns, read at the scrape, and all counters.

use crate::http::dto;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::metrics;
use crate::metrics::QueueReading;
use crate::metrics::Readings;
use crate::record::AgentStatus;
use crate::switch::action::Answer;
use crate::switch::action::Gauges;
use crate::switch::action::Question;
use crate::switch::view::QueueView;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use std::time::Duration;

/// A switch that is too busy to tell its gauges must not fail the scrape: the counters are what matters then.
const GAUGES_WITHIN: Duration = Duration::from_secs(2);

/// Serves the exposition.
pub(crate) async fn metrics(asked: Asked) -> Result<Response, Problem> {
    let question = asked.shared.state.switch.ask(Question::Gauges);
    let readings = match tokio::time::timeout(GAUGES_WITHIN, question).await {
        Ok(Ok(Answer::Gauges(gauges))) => Some(readings(*gauges)),
        Ok(_) | Err(_) => None,
    };
    let text = asked.shared.state.metrics.render(readings.as_ref());
    let mut response = (StatusCode::OK, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(metrics::TEXT_FORMAT));
    Ok(response)
}

/// The switch's gauges in the words of the metrics; a status that nobody is in reads 0, so that it can be summed.
fn readings(gauges: Gauges) -> Readings {
    let count = |status: dto::AgentStatus| {
        let of_it = |(known, _): &&(AgentStatus, u64)| dto::AgentStatus::from(*known) == status;
        gauges.agents.iter().filter(of_it).map(|(_, count)| count).sum()
    };
    let agents = dto::AgentStatus::ALL.iter().map(|status| (status.as_str(), count(*status))).collect();
    Readings {
        draining: gauges.draining,
        agents,
        registrations: gauges.registrations,
        calls: gauges.calls,
        subscriptions: gauges.subscriptions,
        queues: gauges.queues.into_iter().map(queue).collect(),
    }
}

fn queue(view: QueueView) -> QueueReading {
    let agents = view.agents;
    QueueReading {
        queue: view.id.to_string(),
        calls_waiting: view.waiting.into(),
        callbacks_waiting: view.callbacks_pending.into(),
        longest_wait: view.longest_wait,
        agents: vec![
            ("ready", agents.ready.into()),
            ("ringing", agents.ringing.into()),
            ("talking", agents.talking.into()),
            ("wrap_up", agents.wrap_up.into()),
            ("paused", agents.paused.into()),
            ("unreachable", agents.unreachable.into()),
        ],
        unbalanced: view.unbalanced,
    }
}
