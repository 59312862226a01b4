//! One connection: requests in, answers out, until either side has enough.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;

use http::HeaderMap;
use http::Version;
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::ingest;
use crate::limits::BODY_BYTES_MAX;
use crate::limits::CONNECTION_BUFFER_BYTES;
use crate::limits::DISCARD_BYTES_MAX;
use crate::listener::slot::Phase;
use crate::listener::slot::Slot;
use crate::listener::slot::Slots;
use crate::listener::slot::Watched;
use crate::metrics::IngestOutcome;
use crate::metrics::RedirectOutcome;
use crate::redirect::Ask;
use crate::redirect::preview;
use crate::redirect::redirect;
use crate::request::Request;
use crate::request::RequestError;
use crate::request::Verb;
use crate::request::client_address;
use crate::respond::Answer;
use crate::respond::Body;
use crate::respond::Problem;
use crate::respond::head_and_body;
use crate::respond::respond;
use crate::rooms::Rooms;
use crate::router::Route;
use crate::router::route;

/// Serves one connection to its end. A panic ends this connection and is counted.
pub async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    (rooms, slot): (Rc<Rooms>, Rc<Slot>),
    slots: &Slots,
) {
    let watched = Watched { stream, slot: Rc::clone(&slot) };
    let service = Desk { rooms: Rc::clone(&rooms), slot: Rc::clone(&slot), peer };
    // No timer: the sweep watches deadlines. One buffer per answer: they are tiny.
    let mut connection = http1::Builder::new()
        .writev(false)
        .max_buf_size(CONNECTION_BUFFER_BYTES)
        .serve_connection(TokioIo::new(watched), service);
    let mut is_ending = false;
    let ended = poll_fn(|context| {
        slot.note_waker(context);
        if let Some(reason) = slot.closing() {
            rooms.cells.closed_by_us(reason);
            return Poll::Ready(false);
        }
        if slots.is_draining() && !is_ending {
            is_ending = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        match catch_unwind(AssertUnwindSafe(|| connection.poll_without_shutdown(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => Poll::Ready(slot.lingers()),
            // What could not be parsed was answered; its sender may still be writing.
            Ok(Poll::Ready(Err(error))) => Poll::Ready(error.is_parse() || slot.has_long_line()),
            Err(_panic) => {
                rooms.cells.panicked();
                Poll::Ready(false)
            }
        }
    });
    if ended.await {
        let mut watched = connection.into_parts().io.into_inner();
        if slot.has_long_line() {
            let answer = Answer::Problem(Problem::Request(RequestError::UrlTooLong));
            // Whoever does not take the answer is closed all the same.
            let _ = watched.stream.write_all(&head_and_body(answer)).await;
        }
        linger(watched, &slot).await;
    }
}

/// Reads on for a moment after the last answer. Closing a socket with unread bytes resets it, and
/// the reset can overtake the answer.
async fn linger(mut watched: Watched, slot: &Slot) {
    slot.enter(Phase::Linger);
    let drained = async {
        let _ = watched.stream.shutdown().await;
        let mut discarded = [0_u8; 4096];
        let mut left = DISCARD_BYTES_MAX;
        while let Ok(read) = watched.stream.read(&mut discarded).await
            && read > 0
            && left > read
        {
            left -= read;
        }
    };
    let mut drained = std::pin::pin!(drained);
    poll_fn(|context| {
        slot.note_waker(context);
        if slot.closing().is_some() { Poll::Ready(()) } else { drained.as_mut().poll(context) }
    })
    .await;
}

/// One connection's way from a request to its answer.
struct Desk {
    rooms: Rc<Rooms>,
    slot: Rc<Slot>,
    peer: IpAddr,
}

/// An answer: there at once, or after a body and a receipt.
///
/// # Why not an async function
///
/// A redirect has nothing to wait for. As a value it is moved once; as a future with room for a
/// whole intake it would be moved, polled and dropped for every click.
enum Answering {
    Now(Option<hyper::Response<Body>>),
    Later(Pin<Box<dyn Future<Output = hyper::Response<Body>>>>),
}

impl Future for Answering {
    type Output = Result<hyper::Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(response) => response.take().map_or(Poll::Pending, |it| Poll::Ready(Ok(it))),
            Self::Later(response) => response.as_mut().poll(context).map(Ok),
        }
    }
}

impl Service<hyper::Request<Incoming>> for Desk {
    type Response = hyper::Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: hyper::Request<Incoming>) -> Answering {
        self.slot.enter(Phase::Busy);
        let (parts, body) = request.into_parts();
        let client = client_address(self.peer, &parts.headers, &self.rooms.shared.trusted_proxies);
        let read = Request::read(&parts.method, &parts.uri, &parts.headers, client);
        let rooms = &*self.rooms;
        let answer = match &read {
            // RFC 9112, section 3.2: without Host, only HTTP/1.0 may ask.
            Ok(request) if request.host.is_empty() && parts.version == Version::HTTP_11 => {
                Answer::Problem(Problem::Request(RequestError::Bad("Host is missing")))
            }
            Ok(_) if self.slot.has_two_lengths() => {
                Answer::Problem(Problem::Request(RequestError::Bad("more than one length")))
            }
            Ok(request) => match route(request) {
                Route::Redirect(key) => counted(rooms, request, Ask::Slug(key)),
                Route::Target => counted(rooms, request, Ask::Target),
                Route::NoSlug => counted(rooms, request, Ask::Nothing),
                Route::Preview(key) => preview(rooms, request, key),
                Route::Inbound(_) => {
                    let (rooms, slot) = (Rc::clone(&self.rooms), Rc::clone(&self.slot));
                    return Answering::Later(Box::pin(take_in(rooms, slot, (parts, client), body)));
                }
                Route::Robots => Answer::Robots,
                Route::WrongMethod(allow) => Answer::Problem(Problem::WrongMethod(allow)),
                Route::Unknown => Answer::Problem(Problem::NotFound),
            },
            Err(error) => Answer::Problem(Problem::Request(*error)),
        };
        Answering::Now(Some(finish(&self.slot, answer, parts.headers)))
    }
}

