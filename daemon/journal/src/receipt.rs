//! The proof that the journal has a record: a future that resolves after the sync that covers it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use std::thread::Thread;

use tokio::sync::oneshot;

use crate::record::AppendError;

/// Resolves to the record's sequence once it is durable.
///
/// Dropping it changes nothing about the record. After an error the record may still be in the
/// journal: the result is then unknown, not negative.
#[derive(Debug)]
#[must_use = "a record is only confirmed by its receipt"]
pub struct Receipt(oneshot::Receiver<Result<u64, AppendError>>);

pub(crate) type ReceiptSender = oneshot::Sender<Result<u64, AppendError>>;

struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Receipt {
    pub(crate) fn new() -> (ReceiptSender, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// Blocks the calling thread until the record is durable; for threads without a runtime.
    ///
    /// # Errors
    /// As the future.
    pub fn wait(mut self) -> Result<u64, AppendError> {
        let waker = Waker::from(Arc::new(ThreadWaker(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(result) => return result,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl Future for Receipt {
    type Output = Result<u64, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A writer that went away without an answer is a journal that was closed.
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(AppendError::Closed)))
    }
}
