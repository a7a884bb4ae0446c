//! An offer of an entry to an agent.

use crate::http::dto::OfferState;
use crate::http::dto::OfferType;
use crate::http::dto::Time;
use crate::switch::view::OfferView;
use serde::Serialize;
use utoipa::ToSchema;

/// One piece of work offered to one agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Offer {
    id: String,
    agent: String,
    #[serde(rename = "type")]
    kind: OfferType,
    queue: Option<String>,
    campaign: Option<String>,
    caller: OfferCaller,
    state: OfferState,
    created_at: Time,
    /// The customer's call; null for a callback that is not dialled yet.
    call: Option<String>,
}

/// What is known of the customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferCaller {
    number: String,
    name: Option<String>,
    contact: Option<String>,
}

impl From<OfferView> for Offer {
    fn from(view: OfferView) -> Self {
        Self {
            id: view.id.to_string(),
            agent: view.agent.to_string(),
            kind: view.kind.into(),
            queue: Some(view.queue.to_string()),
            campaign: None,
            caller: OfferCaller { number: view.number, name: view.name, contact: None },
            state: view.state.into(),
            created_at: view.created_at.into(),
            call: view.call.map(|id| id.to_string()),
        }
    }
}
