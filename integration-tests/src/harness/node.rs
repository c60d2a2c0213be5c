//! The binary: an application's folder, and the process that runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::Value;

use super::process::Process;
use super::{Documents, Http, eventually, ports};

/// How long a start may take on a machine that does other things as well.
const START: Duration = Duration::from_secs(30);

/// The binary under test: `$STATEFUN_BIN`, or the one built beside the tests.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    if let Some(path) = std::env::var_os("STATEFUN_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("a process knows its program");
    let beside = test.ancestors().nth(2).expect("tests lie in deps/").join("statefun");
    assert!(beside.is_file(), "{} is missing: build it with `cargo build --release -p statefun-cli`", beside.display());
    beside
});

fn command() -> Command {
    let mut command = Command::new(BINARY.as_path());
    for (name, _) in std::env::vars() {
        if name.starts_with("STATEFUN__") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a command of the binary to its end.
///
/// # Panics
/// When it cannot be started.
pub fn statefun(arguments: &[&str]) -> Output {
    let output = command().args(arguments).output().expect("the binary can be started");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A module and a data directory of its own; started as often as a test likes.
pub struct Application {
    folder: Arc<tempfile::TempDir>,
    admin: u16,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Application {
    /// Writes a module into a new folder.
    ///
    /// # Panics
    /// When there is no room for it.
    #[must_use]
    pub fn new(module: &Documents) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let application = Self { folder, admin: ports::free_port(), arguments: Vec::new(), environment: Vec::new() };
        application.rewrite(module);
        application
    }

    /// Replaces the module for the next start.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn rewrite(&self, module: &Documents) {
        std::fs::write(self.module(), module.text()).expect("the folder is ours");
    }

    /// Adds flags to every start.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// The same folder and data with further flags. One of the two may run at a time.
    #[must_use]
    pub fn again(&self, arguments: &[&str]) -> Self {
        let folder = Arc::clone(&self.folder);
        let (arguments_before, environment) = (self.arguments.clone(), self.environment.clone());
        Self { folder, admin: self.admin, arguments: arguments_before, environment }.with(arguments)
    }

    /// Sets a variable of the environment for every start.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The module file.
    #[must_use]
    pub fn module(&self) -> PathBuf {
        self.folder.path().join("module.yaml")
    }

    /// The folder of module and data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self) -> Command {
        let mut command = command();
        command
            .arg("run")
            .arg(self.module())
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(["--admin", &format!("127.0.0.1:{}", self.admin)])
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder());
        command
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start(&self) -> Node {
        let mut node = self.launch();
        node.process.wait_for_line("ready", START);
        node
    }

    /// Starts it without waiting for anything.
    #[must_use]
    pub fn launch(&self) -> Node {
        let process = Process::start("statefun run", &mut self.command());
        let admin = format!("http://127.0.0.1:{}", self.admin);
        Node { process, admin, http: Http::default(), _folder: Arc::clone(&self.folder) }
    }

    /// Starts it in the expectation that it refuses to.
    ///
    /// # Panics
    /// When it goes on running.
    #[must_use]
    pub fn refused(&self) -> Output {
        let mut process = Process::start("a statefun run that is to be refused", &mut self.command());
        let status = process.wait(START);
        Output { code: status.code(), stdout: String::new(), stderr: process.tail(usize::MAX) }
    }
}

/// A running `statefun`. Dropped, it is killed.
pub struct Node {
    process: Process,
    admin: String,
    http: Http,
    /// A node may outlive the application that it was started from; its data then waits for it.
    _folder: Arc<tempfile::TempDir>,
}

impl Node {
    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The admin API's address, as flags of other commands take it.
    #[must_use]
    pub fn admin_address(&self) -> &str {
        self.admin.trim_start_matches("http://")
    }

    /// GET of the admin API.
    #[must_use]
    pub fn admin(&self, path: &str) -> Value {
        let answer = self.http.get(&format!("{}{path}", self.admin));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Panics
    /// When it does not end within 30 seconds.
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait(Duration::from_secs(30))
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// A state of an address, decoded by the admin API; `None` if it has none.
    #[must_use]
    pub fn state(&self, function: &str, id: &str, name: &str) -> Option<Value> {
        let answer = self.http.get(&format!("{}/v1/functions/{function}/{id}/state", self.admin));
        if answer.status == 404 {
            return None;
        }
        assert_eq!(answer.status, 200, "state of {function}/{id}: {}", answer.text());
        let values = answer.json();
        let value = values["values"].as_array()?.iter().find(|value| value["name"] == name)?;
        Some(value["value"].clone())
    }

    /// Every value of state `name` of a function type, by id, for types whose values are whole numbers.
    #[must_use]
    pub fn counts(&self, function: &str, name: &str) -> std::collections::BTreeMap<String, i64> {
        let answer = self.admin(&format!("/v1/functions/{function}/state?limit=2000000"));
        let values = answer["values"].as_array().cloned().unwrap_or_default();
        let named = values.into_iter().filter(|value| value["name"] == name);
        named
            .map(|value| {
                let count = value["value"].as_i64().or_else(|| value["value"].as_str()?.parse().ok());
                let id = value["id"].as_str().unwrap_or_default().to_owned();
                (id, count.unwrap_or_else(|| panic!("no count: {value}")))
            })
            .collect()
    }

    /// The sum of a metric over the labels that contain `label`.
    #[must_use]
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.http.get(&format!("{}/metrics", self.admin)).text();
        let lines = text.lines().filter(|line| !line.starts_with('#') && line.contains(label));
        lines
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// What `GET /v1/functions` says of one type.
    #[must_use]
    pub fn function(&self, function: &str) -> Value {
        let all = self.admin("/v1/functions");
        let found = all["functions"].as_array().into_iter().flatten().find(|known| known["function"] == function);
        found.cloned().unwrap_or(Value::Null)
    }

    /// Dead letters as the admin API lists them.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<Value> {
        let listed = self.admin("/v1/dead-letters");
        ["letters", "dead_letters"].iter().find_map(|key| listed[*key].as_array().cloned()).unwrap_or_default()
    }

    /// Waits until an int or long state of an address has this value.
    pub fn await_state(&self, within: Duration, function: &str, id: &str, name: &str, expected: i64) {
        let mut seen = None;
        let begun = std::time::Instant::now();
        while begun.elapsed() < within {
            seen = self.state(function, id, name);
            if seen.as_ref().and_then(number) == Some(expected) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{function}/{id} {name} is {seen:?} and not {expected} within {within:?}");
    }

    /// Waits until no message of one function type waits, its source's input included.
    pub fn await_rest_of(&self, function: &str, within: Duration) {
        eventually(within, &format!("{function} comes to rest"), || {
            let label = format!("\"{function}\"");
            let waiting =
                self.metric("statefun_function_backlog", &label) + self.metric("statefun_function_inflight", &label);
            (waiting == 0.0).then_some(())
        });
    }

    /// Waits until no message waits and no call is in flight, so that everything taken in has had its effects.
    pub fn await_rest(&self, within: Duration) {
        eventually(within, "it comes to rest", || {
            let waiting = self.metric("statefun_waiting_messages", "")
                + self.metric("statefun_function_backlog", "")
                + self.metric("statefun_function_inflight", "");
            (waiting == 0.0).then_some(())
        });
    }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
