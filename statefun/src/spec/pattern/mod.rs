//! Patterns as one line of text: `small{3,} next large[event.amount > 500.0] within 10 min`.
//!
//! ```text
//! pattern  := element { link element } [ "within" duration ]
//! link     := "next" | "followedBy" | "followedByAny" | "notNext" | "notFollowedBy"
//! element  := ( name [ "[" expression "]" ] | "(" element { link element } ")" ) [ how-often ] { modifier }
//! how-often:= "?" | "+" | "*" | "{" n "}" | "{" n "," "}" | "{" n "," m "}"
//! modifier := "greedy" | "optional" | "consecutive" | "combinations"
//!           | "until" "[" expression "]" | "within" duration "of" "previous"
//! ```
//!
//! [`parse_pattern`] stops at the first fault and says where it is, in characters.

mod lexer;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

use lexer::{Lexer, Token};

use super::read::{nearest, parse_duration};
use super::{Between, Expression, Link, Stage, StageTimes};

/// Groups within groups, beyond which nobody can read a pattern.
const DEPTH_MAX: usize = 16;
/// Stages of one pattern. Each becomes a state of an automaton.
pub(super) const STAGES_MAX: usize = 200;
/// The most repetitions that can be asked for. Each becomes a state of an automaton.
pub(super) const TIMES_MAX: u32 = 1_000;

const MODIFIERS: [&str; 6] = ["greedy", "optional", "consecutive", "combinations", "until", "within"];
const RESERVED: [&str; 2] = ["of", "previous"];

/// What is wrong with the text of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternTextError {
    /// The fault in a sentence.
    pub message: String,
    /// The nearest valid word.
    pub suggestion: Option<String>,
    /// Where, in characters; empty at the end of the text.
    pub at: Range<usize>,
}

/// The stages of a pattern, and less than which time lies between its first event and its last.
pub type ParsedPattern = (Vec<Stage>, Option<Duration>);

/// Reads a pattern. Each expression in it is handed to `expression` with the character at which it begins.
///
/// ```
/// use statefun::spec::{Expression, Link, parse_pattern};
///
/// let plain = |text: &str, _: usize| Expression { text: text.into(), at: Default::default() };
/// let (stages, within) = parse_pattern("a next b{2,} within 10 s", &mut { plain })?;
/// assert_eq!(stages[1].link, Some(Link::Next));
/// assert_eq!(within, Some(std::time::Duration::from_secs(10)));
/// # Ok::<(), statefun::spec::PatternTextError>(())
/// ```
///
/// # Errors
/// If the text is no pattern: what is wrong and where.
pub fn parse_pattern(
    text: &str,
    expression: &mut dyn FnMut(&str, usize) -> Expression,
) -> Result<ParsedPattern, PatternTextError> {
    let mut parser = Parser { lexer: Lexer::new(text)?, expression, stages: 0 };
    let stages = parser.sequence(0)?;
    let within = match parser.lexer.peek() {
        Token::Word(word) if word == "within" => {
            parser.lexer.next()?;
            Some(parser.duration()?)
        }
        _ => None,
    };
    match parser.lexer.peek() {
        Token::End => Ok((stages, within)),
        _ if within.is_some() => Err(parser.fault("a time limit of the whole pattern ends it", [])),
        _ => Err(parser.expected_link()),
    }
}

