//! The way out for rails: one request, one answer, no redirect, little time and little room.

use std::error::Error;
use std::time::Duration;

use super::rail::Egress;
use super::rail::Request;
use super::rail::Response;
use super::rail::SendError;
use super::rail::Sending;

/// How long an answer may take: longer is unknown.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends over HTTP.
#[derive(Debug, Clone)]
pub struct HttpEgress {
    client: reqwest::Client,
}

impl HttpEgress {
    /// A client that follows nothing.
    ///
    /// # Errors
    /// When the system gives no client.
    pub fn new() -> Result<Self, SendError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| SendError::NotSent(error.to_string()))?;
        Ok(Self { client })
    }

    async fn once(&self, request: Request) -> Result<Response, SendError> {
        let mut building = if request.method == "GET" {
            self.client.get(&request.url)
        } else {
            self.client.post(&request.url).body(request.body)
        };
        for (name, value) in &request.headers {
            building = building.header(name, value);
        }
        let mut answer = building.send().await.map_err(|error| {
            // Without a connection not a byte has left; everything else may have arrived.
            let text = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            if error.is_connect() || error.is_builder() {
                SendError::NotSent(text)
            } else {
                SendError::Lost(text)
            }
        })?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                    bytes.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(SendError::Lost("the answer is too long".to_owned())),
                Ok(None) => break,
                Err(error) => return Err(SendError::Lost(error.to_string())),
            }
        }
        Ok(Response { status, body: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

impl Egress for HttpEgress {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.once(request))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    fn request(url: String) -> Request {
        let headers = vec![("webhook-id".to_owned(), "pay_1".to_owned())];
        Request { method: "POST", url, headers, body: "{}".to_owned() }
    }

    /// A server that reads one request and answers with these bytes, or hangs up without any.
    async fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/pay", listener.local_addr().expect("an address"));
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut bytes = [0_u8; 4096];
            let _ = stream.read(&mut bytes).await;
            let _ = stream.write_all(answer).await;
        });
        url
    }

    #[tokio::test]
    async fn nothing_listening_means_that_nothing_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/pay", listener.local_addr().expect("an address"));
        drop(listener);
        let egress = HttpEgress::new().expect("a client");
        let sent = egress.send(request(url)).await;
        assert!(matches!(sent, Err(SendError::NotSent(_))), "{sent:?}");
    }

    #[tokio::test]
    async fn a_dropped_answer_is_lost_and_a_redirect_is_an_answer() {
        let egress = HttpEgress::new().expect("a client");
        let sent = egress.send(request(server(b"").await)).await;
        assert!(matches!(sent, Err(SendError::Lost(_))), "{sent:?}");
        let moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\
                      connection: close\r\n\r\nno";
        let sent = egress.send(request(server(moved).await)).await.expect("an answer");
        assert_eq!((sent.status, sent.body.as_str()), (302, "no"));
    }
}
