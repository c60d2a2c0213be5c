//! Durations as StateFun writes them: a number, an optional blank, a unit; milliseconds without one.

use std::time::Duration;

const UNITS: [(&[&str], u128); 7] = [
    (&["d", "day", "days"], 86_400_000_000_000),
    (&["h", "hour", "hours"], 3_600_000_000_000),
    (&["m", "min", "minute", "minutes"], 60_000_000_000),
    (&["s", "sec", "second", "seconds"], 1_000_000_000),
    (&["", "ms", "milli", "millis", "millisecond", "milliseconds"], 1_000_000),
    // The micro sign and the Greek letter look alike; keyboards give either.
    (&["us", "µs", "μs", "micro", "micros", "microsecond", "microseconds"], 1_000),
    (&["ns", "nano", "nanos", "nanosecond", "nanoseconds"], 1),
];

/// Longer than anybody waits, short enough that sums of durations and dates do not overflow.
const NANOS_MAX: u128 = 1_000 * 365 * 86_400_000_000_000;

/// Reads a duration, or says why it is none.
pub(in crate::spec) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("a duration begins with a whole number, as in `10 s`".to_owned());
    }
    let unit = unit.trim().to_lowercase();
    let Some((_, nanos)) = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())) else {
        return Err(format!("`{unit}` is no unit of time; there are d, h, min, s, ms, us and ns"));
    };
    let total = number.parse::<u128>().ok().and_then(|number| number.checked_mul(*nanos));
    match total.filter(|total| *total <= NANOS_MAX) {
        Some(total) => {
            let (secs, nanos) = (total / 1_000_000_000, total % 1_000_000_000);
            Ok(Duration::new(
                u64::try_from(secs).expect("a thousand years of seconds fit"),
                u32::try_from(nanos).expect("a remainder of a second fits"),
            ))
        }
        None => Err("the longest duration is 1000 years".to_owned()),
    }
}

/// All names of units, for suggestions.
pub(super) fn unit_names() -> impl Iterator<Item = &'static str> {
    UNITS.iter().flat_map(|(names, _)| names.iter().copied()).filter(|name| name.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_duration() {
        for (text, expected) in [
            ("1 min", Duration::from_secs(60)),
            ("10 sec", Duration::from_secs(10)),
            ("2m", Duration::from_secs(120)),
            ("15min", Duration::from_secs(900)),
            ("1day", Duration::from_secs(86_400)),
            ("100000", Duration::from_secs(100)),
            ("3 Hours", Duration::from_secs(10_800)),
            ("7 MS", Duration::from_millis(7)),
            ("8 µs", Duration::from_micros(8)),
            ("9 nanos", Duration::from_nanos(9)),
            ("0", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "s", "-1 s", "1.5 s", "1 fortnight", "1 s 2 ms", "99999999999999999999999999999999999999999 d"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
