//! What only shows when all documents are read: names taken twice, and parts without which nothing runs.

use super::kinds::{Claim, Declared, LISTENER};
use super::read::{Fault, Span};
use super::{Code, Options};

/// Reports repetitions and missing parts. The first declaration of a name stands; each further one is a fault.
pub(super) fn check(out: &mut Declared<'_, '_>, options: Options) {
    let claims = [
        std::mem::take(&mut out.bindings),
        std::mem::take(&mut out.ingress_ids),
        std::mem::take(&mut out.egress_ids),
        std::mem::take(&mut out.resources),
    ];
    for claims in claims {
        repetitions(claims, out);
    }
    // A part that is there but faulty is reported already; saying that it is missing would only confuse.
    if out.faults.has_errors() {
        return;
    }
    let start = Span::default();
    if out.module.ingresses.is_empty() && !options.ingress_from_code {
        let message = "the module has no ingress, so nothing would ever happen";
        out.faults.push(Fault::error_at(Code::NoIngress, start, message));
    }
    if out.module.endpoints.is_empty()
        && out.module.embedded.is_empty()
        && out.module.components.is_empty()
        && !options.functions_from_code
    {
        let message = "the module has no functions: neither an endpoint nor embedded ones";
        out.faults.push(Fault::error_at(Code::NoFunctions, start, message));
    }
}

fn repetitions(claims: Vec<Claim>, out: &mut Declared<'_, '_>) {
    let mut standing: Vec<Claim> = Vec::new();
    for claim in claims {
        match standing.iter().find(|earlier| collide(&earlier.name, &claim.name)) {
            Some(earlier) => {
                let help = format!("first defined at {}", earlier.declared_at);
                out.faults.push(claim.fault.help(help));
            }
            None => standing.push(claim),
        }
    }
}

/// Whether two names cannot both be had. Listeners on one port collide if they share an interface.
fn collide(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let listener = |name: &str| {
        let (host, port) = name.strip_prefix(LISTENER)?.rsplit_once(':')?;
        Some((host.to_owned(), port.to_owned()))
    };
    let (Some((host, port)), Some((other_host, other_port))) = (listener(one), listener(other)) else { return false };
    let everywhere = |host: &str| matches!(host, "0.0.0.0" | "[::]");
    let loopback = |host: &str| matches!(host, "127.0.0.1" | "localhost");
    port == other_port && (everywhere(&host) || everywhere(&other_host) || (loopback(&host) && loopback(&other_host)))
}