/// The last step of every request.
fn finish(slot: &Slot, answer: Answer, headers: HeaderMap) -> hyper::Response<Body> {
    if matches!(answer, Answer::Problem(Problem::Request(_) | Problem::BodyTooLarge)) {
        slot.set_lingers();
    }
    slot.enter(Phase::Answer);
    respond(answer, headers)
}

fn counted(rooms: &Rooms, request: &Request<'_>, ask: Ask<'_>) -> Answer {
    let started_at = rooms.clock.now();
    let answer = redirect(rooms, request, ask, started_at);
    let outcome = match &answer {
        Answer::Redirect { .. } => RedirectOutcome::Redirected,
        Answer::Fallback { .. } => RedirectOutcome::Fallback,
        Answer::Gone => RedirectOutcome::Gone,
        Answer::Problem(_) => RedirectOutcome::Refused,
        _ => RedirectOutcome::Unknown,
    };
    rooms.cells.redirect(outcome, rooms.clock.now().since(started_at));
    answer
}

/// Reads the body of an inbound, within its limit, and takes it in.
async fn take_in(
    rooms: Rc<Rooms>,
    slot: Rc<Slot>,
    (parts, client): (Parts, IpAddr),
    body: Incoming,
) -> hyper::Response<Body> {
    let read = Request::read(&parts.method, &parts.uri, &parts.headers, client);
    // Both were so a moment ago, or nobody would be here.
    let answer = match read.as_ref().map(|request| (request, route(request))) {
        Ok((request, Route::Inbound(door))) => {
            let answer = match ingest::admit(request, door) {
                Ok(()) => match read_body(&slot, request, body).await {
                    Ok(body) => ingest::ingest(&rooms, request, door, body).await,
                    Err(problem) => Answer::Problem(problem),
                },
                Err(problem) => Answer::Problem(problem),
            };
            rooms.cells.ingest(ingest::channel(door), outcome_of(&answer));
            answer
        }
        _ => Answer::Problem(Problem::NotFound),
    };
    finish(&slot, answer, parts.headers)
}

fn outcome_of(answer: &Answer) -> IngestOutcome {
    match answer {
        Answer::Accepted { .. } | Answer::AcceptedBatch(_) => IngestOutcome::Accepted,
        Answer::Problem(Problem::Unauthorized) => IngestOutcome::Refused,
        Answer::Problem(Problem::Unavailable) => IngestOutcome::Unavailable,
        _ => IngestOutcome::Malformed,
    }
}

/// The whole body; empty for GET, whose body means nothing. One that is too long is read to a
/// second limit, so that its sender has finished writing when our answer comes.
async fn read_body(
    slot: &Slot,
    request: &Request<'_>,
    mut body: Incoming,
) -> Result<Vec<u8>, Problem> {
    if request.verb == Verb::Get {
        return Ok(Vec::new());
    }
    // A length that is declared needs no waiting for its bytes.
    if hyper::body::Body::size_hint(&body).lower() > BODY_BYTES_MAX as u64 {
        return Err(Problem::BodyTooLarge);
    }
    slot.enter(Phase::Body);
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Problem::Request(RequestError::Bad("body was cut short")));
        };
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if length <= BODY_BYTES_MAX {
            bytes.extend_from_slice(data);
        } else if length > DISCARD_BYTES_MAX {
            break;
        }
    }
    slot.enter(Phase::Busy);
    if length > BODY_BYTES_MAX { Err(Problem::BodyTooLarge) } else { Ok(bytes) }
}
