//! The threads that connections live on: one event loop each, so that an answer is written by the thread that read the
//! request.
//!
//! A runtime whose threads steal work from each other wakes another thread for most requests; with one connection that
//! cost as much again as the request itself. What a connection cannot answer quickly goes to threads that may block, as
//! before.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A thread with an event loop.
struct Lane {
    handle: Handle,
    /// Held by each of its connections, and by the lane.
    load: Arc<()>,
    /// Ends the loop when it is dropped.
    _stop: oneshot::Sender<()>,
}

/// All lanes; dropping them cuts their connections off.
pub(super) struct Lanes(Vec<Lane>);

impl Lanes {
    /// Starts `n` of them, at least one.
    pub(super) fn start(n: usize) -> io::Result<Self> {
        (0..n.max(1)).map(|_| Lane::start()).collect::<io::Result<_>>().map(Self)
    }

    /// Lets `work` have `stream` on the lane with the fewest connections.
    pub(super) fn spawn<F>(
        &self,
        stream: TcpStream,
        work: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(lane) = self.0.iter().min_by_key(|lane| Arc::strong_count(&lane.load)) else { return Ok(()) };
        let load = Arc::clone(&lane.load);
        // The lane's own loop must watch it.
        let stream = stream.into_std()?;
        drop(lane.handle.spawn(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => work(stream).await,
                Err(error) => tracing::warn!(%error, "a connection could not be watched"),
            }
            drop(load);
        }));
        Ok(())
    }
}

impl Lane {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().thread_name("inference").build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("connections".to_owned()).spawn(move || {
            // An error is what the dropped sender gives.
            drop(runtime.block_on(stopped));
            // A model that never returns must not keep the process.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, load: Arc::new(()), _stop: stop })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_are_spread_over_the_lanes_and_stay_there() {
        let lanes = Lanes::start(2).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..4 {
            let mut client = TcpStream::connect(address).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            lanes
                .spawn(stream, |mut stream| async move {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).await.is_ok() {
                        let lane = format!("{:?}", thread::current().id());
                        stream.write_all(format!("{lane}\n").as_bytes()).await.unwrap();
                    }
                })
                .unwrap();
            // Its answer says that it has begun.
            client.write_all(b".").await.unwrap();
            clients.push((read_line(&mut client).await, client));
        }
        for (lane, client) in &mut clients {
            client.write_all(b".").await.unwrap();
            assert_eq!(read_line(client).await, *lane);
        }
        let on_first = clients.iter().filter(|(lane, _)| *lane == clients[0].0).count();
        assert_eq!(on_first, 2);
        drop(lanes);
        let mut rest = Vec::new();
        assert!(clients[0].1.read_to_end(&mut rest).await.is_ok_and(|read| read == 0), "the lane is gone");
    }

    async fn read_line(client: &mut TcpStream) -> String {
        let mut line = Vec::new();
        loop {
            let byte = client.read_u8().await.unwrap();
            if byte == b'\n' {
                return String::from_utf8(line).unwrap();
            }
            line.push(byte);
        }
    }
}
