//! Input that goes on whatever happens.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::KafkaClient;

/// Keys of the input topic.
const KEYS: usize = 40;
const TICK: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Shared {
    produced: AtomicUsize,
    is_over: AtomicBool,
    /// Whether records are wanted; and whether the producer rests, everything acknowledged.
    wanted: Mutex<(bool, bool)>,
    changed: Condvar,
}

/// A thread that produces numbered texts to a topic, in turns to forty keys.
pub struct Load {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Begins, with so many records in a second.
    #[must_use]
    pub fn start(kafka: KafkaClient, topic: &'static str, per_second: usize) -> Self {
        let shared = Arc::new(Shared::default());
        shared.lock().0 = true;
        let of_thread = Arc::clone(&shared);
        let per_tick = (per_second * TICK.as_millis() as usize / 1000).max(1);
        let thread = std::thread::spawn(move || {
            while !of_thread.is_over.load(Relaxed) {
                if !of_thread.lock().0 {
                    kafka.flush();
                    let mut state = of_thread.lock();
                    state.1 = true;
                    of_thread.changed.notify_all();
                    while !state.0 && !of_thread.is_over.load(Relaxed) {
                        state = of_thread.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                    state.1 = false;
                    continue;
                }
                for _ in 0..per_tick {
                    let number = of_thread.produced.fetch_add(1, Relaxed);
                    kafka.produce(topic, None, Some(&format!("key{}", number % KEYS)), number.to_string().as_bytes());
                }
                std::thread::sleep(TICK);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// How many records were handed to the producer.
    #[must_use]
    pub fn produced(&self) -> usize {
        self.shared.produced.load(Relaxed)
    }

    /// Stops producing and returns when the broker has acknowledged everything.
    pub fn rest(&self) {
        let mut state = self.shared.lock();
        state.0 = false;
        while !state.1 {
            assert!(self.thread.as_ref().is_some_and(|thread| !thread.is_finished()), "the producer has given up");
            let waited = self.shared.changed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Goes on after a rest.
    pub fn go_on(&self) {
        self.shared.lock().0 = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, (bool, bool)> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Relaxed);
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