/// Whether a word can name a stage.
pub(super) fn is_stage_name(word: &str) -> bool {
    let reserved = MODIFIERS.contains(&word) || RESERVED.contains(&word) || link(word).is_some();
    let mut chars = word.chars();
    !reserved
        && chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

fn link(word: &str) -> Option<Link> {
    Link::WORDS.iter().find(|(name, _)| *name == word).map(|(_, link)| *link)
}

struct Parser<'t, 'e> {
    lexer: Lexer<'t>,
    expression: &'e mut dyn FnMut(&str, usize) -> Expression,
    stages: usize,
}

impl Parser<'_, '_> {
    fn sequence(&mut self, depth: usize) -> Result<Vec<Stage>, PatternTextError> {
        let mut stages = vec![self.element(depth)?];
        while let Token::Word(word) = self.lexer.peek()
            && let Some(link) = link(word)
        {
            self.lexer.next()?;
            let element = self.element(depth)?;
            stages.push(Stage { link: Some(link), ..element });
        }
        Ok(stages)
    }

    fn element(&mut self, depth: usize) -> Result<Stage, PatternTextError> {
        self.stages += 1;
        if self.stages > STAGES_MAX {
            return Err(self.fault(format!("a pattern has at most {STAGES_MAX} stages"), []));
        }
        let mut stage = match self.lexer.peek().clone() {
            Token::Word(name) if is_stage_name(&name) => {
                self.lexer.next()?;
                let condition = self.expression()?;
                Stage { condition, ..Stage::named(name) }
            }
            Token::Word(word) => {
                let message = format!("`{word}` has a meaning of its own and cannot name a stage");
                return Err(self.fault(message, []));
            }
            Token::Sign('(') if depth >= DEPTH_MAX => {
                return Err(self.fault(format!("groups nest at most {DEPTH_MAX} levels deep"), []));
            }
            Token::Sign('(') => {
                let open = self.lexer.next()?;
                let stages = self.sequence(depth + 1)?;
                if *self.lexer.peek() != Token::Sign(')') {
                    let fault = match self.lexer.peek() {
                        Token::End => PatternTextError { at: open, ..self.fault("this group is not closed", []) },
                        _ => self.expected_link(),
                    };
                    return Err(fault);
                }
                self.lexer.next()?;
                Stage::group(stages)
            }
            _ => return Err(self.fault("expected the name of a stage, or a group in parentheses", [])),
        };
        self.how_often(&mut stage)?;
        while self.modifier(&mut stage)? {}
        Ok(stage)
    }

    /// `[ expression ]`, if there is one.
    fn expression(&mut self) -> Result<Option<Expression>, PatternTextError> {
        let Token::Expression { text, start } = self.lexer.peek().clone() else { return Ok(None) };
        if text.trim().is_empty() {
            return Err(self.fault("this expression is empty", []));
        }
        self.lexer.next()?;
        Ok(Some((self.expression)(&text, start)))
    }

    fn how_often(&mut self, stage: &mut Stage) -> Result<(), PatternTextError> {
        match self.lexer.peek() {
            Token::Sign('?') => stage.optional = true,
            Token::Sign('+') => stage.times = StageTimes::AtLeast(NonZeroU32::MIN),
            Token::Sign('*') => {
                stage.times = StageTimes::AtLeast(NonZeroU32::MIN);
                stage.optional = true;
            }
            Token::Sign('{') => return self.braces(stage),
            _ => return Ok(()),
        }
        self.lexer.next()?;
        Ok(())
    }

    fn braces(&mut self, stage: &mut Stage) -> Result<(), PatternTextError> {
        let open = self.lexer.next()?;
        let (least, first) = self.number()?;
        let mut end = first.end;
        let (most, is_open) = if *self.lexer.peek() == Token::Sign(',') {
            self.lexer.next()?;
            match self.lexer.peek() {
                Token::Sign('}') => (None, true),
                _ => {
                    let (most, at) = self.number()?;
                    end = at.end;
                    (Some(most), false)
                }
            }
        } else {
            (Some(least), false)
        };
        if *self.lexer.peek() != Token::Sign('}') {
            let message = "write how often as `{2}`, `{2,}` or `{2,5}`";
            return Err(self.fault(message, []));
        }
        self.lexer.next()?;
        let refuse = |message: &str| {
            Err(PatternTextError { message: message.to_owned(), suggestion: None, at: open.start..end + 1 })
        };
        if most.is_some_and(|most| most < least) {
            return refuse("the greatest number of times is less than the least");
        }
        stage.times = match (NonZeroU32::new(least), most.map(NonZeroU32::new)) {
            (Some(times), Some(Some(most))) if times == most => StageTimes::Exactly(times),
            (_, Some(Some(most))) => StageTimes::Between(least, most),
            (Some(times), None) => StageTimes::AtLeast(times),
            (None, None) if is_open => {
                stage.optional = true;
                StageTimes::AtLeast(NonZeroU32::MIN)
            }
            _ => {
                return refuse(
                    "a stage that occurs no times is no stage; `notNext` and `notFollowedBy` say that none comes",
                );
            }
        };
        Ok(())
    }

    fn number(&mut self) -> Result<(u32, Range<usize>), PatternTextError> {
        let Token::Number(digits) = self.lexer.peek().clone() else {
            return Err(self.fault("expected a whole number, as in `{2,5}`", []));
        };
        match digits.parse::<u32>() {
            Ok(number) if number <= TIMES_MAX => Ok((number, self.lexer.next()?)),
            _ => Err(self.fault(format!("the most repetitions that can be asked for are {TIMES_MAX}"), [])),
        }
    }

    /// Reads one modifier; whether there was one.
    fn modifier(&mut self, stage: &mut Stage) -> Result<bool, PatternTextError> {
        let Token::Word(word) = self.lexer.peek().clone() else { return Ok(false) };
        match word.as_str() {
            "greedy" => stage.greedy = true,
            "optional" => stage.optional = true,
            "consecutive" => stage.between = Between::Nothing,
            "combinations" => stage.between = Between::Anything,
            "until" => {
                self.lexer.next()?;
                match self.expression()? {
                    Some(until) => stage.until = Some(until),
                    None => {
                        return Err(self.fault("expected an expression in brackets, as in `until [event.done]`", []));
                    }
                }
                return Ok(true);
            }
            "within" if self.lexer.limits_previous() => {
                self.lexer.next()?;
                stage.within_previous = Some(self.duration()?);
                self.lexer.next()?;
                self.lexer.next()?;
                return Ok(true);
            }
            _ => return Ok(false),
        }
        self.lexer.next()?;
        Ok(true)
    }

    /// A number and a unit, with or without a blank between.
    fn duration(&mut self) -> Result<Duration, PatternTextError> {
        let Token::Number(digits) = self.lexer.peek().clone() else {
            return Err(self.fault("expected a duration, as in `10 s`", []));
        };
        let number = self.lexer.next()?;
        let (unit, end) = match self.lexer.peek().clone() {
            Token::Word(unit) if unit != "of" => (unit, self.lexer.next()?.end),
            _ => (String::new(), number.end),
        };
        let at = number.start..end;
        match parse_duration(&format!("{digits} {unit}")) {
            Ok(duration) if duration.is_zero() => {
                Err(PatternTextError { message: "this duration must be above zero".into(), suggestion: None, at })
            }
            Ok(duration) => Ok(duration),
            Err(message) => Err(PatternTextError { message, suggestion: None, at }),
        }
    }

    fn expected_link(&self) -> PatternTextError {
        match self.lexer.peek() {
            Token::Sign(')') => self.fault("there is no group to close here", []),
            Token::Sign('{' | '+' | '*' | '?') => {
                self.fault("how often a stage occurs is said once, right behind its name and condition", [])
            }
            Token::Expression { .. } => {
                self.fault("a condition stands right behind the name of its stage; a group has none", [])
            }
            _ => {
                let words = Link::WORDS.iter().map(|(word, _)| *word);
                let message =
                    "expected how the next stage follows: next, followedBy, followedByAny, notNext or notFollowedBy";
                self.fault(message, words.chain(MODIFIERS))
            }
        }
    }

    /// A fault of the token ahead.
    fn fault(&self, message: impl Into<String>, words: impl IntoIterator<Item = &'static str>) -> PatternTextError {
        let suggestion = match self.lexer.peek() {
            Token::Word(word) => nearest(word, words).map(str::to_owned),
            _ => None,
        };
        PatternTextError { message: message.into(), suggestion, at: self.lexer.at() }
    }
}
