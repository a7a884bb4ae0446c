//! The OpenAPI 3.1 document, made from the table of routes and the bodies' own types: it cannot say what the code
//! does not do. `docs/openapi.json` is its committed copy.

use crate::http::api;
use crate::http::auth::Scope;
use crate::http::dto;
use crate::http::problem::Problem;
use crate::http::problem::ProblemBody;
use crate::http::route::Access;
use crate::http::route::Asked;
use crate::http::route::Form;
use crate::http::route::Gives;
use crate::http::route::Route;
use crate::http::route::Verb;
use crate::http::routes::ROUTES;
use axum::response::Response;
use std::sync::LazyLock;
use utoipa::ToSchema;
use utoipa::openapi::Components;
use utoipa::openapi::ComponentsBuilder;
use utoipa::openapi::Content;
use utoipa::openapi::InfoBuilder;
use utoipa::openapi::KnownFormat;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::OpenApi;
use utoipa::openapi::OpenApiBuilder;
use utoipa::openapi::Paths;
use utoipa::openapi::Ref;
use utoipa::openapi::RefOr;
use utoipa::openapi::Required;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::Schema;
use utoipa::openapi::SchemaFormat;
use utoipa::openapi::Type;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::path::Operation;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::path::ParameterBuilder;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::Http;
use utoipa::openapi::security::HttpAuthScheme;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::security::SecurityScheme;

const SCHEME: &str = "api_key";
const DATE_TIME: SchemaFormat = SchemaFormat::KnownFormat(KnownFormat::DateTime);

/// The document, made once.
static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(document);

/// `GET /openapi.json`.
pub(crate) async fn serve(_asked: Asked) -> Result<Response, Problem> {
    api::ok(&*DOCUMENT)
}

/// The document from the code.
pub(crate) fn document() -> OpenApi {
    let mut paths = Paths::new();
    for route in ROUTES {
        let method = match route.verb {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
            Verb::Put => HttpMethod::Put,
            Verb::Patch => HttpMethod::Patch,
            Verb::Delete => HttpMethod::Delete,
        };
        paths.add_path_operation(route.path, vec![method], operation(route));
    }
    let info = InfoBuilder::new().title("Strowger").version("1").description(Some(
        "A telephony switch with call queues. Errors are problem documents (RFC 9457) with a stable `code`; times are \
         RFC 3339 in UTC; durations are seconds; `Idempotency-Key` is honoured on every POST.",
    ));
    OpenApiBuilder::new().info(info.build()).paths(paths).components(Some(components())).build()
}

fn components() -> Components {
    let mut schemas = Vec::new();
    add::<dto::Agent>(&mut schemas);
    add::<dto::Queue>(&mut schemas);
    add::<dto::Caller>(&mut schemas);
    add::<dto::Offer>(&mut schemas);
    add::<dto::Call>(&mut schemas);
    add::<dto::Cdr>(&mut schemas);
    add::<dto::RecordingFile>(&mut schemas);
    add::<dto::Registration>(&mut schemas);
    add::<dto::Trunk>(&mut schemas);
    add::<dto::Snapshot>(&mut schemas);
    add::<dto::Health>(&mut schemas);
    add::<dto::TraceMessage>(&mut schemas);
    add::<ProblemBody>(&mut schemas);
    schemas.iter_mut().for_each(|(_, schema)| require_all(schema));
    add::<dto::StatusChange>(&mut schemas);
    add::<dto::CallerChange>(&mut schemas);
    add::<dto::NewParty>(&mut schemas);
    add::<dto::Supervise>(&mut schemas);
    add::<dto::Digits>(&mut schemas);
    add::<dto::RecordingChange>(&mut schemas);
    ComponentsBuilder::new()
        .security_scheme(SCHEME, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .schemas_from_iter(schemas)
        .response("Problem", problem_response())
        .build()
}

/// Every field of an answer is there, null or not.
fn require_all(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema {
        object.required = object.properties.keys().cloned().collect();
    }
}

/// A body's schema and those that it refers to.
fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    T::schemas(schemas);
    schemas.push((T::name().into_owned(), T::schema()));
}

fn problem_response() -> utoipa::openapi::Response {
    let content = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
    ResponseBuilder::new()
        .description("A problem (RFC 9457)")
        .content("application/problem+json", content)
        .build()
}

fn operation(route: &Route) -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .tag(tag(route))
        .summary(Some(route.what))
        .description(Some(rights(route)));
    for parameter in parameters(route) {
        operation = operation.parameter(parameter);
    }
    if let Some(schema) = route.takes {
        let content = Content::new(Some(Ref::from_schema_name(schema)));
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    for (status, response) in successes(route.gives) {
        operation = operation.response(status, response);
    }
    operation = operation
        .response("default", RefOr::<utoipa::openapi::Response>::Ref(Ref::from_response_name("Problem")));
    operation.securities(Some(securities(route.access))).build()
}

