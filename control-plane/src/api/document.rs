//! The OpenAPI document, made from the endpoints themselves.

use serde_json::json;
use utoipa::openapi::Content;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::Info;
use utoipa::openapi::OpenApi;
use utoipa::openapi::Paths;
use utoipa::openapi::Ref;
use utoipa::openapi::RefOr;
use utoipa::openapi::Required;
use utoipa::openapi::Response;
use utoipa::openapi::Responses;
use utoipa::openapi::Schema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::Http;
use utoipa::openapi::security::HttpAuthScheme;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::security::SecurityScheme;

use crate::api::endpoint::ARCHIVED;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::JSON;
use crate::api::endpoint::Method;
use crate::api::endpoint::Work;
use crate::api::input::Field;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;
use crate::api::input::text;

/// Name of the one security scheme.
const SCHEME: &str = "api_key";

/// Describes all endpoints.
pub(crate) fn document(endpoints: &[Endpoint]) -> OpenApi {
    let mut paths = Paths::new();
    for endpoint in endpoints {
        for path in std::iter::once(&endpoint.path).chain(endpoint.aliases) {
            paths.add_path_operation(*path, vec![method(endpoint)], operation(endpoint, path));
        }
    }
    let mut info = Info::new("Gamma control plane", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Money is {amount, currency} with decimal text. Lists take limit and cursor. Failures are \
         application/problem+json. POST takes an Idempotency-Key."
            .to_owned(),
    );
    let mut document = OpenApi::new(info, paths);
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let mut components = utoipa::openapi::Components::new();
    components.add_security_scheme(SCHEME, scheme);
    components.schemas.insert("Problem".to_owned(), RefOr::T(problem()));
    document.components = Some(components);
    document
}

fn method(endpoint: &Endpoint) -> HttpMethod {
    match endpoint.method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}

fn operation(endpoint: &Endpoint, path: &str) -> Operation {
    let mut operation = Operation::new();
    operation.tags = Some(vec![endpoint.resource().to_owned()]);
    operation.summary = Some(endpoint.summary.to_owned());
    let roles: Vec<&str> = endpoint.roles.iter().map(|role| role.as_str()).collect();
    operation.description = Some(format!("Roles: {}.", roles.join(", ")));
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    operation.parameters = Some(parameters(endpoint, path).into_iter().map(RefOr::T).collect());
    if !endpoint.fields.is_empty() {
        let mut body = RequestBody::new();
        body.content.insert(
            "application/json".to_owned(),
            RefOr::T(Content::new(Some(object(endpoint.fields)))),
        );
        body.required = Some(Required::True);
        operation.request_body = Some(RefOr::T(body));
    }
    operation.responses = responses(endpoint);
    operation
}

fn parameters(endpoint: &Endpoint, path: &str) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for segment in path.split('/') {
        if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            parameters.push(parameter(&text(leak_free(name)), ParameterIn::Path));
        }
    }
    if endpoint.is_paged {
        let pages = [integer("limit").note("1 to 500; default 50"), text("cursor")];
        parameters.extend(pages.iter().map(|field| parameter(field, ParameterIn::Query)));
    }
    if endpoint.has_archive {
        let note = "true: what was archived, instead of what is in use";
        let archived = field(ARCHIVED, Kind::Flag).note(note);
        parameters.push(parameter(&archived, ParameterIn::Query));
    }
    parameters.extend(endpoint.query.iter().map(|field| parameter(field, ParameterIn::Query)));
    if endpoint.method == Method::Post && endpoint.work != Work::Read {
        parameters.push(parameter(&text("Idempotency-Key"), ParameterIn::Header));
    }
    parameters
}

/// Path parameters are few: their names are known.
fn leak_free(name: &str) -> &'static str {
    ["id", "key_id", "event_id", "month"].into_iter().find(|known| *known == name).unwrap_or("id")
}

fn parameter(field: &Field, place: ParameterIn) -> Parameter {
    let mut parameter = Parameter::new(field.name);
    parameter.required =
        if matches!(place, ParameterIn::Path) { Required::True } else { Required::False };
    parameter.parameter_in = place;
    parameter.schema = Some(schema(field));
    parameter
}

fn responses(endpoint: &Endpoint) -> Responses {
    let mut responses = Responses::new();
    let good = match (endpoint.is_paged, endpoint.status) {
        (true, _) => "A page: data[] and next_cursor",
        (false, 201) => "The whole object, with id",
        (false, _) => "Good",
    };
    let mut answer = Response::new(good);
    let kind = if endpoint.media == JSON { Type::Object } else { Type::String };
    let content = Content::new(Some(ObjectBuilder::new().schema_type(kind).build()));
    answer.content.insert(endpoint.media.to_owned(), RefOr::T(content));
    responses.responses.insert(endpoint.status.to_string(), RefOr::T(answer));
    let mut failure = Response::new("Problem details (RFC 9457)");
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    failure.content.insert("application/problem+json".to_owned(), RefOr::T(content));
    responses.responses.insert("default".to_owned(), RefOr::T(failure));
    responses
}

fn object(fields: &[Field]) -> RefOr<Schema> {
    let mut builder = ObjectBuilder::new().schema_type(Type::Object);
    for field in fields {
        builder = builder.property(field.name, schema(field));
        if field.is_required {
            builder = builder.required(field.name);
        }
    }
    RefOr::T(Schema::Object(builder.build()))
}

fn schema(field: &Field) -> RefOr<Schema> {
    let of_type = |kind: Type| {
        let mut builder = ObjectBuilder::new().schema_type(kind);
        if !field.note.is_empty() {
            builder = builder.description(Some(field.note));
        }
        RefOr::T(Schema::Object(builder.build()))
    };
    let list =
        |items: RefOr<Schema>| RefOr::T(Schema::Array(ArrayBuilder::new().items(items).build()));
    match field.kind {
        Kind::Text | Kind::Instant | Kind::Day | Kind::Percent => of_type(Type::String),
        Kind::Integer => of_type(Type::Integer),
        Kind::Flag => of_type(Type::Boolean),
        Kind::Free => of_type(Type::Object),
        Kind::Money => object(&[text("amount").required(), text("currency")]),
        Kind::Object(fields) => object(fields),
        Kind::Texts => {
            list(RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build())))
        }
        Kind::Objects(fields) => list(object(fields)),
    }
}

fn problem() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("type", Schema::Object(text()))
        .property("title", Schema::Object(text()))
        .property("status", Schema::Object(ObjectBuilder::new().schema_type(Type::Integer).build()))
        .property("detail", Schema::Object(text()))
        .property(
            "errors",
            Schema::Array(ArrayBuilder::new().items(RefOr::T(Schema::Object(text()))).build()),
        )
        .examples([json!({
            "type": "urn:gamma:problem:invalid", "title": "Bad fields", "status": 422,
            "detail": "bad fields: name", "errors": [{"field": "name", "detail": "is required"}],
        })]);
    Schema::Object(object.build())
}
