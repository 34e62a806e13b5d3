//! Plays clips as RTSP cameras, for the demo and the tests. Faults come by standard input: `stop NAME` (frames cease,
//! connections stay), `go NAME`, `hangup` (every connection is closed), `kill` (gone at once).
#![allow(clippy::print_stdout, reason = "command line")]

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use yiwang_city::rtsp::{CameraSpec, Server, ServerSettings};

/// Plays clips as RTSP cameras, in a loop and in real time.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8554")]
    listen: SocketAddr,
    /// NAME=FILE[,offset_s=S][,codec=h265][,user=U,password=P][,clock_offset_s=N]; may be given many times.
    #[arg(long, required = true)]
    camera: Vec<CameraSpec>,
    /// Write when each loop begins here, as JSON lines.
    #[arg(long)]
    schedule: Option<PathBuf>,
}

fn main() {
    let options = Options::parse();
    let settings = ServerSettings { listen: options.listen, cameras: options.camera, schedule: options.schedule };
    let server = match Server::start(&settings) {
        Ok(server) => server,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})")).unwrap_or_default();
            eprintln!("yiwang-rtsp: {error}{cause}");
            std::process::exit(1);
        }
    };
    for camera in &settings.cameras {
        println!("camera {} {}", camera.name, server.url(&camera.name));
    }
    println!("ready rtsp://{}", server.address());
    let _ = std::io::stdout().flush();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        obey(&server, line.trim());
    }
    // Without a terminal or a pipe for commands it serves until it is ended.
    loop {
        std::thread::park();
    }
}

fn obey(server: &Server, line: &str) {
    let outcome = match line.split_once(' ') {
        Some(("stop", camera)) => server.stop(camera),
        Some(("go", camera)) => server.go(camera),
        None if line == "hangup" => {
            server.hang_up();
            Ok(())
        }
        None if line == "kill" => std::process::exit(137),
        _ => {
            eprintln!("yiwang-rtsp: `{line}` is none of: stop NAME, go NAME, hangup, kill");
            return;
        }
    };
    match outcome {
        Ok(()) => println!("done {line}"),
        Err(error) => eprintln!("yiwang-rtsp: {error}"),
    }
}
