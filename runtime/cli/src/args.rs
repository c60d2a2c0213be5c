//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

/// Stateful functions: keyed events to addressable actors with durable state, exactly once, in one binary.
#[derive(Parser, Debug)]
#[command(name = "statefun", version, about, long_about = None, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  statefun run module.yaml                      run an application; state goes to ./statefun-data
  statefun check --strict module.yaml           say what is wrong with a module, without running it
  statefun send shop/cart/ann '{\"add\":\"pen\"}'   send a message and wait until it is durable
  statefun send shop/cart/ann '{}' --wait 5s    the same, and print the function's reply
  statefun state get shop/cart/ann              show what a function instance remembers
  statefun functions list                       who is served, who fails, who waits

Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration.";

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run an application.
    Run(RunArguments),
    /// Say what is wrong with a module, without running it.
    Check(CheckArguments),
    /// Send a message to a function of a running application.
    Send(SendArguments),
    /// Look at what functions remember.
    State {
        #[command(subcommand)]
        command: StateCommand,
    },
    /// Look at the functions of a running application.
    Functions {
        #[command(subcommand)]
        command: FunctionsCommand,
    },
    /// Make and look at savepoints.
    Savepoint {
        #[command(subcommand)]
        command: SavepointCommand,
    },
    /// Look at a data directory that is not in use, or at a savepoint, and say whether it is well.
    Doctor(DoctorArguments),
    /// Measure work that other systems can be given as well.
    Bench(BenchCommandLine),
    /// Print the version.
    Version,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArguments {
    /// Read everything, not only what says what there is.
    #[arg(long)]
    pub(crate) verify: bool,
    /// The data directory [default: ./statefun-data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A savepoint instead.
    #[arg(long, value_name = "PATH", conflicts_with = "data_dir")]
    pub(crate) savepoint: Option<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BenchCommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,
    #[command(flatten)]
    pub(crate) work: Option<BenchArguments>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// Run saved work again and print the ratios to what was saved.
    Compare {
        /// What `--save` wrote.
        file: PathBuf,
        /// One JSON object for each work, on one line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BenchArguments {
    /// The work.
    #[arg(value_enum)]
    pub(crate) workload: Workload,
    /// Distinct keys.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) keys: u64,
    /// Events, or calls of the remote work.
    #[arg(long, default_value_t = 2_000_000)]
    pub(crate) events: u64,
    /// Shards, each a thread [default: one per core].
    #[arg(long)]
    pub(crate) shards: Option<u16>,
    /// How often epochs close; `off`: never while the work lasts, and the rate then counts up to the last result.
    #[arg(long, default_value = "1s")]
    pub(crate) epoch: String,
    /// Open loop, for latency and remote: so many events each second, sent when they are due and not when the one before
    /// was answered. Latencies count from the intended time.
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) rate: Option<u64>,
    /// Events per millisecond of event time: event `n` happens at `n / R` ms.
    #[arg(long, value_name = "R", default_value_t = 1000)]
    pub(crate) rate_per_ms: u64,
    /// What ids look like: `key-17` or `17`.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) ids: Ids,
    /// Connections of the remote work, one request in flight on each.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// Where the run keeps its state, in a folder of its own [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// One JSON object on one line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the figures, and how they came about, in this file for `bench compare`. Those of the same work are replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// A part of the recovery work, run in a process of its own that is killed.
    #[arg(long, value_enum, hide = true)]
    pub(crate) stage: Option<Stage>,
}

/// A part of the recovery work.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Gives every key a state.
    Fill,
    /// Recovers and handles one event.
    Resume,
}

/// What the ids of a benchmark look like.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ids {
    /// `key-17`.
    #[default]
    String,
    /// `17`: an integer as canonical decimal text.
    Integer,
}

