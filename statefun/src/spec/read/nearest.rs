//! The word that was probably meant.

use strsim::damerau_levenshtein;

/// The nearest of some words, if it is near enough to be meant: at most a third of its letters differ, where case,
/// blanks, `_`, `-` and `.` do not count.
pub(in crate::spec) fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let folded = fold(word);
    // A word of a hundred letters is no slip of the pen, and distances cost the product of lengths.
    if folded.chars().count() > 100 {
        return None;
    }
    let near = |candidate: &'w str| {
        let folded_candidate = fold(candidate);
        let longer = folded.chars().count().max(folded_candidate.chars().count());
        let distance = damerau_levenshtein(&folded, &folded_candidate);
        (distance <= longer / 3).then_some((distance, candidate))
    };
    // The first of equals wins, so the order of declaration decides and answers stay the same between runs.
    words.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The nearest kind. Kinds are long and made of parts, so one that has all the parts written is near as well:
/// `kafka/ingress` means `io.statefun.kafka.v1/ingress`.
pub(in crate::spec) fn nearest_kind<'w>(word: &str, kinds: &[&'w str]) -> Option<&'w str> {
    let parts = |text: &str| text.to_lowercase().split(['.', '/']).map(str::to_owned).collect::<Vec<_>>();
    let written = parts(word);
    let has_all = |kind: &&&'w str| {
        let of_kind = parts(kind);
        written.iter().all(|part| of_kind.contains(part))
    };
    kinds.iter().find(has_all).copied().or_else(|| nearest(word, kinds.iter().copied()))
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_near() {
        let words = ["urlPathTemplate", "functions", "maxNumBatchRequests", "transport"];
        assert_eq!(nearest("function", words), Some("functions"));
        assert_eq!(nearest("url_path_template", words), Some("urlPathTemplate"));
        assert_eq!(nearest("trasnport", words), Some("transport"));
        assert_eq!(nearest("colour", words), None);
    }

    #[test]
    fn a_kind_is_recognised_by_its_parts() {
        let kinds = ["io.statefun.kafka.v1/ingress", "io.statefun.kafka.v1/egress", "io.statefun.endpoints.v2/http"];
        assert_eq!(nearest_kind("kafka/egress", &kinds), Some("io.statefun.kafka.v1/egress"));
        assert_eq!(nearest_kind("io.statefun.kafka.v2/ingress", &kinds), Some("io.statefun.kafka.v1/ingress"));
        assert_eq!(nearest_kind("http", &kinds), Some("io.statefun.endpoints.v2/http"));
        assert_eq!(nearest_kind("mycompany/rabbit", &kinds), None);
    }
}
