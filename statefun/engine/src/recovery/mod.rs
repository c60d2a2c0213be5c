//! What to do at start: a decision, without I/O and without a broker.

use statefun::{Epoch, Generation, Lineage};
use statefun_ports::snapshot_store::Manifest;

/// What was read and what is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The newest manifest, if there ever was an epoch.
    pub manifest: Option<Manifest>,
    /// The generation this start claimed.
    pub generation: Generation,
    /// How many key groups are configured.
    pub key_groups: u16,
    /// A lineage to use if history begins here.
    pub fresh_lineage: Lineage,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Begin with nothing.
    Fresh {
        /// The history that begins.
        lineage: Lineage,
    },
    /// Go on from an epoch.
    Restore {
        /// The newest epoch.
        epoch: Epoch,
        /// The history it belongs to.
        lineage: Lineage,
    },
    /// Somebody newer runs on this data: stop, publish nothing, answer nobody.
    Superseded {
        /// Who.
        by: Generation,
    },
    /// It cannot be done as configured.
    Refuse {
        /// Why, and what the choices are.
        why: String,
    },
}

/// Decides.
#[must_use]
pub fn plan(found: &Found) -> Decision {
    let Some(manifest) = found.manifest else {
        return Decision::Fresh { lineage: found.fresh_lineage };
    };
    if manifest.generation > found.generation {
        return Decision::Superseded { by: manifest.generation };
    }
    if manifest.key_groups != found.key_groups {
        return Decision::Refuse {
            why: format!(
                "the state is dealt in {} key groups and {} are configured: the count is fixed for the life of the state, \
                 so configure {} again or start with an empty data directory",
                manifest.key_groups, found.key_groups, manifest.key_groups
            ),
        };
    }
    Decision::Restore { epoch: manifest.epoch, lineage: manifest.lineage }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(manifest: Option<Manifest>) -> Found {
        Found { manifest, generation: Generation(3), key_groups: 128, fresh_lineage: Lineage(7) }
    }

    fn manifest() -> Manifest {
        Manifest { epoch: Epoch(9), generation: Generation(2), lineage: Lineage(5), key_groups: 128 }
    }

    #[test]
    fn nothing_is_a_fresh_beginning() {
        assert_eq!(plan(&found(None)), Decision::Fresh { lineage: Lineage(7) });
    }

    #[test]
    fn a_manifest_is_gone_on_from_in_its_lineage() {
        assert_eq!(plan(&found(Some(manifest()))), Decision::Restore { epoch: Epoch(9), lineage: Lineage(5) });
    }

    #[test]
    fn a_newer_generation_supersedes() {
        let newer = Manifest { generation: Generation(4), ..manifest() };
        assert_eq!(plan(&found(Some(newer))), Decision::Superseded { by: Generation(4) });
    }

    #[test]
    fn another_number_of_key_groups_is_refused_with_the_choices() {
        let other = Manifest { key_groups: 64, ..manifest() };
        assert!(matches!(plan(&found(Some(other))), Decision::Refuse { why } if why.contains("64")));
    }
}