/// A scope is a role of the scheme (OpenAPI 3.1, security requirement object); one of the alternatives is enough.
fn securities(access: Access) -> Vec<SecurityRequirement> {
    let alternatives = |scopes: &[Scope]| -> Vec<_> {
        scopes.iter().map(|scope| SecurityRequirement::new(SCHEME, [scope.as_str()])).collect()
    };
    match access {
        Access::Open => vec![SecurityRequirement::default()],
        Access::OpenOnLoopback(scopes) => {
            [vec![SecurityRequirement::default()], alternatives(scopes)].concat()
        }
        Access::AnyOf(scopes) => alternatives(scopes),
    }
}

fn rights(route: &Route) -> String {
    let words = |scopes: &[Scope]| {
        let names: Vec<_> = scopes.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
        names.join(", ")
    };
    let mut text = match route.access {
        Access::Open => "Open to everybody.".to_string(),
        Access::OpenOnLoopback(scopes) => {
            format!("Open on this machine, else for keys with {}.", words(scopes))
        }
        Access::AnyOf(scopes) if scopes.len() == Scope::ALL.len() => "For every key.".to_string(),
        Access::AnyOf(scopes) => format!("For keys with one of {}.", words(scopes)),
    };
    if route.gives == Gives::NotBuilt {
        text.push_str(" Not built yet: answers 501 `not_built`.");
    }
    text
}

fn parameters(route: &Route) -> Vec<Parameter> {
    let mut parameters: Vec<_> = braces(route.path)
        .map(|name| {
            parameter(name, ParameterIn::Path, "").required(Required::True).description::<&str>(None).build()
        })
        .collect();
    for param in route.query {
        let schema = match param.form {
            Form::Text => ObjectBuilder::new().schema_type(Type::String),
            Form::Time => ObjectBuilder::new().schema_type(Type::String).format(Some(DATE_TIME)),
            Form::Whole => ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)),
        };
        parameters.push(parameter(param.name, ParameterIn::Query, param.what).schema(Some(schema)).build());
    }
    if route.verb == Verb::Post && route.access != Access::Open {
        let what =
            "Repeating a request with the same key and body gives the first answer again and does nothing.";
        parameters.push(parameter("Idempotency-Key", ParameterIn::Header, what).build());
    }
    if route.streams {
        let what = "The `id` of the last event seen: the stream goes on after it, where that is still known.";
        parameters.push(parameter("Last-Event-ID", ParameterIn::Header, what).build());
    }
    parameters
}

fn parameter(name: &str, place: ParameterIn, what: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(what))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
}

/// The names in a path's braces.
fn braces(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn tag(route: &Route) -> &'static str {
    match route.path.strip_prefix("/api/v1/") {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => "system",
    }
}

/// `post_calls_id_hangup`: unique, since method and path are.
fn operation_id(route: &Route) -> String {
    let path = route.path.strip_prefix("/api/v1").unwrap_or(route.path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let verb = route.verb.as_str().to_ascii_lowercase();
    [verb.as_str()].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

fn successes(gives: Gives) -> Vec<(&'static str, utoipa::openapi::Response)> {
    let one = |what: &str, schema: &str| {
        let content = Content::new(Some(Ref::from_schema_name(schema)));
        ResponseBuilder::new().description(what).content("application/json", content)
    };
    let list = |schema: &str| {
        let content = Content::new(Some(page(schema)));
        ResponseBuilder::new().description("A page.").content("application/json", content)
    };
    let text = || ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    let bytes = || {
        let form = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ContentBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).format(Some(form))))
            .build()
    };
    let plain = |what: &str| ResponseBuilder::new().description(what);
    match gives {
        Gives::One(schema) => vec![("200", one("The state now.", schema).build())],
        Gives::OneOrLater(schema) => vec![
            ("200", one("The new state.", schema).build()),
            ("202", one("Taken; `pending` tells what comes later.", schema).build()),
        ],
        Gives::List(schema) => vec![("200", list(schema).build())],
        Gives::ListOrCsv(schema) => vec![("200", list(schema).content("text/csv", text()).build())],
        Gives::Nothing => vec![("204", plain("Done.").build())],
        Gives::Text(media) => {
            let media = media.split(';').next().unwrap_or(media);
            vec![("200", plain("Text.").content(media, text()).build())]
        }
        Gives::Json => {
            let any = ContentBuilder::new().schema(Some(ObjectBuilder::new())).build();
            vec![("200", plain("JSON.").content("application/json", any).build())]
        }
        Gives::Bytes(media) => vec![
            ("200", plain("All of it.").content(media, bytes()).build()),
            ("206", plain("The range of bytes that was asked for.").content(media, bytes()).build()),
        ],
        Gives::NotBuilt => Vec::new(),
    }
}

/// `{"items": [...], "next_cursor": null}`.
fn page(schema: &str) -> RefOr<Schema> {
    let cursor = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new()
        .property("items", ArrayBuilder::new().items(Ref::from_schema_name(schema)))
        .required("items")
        .property("next_cursor", ObjectBuilder::new().schema_type(cursor))
        .required("next_cursor")
        .into()
}
