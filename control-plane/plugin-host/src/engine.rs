//! The wasm engine of section 8 of the promises, and the clock that stops a guest.
//!
//! # Why
//!
//! Fuel stops the same input at the same instruction, so that a replay agrees; the epoch bounds
//! time, also of what one instruction can do (a bulk fill of all memory is one). Both stay on.
//! The ticker sleeps while no guest runs, so an idle host costs nothing.

use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};
use wasmtime::{Config, Engine};

use crate::error::HostError;
use crate::limits::{STACK_BYTES_MAX, TICK};

/// The engine that all plugins share.
pub(crate) fn engine() -> Result<Engine, HostError> {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(true)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .max_wasm_stack(STACK_BYTES_MAX);
    Engine::new(&config).map_err(|error| HostError::Engine(format!("{error:#}")))
}

/// Moves the epoch on while a guest runs.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running_calls: usize,
    is_stopped: bool,
}

/// A running call; the epoch moves as long as one lives.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    ticker: &'a Ticker,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> Result<Self, HostError> {
        let shared = Arc::new(Shared::default());
        let ticking = Arc::clone(&shared);
        thread::Builder::new()
            .name("plugin-ticker".into())
            .spawn(move || tick(&ticking, &engine))
            .map_err(HostError::Thread)?;
        Ok(Self { shared })
    }

    pub(crate) fn running(&self) -> Running<'_> {
        let mut state = self.shared.state.lock();
        state.running_calls += 1;
        if state.running_calls == 1 {
            self.shared.changed.notify_one();
        }
        Running { ticker: self }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.ticker.shared.state.lock().running_calls -= 1;
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state.lock().is_stopped = true;
        self.shared.changed.notify_one();
    }
}

fn tick(shared: &Shared, engine: &Engine) {
    loop {
        {
            let mut state = shared.state.lock();
            while state.running_calls == 0 && !state.is_stopped {
                shared.changed.wait(&mut state);
            }
            if state.is_stopped {
                return;
            }
        }
        thread::sleep(TICK);
        engine.increment_epoch();
    }
}
