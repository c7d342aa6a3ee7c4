//! Free TCP ports. Nothing reserves a port for a server that is yet to start, so another program can take it
//! between the look and the start: then the next one is tried.

use super::ServerError;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below the range from which systems take the ports of outgoing connections.
const PORTS: Range<u16> = 15_000..30_000;
const ATTEMPTS: usize = 50;

/// Calls `start` with free ports until it returns something; `None` means that the port was taken.
pub(super) fn retry<T>(
    mut start: impl FnMut(u16) -> Result<Option<T>, ServerError>,
) -> Result<T, ServerError> {
    for port in (0..ATTEMPTS).map(|_| rand::random_range(PORTS)).filter(|port| is_free(*port)) {
        if let Some(started) = start(port)? {
            return Ok(started);
        }
    }
    let Range { start, end } = PORTS;
    Err(ServerError::Impossible(format!("no free port found on 127.0.0.1 between {start} and {end}")))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_was_taken_is_followed_by_another() {
        let mut tried = Vec::new();
        let started = retry(|port| {
            tried.push(port);
            Ok((tried.len() == 3).then_some(port))
        });
        assert_eq!(started.unwrap(), tried[2]);
    }

    #[test]
    fn ports_that_are_all_taken_are_an_error() {
        assert!(retry(|_| Ok(None::<()>)).unwrap_err().to_string().contains("no free port"));
    }
}
