//! Checks all cases of a family and says which ones fail.

use super::case::Case;
use super::compare::compare;
use super::driver::{Operator, play};

/// Runs every case of `family` and panics with the names of those that fail.
///
/// # Panics
/// If a case fails, if a vector cannot be read, or if there are none.
pub fn check_family<O: Operator>(family: &str, crash_every: Option<usize>) {
    check_family_tolerating::<O>(family, crash_every, |_| false);
}

/// The same, but cases for which `tolerated` holds need only be the same on every run; the share of equal lines is printed.
///
/// # Panics
/// If a case fails, if a vector cannot be read, or if there are none.
pub fn check_family_tolerating<O: Operator>(
    family: &str,
    crash_every: Option<usize>,
    tolerated: impl Fn(&Case) -> bool,
) {
    let cases = match Case::load_family(family) {
        Ok(cases) => cases,
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    };
    assert!(!cases.is_empty(), "no golden cases in {}", Case::family_dir(family).display());
    let mut failures = Vec::new();
    let (mut equal_tolerated, mut lines_tolerated) = (0, 0);
    for case in &cases {
        match check::<O>(case, crash_every, tolerated(case)) {
            Ok(None) => {}
            Ok(Some((equal, lines))) => {
                equal_tolerated += equal;
                lines_tolerated += lines;
            }
            Err(why) => failures.push((case, why)),
        }
    }
    let passed = cases.len() - failures.len();
    println!("golden {family}: {passed} of {} cases passed", cases.len());
    if lines_tolerated > 0 {
        println!("golden {family}: {equal_tolerated} of {lines_tolerated} lines of tie-sensitive cases are equal");
    }
    for (case, why) in &failures {
        println!("FAILED {} ({}): {why}", case.name, case.title);
    }
    let names: Vec<&str> = failures.iter().map(|(case, _)| case.name.as_str()).collect();
    assert!(names.is_empty(), "golden {family}: {} of {} cases failed: {}", names.len(), cases.len(), names.join(", "));
}

/// Equal lines and all lines of a tolerated case.
type Share = Option<(usize, usize)>;

fn check<O: Operator>(case: &Case, crash_every: Option<usize>, tolerated: bool) -> Result<Share, String> {
    let played = play::<O>(case, crash_every);
    match (case.expect_error.as_deref(), played) {
        (Some("unsupported"), _) | (Some(_), Err(_)) => Ok(None),
        (Some(expected), Ok(_)) => Err(format!("accepted, but must be refused as {expected}")),
        (None, Err(error)) => Err(format!("refused: {error}")),
        (None, Ok(actual)) if tolerated => {
            if play::<O>(case, crash_every).ok().as_ref() != Some(&actual) {
                return Err("the second run gives another result".to_owned());
            }
            let difference = compare(case.compare, &case.expected, &actual);
            let equal = difference.map_or(case.expected.len(), |difference| difference.equal);
            Ok(Some((equal, case.expected.len())))
        }
        (None, Ok(actual)) => match compare(case.compare, &case.expected, &actual) {
            None => Ok(None),
            Some(difference) => Err(difference.to_string()),
        },
    }
}
