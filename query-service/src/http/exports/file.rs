//! `GET /v1/exports/{id}/file`: the download of a file, for whoever has a signed link.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use platform::openapi::{Header, Parameter};
use platform::params::Path;
use platform::problem::Problem;
use schemars::JsonSchema;
use uuid::Uuid;

use crate::exports::job::{Export, Outcome, WrittenFile};
use crate::http::app::App;
use crate::http::export_problems;
use crate::http::exports_state::Exports;
use crate::http::parameters::Parameters;

const PARAMETERS: [&str; 2] = ["expires", "signature"];

/// The headers of the response.
pub(super) const HEADERS: [Header; 3] = [
    Header::always::<u64>("Content-Length", "Size of the file in bytes."),
    Header::always::<String>("Content-Disposition", "Name of the file."),
    Header::always::<String>("Cache-Control", "The response must not be stored."),
];

/// When a link expires, in seconds since 1970.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Expires(#[schemars(range(min = 0))] i64);

/// A signature.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Signature(#[schemars(regex(pattern = "^[0-9a-f]{64}$"))] String);

/// The parameters of a link.
pub(super) fn parameters() -> [Parameter; 2] {
    [
        Parameter::query::<Expires>("expires", "When the link expires, in seconds since 1970.").required(),
        Parameter::query::<Signature>("signature", "Signature of the link.").required(),
    ]
}

pub(super) async fn download(State(app): State<App>, Path(id): Path<Uuid>, uri: Uri) -> Result<Response, Problem> {
    let exports = app.exports()?;
    let parameters = Parameters::read(&uri, &PARAMETERS)?;
    let [expires, signature] = PARAMETERS.map(|name| parameters.text(name));
    exports.links.verify(id, expires, signature, exports.jobs.now())?;
    let export = exports.jobs.find(id).await.map_err(|error| export_problems::store(&error))?;
    let Some(Export { job, outcome: Some(Outcome { result: Ok(file), .. }), .. }) = export else {
        return Err(export_problems::export_not_found(id));
    };
    refuse_erased(&app, exports, id, &file).await?;
    let found = exports.jobs.read_file(id, &file).await.map_err(|error| export_problems::store(&error))?;
    let (size, content) = found.ok_or_else(|| export_problems::export_not_found(id))?;
    let date = job.created_at.format("%Y-%m-%d");
    let disposition = format!("attachment; filename=\"{}-{date}.{}\"", file.dataset, job.format.extension());
    let mut response = Response::new(Body::from_stream(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(job.format.media_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::try_from(disposition).expect("the name of a list or report consists of letters"),
    );
    Ok(response)
}

/// Personal data must not be sent after its erasure: the file of a customer who was erased since is deleted.
async fn refuse_erased(app: &App, exports: &Exports, id: Uuid, file: &WrittenFile) -> Result<(), Problem> {
    let Some(erased_up_to) = file.erased_up_to else { return Ok(()) };
    if !app.reads.erasures.has_customer_erased_since(erased_up_to.into()).await? {
        return Ok(());
    }
    exports.jobs.delete(id).await.map_err(|error| export_problems::store(&error))?;
    Err(export_problems::export_file_deleted())
}
