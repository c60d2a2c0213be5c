//! A node that runs.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use statefun::{Address, Envelope, Epoch};
use statefun_ingress::http::{Answer, Door, Terms};
use statefun_runtime::Node;
use statefun_sdk::{Decode, Encode, Message};
use tokio::sync::oneshot;

use super::builder::Prepared;
use super::{RuntimeBuilder, RuntimeError};
use crate::run::Signals;
use crate::standing::{Standing, Summary};

/// A node that runs on threads of its own. Dropping it stops it, with a last snapshot.
pub struct Running {
    door: Door,
    node: Node,
    executor: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<Summary, RuntimeError>>>,
}

/// What the node's thread says once it stands.
type Started = Result<(Door, Node, tokio::runtime::Handle), RuntimeError>;

impl Running {
    pub(super) fn start(builder: RuntimeBuilder) -> Result<Self, RuntimeError> {
        let (started, is_started) = mpsc::channel();
        let (stop, stopping) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("statefun".to_owned())
            .spawn(move || drive(builder, &started, stopping))
            .map_err(|error| RuntimeError::Running(format!("cannot start a thread: {error}")))?;
        let Ok(started) = is_started.recv() else {
            return Err(match thread.join() {
                Ok(Err(error)) => error,
                _ => RuntimeError::Running("the node died while it started".to_owned()),
            });
        };
        let (door, node, executor) = started?;
        Ok(Self { door, node, executor, stop: Some(stop), thread: Some(thread) })
    }

    /// Sends a message to `namespace/type/id`; returns when it is durable.
    ///
    /// # Errors
    /// When nobody serves the function, the message cannot be written down, or the node stops before that.
    pub fn send<T: Encode + ?Sized>(&self, address: &str, message: &T) -> Result<(), RuntimeError> {
        let envelope = self.envelope(address, message)?;
        self.executor.block_on(self.door.submit(envelope)).map_err(running)
    }

    /// Sends a message to `namespace/type/id` and waits for the reply, at most `wait`; it is durable when it is here.
    ///
    /// # Errors
    /// As for [`send`](Self::send); when no reply comes in time, or it is no `R`.
    pub fn ask<T, R>(&self, address: &str, message: &T, wait: Duration) -> Result<R, RuntimeError>
    where
        T: Encode + ?Sized,
        R: Decode,
    {
        let envelope = self.envelope(address, message)?;
        // Nobody comes back for a late answer, so the request is not remembered for longer than that.
        let terms = Terms { key: None, keep: wait };
        match self.executor.block_on(self.door.ask(envelope, wait, terms)).map_err(running)? {
            Answer::Reply(value) => Message::new(&value).get().map_err(running),
            Answer::Accepted { .. } | Answer::Durable => Err(RuntimeError::NoAnswer { durable: true }),
            // Without a key there is neither conflict nor refusal.
            Answer::Unknown | Answer::Conflict | Answer::Full => Err(RuntimeError::NoAnswer { durable: false }),
        }
    }

    /// Closes an epoch: when it returns, everything that was sent before is durable.
    ///
    /// # Errors
    /// When the node stops before that.
    pub fn epoch(&self) -> Result<Epoch, RuntimeError> {
        self.executor.block_on(self.node.epoch()).map_err(running)
    }

    /// Waits until all input has ended or the process is told to stop, and stops.
    ///
    /// # Errors
    /// When the node fails.
    pub fn wait(mut self) -> Result<Summary, RuntimeError> {
        let stop = self.stop.take();
        let summary = self.join();
        drop(stop);
        summary
    }

    /// Stops now: ingresses read no more, and a last snapshot holds everything.
    ///
    /// # Errors
    /// When the last epoch does not complete in time; nothing that was promised is lost by that.
    pub fn stop(mut self) -> Result<Summary, RuntimeError> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.join()
    }

    fn join(&mut self) -> Result<Summary, RuntimeError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(summary)) => summary,
            Some(Err(_)) | None => Err(RuntimeError::Running("the node died".to_owned())),
        }
    }

    fn envelope<T: Encode + ?Sized>(&self, address: &str, message: &T) -> Result<Envelope, RuntimeError> {
        let address = Address::parse(address).map_err(|error| RuntimeError::Usage(error.to_string()))?;
        if !self.node.serves(address.function) {
            return Err(RuntimeError::UnknownFunction(address.function));
        }
        let argument = message.to_value().map_err(|error| RuntimeError::Usage(error.to_string()))?;
        Ok(Envelope::new(address, argument))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if self.thread.is_some() {
            let _ = self.join();
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

fn running(error: impl std::fmt::Display) -> RuntimeError {
    RuntimeError::Running(error.to_string())
}

/// The node's thread, from start to end.
fn drive(
    builder: RuntimeBuilder,
    started: &mpsc::Sender<Started>,
    mut stopping: oneshot::Receiver<()>,
) -> Result<Summary, RuntimeError> {
    actix::System::new().block_on(async move {
        let Prepared { composed, storage, data_dir, config, module } = builder.prepare()?;
        let standing = Standing::raise(composed, storage, data_dir.as_deref(), &config, &module, None, |line| {
            tracing::info!("{line}");
        })?;
        let mut signals = Signals::new().map_err(running)?;
        let handle = tokio::runtime::Handle::current();
        let _ = started.send(Ok((standing.door().clone(), standing.node().clone(), handle)));
        tokio::select! {
            done = standing.done() => done.map_err(running)?,
            () = signals.next() => {}
            // Whoever waits for the end keeps the sender; when it is dropped unused, that is the end of the program's
            // interest as well.
            _ = &mut stopping => {}
        }
        Ok(standing.stop().await?)
    })
}
