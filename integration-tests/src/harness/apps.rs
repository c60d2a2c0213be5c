//! The applications written with the official SDKs; `apps/CONTRACT.md` says what they promise.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::ports;
use super::process::Process;

/// The languages there is an official SDK for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// `apache-flink-statefun` of PyPI.
    Python,
    /// `apache-flink-statefun` of npm.
    JavaScript,
    /// `statefun-sdk-go/v3`.
    Go,
    /// `statefun-sdk-java`.
    Java,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Python, Self::JavaScript, Self::Go, Self::Java];

    /// Its name in folders, namespaces and result lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Go => "go",
            Self::Java => "java",
        }
    }

    /// Whether its SDK has 64-bit types.
    #[must_use]
    pub fn has_64_bit(self) -> bool {
        self != Self::JavaScript
    }
}

impl Language {
    /// Fetches its SDK if it is not there yet; returns the folder it is in.
    ///
    /// # Panics
    /// When it cannot be fetched.
    #[must_use]
    pub fn install(self) -> PathBuf {
        let done = Command::new(apps().join(self.name()).join("install.sh")).status();
        assert!(done.expect("the script can be started").success(), "cannot install the SDK of {}", self.name());
        let home = || PathBuf::from(std::env::var_os("HOME").expect("a home"));
        let cache = std::env::var_os("STATEFUN_TESTS_CACHE").map(PathBuf::from).unwrap_or_else(|| {
            let caches = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
            caches.join("statefun-tests")
        });
        cache.join(self.name())
    }
}

/// A running application. Dropped, it is killed.
pub struct App {
    /// In which language.
    pub language: Language,
    /// Where it listens.
    pub port: u16,
    process: Process,
}

impl App {
    /// Starts one and waits until it listens. The first start of a language fetches its SDK, which may take minutes.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start(language: Language) -> Self {
        Self::start_at(language, ports::free_port())
    }

    /// Starts one at a port.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start_at(language: Language, port: u16) -> Self {
        let script = apps().join(language.name()).join("run.sh");
        let mut process = Process::start(language.name(), Command::new(script).arg(port.to_string()));
        process.wait_for_line("ready", Duration::from_secs(300));
        Self { language, port, process }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.process.kill();
    }
}

/// Where applications and their module template are.
#[must_use]
pub fn apps() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("apps")
}
