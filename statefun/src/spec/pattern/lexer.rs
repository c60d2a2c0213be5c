//! The words, numbers, signs and bracketed expressions of a pattern.

use std::ops::Range;

use super::PatternTextError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Number(String),
    Sign(char),
    /// What stands between brackets, and the character at which it begins.
    Expression {
        text: String,
        start: usize,
    },
    End,
}

/// One token ahead.
pub(super) struct Lexer<'t> {
    chars: Vec<char>,
    /// Behind the token ahead.
    position: usize,
    ahead: (Token, Range<usize>),
    text: std::marker::PhantomData<&'t str>,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, PatternTextError> {
        let ahead = (Token::End, 0..0);
        let mut lexer = Self { chars: text.chars().collect(), position: 0, ahead, text: std::marker::PhantomData };
        lexer.next()?;
        Ok(lexer)
    }

    pub(super) fn peek(&self) -> &Token {
        &self.ahead.0
    }

    /// Where the token ahead stands.
    pub(super) fn at(&self) -> Range<usize> {
        self.ahead.1.clone()
    }

    /// Takes the token ahead; where it stood.
    pub(super) fn next(&mut self) -> Result<Range<usize>, PatternTextError> {
        let ahead = self.scan()?;
        Ok(std::mem::replace(&mut self.ahead, ahead).1)
    }

    /// Whether the `within` ahead goes on as `<duration> of previous`.
    pub(super) fn limits_previous(&self) -> bool {
        let rest: String = self.chars[self.position..].iter().collect();
        let rest = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let mut words = rest.split_whitespace();
        match words.next() {
            Some("of") => words.next(),
            _ => words.next().filter(|word| *word == "of").and_then(|_| words.next()),
        }
        .is_some_and(|word| word.trim_end_matches(')') == "previous")
    }

    fn scan(&mut self) -> Result<(Token, Range<usize>), PatternTextError> {
        while self.chars.get(self.position).is_some_and(|c| c.is_whitespace()) {
            self.position += 1;
        }
        let start = self.position;
        let Some(&first) = self.chars.get(start) else { return Ok((Token::End, start..start)) };
        let token = if first.is_alphabetic() || first == '_' {
            Token::Word(self.take(|c| c.is_alphanumeric() || c == '_'))
        } else if first.is_ascii_digit() {
            Token::Number(self.take(|c| c.is_ascii_digit()))
        } else if first == '[' {
            return self.bracket();
        } else if "(){},+*?".contains(first) {
            self.position += 1;
            Token::Sign(first)
        } else {
            let message = format!("`{}` has no meaning in a pattern", first.escape_debug());
            return Err(PatternTextError { message, suggestion: None, at: start..start + 1 });
        };
        Ok((token, start..self.position))
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let start = self.position;
        while self.chars.get(self.position).is_some_and(|c| belongs(*c)) {
            self.position += 1;
        }
        self.chars[start..self.position].iter().collect()
    }

    /// An expression up to its closing bracket. Brackets within it come in pairs, except in quotes.
    fn bracket(&mut self) -> Result<(Token, Range<usize>), PatternTextError> {
        let open = self.position;
        let mut depth = 0_usize;
        let mut quote = None;
        let mut at = open;
        while let Some(&c) = self.chars.get(at) {
            match (quote, c) {
                (Some(_), '\\') => at += 1,
                (Some(q), _) if q == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '[') => depth += 1,
                (None, ']') => {
                    depth -= 1;
                    if depth == 0 {
                        self.position = at + 1;
                        let text = self.chars[open + 1..at].iter().collect();
                        return Ok((Token::Expression { text, start: open + 1 }, open..at + 1));
                    }
                }
                (None, _) => {}
            }
            at += 1;
        }
        let message = "this bracket is not closed".to_owned();
        Err(PatternTextError { message, suggestion: None, at: open..open + 1 })
    }
}
