//! Offers: what rings at an agent's phone.

use crate::http::api::act;
use crate::http::api::ask;
use crate::http::api::ok;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use crate::ids::OfferUid;
use crate::switch::action::Action;
use crate::switch::action::Question;
use crate::switch::view::OfferView;
use axum::response::Response;

/// `GET /offers`.
pub(crate) async fn list(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let offers = ask!(asked, Question::Offers => Offers);
    let seen = offers.into_iter().filter(|view| sight.offer(view));
    ok(&Page::whole(seen.map(dto::Offer::from).collect()))
}

/// `GET /offers/{id}`.
pub(crate) async fn one(asked: Asked) -> Result<Response, Problem> {
    ok(&dto::Offer::from(seen(&asked).await?))
}

/// `POST /offers/{id}/accept`.
pub(crate) async fn accept(asked: Asked) -> Result<Response, Problem> {
    let offer = seen(&asked).await?.id;
    ok(&dto::Offer::from(act!(asked, Action::AcceptOffer(offer) => Offer)))
}

/// `POST /offers/{id}/reject`.
pub(crate) async fn reject(asked: Asked) -> Result<Response, Problem> {
    let offer = seen(&asked).await?.id;
    ok(&dto::Offer::from(act!(asked, Action::RejectOffer(offer) => Offer)))
}

/// The offer of the path, where the key sees it.
async fn seen(asked: &Asked) -> Result<OfferView, Problem> {
    let id = asked.param("id");
    let missing = || Problem::not_found("offer", id);
    let offer = OfferUid::parse(id).ok_or_else(missing)?;
    let sight = asked.sight().await?;
    let view = ask!(asked, Question::Offer(offer) => Offer);
    if sight.offer(&view) { Ok(view) } else { Err(missing()) }
}
