//! Paths that people name in requests, none of which leads out of the directory they are meant for.

use std::fmt;
use std::path::{Component, Path, PathBuf};

/// A path below the view's root, relative to it: plain names only, at least one.
///
/// Checked as text. Whoever joins it to the root must not follow symbolic links that lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootedPath(PathBuf);

/// A path that does not lead to a place below the root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing is named.
    #[error("the path is empty")]
    Empty,
    /// A control character or a backslash, which mean different things in different places.
    #[error("a path cannot contain {0:?}")]
    Character(char),
    /// It leads elsewhere.
    #[error("{0:?} does not lie below the data directory; name a path relative to it, without `..`")]
    Outside(String),
}

impl RootedPath {
    /// Checks a path. An absolute one must lie below `root`.
    ///
    /// # Errors
    /// When it is empty, leads elsewhere, or holds characters that paths should not.
    pub fn parse(text: &str, root: Option<&Path>) -> Result<Self, PathError> {
        if let Some(bad) = text.chars().find(|c| c.is_control() || *c == '\\') {
            return Err(PathError::Character(bad));
        }
        let outside = || PathError::Outside(text.to_owned());
        let mut path = Path::new(text);
        if path.is_absolute() {
            path = root.and_then(|root| path.strip_prefix(root).ok()).ok_or_else(outside)?;
        }
        let mut rooted = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => rooted.push(name),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
        }
        if rooted.as_os_str().is_empty() {
            return Err(if text.is_empty() { PathError::Empty } else { outside() });
        }
        Ok(Self(rooted))
    }

    /// The path, relative to the root.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for RootedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, PathError> {
        RootedPath::parse(text, Some(Path::new("/data/app"))).map(|path| path.to_string())
    }

    #[test]
    fn a_path_below_the_root_is_taken_relative_to_it() {
        assert_eq!(parse("savepoints/monday").unwrap(), "savepoints/monday");
        assert_eq!(parse("./a//b/").unwrap(), "a/b");
        assert_eq!(parse("/data/app/a").unwrap(), "a");
        assert_eq!(parse("...").unwrap(), "...");
    }

    #[test]
    fn no_path_leads_out_of_the_root() {
        for bad in
            ["..", "../a", "a/../../b", "a/..", "/etc/passwd", "/data/app2/a", "/data/app/../x", "/data/app", "."]
        {
            assert!(matches!(parse(bad), Err(PathError::Outside(_))), "{bad}");
        }
        assert!(RootedPath::parse("/data/app/a", None).is_err(), "an unknown root holds nothing");
    }

    #[test]
    fn a_path_is_readable_text() {
        assert_eq!(parse(""), Err(PathError::Empty));
        assert_eq!(parse("a\0b"), Err(PathError::Character('\0')));
        assert_eq!(parse("a\nb"), Err(PathError::Character('\n')));
        assert_eq!(parse("..\\a"), Err(PathError::Character('\\')));
    }
}
