//! Times as people write them, to Unix milliseconds.

/// Unix milliseconds of an RFC 3339 time: `2020-02-01T04:15:00.123+02:00`. A space may stand for the `T`, as RFC 3339
/// allows; digits behind the millisecond are cut off; a leap second counts as the second behind it.
pub(super) fn rfc3339_millis(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 {
        return None;
    }
    let (year, month, day) = (digits(bytes, 0, 4)?, digits(bytes, 5, 2)?, digits(bytes, 8, 2)?);
    let (hour, minute, second) = (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?, digits(bytes, 17, 2)?);
    let separators = [(4, b"-"), (7, b"-"), (13, b":"), (16, b":")];
    if separators.iter().any(|(at, separator)| bytes[*at] != separator[0]) || !b"Tt ".contains(&bytes[10]) {
        return None;
    }
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, rest) = fraction(&text[19..])?;
    let offset_minutes = offset(rest)?;
    let seconds = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - offset_minutes) * 60 + second;
    Some(seconds * 1000 + millis)
}

/// Unix milliseconds of Unix seconds written as a decimal number.
pub(super) fn seconds_millis(text: &str) -> Option<i64> {
    let seconds: f64 = text.trim().parse().ok()?;
    let millis = (seconds * 1000.0).round();
    // Beyond this a double no longer tells milliseconds apart.
    (millis.abs() < (1_u64 << 53) as f64).then_some(millis as i64)
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    bytes
        .get(at..at + count)?
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    if end == 0 {
        return None;
    }
    let millis = rest[..end].bytes().chain(*b"000").take(3).fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    Some((millis, &rest[end..]))
}

fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let bytes = text.as_bytes();
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(bytes, 1, 2)?, digits(bytes, 4, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    match bytes[0] {
        b'+' => Some(hours * 60 + minutes),
        b'-' => Some(-(hours * 60 + minutes)),
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that the leap day is a year's
/// last and months before it have fixed lengths.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let in_year = (153 * month + 2) / 5 + day - 1;
    365 * year + leap_days + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_3339_times_become_unix_milliseconds() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2020-02-01T04:15:00Z", 1_580_530_500_000),
            ("2020-02-01T04:15:00+02:00", 1_580_523_300_000),
            ("2020-02-29T23:59:59.9999-00:30", 1_583_022_599_999),
            ("2000-03-01 00:00:00.5z", 951_868_800_500),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ] {
            assert_eq!(rfc3339_millis(text), Some(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2020-02-01",
            "2020-02-01T04:15:00",
            "2021-02-29T00:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00+0200",
            "2020-01-01T00:00:00 Z",
            "2020/01/01T00:00:00Z",
            "2020-01-01T00:00:00Zulu",
            "+020-01-01T00:00:00Z",
        ] {
            assert_eq!(rfc3339_millis(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        assert_eq!(seconds_millis("1580530500"), Some(1_580_530_500_000));
        assert_eq!(seconds_millis("1580530500.25"), Some(1_580_530_500_250));
        assert_eq!(seconds_millis("-0.001"), Some(-1));
        assert_eq!(seconds_millis("NaN"), None);
        assert_eq!(seconds_millis("1e300"), None);
        assert_eq!(seconds_millis("soon"), None);
    }

    proptest! {
        #[test]
        fn days_are_consecutive(year in 0_i64..9999, month in 1_i64..=12, day in 1_i64..=28) {
            let next = if day < days_in(year, month) { (year, month, day + 1) }
                else if month < 12 { (year, month + 1, 1) } else { (year + 1, 1, 1) };
            prop_assert_eq!(days_since_epoch(year, month, day) + 1, days_since_epoch(next.0, next.1, next.2));
            let last = days_in(year, month);
            let first_of_next = if month < 12 { (year, month + 1) } else { (year + 1, 1) };
            prop_assert_eq!(days_since_epoch(year, month, last) + 1, days_since_epoch(first_of_next.0, first_of_next.1, 1));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = rfc3339_millis(&text);
            let _ = seconds_millis(&text);
        }
    }
}
