//! How many of the waiting messages go into the next request.

/// The length of the longest prefix within both limits; at least one message, however large. `sizes` are the waiting
/// messages' argument bytes in order.
pub fn batch_len(sizes: impl Iterator<Item = usize>, messages_max: usize, bytes_max: usize) -> usize {
    let mut bytes = 0usize;
    sizes
        .take(messages_max.max(1))
        .enumerate()
        .take_while(|(index, size)| {
            bytes = bytes.saturating_add(*size);
            *index == 0 || bytes <= bytes_max
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_respects_both_limits_but_lets_one_message_through() {
        assert_eq!(batch_len([10, 10, 10].into_iter(), 1000, 25), 2);
        assert_eq!(batch_len([10, 10, 10].into_iter(), 2, 1000), 2);
        assert_eq!(batch_len([10_000].into_iter(), 1000, 25), 1);
        assert_eq!(batch_len([10, 10_000].into_iter(), 1000, 25), 1);
        assert_eq!(batch_len([1, 1].into_iter(), 0, 25), 1);
        assert_eq!(batch_len(std::iter::empty(), 10, 10), 0);
    }
}
