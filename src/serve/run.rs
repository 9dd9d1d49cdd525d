//! The server's life: bind, warm up, accept, and on a signal drain and return.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::app::{App, Phase, routes};
use super::lanes::Lanes;
use super::{ServeConfig, ServeError, ServedModel, tls};

/// Pause after a failed accept, so that a lack of file descriptors is not a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often the drain looks whether all requests are done.
const DRAIN_STEP: Duration = Duration::from_millis(10);

/// How long a connection that comes while the server is closing may take to send a request.
const LATE_PATIENCE: Duration = Duration::from_secs(1);

/// How long a TLS handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// Read buffer of a connection; hyper's own answer to a larger head has no body, ours comes first.
const BUFFER_FACTOR: usize = 4;

const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
    Retry-After: 1\r\nConnection: close\r\nContent-Length: 41\r\n\r\n{\"error\":\"too many connections are open\"}";

/// Serves `models` until SIGTERM or SIGINT, then lets requests under way finish and returns.
///
/// A second signal ends the drain at once. Work that a model has begun cannot be stopped: shut the runtime down
/// with `Runtime::shutdown_background`, or dropping it waits for such work.
pub async fn serve(models: Vec<ServedModel>, config: ServeConfig) -> Result<(), ServeError> {
    let bound = TcpListener::bind(config.address).await;
    let listener = bound.map_err(|source| ServeError::Bind { address: config.address, source })?;
    let mut signals = Signals::new().map_err(ServeError::Signals)?;
    serve_on(listener, models, &config, async move || signals.next().await).await
}

/// Whether `models` could be served so, without listening.
pub fn check(models: Vec<ServedModel>, config: &ServeConfig) -> Result<(), ServeError> {
    let app = App::new(models, config)?;
    app.warm_up();
    Server::new(&app).map(drop)
}

/// Serves `models` on `listener` until `stop` completes; a second completion ends the drain at once.
///
/// Its value says whether to give load balancers notice first.
pub async fn serve_on(
    listener: TcpListener,
    models: Vec<ServedModel>,
    config: &ServeConfig,
    mut stop: impl AsyncFnMut() -> bool,
) -> Result<(), ServeError> {
    let app = App::new(models, config)?;
    let server = Server::new(&app)?;
    announce(&app, listener.local_addr().unwrap_or(config.address));
    let warm = Arc::clone(&app);
    tokio::task::spawn_blocking(move || {
        warm.warm_up();
        tracing::info!("ready");
    });
    let with_notice = tokio::select! {
        with_notice = stop() => with_notice,
        never = server.accept(&listener) => never,
    };
    app.advance(Phase::Draining);
    tracing::info!(in_flight = app.n_in_flight(), "asked to stop; not ready any more");
    let again = tokio::select! {
        _ = stop() => true,
        never = server.accept(&listener) => never,
        () = drain(&app, &server, if with_notice { config.notice } else { Duration::ZERO }) => false,
    };
    if again {
        tracing::warn!(in_flight = app.n_in_flight(), "stopped at once");
    }
    Ok(())
}

async fn drain(app: &App, server: &Server, notice: Duration) {
    let started = Instant::now();
    tokio::time::sleep(notice).await;
    app.advance(Phase::Closing);
    // Idle connections close now, the others after their answer.
    server.closing.send_replace(true);
    while 0 < app.n_in_flight() || 0 < server.n_connections() {
        if app.config.drain < started.elapsed() {
            tracing::warn!(in_flight = app.n_in_flight(), connections = server.n_connections(), "not drained in time");
            return;
        }
        tokio::time::sleep(DRAIN_STEP).await;
    }
    tracing::info!(ms = started.elapsed().as_secs_f64() * 1e3, "drained");
}

fn announce(app: &App, address: SocketAddr) {
    for entry in &app.models {
        tracing::info!(model = entry.served.name, version = entry.served.version, "serving");
    }
    let config = &app.config;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    if !address.ip().is_loopback() && config.inference_tokens.is_empty() {
        tracing::warn!("whoever reaches this address may ask the model; inference_token_sha256 changes that");
    }
    tracing::info!(configuration = %config.shown(), "configured");
    tracing::info!(
        address = %address,
        url = %format_args!("{scheme}://{address}/docs/"),
        trestle = env!("CARGO_PKG_VERSION"),
        "listening"
    );
}

/// The connections.
struct Server {
    router: Router,
    http: http1::Builder,
    /// For connections that come while the server is closing: one request, soon.
    http_when_closing: http1::Builder,
    closing: watch::Sender<bool>,
    max_connections: usize,
    write_timeout: Duration,
    tls: Option<TlsAcceptor>,
    lanes: Lanes,
}

impl Server {
    fn new(app: &Arc<App>) -> Result<Self, ServeError> {
        let tls = app.config.tls.as_ref().map(tls::acceptor).transpose()?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(app.config.idle_timeout)
            .max_buf_size((app.config.max_head_bytes * BUFFER_FACTOR).max(64 * 1024));
        let mut http_when_closing = http.clone();
        http_when_closing.keep_alive(false).header_read_timeout(LATE_PATIENCE);
        Ok(Self {
            router: routes(app),
            http,
            http_when_closing,
            closing: watch::Sender::new(false),
            max_connections: app.config.max_connections,
            write_timeout: app.config.write_timeout,
            tls,
            lanes: Lanes::start(app.n_processors).map_err(ServeError::Lanes)?,
        })
    }

    fn n_connections(&self) -> usize {
        self.closing.receiver_count()
    }

    /// Accepts connections for as long as it is polled.
    async fn accept(&self, listener: &TcpListener) -> ! {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if self.n_connections() < self.max_connections => self.connect(stream),
                Ok((stream, _)) => refuse(stream).await,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connect(&self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            // The peer has gone again.
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let service = TowerToHyperService::new(self.router.clone());
        let closing = self.closing.subscribe();
        // Who comes now is told so once; asked to shut down, hyper would close without a word.
        let is_late = *closing.borrow();
        let http = if is_late { self.http_when_closing.clone() } else { self.http.clone() };
        let (tls, write_timeout) = (self.tls.clone(), self.write_timeout);
        let spawned = self.lanes.spawn(stream, move |stream| async move {
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(write_timeout));
            // Its timer is not allowed to move; hyper moves its streams.
            let stream = Box::pin(stream);
            let Some(tls) = tls else { return converse(http, stream, service, closing, is_late).await };
            match tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream)).await {
                Ok(Ok(stream)) => converse(http, stream, service, closing, is_late).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS connection came about"),
                Err(_elapsed) => tracing::debug!("a TLS connection did not come about in time"),
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "a connection could not be served");
        }
    }
}

/// Answers requests on one connection until it ends or the server closes.
async fn converse<S>(
    http: http1::Builder,
    stream: S,
    service: TowerToHyperService<Router>,
    mut closing: watch::Receiver<bool>,
    is_late: bool,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // The receiver lives as long as the connection: it is what `n_connections` counts.
    let closed = async { !is_late && closing.wait_for(|closing| *closing).await.is_ok() };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        true = closed => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Says why, as far as the peer listens; a connection over the limit never waits.
async fn refuse(mut stream: TcpStream) {
    if let Err(error) = stream.write_all(TOO_MANY_CONNECTIONS).await {
        tracing::debug!(%error, "a connection over the limit could not be told so");
    }
}

/// What asks the server to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Whether it was an orchestrator, whose load balancers need notice, and not a person at the keyboard.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => false,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> bool {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        false
    }
}
