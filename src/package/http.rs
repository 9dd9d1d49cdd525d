//! A small HTTP/1.1 client for our own server: one connection kept open, bodies by length, in chunks or to the end.
//!
//! It is no general client: no TLS, no redirects, no proxies.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest line of a head.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// Largest body that is read.
const MAX_BODY_BYTES: u64 = 256 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Status code.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The status and the beginning of the body, for a message.
    pub(super) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let short: String = text.chars().take(200).collect();
        format!("status {}: {}", self.status, short.trim())
    }
}

/// A client of one server.
#[derive(Debug)]
pub(super) struct Client {
    authority: String,
    limit: Duration,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client of the server at `authority` (`host:port`); each request may take `limit`.
    pub(super) fn new(authority: impl Into<String>, limit: Duration) -> Self {
        Self { authority: authority.into(), limit, connection: None }
    }

    /// The server's `host:port`.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Asks for a page.
    pub(super) async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.request("GET", path, &[], None).await
    }

    /// Posts JSON.
    pub(super) async fn post(&mut self, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.request("POST", path, &[], Some(body)).await
    }

    /// Sends a request with further headers and reads its answer.
    pub(super) async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Answer> {
        let reused = self.connection.is_some();
        let limit = self.limit;
        let first = timeout(limit, self.exchange(method, path, headers, body)).await;
        let answer = match first {
            // A kept connection may have been closed meanwhile; that says nothing about the request.
            Ok(Err(error)) if reused && is_closed(&error) => {
                timeout(limit, self.exchange(method, path, headers, body)).await
            }
            first => first,
        };
        answer.unwrap_or_else(|_elapsed| {
            self.connection = None;
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs())))
        })
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Answer> {
        // Taken out, so that a connection is only kept after a whole answer.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.authority).await?,
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.authority);
        for (name, value) in headers {
            let _infallible = write!(head, "{name}: {value}\r\n");
        }
        if let Some(body) = body {
            let _infallible = write!(head, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(body.unwrap_or_default());
        connection.write_all(&message).await?;
        let (answer, keep) = read_answer(&mut connection).await?;
        self.connection = keep.then_some(connection);
        Ok(answer)
    }
}

async fn connect(authority: &str) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(authority).await?;
    // A request is one piece and must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// A request that the server has begun to answer and whose body it does not have yet.
///
/// The server's `100 Continue` is what tells that it was let in.
#[derive(Debug)]
pub(super) struct Unfinished {
    connection: BufReader<TcpStream>,
    rest: Vec<u8>,
    limit: Duration,
}

impl Unfinished {
    /// Sends the head and half of the body, and no more.
    pub(super) async fn begin(authority: &str, path: &str, body: &[u8], limit: Duration) -> io::Result<Self> {
        let (first, rest) = body.split_at(body.len() / 2);
        let begun = async {
            let mut connection = connect(authority).await?;
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
                body.len()
            );
            connection.write_all(head.as_bytes()).await?;
            let (status, ..) = read_head(&mut connection).await?;
            if status != 100 {
                return Err(invalid(&format!("status {status} where the rest of the request is waited for")));
            }
            connection.write_all(first).await?;
            Ok(Self { connection, rest: rest.to_vec(), limit })
        };
        timeout(limit, begun).await.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends the rest and reads the answer.
    pub(super) async fn finish(mut self) -> io::Result<Answer> {
        let finished = async {
            self.connection.write_all(&self.rest).await?;
            read_answer(&mut self.connection).await.map(|(answer, _)| answer)
        };
        timeout(self.limit, finished).await.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    )
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not an HTTP answer: {reason}"))
}

/// Reads an answer; also whether the connection stays open.
async fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<(Answer, bool)> {
    let (status, length, chunked, mut keep) = loop {
        let (status, length, chunked, keep) = read_head(connection).await?;
        if !(100..200).contains(&status) {
            break (status, length, chunked, keep);
        }
    };
    let mut body = Vec::new();
    if matches!(status, 204 | 304) {
        // These never have a body, whatever their headers say.
    } else if chunked {
        read_chunks(connection, &mut body).await?;
    } else if let Some(length) = length {
        if MAX_BODY_BYTES < length {
            return Err(invalid("the body is too large"));
        }
        connection.take(length).read_to_end(&mut body).await?;
        if (body.len() as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    } else {
        connection.take(MAX_BODY_BYTES).read_to_end(&mut body).await?;
        keep = false;
    }
    Ok((Answer { status, body }, keep))
}

async fn read_line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    connection.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_not_text| invalid("a line of its head is not text"))
}

