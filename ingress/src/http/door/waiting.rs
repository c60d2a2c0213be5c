//! Who waits for what.

use hashbrown::HashMap;
use statefun::{RequestId, TypedValue, Verdict};
use tokio::sync::oneshot;

/// What a caller is told in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Outcome {
    /// The function's reply.
    Reply(TypedValue),
    /// The message is taken in; there is no reply to wait for.
    Accepted,
    /// Another message came under the same key.
    Conflict,
    /// There is no room for one more key.
    Full,
}

/// Callers by request. One whose key another request had before waits under that one, too.
#[derive(Default)]
pub(in crate::http) struct Waiting {
    seats: HashMap<RequestId, Seat>,
    /// Requests that wait for the reply to another one.
    joined: HashMap<RequestId, Vec<RequestId>>,
}

struct Seat {
    outcome: oneshot::Sender<Outcome>,
    /// The request under which the reply will come, once that is durable.
    under: Option<RequestId>,
}

impl Waiting {
    /// Somebody waits from now on.
    pub(in crate::http) fn sit(&mut self, request: RequestId) -> oneshot::Receiver<Outcome> {
        let (outcome, receiver) = oneshot::channel();
        self.seats.insert(request, Seat { outcome, under: None });
        receiver
    }

    /// The request under which the reply to this one will come, if that is known.
    pub(in crate::http) fn under(&self, request: RequestId) -> Option<RequestId> {
        self.seats.get(&request)?.under
    }

    /// Nobody waits any more.
    pub(in crate::http) fn leave(&mut self, request: RequestId) {
        self.take(request);
    }

    fn take(&mut self, request: RequestId) -> Option<oneshot::Sender<Outcome>> {
        let seat = self.seats.remove(&request)?;
        if let Some(under) = seat.under.filter(|under| *under != request)
            && let Some(joined) = self.joined.get_mut(&under)
        {
            joined.retain(|other| *other != request);
            if joined.is_empty() {
                self.joined.remove(&under);
            }
        }
        Some(seat.outcome)
    }

    /// Gives a reply to all who wait for it; whether there was anybody.
    pub(in crate::http) fn reply(&mut self, request: RequestId, value: &TypedValue) -> bool {
        let joined = self.joined.remove(&request).unwrap_or_default();
        let mut was_awaited = false;
        for seat in std::iter::once(request).chain(joined) {
            if let Some(seat) = self.take(seat) {
                was_awaited |= seat.send(Outcome::Reply(value.clone())).is_ok();
            }
        }
        was_awaited
    }

    /// Tells a caller what became of its message.
    pub(in crate::http) fn verdict(&mut self, request: RequestId, verdict: Verdict) {
        let outcome = match verdict {
            Verdict::Awaited { request: under } => {
                if let Some(seat) = self.seats.get_mut(&request) {
                    seat.under = Some(under);
                    if under != request {
                        self.joined.entry(under).or_default().push(request);
                    }
                }
                return;
            }
            Verdict::Accepted => Outcome::Accepted,
            Verdict::Conflict => Outcome::Conflict,
            Verdict::Full => Outcome::Full,
        };
        if let Some(seat) = self.take(request) {
            // A caller that went away does not mind.
            let _ = seat.send(outcome);
        }
    }

    /// Nobody will be told anything any more.
    pub(in crate::http) fn clear(&mut self) {
        self.seats.clear();
        self.joined.clear();
    }

    #[cfg(test)]
    pub(in crate::http) fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.joined.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use statefun::{IdHash, ValueType};

    use super::*;

    fn request(n: u128) -> RequestId {
        RequestId::new(n, IdHash(7))
    }

    fn value() -> TypedValue {
        TypedValue::new(ValueType::named("test/text").unwrap(), b"hi".as_slice())
    }

    #[test]
    fn whoever_joins_a_request_gets_its_reply() {
        let mut waiting = Waiting::default();
        let mut first = waiting.sit(request(1));
        let mut second = waiting.sit(request(2));
        waiting.verdict(request(2), Verdict::Awaited { request: request(1) });
        assert_eq!(waiting.under(request(2)), Some(request(1)));
        assert!(waiting.reply(request(1), &value()));
        assert_eq!((first.try_recv(), second.try_recv()), (Ok(Outcome::Reply(value())), Ok(Outcome::Reply(value()))));
        assert!(waiting.is_empty());
    }

    #[test]
    fn whoever_joins_a_request_gets_its_reply_though_its_first_caller_has_left() {
        let mut waiting = Waiting::default();
        drop(waiting.sit(request(1)));
        waiting.leave(request(1));
        let mut second = waiting.sit(request(2));
        waiting.verdict(request(2), Verdict::Awaited { request: request(1) });
        assert!(waiting.reply(request(1), &value()));
        assert_eq!(second.try_recv(), Ok(Outcome::Reply(value())));
        assert!(!waiting.reply(request(1), &value()), "nobody is left");
    }

    #[test]
    fn whoever_leaves_is_forgotten() {
        let mut waiting = Waiting::default();
        drop(waiting.sit(request(2)));
        waiting.verdict(request(2), Verdict::Awaited { request: request(1) });
        waiting.leave(request(2));
        assert!(waiting.is_empty());
        waiting.verdict(request(2), Verdict::Awaited { request: request(1) });
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_conflict_is_told_to_its_own_caller_alone() {
        let mut waiting = Waiting::default();
        let mut first = waiting.sit(request(1));
        let mut second = waiting.sit(request(2));
        waiting.verdict(request(2), Verdict::Conflict);
        assert_eq!(second.try_recv(), Ok(Outcome::Conflict));
        assert!(first.try_recv().is_err());
    }
}
