//! Child processes that cannot be left behind.
//!
//! A test may panic, be interrupted or be killed. So each child gets a guardian: a shell that waits for the end of a pipe
//! which only the test process holds open, and then kills the child and removes its folder.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::eventually;

/// A child process, its output collected line by line.
pub struct Process {
    name: String,
    child: Child,
    guardian: Option<Child>,
    lines: Arc<Mutex<Vec<String>>>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a command.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command) -> Self {
        Self::guarded(name, command, None)
    }

    /// Starts a command; if the test process dies, `folder` is removed as well.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn guarded(name: &str, command: &mut Command, folder: Option<&Path>) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot start {name} ({command:?}): {error}"));
        let lines = Arc::default();
        collect(child.stdout.take().expect("it is piped"), Arc::clone(&lines));
        collect(child.stderr.take().expect("it is piped"), Arc::clone(&lines));
        let guardian = guardian(child.id(), folder);
        Self { name: name.to_owned(), child, guardian: Some(guardian), lines, ended: None }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Every line so far, of both outputs.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line that begins so, as soon as there is one.
    ///
    /// # Panics
    /// When it does not come in time or the process ends before it.
    pub fn wait_for_line(&mut self, begin: &str, within: Duration) -> String {
        let what = format!("{} prints {begin:?}", self.name);
        let mut is_over = false;
        eventually(within, &what, || {
            if let Some(line) = self.lines().into_iter().find(|line| line.starts_with(begin)) {
                return Some(line);
            }
            // One more look after its end: the last lines may have come meanwhile.
            assert!(!is_over, "{} ended without printing {begin:?}:\n{}", self.name, self.tail(40));
            is_over = self.try_wait().is_some();
            None
        })
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be waited for");
        }
        self.ended
    }

    /// Waits for its end, and for the last it printed.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        let status = eventually(within, &what, || self.try_wait());
        // Each thread that collects lines holds a handle to them until its pipe is closed, which a grandchild may delay.
        for _ in 0..200 {
            if Arc::strong_count(&self.lines) == 1 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        status
    }

    /// Sends a signal, by name as in `kill -s`.
    pub fn signal(&self, signal: &str) {
        let _ = Command::new("kill").args(["-s", signal, &self.id().to_string()]).status();
    }

    /// Kills it and waits for the end: nothing it meant to do is done.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.ended = self.child.wait().ok();
    }

    /// The last lines, for messages.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// The most memory it ever had resident, in bytes.
    #[must_use]
    pub fn peak_rss_bytes(&self) -> u64 {
        self.memory_bytes("VmHWM:")
    }

    /// The memory it has resident now, in bytes.
    #[must_use]
    pub fn rss_bytes(&self) -> u64 {
        self.memory_bytes("VmRSS:")
    }

    fn memory_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
        kib.unwrap_or(0u64) * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.try_wait().is_none() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("--- the last words of {}:\n{}\n---", self.name, self.tail(40));
        }
        if let Some(mut guardian) = self.guardian.take() {
            let _ = guardian.kill();
            let _ = guardian.wait();
        }
    }
}

fn guardian(pid: u32, folder: Option<&Path>) -> Child {
    let script = r#"read -r _; kill -s KILL "$0" 2>/dev/null; [ -z "$1" ] || { sleep 0.2; rm -rf -- "$1"; }"#;
    Command::new("sh")
        .args(["-c", script, &pid.to_string()])
        .arg(folder.map(Path::as_os_str).unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell")
}

fn collect(from: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            line.clear();
        }
    });
}
