//! Real processes of the product for the tests: started, asked, killed and watched. Each ends with the handle.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A binary of this build, beside the one that runs.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a file");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo build --release --workspace"))
}

/// A gateway whose memory is measured: with the allocator as its systemd unit sets it.
pub fn as_installed(gateway: &mut Command) -> &mut Command {
    gateway.env("MALLOC_ARENA_MAX", "2")
}

/// A process that is killed when the handle goes.
pub struct Process {
    child: Child,
    what: String,
}

impl Process {
    /// Starts it with its words going to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let what = format!("{} (its words are in {})", command.get_program().display(), log.display());
        let file = || std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file of our own");
        let child = command.stdin(Stdio::null()).stdout(file()).stderr(file()).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{what}: {error}")), what }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// As the power going: no handler runs.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Panics where it has ended by itself.
    pub fn assert_running(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("{} ended by itself: {status}", self.what);
        }
    }

    /// True once it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// CPU seconds used so far, user and system.
    pub fn cpu_s(&self) -> f64 {
        cpu_s(self.id())
    }

    /// Resident memory in bytes.
    pub fn rss_bytes(&self) -> u64 {
        rss_bytes(self.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Resident memory of a process in bytes.
pub fn rss_bytes(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// CPU seconds of a process, of `/proc/PID/stat`.
pub fn cpu_s(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name stands in brackets and may hold spaces; user and system time are the 12th and 13th behind it.
    ticks_s(&stat, 12)
}

/// CPU seconds of those of this process's children that have ended and were waited for.
pub fn children_cpu_s() -> f64 {
    ticks_s(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default(), 14)
}

/// The sum of two neighbouring fields of a `stat`, counted behind the name.
fn ticks_s(stat: &str, first: usize) -> f64 {
    let fields: Vec<u64> =
        stat.rsplit(')').next().unwrap_or_default().split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    #[allow(clippy::cast_precision_loss, reason = "ticks of one process")]
    fields.get(first..first + 2).map_or(0.0, |times| (times[0] + times[1]) as f64 / 100.0)
}

/// Waits for a state; panics with `what` after the deadline.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A hub with its data in a folder of its own, on loopback and free ports.
pub struct Hub {
    directory: PathBuf,
    process: Option<Process>,
    /// Where gateways connect.
    pub quic: SocketAddr,
    /// `http://HOST:PORT`.
    pub web: String,
}

impl Hub {
    /// Starts a hub with its data in `directory`.
    pub fn start(directory: &Path) -> Self {
        let mut hub = Self {
            directory: directory.to_owned(),
            process: None,
            quic: "127.0.0.1:0".parse().expect("an address"),
            web: "http://127.0.0.1:0".into(),
        };
        hub.restart();
        hub
    }

    /// Starts it again on the same data and, after the first time, the same ports.
    pub fn restart(&mut self) {
        self.kill();
        let addresses = self.directory.join("data/addresses.json");
        let _ = std::fs::create_dir_all(&self.directory);
        let _ = std::fs::remove_file(&addresses);
        let web = self.web.trim_start_matches("http://").to_owned();
        let mut command = Command::new(binary("yiwang-hub"));
        command.arg("serve").arg("--data").arg(self.directory.join("data"));
        command.args(["--quic", &self.quic.to_string(), "--web", &web, "--plain-http"]);
        let mut process = Process::start(&mut command, &self.directory.join("hub.log"));
        let found: serde_json::Value = wait_for("the hub's addresses", Duration::from_secs(30), || {
            process.assert_running();
            serde_json::from_str(&std::fs::read_to_string(&addresses).ok()?).ok()
        });
        let text = |key: &str| found[key].as_str().expect("the hub writes both addresses").to_owned();
        self.quic = text("quic").parse().expect("host and port");
        self.web = text("web");
        self.process = Some(process);
    }

    /// As the power going.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the hub runs")
    }

    /// Runs a command of the hub on its data and returns what it prints.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(binary("yiwang-hub"));
        command.args(arguments).arg("--data").arg(self.directory.join("data"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it is built");
        let (mut text, mut complaint) = (String::new(), String::new());
        child.stdout.take().expect("piped").read_to_string(&mut text).expect("text");
        child.stderr.take().expect("piped").read_to_string(&mut complaint).expect("text");
        let status = child.wait().expect("it was started");
        assert!(status.success(), "yiwang-hub {arguments:?}: {text}{complaint}");
        text
    }

    /// A one-time token for a gateway of `department`, which is made where it is new.
    pub fn join_token(&self, department: &str) -> String {
        word(&self.command(&["token", "create", "--department", department]), "yw1.")
    }

    /// An account of the hub's page.
    pub fn add_user(&self, name: &str, role: &str, department: &str, password: &str) {
        let mut command = Command::new(binary("yiwang-hub"));
        command.args(["user", "create", name, "--role", role, "--department", department, "--password-stdin"]);
        command.arg("--data").arg(self.directory.join("data")).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("it is built");
        writeln!(child.stdin.take().expect("piped"), "{password}").expect("it reads the password");
        assert!(child.wait().expect("it was started").success(), "yiwang-hub user create {name}");
    }

    /// A token for the feed of the operations centre, which sees every department.
    pub fn feed_token(&self) -> String {
        word(&self.command(&["feed-token", "create", "--department", "operations"]), "ywf_")
    }
}

fn word(text: &str, prefix: &str) -> String {
    let found = text.split(|letter: char| letter.is_whitespace() || "\"',:;()".contains(letter));
    let mut found = found.filter(|word| word.starts_with(prefix));
    found.next().unwrap_or_else(|| panic!("no {prefix}… in: {text}")).to_owned()
}
