//! Blocking calls to Kafka, on threads that the process does not wait for when it stops.

use super::error::Error;

/// Runs blocking work on a new thread.
pub(super) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // The receiver is gone if the relay was stopped in the meantime.
        let _ = sender.send(work());
    });
    receiver.await.map_err(|_| Error::KafkaThread)
}
