//! Whether the effects of an invocation may be applied. All of them are checked before the first one is, so that a bad
//! one fails its invocation and leaves no trace.

use statefun::function::{DelayedCommand, Effects};
use statefun::{Address, EgressRecord, SinkId};

use crate::directory::{Directory, EgressError};
use crate::shard::{RegisteredState, StateError};

/// Why the effects of an invocation cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEffects {
    /// A record that its egress does not take.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// A change of a state that was never declared, or of another type.
    #[error(transparent)]
    State(#[from] StateError),
    /// A delayed message under a token that a waiting one holds already.
    #[error("cancellation token {0:?} is in use by a message that waits")]
    TokenInUse(String),
    /// A cancellation that does not say of what.
    #[error("a cancellation needs a token")]
    EmptyToken,
    /// A timer of a function that has no event time.
    #[error("a plain function has no event-time timers: give it a time role")]
    NoTime,
}

/// Checks everything `effects` want, without changing anything but moving the egress arguments out: decoded, they are
/// in `egress` afterwards, in order, with the sinks they are for.
///
/// # Errors
/// The first thing that cannot be done.
pub fn check(
    directory: &dyn Directory,
    address: &Address,
    states: &[RegisteredState],
    token_is_live: &dyn Fn(&str) -> bool,
    effects: &mut Effects,
    egress: &mut Vec<(SinkId, EgressRecord)>,
) -> Result<(), InvalidEffects> {
    for mutation in &effects.mutations {
        let Some(state) = states.iter().find(|state| state.spec.name == mutation.name) else {
            return Err(StateError::Unknown { function: address.function, name: mutation.name }.into());
        };
        if let Some(value) = &mutation.value
            && value.value_type != state.spec.value_type
        {
            return Err(StateError::Type {
                function: address.function,
                name: mutation.name,
                declared: state.spec.value_type,
                found: value.value_type,
            }
            .into());
        }
    }
    if !effects.delayed.is_empty() {
        check_tokens(token_is_live, &effects.delayed)?;
    }
    egress.clear();
    for message in effects.egress.drain(..) {
        directory.egress(message.egress, address, message.argument, egress)?;
    }
    Ok(())
}

fn check_tokens(token_is_live: &dyn Fn(&str) -> bool, delayed: &[DelayedCommand]) -> Result<(), InvalidEffects> {
    // A list, not a set: invocations rarely use more than a handful of tokens.
    let mut overlay: Vec<(&str, bool)> = Vec::new();
    for command in delayed {
        match command {
            DelayedCommand::Send { token: None, .. } => {}
            DelayedCommand::Send { token: Some(token), .. } => {
                let live = overlay.iter().rev().find(|(name, _)| name == token).map(|(_, live)| *live);
                if live.unwrap_or_else(|| token_is_live(token)) {
                    return Err(InvalidEffects::TokenInUse(token.to_string()));
                }
                overlay.push((token, true));
            }
            DelayedCommand::Cancel { token } if token.is_empty() => return Err(InvalidEffects::EmptyToken),
            DelayedCommand::Cancel { token } => overlay.push((token, false)),
        }
    }
    Ok(())
}
