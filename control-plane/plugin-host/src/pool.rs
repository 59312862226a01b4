//! A bounded number of threads that run guests, and a bounded queue before them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use crate::error::HostError;
use crate::limits::CALLS_WAITING_MAX;
use crate::worker::Worker;

/// Work for one thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// The threads; they end when the pool is dropped.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_stopped: bool,
}

/// The queue is full.
#[derive(Debug)]
pub(crate) struct Full;

impl Pool {
    pub(crate) fn start(threads: usize) -> Result<Self, HostError> {
        let pool = Self { shared: Arc::new(Shared::default()) };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new()
                .name(format!("plugin-call-{number}"))
                .spawn(move || work(&shared))
                .map_err(HostError::Thread)?;
        }
        Ok(pool)
    }

    pub(crate) fn submit(&self, job: Job) -> Result<(), Full> {
        let mut queue = self.shared.queue.lock();
        if queue.jobs.len() >= CALLS_WAITING_MAX {
            return Err(Full);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.queue.lock().is_stopped = true;
        self.shared.changed.notify_all();
    }
}

fn work(shared: &Shared) {
    let mut worker = Worker::default();
    loop {
        let job = {
            let mut queue = shared.queue.lock();
            loop {
                if let Some(job) = queue.jobs.pop_front() {
                    break job;
                }
                if queue.is_stopped {
                    return;
                }
                shared.changed.wait(&mut queue);
            }
        };
        // A panic would be a fault of ours. Its caller sees a stopped call; the thread goes on with
        // fresh instances.
        if catch_unwind(AssertUnwindSafe(|| job(&mut worker))).is_err() {
            tracing::error!("a plugin call panicked in the host");
            worker = Worker::default();
        }
    }
}
