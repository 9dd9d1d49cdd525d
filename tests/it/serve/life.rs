//! Start, drain and stop on a real port.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use trestle::serve::{ServeConfig, health, serve, serve_on};

use super::fixture::{Gate, Temper, request, served};

struct Running {
    address: SocketAddr,
    stop: mpsc::Sender<bool>,
    server: JoinHandle<()>,
}

async fn start(temper: Temper, config: ServeConfig) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, mut stopped) = mpsc::channel(2);
    let server = tokio::spawn(async move {
        let stop = async move || match stopped.recv().await {
            Some(with_notice) => with_notice,
            None => std::future::pending().await,
        };
        serve_on(listener, vec![served("1.0.0", temper)], &config, stop).await.unwrap();
    });
    let running = Running { address, stop, server };
    let begun = Instant::now();
    while !running.ready().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "the server does not become ready");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running
}

impl Running {
    async fn ready(&self) -> bool {
        health(&format!("http://{}/v2/health/ready", self.address)).await
    }

    /// Sends a request on a connection of its own and leaves the answer to be read.
    async fn ask(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let body = request(2.0).to_string();
        let head = format!("POST /v2/models/churn/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        stream
    }

    async fn finished(self) -> Duration {
        let begun = Instant::now();
        tokio::time::timeout(Duration::from_secs(20), self.server).await.unwrap().unwrap();
        begun.elapsed()
    }
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Waits for a condition, with an end that only a broken server reaches.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Starts a server with a closed gate and a request that is held by it.
async fn start_held(config: ServeConfig) -> (Running, &'static Gate, TcpStream) {
    let gate = Gate::new();
    let running = start(Temper::Gated(gate), config).await;
    gate.close();
    let under_way = running.ask().await;
    until("the request is in the model", async || gate.n_held() == 1).await;
    (running, gate, under_way)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_lets_requests_finish_and_says_so_first() {
    let config = ServeConfig { notice: Duration::from_secs(5), ..ServeConfig::default() };
    let (running, gate, under_way) = start_held(config).await;
    let idle = TcpStream::connect(running.address).await.unwrap();
    running.stop.send(true).await.unwrap();
    until("readiness turns false before the server closes", async || !running.ready().await).await;
    assert!(health(&format!("http://{}/v2/health/live", running.address)).await);
    let unaware = running.ask().await;
    until("the unaware request is let in", async || gate.n_held() == 2).await;
    gate.open();
    // Both are answered by the drain, after which their connections are closed.
    for stream in [under_way, unaware] {
        let text = answer(stream).await;
        assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("probabilities"), "{text}");
        assert!(text.to_lowercase().contains("connection: close"), "{text}");
    }
    drop(idle);
    assert!(running.finished().await < Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_notice_new_work_is_refused_while_old_work_finishes() {
    let (running, gate, under_way) = start_held(ServeConfig::default()).await;
    running.stop.send(false).await.unwrap();
    // A body that is no request is an error of its own until the server closes.
    until("the server closes", async || {
        let mut probe = TcpStream::connect(running.address).await.unwrap();
        let head =
            "POST /v2/models/churn/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        probe.write_all(head.as_bytes()).await.unwrap();
        answer(probe).await.starts_with("HTTP/1.1 503")
    })
    .await;
    let refused = answer(running.ask().await).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("the server is stopping"), "{refused}");
    assert!(refused.to_lowercase().contains("retry-after: 5"), "{refused}");
    assert_eq!(gate.n_held(), 1, "the old work is still under way");
    gate.open();
    assert!(answer(under_way).await.starts_with("HTTP/1.1 200"));
    assert!(running.finished().await < Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drain_has_an_end_and_a_second_signal_ends_it_at_once() {
    for second_signal in [false, true] {
        let drain = Duration::from_millis(if second_signal { 60_000 } else { 200 });
        let (running, gate, under_way) = start_held(ServeConfig { drain, ..ServeConfig::default() }).await;
        running.stop.send(false).await.unwrap();
        if second_signal {
            running.stop.send(false).await.unwrap();
        }
        // The gate is still closed: the request does not finish, and the server does.
        running.finished().await;
        gate.open();
        drop(under_way);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_answers_many_requests_and_one_too_many_is_refused() {
    let config = ServeConfig { max_connections: 2, notice: Duration::ZERO, ..ServeConfig::default() };
    let running = start(Temper::Kind, config).await;
    let mut stream = running.ask().await;
    for _ in 0..3 {
        let mut bytes = vec![0; 64 * 1024];
        let n = stream.read(&mut bytes).await.unwrap();
        assert!(bytes[..n].starts_with(b"HTTP/1.1 200"));
        let head = "GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    let mut others = Vec::new();
    let refused = loop {
        assert!(others.len() < 3, "no connection is refused");
        let mut other = TcpStream::connect(running.address).await.unwrap();
        let mut bytes = vec![0; 1024];
        match tokio::time::timeout(Duration::from_millis(300), other.read(&mut bytes)).await {
            Ok(n) => break String::from_utf8_lossy(&bytes[..n.unwrap()]).into_owned(),
            Err(_silent) => others.push(other),
        }
    };
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains(r#"{"error":"#), "{refused}");
    drop((stream, others));
    running.stop.send(true).await.unwrap();
    running.finished().await;
}

#[tokio::test]
async fn health_is_true_for_200_only() {
    let running = start(Temper::Kind, ServeConfig::default()).await;
    let url = |path: &str| format!("http://{}{path}", running.address);
    assert!(health(&url("/v2")).await);
    assert!(!health(&url("/")).await, "a redirect is not 200");
    assert!(!health(&url("/nowhere")).await);
    assert!(!health("nonsense").await);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(!health(&format!("http://{closed}/")).await);
}

#[tokio::test]
async fn an_address_in_use_is_an_error_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ServeConfig { address: taken.local_addr().unwrap(), ..ServeConfig::default() };
    let error = serve(vec![served("1.0.0", Temper::Kind)], config).await.unwrap_err();
    let problem = trestle::problem::Problem::from(error);
    assert!(
        problem.what.starts_with("Cannot listen on 127.0.0.1:") && problem.fix.contains("another port"),
        "{problem}"
    );
}