/// The work of a benchmark.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// Read a count, add, write, emit.
    Counter,
    /// Three functions one after the other, each with state.
    Chain,
    /// Each event becomes ten messages.
    FanOut,
    /// A counter behind HTTP, every answer durable.
    Remote,
    /// `kill -9` with state for every key, and the time from exec to the first new event processed.
    Recovery,
    /// From an event's intended time to its result, published when its epoch is durable. Needs --rate.
    Latency,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Chain => "chain",
            Self::FanOut => "fan-out",
            Self::Remote => "remote",
            Self::Recovery => "recovery",
            Self::Latency => "latency",
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// Module files (StateFun 3 format). Several are merged.
    #[arg(required = true, value_name = "MODULE.yaml")]
    pub(crate) modules: Vec<PathBuf>,
    /// Where state is kept [default: ./statefun-data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the admin API listens [default: 127.0.0.1:8081].
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<String>,
    /// Settings of where it runs; see --print-config.
    #[arg(long, value_name = "statefun.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Shards, each a thread [default: one per core].
    #[arg(long, value_name = "N")]
    pub(crate) shards: Option<u16>,
    /// How often epochs close, as `1s` or `100ms` [default: 1s].
    #[arg(long, value_name = "TIME")]
    pub(crate) epoch: Option<String>,
    /// Begin with the state of a savepoint, in a new data directory.
    #[arg(long, value_name = "PATH")]
    pub(crate) from_savepoint: Option<PathBuf>,
    /// With --from-savepoint: leave behind the state of functions that the modules do not serve.
    #[arg(long, requires = "from_savepoint")]
    pub(crate) allow_dropped_state: bool,
    /// Go on from this epoch and give up what came after it, if that is damaged.
    #[arg(long, value_name = "N", conflicts_with = "from_savepoint")]
    pub(crate) accept_loss_to_epoch: Option<u64>,
    /// Show what is in effect and from where, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// Module files. Several are merged.
    #[arg(required = true, value_name = "MODULE.yaml")]
    pub(crate) modules: Vec<PathBuf>,
    /// Warnings fail too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// How lists are printed.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Where a running application is asked.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// The admin API of the running application.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:8081",
        env = "STATEFUN__ADMIN__ADDRESS",
        global = true
    )]
    pub(crate) admin: String,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t, global = true)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct SendArguments {
    /// The function instance: namespace/type/id.
    pub(crate) address: String,
    /// The message, as JSON.
    pub(crate) json: String,
    /// The typename of the message. Without it: a JSON text is a string, other JSON is of type io.statefun.types/json.
    #[arg(long = "type", value_name = "TYPENAME")]
    pub(crate) value_type: Option<String>,
    /// Wait for the function's reply, and print it.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "30s")]
    pub(crate) wait: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Subcommand, Debug)]
pub(crate) enum StateCommand {
    /// Show the values of one function instance.
    Get {
        /// namespace/type/id
        address: String,
        #[command(flatten)]
        target: Target,
    },
    /// Show the values of a function type.
    List {
        /// namespace/type
        function: String,
        /// At most so many values.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum FunctionsCommand {
    /// Show every function type: messages, failures, what waits.
    List {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum SavepointCommand {
    /// Write the state to a self-contained directory.
    Create {
        /// Where to, within the data directory [default: savepoints/epoch-N].
        path: Option<String>,
        /// The same.
        #[arg(long = "path", value_name = "PATH", conflicts_with = "path", id = "path flag")]
        path_flag: Option<String>,
        /// Take it even though egresses have records that are not published; they are in it then, and listed.
        #[arg(long)]
        allow_unpublished: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Show the epochs and savepoints of a running application.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Write a savepoint's rows as JSON Lines, one line per row.
    Export {
        /// The savepoint's directory.
        path: PathBuf,
        /// A file, or a folder: one that is there, or a path that ends with a slash.
        #[arg(long, value_name = "FILE|DIR/")]
        to: PathBuf,
    },
    /// Make a savepoint from JSON Lines, as `export` writes them; in any order.
    Import {
        /// Files of lines.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The savepoint's directory, which must not exist.
        #[arg(long, value_name = "PATH")]
        to: PathBuf,
        /// How many key groups the state is dealt in [default: as exported, or 128].
        #[arg(long, value_name = "N")]
        key_groups: Option<u16>,
    },
    /// Show what a savepoint holds.
    Inspect {
        /// The savepoint's directory.
        path: PathBuf,
        /// How to print.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}
