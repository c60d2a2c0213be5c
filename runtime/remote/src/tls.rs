//! Whom we trust, and who we are.

use std::path::Path;
use std::sync::Arc;

use pkcs8::der::pem::PemLabel as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::{AsyncOptions, ClientIdentity, TransportError, TransportKind};

const TRUST: &str = "trust_cacerts";
const CERT: &str = "client_cert";
const KEY: &str = "client_key";
const PASSWORD: &str = "client_key_password";

/// Reads all files of the options once, so that mistakes show when the application starts.
///
/// Without `https` in the URL the machine's authorities may be missing: they matter only if a redirect leads there.
pub(crate) fn client_config(transport: &TransportKind, https: bool) -> Result<ClientConfig, TransportError> {
    let (trust, identity) = match transport {
        TransportKind::Async(AsyncOptions { trust_cacerts, client_identity, .. }) => {
            (trust_cacerts.as_deref(), client_identity.as_ref())
        }
        TransportKind::OkHttp(_) => (None, None),
    };
    let roots = match trust {
        Some(path) => authorities_of_file(path)?,
        None if https || matches!(transport, TransportKind::OkHttp(_)) => authorities_of_machine(https)?,
        None => RootCertStore::empty(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default TLS versions")
        .with_root_certificates(roots);
    match identity {
        None => Ok(config.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = (client_chain(&identity.cert)?, client_key(identity)?);
            config.with_client_auth_cert(chain, key).map_err(|error| TransportError::FileContents {
                field: KEY,
                path: identity.key.clone(),
                problem: format!("holds no key for the certificate in {}: {error}", identity.cert.display()),
            })
        }
    }
}

fn authorities_of_file(path: &Path) -> Result<RootCertStore, TransportError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates(TRUST, path)?.into_iter().enumerate() {
        roots
            .add(certificate)
            .map_err(|error| contents(TRUST, path, format!("cannot be trusted: certificate {}: {error}", index + 1)))?;
    }
    Ok(roots)
}

fn authorities_of_machine(required: bool) -> Result<RootCertStore, TransportError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Machines carry the odd certificate that no one can parse any more; the others are still good.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 && required {
        return Err(TransportError::NoAuthorities { errors: found.errors.iter().map(ToString::to_string).collect() });
    }
    Ok(roots)
}

fn client_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    certificates(CERT, path)
}

fn certificates(field: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let pem = read(field, path)?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| contents(field, path, format!("is no PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(contents(field, path, "holds no PEM certificate".to_owned()));
    }
    Ok(certificates)
}

fn client_key(identity: &ClientIdentity) -> Result<PrivateKeyDer<'static>, TransportError> {
    let pem = read(KEY, &identity.key)?;
    let problem = |problem: String| contents(KEY, &identity.key, problem);
    if let Some(encrypted) = section(&pem, pkcs8::EncryptedPrivateKeyInfo::PEM_LABEL) {
        let Some(password_path) = &identity.key_password else {
            return Err(problem(format!("is encrypted; name the file with its password as {PASSWORD}")));
        };
        let password = read(PASSWORD, password_path)?;
        // The newline that editors and `echo` leave is not part of anybody's password.
        let password = password.strip_suffix(b"\n").unwrap_or(&password);
        let password = password.strip_suffix(b"\r").unwrap_or(password);
        let (_, document) =
            pkcs8::SecretDocument::from_pem(encrypted).map_err(|error| problem(format!("is no PEM: {error}")))?;
        let info = pkcs8::EncryptedPrivateKeyInfo::try_from(document.as_bytes())
            .map_err(|error| problem(format!("is no PKCS#8 key: {error}")))?;
        let key = info.decrypt(password).map_err(|error| {
            problem(format!("does not open with the password in {}: {error}", password_path.display()))
        })?;
        return Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into());
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => problem("holds no PEM private key".to_owned()),
        error => problem(format!("is no PEM private key: {error}")),
    })
}

/// The first PEM section with this label, borders included.
fn section<'a>(pem: &'a [u8], label: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(pem).ok()?;
    let end_border = format!("-----END {label}-----");
    let start = text.find(&format!("-----BEGIN {label}-----"))?;
    let end = start + text[start..].find(&end_border)? + end_border.len();
    Some(&text[start..end])
}

fn read(field: &'static str, path: &Path) -> Result<Vec<u8>, TransportError> {
    std::fs::read(path).map_err(|source| TransportError::ReadFile { field, path: path.to_owned(), source })
}

fn contents(field: &'static str, path: &Path, problem: String) -> TransportError {
    TransportError::FileContents { field, path: path.to_owned(), problem }
}
