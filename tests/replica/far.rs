//! A server that is far away: every byte comes later, by the same time, in both directions.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// Opens a way to `server` that takes `longer` in each direction, and says where it begins. It ends with the test program.
pub fn away(server: SocketAddr, longer: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let begins = listener.local_addr().expect("its address");
    spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(server) else { continue };
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                to.set_nodelay(true).expect("a socket");
                let (sender, receiver) = channel();
                spawn(move || take(from, &sender, longer));
                spawn(move || give(to, &receiver));
            }
        }
    });
    begins
}

fn take(mut from: TcpStream, sender: &Sender<(Instant, Vec<u8>)>, longer: Duration) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if sender.send((Instant::now() + longer, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn give(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in receiver {
        sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // What it was taken from has ended.
    let _closed_already = to.shutdown(Shutdown::Write);
}
