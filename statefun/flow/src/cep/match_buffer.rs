//! The events of all partial matches of a key, shared.
//!
//! Accepting an event makes a *link*: the event, the stage it was accepted for, and the link before it. A partial
//! match is the last link of its chain; partial matches with a common past share the links of that past:
//!
//! ```text
//!   a1 <--- b1 <--- c1      {a1 b1 c1}
//!            ^
//!            +----- c2      {a1 b1 c2}
//! ```
//!
//! Links and events are counted by what refers to them and freed with the last reference.

use serde::{Deserialize, Serialize};

use super::slab::Slab;

/// Index of a link.
pub(super) type LinkId = u32;
/// Index of an event.
pub(super) type EventId = u32;
/// Ordinal of a stage name in the pattern.
pub(super) type StageId = u16;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MatchBuffer<E> {
    events: Slab<Shared<E>>,
    links: Slab<Link>,
}

/// An event and the number of links to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shared<E> {
    event: E,
    ordinal: u64,
    references: u32,
}

/// One accepted event of a chain.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Link {
    event: EventId,
    stage: StageId,
    previous: Option<LinkId>,
    references: u32,
}

impl<E> Default for MatchBuffer<E> {
    fn default() -> Self {
        Self { events: Slab::default(), links: Slab::default() }
    }
}

impl<E> MatchBuffer<E> {
    /// Stores an event. It stays only if linked; see [`Self::settle`].
    pub(super) fn store(&mut self, event: E, ordinal: u64) -> EventId {
        self.events.insert(Shared { event, ordinal, references: 0 })
    }

    /// Frees the event if nothing came to refer to it.
    pub(super) fn settle(&mut self, event: EventId) {
        if self.events.get(event).references == 0 {
            self.events.remove(event);
        }
    }

    pub(super) fn event(&self, event: EventId) -> &E {
        &self.events.get(event).event
    }

    /// Appends an event to a chain. The new link belongs to the caller, who holds one reference.
    pub(super) fn link(&mut self, event: EventId, stage: StageId, previous: Option<LinkId>) -> LinkId {
        self.events.get_mut(event).references += 1;
        if let Some(previous) = previous {
            self.retain(previous);
        }
        self.links.insert(Link { event, stage, previous, references: 1 })
    }

    /// One more holder of a link.
    pub(super) fn retain(&mut self, link: LinkId) {
        self.links.get_mut(link).references += 1;
    }

    /// One holder less; frees what nobody holds any more, down the chain.
    pub(super) fn release(&mut self, link: Option<LinkId>) {
        let mut next = link;
        while let Some(id) = next {
            let link = self.links.get_mut(id);
            link.references -= 1;
            if link.references > 0 {
                return;
            }
            let Link { event, previous, .. } = self.links.remove(id);
            let shared = self.events.get_mut(event);
            shared.references -= 1;
            if shared.references == 0 {
                self.events.remove(event);
            }
            next = previous;
        }
    }

    /// The chain that ends with `link`, newest first: stage, ordinal and event of each link.
    pub(super) fn newest_first(&self, link: Option<LinkId>) -> impl Iterator<Item = (StageId, u64, &E)> {
        let mut next = link;
        std::iter::from_fn(move || {
            let link = self.links.get(next?);
            next = link.previous;
            let shared = self.events.get(link.event);
            Some((link.stage, shared.ordinal, &shared.event))
        })
    }

    /// How many events and links are held.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.events.len(), self.links.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(buffer: &MatchBuffer<char>, link: LinkId) -> String {
        let mut events: Vec<char> = buffer.newest_first(Some(link)).map(|(_, _, event)| *event).collect();
        events.reverse();
        events.into_iter().collect()
    }

    #[test]
    fn chains_share_their_common_past() {
        let mut buffer = MatchBuffer::default();
        let [a, b, c] = [('a', 0), ('b', 1), ('c', 2)].map(|(event, ordinal)| buffer.store(event, ordinal));
        let past = buffer.link(a, 0, None);
        let (left, right) = (buffer.link(b, 1, Some(past)), buffer.link(c, 1, Some(past)));
        assert_eq!((chain(&buffer, left), chain(&buffer, right)), ("ab".into(), "ac".into()));
        assert_eq!(buffer.len(), (3, 3));
    }

    #[test]
    fn a_common_past_is_freed_with_its_last_holder() {
        let mut buffer = MatchBuffer::default();
        let [a, b, c] = [('a', 0), ('b', 1), ('c', 2)].map(|(event, ordinal)| buffer.store(event, ordinal));
        let past = buffer.link(a, 0, None);
        let (left, right) = (buffer.link(b, 1, Some(past)), buffer.link(c, 1, Some(past)));
        buffer.release(Some(past));
        buffer.release(Some(left));
        assert_eq!((buffer.len(), chain(&buffer, right)), ((2, 2), "ac".into()));
        buffer.release(Some(right));
        assert_eq!(buffer.len(), (0, 0));
    }

    #[test]
    fn an_event_that_nobody_accepted_leaves_at_once() {
        let mut buffer = MatchBuffer::default();
        let event = buffer.store('x', 0);
        buffer.settle(event);
        assert_eq!(buffer.len(), (0, 0));
    }
}
