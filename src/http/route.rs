//! What a route is: path, method, right, action and description, all in one value.

use crate::http::Shared;
use crate::http::auth::Principal;
use crate::http::auth::Scope;
use crate::http::problem::Problem;
use crate::http::sight::Sight;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::response::Response;
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;

/// An action's answer, later.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// A request that passed: the caller is known and may use the route.
pub(crate) struct Asked {
    pub(crate) shared: Arc<Shared>,
    /// `None` on open routes only.
    pub(crate) who: Option<Arc<Principal>>,
    pub(crate) route: &'static Route,
    /// The path's parts in braces, decoded.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// The part of the path in these braces.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// Who asks.
    pub(crate) fn who(&self) -> Result<&Principal, Problem> {
        self.who.as_deref().ok_or_else(|| Problem::internal("an open route asks who it is"))
    }

    /// What he sees.
    pub(crate) async fn sight(&self) -> Result<Sight, Problem> {
        Sight::of(self.who()?, &self.shared.state.switch).await
    }
}

/// A method of the contract.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// RFC 9110 section 9.3.2: HEAD is GET without the content.
    pub(crate) fn of(method: &Method) -> Option<Self> {
        let name = if *method == Method::HEAD { "GET" } else { method.as_str() };
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|verb| verb.as_str() == name)
    }

    pub(crate) const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// Who may use a route.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Everybody on this machine where the configuration says so, else keys with one of the scopes.
    OpenOnLoopback(&'static [Scope]),
    /// Keys with one of the scopes.
    AnyOf(&'static [Scope]),
}

/// What a successful answer is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// 200 with one thing of that schema.
    One(&'static str),
    /// 200, or 202 when the effect comes later, with one thing of that schema.
    OneOrLater(&'static str),
    /// 200 with a page of things of that schema.
    List(&'static str),
    /// 200 with a page of things of that schema, or CSV.
    ListOrCsv(&'static str),
    /// 204.
    Nothing,
    /// 200 with text of that media type.
    Text(&'static str),
    /// 200 with bytes of that media type, or 206 with some of them.
    Bytes(&'static str),
    /// 200 with any JSON.
    Json,
    /// 501: in the contract, not built yet.
    NotBuilt,
}

/// The form of a query parameter.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Time,
    Whole,
}

/// A query parameter.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) what: &'static str,
}

/// A route.
#[derive(Copy, Clone)]
pub(crate) struct Route {
    pub(crate) verb: Verb,
    /// The path with its parts in braces.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) act: fn(Asked) -> Answering,
    /// What it does, in one sentence.
    pub(crate) what: &'static str,
    pub(crate) gives: Gives,
    /// The schema of the body that it takes.
    pub(crate) takes: Option<&'static str>,
    pub(crate) query: &'static [Param],
    /// Longer than the usual time: the answer has begun, its end is the client's.
    pub(crate) streams: bool,
}

impl Route {
    pub(crate) const fn new(
        verb: Verb,
        path: &'static str,
        access: Access,
        act: fn(Asked) -> Answering,
        what: &'static str,
        gives: Gives,
    ) -> Self {
        Self { verb, path, access, act, what, gives, takes: None, query: &[], streams: false }
    }

    pub(crate) const fn takes(self, schema: &'static str) -> Self {
        Self { takes: Some(schema), ..self }
    }

    pub(crate) const fn query(self, query: &'static [Param]) -> Self {
        Self { query, ..self }
    }

    pub(crate) const fn streams(self) -> Self {
        Self { streams: true, ..self }
    }

    /// The route's name in metrics and logs.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.verb.as_str(), self.path)
    }
}
