//! Dates as startup positions give them: `yyyy-MM-dd HH:mm:ss.SSS Z`.

/// A date, and whether StateFun itself would read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    pub timestamp_ms: i64,
    /// StateFun wants one blank between date and time, three fractional digits, and an offset of four digits.
    pub strict: bool,
}

/// Reads a date; besides StateFun's form any RFC 3339 form, with or without fraction.
pub(super) fn parse(text: &str) -> Option<Date> {
    let mut rest = Cursor(text);
    let year = rest.number(4)?;
    let month = rest.after("-")?.number(2)?;
    let day = rest.after("-")?.number(2)?;
    let blank = rest.one_of(&[' ', 'T', 't'])?;
    let hour = rest.number(2)?;
    let minute = rest.after(":")?.number(2)?;
    let second = rest.after(":")?.number(2)?;
    let fraction = if rest.after(".").is_some() { rest.digits() } else { "" };
    let blank_before_zone = rest.after(" ").is_some();
    let (offset_minutes, zone_strict) = rest.zone()?;
    let fine = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && fraction.len() <= 9
        && rest.0.is_empty();
    if !fine {
        return None;
    }
    let millis = format!("{fraction:0<3}").get(..3)?.parse::<i64>().ok()?;
    let seconds =
        days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    let strict = blank == ' ' && fraction.len() == 3 && blank_before_zone && zone_strict;
    Some(Date { timestamp_ms: seconds * 1_000 + millis, strict })
}

struct Cursor<'t>(&'t str);

impl<'t> Cursor<'t> {
    fn after(&mut self, text: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(text)?;
        Some(self)
    }

    fn one_of(&mut self, allowed: &[char]) -> Option<char> {
        let c = self.0.chars().next().filter(|c| allowed.contains(c))?;
        self.0 = &self.0[c.len_utf8()..];
        Some(c)
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let text = self.0.get(..digits).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
        self.0 = &self.0[digits..];
        text.parse().ok()
    }

    fn digits(&mut self) -> &'t str {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits
    }

    /// Minutes east of Greenwich, and whether written as StateFun wants.
    fn zone(&mut self) -> Option<(i64, bool)> {
        if self.one_of(&['Z', 'z']).is_some() {
            return Some((0, false));
        }
        let sign = if self.one_of(&['+', '-'])? == '-' { -1 } else { 1 };
        let hours = self.number(2)?;
        let colon = self.after(":").is_some();
        let minutes = if colon || !self.0.is_empty() { Some(self.number(2)?) } else { None };
        let total = hours * 60 + minutes.unwrap_or(0);
        (minutes.unwrap_or(0) < 60 && total <= 18 * 60).then_some((sign * total, !colon && minutes.is_some()))
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_statefun_is_strict() {
        let date = |text| parse(text).map(|date| (date.timestamp_ms, date.strict));
        assert_eq!(date("2020-02-01 04:15:00.000 +0000"), Some((1_580_530_500_000, true)));
        assert_eq!(date("2020-02-01 04:15:00.000 +0200"), Some((1_580_523_300_000, true)));
        assert_eq!(date("1970-01-01 00:00:00.000 +0000"), Some((0, true)));
        assert_eq!(date("2000-02-29 23:59:59.999 +0000"), Some((951_868_799_999, true)));
    }

    #[test]
    fn other_usual_forms_are_read_too() {
        for text in [
            "2020-02-01 04:15:00.00 Z",
            "2020-02-01T04:15:00Z",
            "2020-02-01T06:15:00+02:00",
            "2020-02-01 04:15:00.000000 +00:00",
            "2020-02-01 02:15:00 -02",
        ] {
            assert_eq!(parse(text), Some(Date { timestamp_ms: 1_580_530_500_000, strict: false }), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "2020-02-30 04:15:00.000 +0000",
            "2019-02-29 04:15:00.000 +0000",
            "2020-13-01 04:15:00.000 +0000",
            "2020-02-01 24:15:00.000 +0000",
            "2020-02-01 04:15:00.000",
            "2020-02-01",
            "2020-02-01 04:15:00.000 +1900",
            "2020-02-01 04:15:00.000 +0000 ",
            "é020-02-01",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
