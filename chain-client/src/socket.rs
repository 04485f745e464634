//! The connection underneath: a WebSocket that acknowledges at once what it gets.
//!
//! A node's RPC writes a long answer in two pieces and leaves Nagle's algorithm on, so that the second piece waits until the
//! first is acknowledged; and a kernel that has nothing to send takes some 40 ms to acknowledge. Every answer beyond 8 KiB, as a
//! block or a period's shares, would hold up the connection for that long. Where the kernel can be told to acknowledge at once,
//! which has to be said again after each read, it is told. Connections with TLS are left as they are.
//!
//! **Privacy.** Passes on what it is given.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use jsonrpsee::{
    client_transport::ws::{Url, WsTransportClientBuilder},
    core::client::Client,
};
use subxt::rpcs::{Error, RpcClient};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How many notifications of a subscription wait for whoever reads them, at most.
const WAITING: usize = 4_096;

/// Connects to a node's RPC at a `ws://` or `wss://` address.
///
/// Errors: those of the address, of the connection, and of the handshake.
pub(crate) async fn connect(url: &str) -> Result<RpcClient, Error> {
    let address = Url::parse(url).map_err(client_error)?;
    if address.scheme() != "ws" {
        return RpcClient::from_insecure_url(url).await;
    }
    let candidates = address.socket_addrs(|| None).map_err(client_error)?;
    let stream = TcpStream::connect(&*candidates).await.map_err(client_error)?;
    stream.set_nodelay(true).map_err(client_error)?;
    let (sender, receiver) = WsTransportClientBuilder::default()
        .build_with_stream(address, Prompt(stream))
        .await
        .map_err(client_error)?;
    let client = Client::builder().max_buffer_capacity_per_subscription(WAITING);
    Ok(RpcClient::new(client.build_with_tokio(sender, receiver)))
}

fn client_error(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Client(Box::new(cause))
}

/// A stream that acknowledges at once.
struct Prompt(TcpStream);

impl AsyncRead for Prompt {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(cx, buffer);
        #[cfg(target_os = "linux")]
        if read.is_ready() {
            // Without it everything works, only later.
            let _ = self.0.set_quickack(true);
        }
        read
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
