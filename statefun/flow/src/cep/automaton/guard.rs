//! When an edge is open.

/// Index of a condition of the pattern.
pub(in super::super) type ConditionId = u16;

/// A conjunction; open to every event when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in super::super) struct Guard(pub(in super::super) Vec<Literal>);

/// One part of a guard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Literal {
    /// The condition holds.
    Holds(ConditionId),
    /// The condition does not hold.
    Fails(ConditionId),
    /// The guard is not open; of the empty guard: never.
    Closed(Guard),
}

impl Guard {
    pub(super) fn always() -> Self {
        Self::default()
    }

    pub(super) fn holds(condition: Option<ConditionId>) -> Self {
        Self(condition.map(Literal::Holds).into_iter().collect())
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        for literal in other.0 {
            if !self.0.contains(&literal) {
                self.0.push(literal);
            }
        }
        self
    }

    pub(super) fn negate(mut self) -> Self {
        let single = if self.0.len() == 1 { self.0.pop() } else { None };
        match single {
            Some(Literal::Holds(condition)) => Self(vec![Literal::Fails(condition)]),
            Some(Literal::Fails(condition)) => Self(vec![Literal::Holds(condition)]),
            Some(Literal::Closed(guard)) => guard,
            None => Self(vec![Literal::Closed(self)]),
        }
    }

    /// Whether no event can pass.
    pub(super) fn is_never(&self) -> bool {
        self.0.contains(&Literal::Closed(Self::always()))
    }
}
