//! What is wrong with a module, where, and what was probably meant.

use std::fmt;

use serde::Serialize;

/// One fault. Faults of one parse come in the order of files and positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the module can run in spite of it.
    pub severity: Severity,
    /// What kind of fault; stable.
    pub code: Code,
    /// The fault in a sentence.
    pub message: String,
    /// The nearest valid word, fit to replace what stands there.
    pub suggestion: Option<String>,
    /// What to do, where it takes more than a word.
    pub help: Option<String>,
    /// The field within its document, such as `spec.topics[1].targets[0]`; empty for the document or file itself.
    pub path: String,
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The faulty text, for drawing carets below it.
    pub span: ByteSpan,
}

/// Whether a module can run in spite of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It can, though probably not as meant.
    Warning,
    /// It cannot.
    Error,
}

/// A piece of a file, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ByteSpan {
    /// Where it begins.
    pub offset: usize,
    /// How long it is; may be zero where something is missing.
    pub length: usize,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// The kinds of fault. Their texts are stable: scripts and documentation refer to them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The stable text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// The file is not YAML.
    Syntax = "spec::syntax";
    /// A mapping has the same key twice.
    DuplicateKey = "spec::duplicate_key";
    /// The document nests deeper, or expands further, than any module needs.
    TooLarge = "spec::too_large";
    /// A merge key `<<` that does not name mappings.
    MergeKey = "spec::merge_key";
    /// A document of a kind nobody knows.
    UnknownKind = "spec::unknown_kind";
    /// A field nobody reads.
    UnknownField = "spec::unknown_field";
    /// A field that must be there is not.
    MissingField = "spec::missing_field";
    /// A mapping where a text belongs, and the like.
    WrongType = "spec::wrong_type";
    /// A word or number outside of what is allowed.
    InvalidValue = "spec::invalid_value";
    /// A text that is no duration, or a duration that is not allowed.
    InvalidDuration = "spec::invalid_duration";
    /// A text that is no typename.
    InvalidTypename = "spec::invalid_typename";
    /// A function selector that is neither `namespace/name` nor `namespace/*`.
    InvalidSelector = "spec::invalid_selector";
    /// A URL that cannot be called.
    InvalidUrl = "spec::invalid_url";
    /// A text that is no date.
    InvalidDate = "spec::invalid_date";
    /// A text that is no expression, or one that uses what is not there.
    InvalidExpression = "spec::invalid_expression";
    /// A pattern that cannot be read or contradicts itself.
    InvalidPattern = "spec::invalid_pattern";
    /// A name that nothing in the module has.
    UnknownName = "spec::unknown_name";
    /// Components that wait for each other's results.
    Cycle = "spec::cycle";
    /// A component that follows event time where none is told.
    NoEventTime = "spec::no_event_time";
    /// A list that must have an entry has none.
    EmptyList = "spec::empty_list";
    /// Two fields that exclude each other, or one without its companion.
    Conflict = "spec::conflict";
    /// An id that is taken.
    DuplicateId = "spec::duplicate_id";
    /// Function types that are bound already.
    DuplicateFunctions = "spec::duplicate_functions";
    /// A topic or stream routed twice; the last entry counts.
    DuplicateTopic = "spec::duplicate_topic";
    /// An address or a file used twice where only one can have it.
    DuplicateResource = "spec::duplicate_resource";
    /// A module without ingress.
    NoIngress = "spec::no_ingress";
    /// A module without functions.
    NoFunctions = "spec::no_functions";
    /// A legacy module of a version that is not accepted.
    UnsupportedVersion = "spec::unsupported_version";
    /// Understood, but not served by this release.
    NotServed = "spec::not_served";
    /// Works here, but StateFun itself would refuse it.
    NotPortable = "spec::not_portable";
    /// A Kafka client property without a counterpart; ignored.
    PropertyIgnored = "spec::property_ignored";
    /// A Kafka client property that would be misunderstood; refused.
    PropertyRefused = "spec::property_refused";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `module.yaml:3:5: error[spec::unknown_field] at spec.topics: ...; did you mean `x`?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}[{}]", self.file, self.line, self.column, self.severity, self.code)?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}
