//! Remote endpoints that come and go while the node runs.

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::json;
use statefun::address::is_typename;

use super::query::Query;
use super::{Handled, json as answer, parse};
use crate::mask;
use crate::problem::Problem;
use crate::view::{AdminView, Deployment, DeploymentView};

const SCHEMES: [&str; 4] = ["http", "https", "http+unix", "https+unix"];

pub(super) async fn list(view: &dyn AdminView) -> Handled {
    let deployments: Vec<_> = view.deployments().await?.into_iter().map(masked).collect();
    Ok(answer(&json!({"deployments": deployments})))
}

pub(super) async fn deploy(view: &dyn AdminView, body: &[u8]) -> Handled {
    let deployment: Deployment = parse(body)?;
    check_functions(&deployment.functions)?;
    check_url(&deployment.url)?;
    Ok(HttpResponse::Created().json(masked(view.deploy(deployment).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Undeploy {
    functions: Option<String>,
}

/// Names the functions in the query or in the body, for not every client can send a body along with DELETE.
pub(super) async fn undeploy(view: &dyn AdminView, query: &str, body: &[u8]) -> Handled {
    let query = Query::parse(query, &["functions"])?;
    let Undeploy { functions: in_body } = parse(body)?;
    let functions = match (query.get("functions"), in_body) {
        (Some(functions), None) => functions.to_owned(),
        (None, Some(functions)) => functions,
        _ => {
            return Err(Problem::bad(
                "bad-functions",
                "say once which `functions` are meant, in the query or the body",
            ));
        }
    };
    check_functions(&functions)?;
    if view.undeploy(functions.clone()).await? {
        Ok(answer(&json!({"removed": functions})))
    } else {
        Err(Problem::not_found("unknown-deployment", format!("there is no deployment of {functions}")))
    }
}

fn check_functions(functions: &str) -> Result<(), Problem> {
    let is_plain = !functions.chars().any(|c| c.is_control() || c.is_whitespace());
    // `*` stands for a whole name only.
    let is_starred = functions.contains('*');
    if is_plain
        && is_typename(functions)
        && (!is_starred || functions.ends_with("/*") && functions.matches('*').count() == 1)
    {
        return Ok(());
    }
    Err(Problem::bad(
        "bad-functions",
        format!("{functions:?} are no functions: write <namespace>/<name> or <namespace>/*"),
    ))
}

/// What no endpoint's URL may hold, whoever calls it later: a view may know more rules.
fn check_url(url: &str) -> Result<(), Problem> {
    let bad = |why: &str| Err(Problem::bad("bad-url", format!("{url:?} cannot be called: {why}")));
    if url.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
        return bad("it holds a character that a URL cannot hold");
    }
    match url.split_once("://") {
        Some((scheme, rest)) if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            if rest.is_empty() {
                bad("the host is missing")
            } else {
                Ok(())
            }
        }
        _ => bad("a URL begins with http://, https://, http+unix:// or https+unix://"),
    }
}

fn masked(mut deployment: DeploymentView) -> DeploymentView {
    deployment.url = deployment.url.map(|url| mask::url(&url));
    deployment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_a_typename_or_a_namespace() {
        for good in ["shop/cart", "shop/*", "com.example.shop/cart-2"] {
            assert_eq!(check_functions(good), Ok(()), "{good}");
        }
        for bad in
            ["", "shop", "shop/", "/cart", "a/b/c", "*", "*/cart", "shop/c*", "shop/**", "shop/ca rt", "shop/\ncart"]
        {
            assert_eq!(check_functions(bad).unwrap_err().code, "bad-functions", "{bad:?}");
        }
    }

    #[test]
    fn a_url_has_a_known_scheme_and_no_strange_characters() {
        for good in ["http://f:8000/statefun", "HTTPS://f/{function.name}", "http+unix:///run/f.sock/statefun"] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "f:8000",
            "ftp://f",
            "file:///etc/passwd",
            "http://",
            "http://f/\r\nX: y",
            "http://f/\0",
            "http://f/ a",
        ] {
            assert_eq!(check_url(bad).unwrap_err().code, "bad-url", "{bad:?}");
        }
    }
}