async fn read_head(connection: &mut BufReader<TcpStream>) -> io::Result<(u16, Option<u64>, bool, bool)> {
    let first = read_line(connection).await?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| invalid("its first line is not a status line"))?;
    let (mut length, mut chunked, mut keep) = (None, false, first.starts_with("HTTP/1.1"));
    loop {
        let line = read_line(connection).await?;
        if line.is_empty() {
            return Ok((status, length, chunked, keep));
        }
        let Some((name, value)) = line.split_once(':') else { return Err(invalid("a header has no colon")) };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                length = Some(value.parse().map_err(|_not_a_number| invalid("its length is not a number"))?);
            }
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" if value.eq_ignore_ascii_case("close") => keep = false,
            _ => {}
        }
    }
}

async fn read_chunks(connection: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let line = read_line(connection).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size =
            u64::from_str_radix(size, 16).map_err(|_not_a_number| invalid("a chunk's length is not a number"))?;
        if MAX_BODY_BYTES < size.saturating_add(body.len() as u64) {
            return Err(invalid("the body is too large"));
        }
        if size == 0 {
            // Trailers, up to the empty line.
            while !read_line(connection).await?.is_empty() {}
            return Ok(());
        }
        let before = body.len() as u64;
        connection.take(size).read_to_end(body).await?;
        if body.len() as u64 - before < size || !read_line(connection).await?.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_finished_after_the_server_said_to_go_on() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (seen, was_seen) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            while !text.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut text).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
            let mut half = [0; 3];
            stream.read_exact(&mut half).await.unwrap();
            seen.send(half).unwrap();
            stream.read_exact(&mut half).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").await.unwrap();
            stream.write_all(&half).await.unwrap();
        });
        let limit = Duration::from_secs(20);
        let begun = Unfinished::begin(&authority, "/", b"abcdef", limit).await.unwrap();
        assert_eq!(&was_seen.await.unwrap(), b"abc", "no more than half is sent");
        assert_eq!(begun.finish().await.unwrap(), Answer { status: 200, body: b"def".to_vec() });
        server.await.unwrap();
    }

    /// What a client makes of a server that answers each request on one connection with the next of `answers`.
    async fn ask(answers: &'static [&'static str], n_requests: usize) -> Vec<Result<(u16, String), io::ErrorKind>> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let mut request = [0; 1024];
                let _n = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let mut client = Client::new(address.to_string(), Duration::from_secs(5));
        let mut seen = Vec::new();
        for _ in 0..n_requests {
            let answer = client.post("/", b"{}").await;
            seen.push(
                answer.map(|answer| (answer.status, String::from_utf8(answer.body).unwrap())).map_err(|e| e.kind()),
            );
        }
        drop(client);
        server.abort();
        seen
    }

    #[tokio::test]
    async fn bodies_end_by_length_in_chunks_or_with_the_connection() {
        #[track_caller]
        fn same(got: &[Result<(u16, String), io::ErrorKind>], expected: (u16, &str)) {
            assert_eq!(got, [Ok((expected.0, expected.1.to_owned()))]);
        }
        same(&ask(&["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"], 1).await, (200, "abc"));
        same(
            &ask(
                &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: 1\r\n\r\n"],
                1,
            )
            .await,
            (200, "abc"),
        );
        same(&ask(&["HTTP/1.0 404 No\r\n\r\nto the end"], 1).await, (404, "to the end"));
        same(&ask(&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n"], 1).await, (204, ""));
    }

    #[tokio::test]
    async fn a_connection_is_kept() {
        let answers =
            &["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"];
        let seen = ask(answers, 2).await;
        assert_eq!(seen, [Ok((200, "a".to_owned())), Ok((200, "b".to_owned()))]);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        #[track_caller]
        fn fails(got: &[Result<(u16, String), io::ErrorKind>], expected: io::ErrorKind) {
            assert_eq!(got, [Err(expected)]);
        }
        fails(&ask(&["SSH-2.0-OpenSSH\r\n"], 1).await, io::ErrorKind::InvalidData);
        fails(&ask(&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"], 1).await, io::ErrorKind::UnexpectedEof);
        fails(&ask(&["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"], 1).await, io::ErrorKind::InvalidData);
        fails(
            &ask(&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], 1).await,
            io::ErrorKind::InvalidData,
        );
        fails(&ask(&[""], 1).await, io::ErrorKind::UnexpectedEof);
    }
}
