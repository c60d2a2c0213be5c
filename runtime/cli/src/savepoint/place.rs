//! Where savepoints of a running node are: below its data directory.

use std::path::{Path, PathBuf};

use statefun_admin::{RootedPath, SnapshotKind, SnapshotView, ViewError};
use statefun_state::savepoint::Savepoint;

/// Where savepoints go that nobody named a place for, and where lists look for them.
const FOLDER: &str = "savepoints";

/// A data directory, as a place for savepoints.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Absolute, without symbolic links.
    root: PathBuf,
}

impl Place {
    /// Below a data directory that exists and is the caller's own: what a process that was killed left unfinished there
    /// is removed.
    pub(crate) fn below(data_dir: &Path) -> std::io::Result<Self> {
        let place = Self { root: data_dir.canonicalize()? };
        place.sweep();
        Ok(place)
    }

    fn sweep(&self) {
        for entry in std::fs::read_dir(self.root.join(FOLDER)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.')
                && name.contains(".unfinished-")
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(%error, "an unfinished savepoint stays behind at {}", entry.path().display());
            }
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The absolute path of a new savepoint, and how it is called.
    pub(crate) fn target(&self, path: Option<&RootedPath>, epoch: u64) -> Result<(PathBuf, String), ViewError> {
        let relative = match path {
            Some(path) => path.as_path().to_path_buf(),
            None => self.free(epoch),
        };
        let target = self.root.join(&relative);
        // A symbolic link on the way may lead anywhere.
        let there = target.ancestors().skip(1).find(|ancestor| ancestor.symlink_metadata().is_ok());
        let real = there.and_then(|there| there.canonicalize().ok());
        if !real.is_some_and(|real| real.starts_with(&self.root)) {
            let why = format!("{} leads out of the data directory", relative.display());
            return Err(ViewError::Invalid(why));
        }
        if target.symlink_metadata().is_ok() {
            return Err(ViewError::Conflict(format!("{} exists already: name another path", relative.display())));
        }
        Ok((target, relative.display().to_string()))
    }

    fn free(&self, epoch: u64) -> PathBuf {
        let name = |number: u32| match number {
            1 => format!("{FOLDER}/epoch-{epoch}"),
            number => format!("{FOLDER}/epoch-{epoch}-{number}"),
        };
        let mut numbers = (1..).map(name).map(PathBuf::from);
        numbers.find(|path| self.root.join(path).symlink_metadata().is_err()).expect("some number is free")
    }

    /// The savepoints that are where lists look, newest first.
    pub(crate) fn list(&self) -> Vec<SnapshotView> {
        let mut savepoints = Savepoint::list(&self.root.join(FOLDER));
        savepoints.sort_by_key(|savepoint| std::cmp::Reverse(savepoint.manifest().created_ms));
        let view = |savepoint: &Savepoint| {
            let path = savepoint.path().strip_prefix(&self.root).unwrap_or_else(|_| savepoint.path());
            SnapshotView {
                epoch: savepoint.manifest().epoch,
                kind: SnapshotKind::Savepoint,
                path: Some(path.display().to_string()),
                bytes: Some(savepoint.manifest().bytes()),
                completed_at_ms: Some(savepoint.manifest().created_ms),
            }
        };
        savepoints.iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_does_not_lead_out_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
        std::fs::create_dir_all(&data).unwrap();
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, data.join("link")).unwrap();
        let place = Place::below(&data).unwrap();
        let rooted = |path: &str| RootedPath::parse(path, Some(place.root())).unwrap();
        assert!(matches!(place.target(Some(&rooted("link/a")), 9), Err(ViewError::Invalid(_))));
        assert!(matches!(place.target(Some(&rooted("link")), 9), Err(ViewError::Conflict(_))));
        let (target, name) = place.target(Some(&rooted("a/b")), 9).unwrap();
        assert_eq!((target, name.as_str()), (place.root().join("a/b"), "a/b"));
        assert_eq!(place.target(None, 9).unwrap().1, "savepoints/epoch-9");
        std::fs::create_dir_all(data.join("savepoints/epoch-9")).unwrap();
        assert_eq!(place.target(None, 9).unwrap().1, "savepoints/epoch-9-2");
    }
}
