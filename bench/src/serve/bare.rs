//! The other arm of M2: hyper alone with one constant answer, same header names and bytes, same
//! flags, one thread.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http_body_util::Empty;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::serve::setting::announce;
use crate::usage;

/// The read buffer of a connection, as the daemon has it.
const BUFFER_BYTES: usize = 32 * 1024;

/// Serves until the process is ended. `headers` are lines `name: value`.
///
/// # Errors
///
/// A header that is none, or no free port.
pub fn serve(core: usize, headers: &[String]) -> anyhow::Result<()> {
    usage::pin(core);
    let answer = constant(headers)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        announce(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let answer = answer.clone();
            tokio::task::spawn_local(async move {
                let service = service_fn(move |_request| {
                    let mut response = Response::new(Empty::<Bytes>::new());
                    *response.status_mut() = StatusCode::FOUND;
                    response.headers_mut().clone_from(&answer);
                    std::future::ready(Ok::<_, Infallible>(response))
                });
                // A client that goes away is no news here.
                let _ = http1::Builder::new()
                    .writev(false)
                    .max_buf_size(BUFFER_BYTES)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

fn constant(headers: &[String]) -> anyhow::Result<HeaderMap> {
    let mut answer = HeaderMap::with_capacity(headers.len());
    for line in headers {
        let (name, value) = line.split_once(": ").with_context(|| format!("no header: {line}"))?;
        answer.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(answer)
}
