//! TLS with authorities of our own, in one direction and in both.

mod certificates;
mod support;

use std::path::PathBuf;

use certificates::{Authority, Signed, encrypted_pem, missing};
use statefun_ports::remote::CallFailureKind::Connection;
use statefun_remote::{AsyncOptions, ClientIdentity, EndpointOptions, HttpTransport, TransportError};
use support::{NO_EFFECTS, Server, assert_done, assert_fails, call, ok, transport};

async fn tls_server(authority: &Authority, names: &[&str], clients_of: Option<&Authority>) -> Server {
    let acceptor = authority.acceptor(names, clients_of);
    Server::tcp_with(
        |_| ok(NO_EFFECTS),
        move |stream| {
            let acceptor = acceptor.clone();
            async move { acceptor.accept(stream).await.ok() }
        },
    )
    .await
}

fn https(server: &Server) -> String {
    format!("https://{}/{{function.name}}", server.address)
}

fn trusting(authority: &Authority) -> AsyncOptions {
    AsyncOptions { trust_cacerts: Some(authority.pem_file()), ..Default::default() }
}

fn identity(authority: &Authority, password: Option<&str>) -> ClientIdentity {
    let Signed { certificate, key } = authority.sign(&["statefun"]);
    let cert = authority.file("client.pem", certificate.pem());
    let (key, key_password) = match password {
        None => (authority.file("client.key", key.serialize_pem()), None),
        Some(password) => {
            let key = authority.file("client.key", encrypted_pem(&key, password));
            (key, Some(authority.file("password.txt", format!("{password}\n"))))
        }
    };
    ClientIdentity { cert, key, key_password }
}

#[tokio::test]
async fn a_server_whose_authority_is_named_is_trusted_and_its_connection_kept() {
    let authority = Authority::of("us");
    let server = tls_server(&authority, &["127.0.0.1"], None).await;
    let transport = transport(&https(&server), trusting(&authority));
    assert_done(call(&transport).await);
    assert_done(call(&transport).await);
    assert_eq!(server.connections(), [0, 0]);
    assert_eq!(server.requests()[0].path, "/cart");
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_is_not_called() {
    let (authority, stranger) = (Authority::of("us"), Authority::of("strangers"));
    let server = tls_server(&stranger, &["127.0.0.1"], None).await;
    assert_fails(call(&transport(&https(&server), trusting(&authority))).await, Connection, "UnknownIssuer");
    let server = tls_server(&authority, &["functions.example"], None).await;
    assert_fails(call(&transport(&https(&server), trusting(&authority))).await, Connection, "not valid for name");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_told() {
    for password in [None, Some("correct horse")] {
        let (servers, clients) = (Authority::of("servers"), Authority::of("clients"));
        let server = tls_server(&servers, &["127.0.0.1"], Some(&clients)).await;
        let options = AsyncOptions { client_identity: Some(identity(&clients, password)), ..trusting(&servers) };
        assert_done(call(&transport(&https(&server), options)).await);
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_does_not_serve_us_without() {
    let (servers, clients) = (Authority::of("servers"), Authority::of("clients"));
    let strangers = Authority::of("strangers");
    let server = tls_server(&servers, &["127.0.0.1"], Some(&clients)).await;
    assert_fails(call(&transport(&https(&server), trusting(&servers))).await, Connection, "https://127.0.0.1");
    let options = AsyncOptions { client_identity: Some(identity(&strangers, None)), ..trusting(&servers) };
    assert_fails(call(&transport(&https(&server), options)).await, Connection, "https://127.0.0.1");
    assert!(server.requests().is_empty());
}

#[test]
fn errors_name_the_field_and_the_file() {
    let authority = Authority::of("us");
    let file = |name: &str, text: &str| authority.file(name, text);
    let good = identity(&authority, None);
    let sealed = Authority::of("sealed");
    let encrypted = identity(&sealed, Some("correct horse"));
    let other_key = Authority::of("other");
    let other_key = identity(&other_key, None).key;
    let with_identity =
        |identity: ClientIdentity| AsyncOptions { client_identity: Some(identity), ..AsyncOptions::default() };
    let with_key = |key: PathBuf| with_identity(ClientIdentity { key, ..good.clone() });
    let trust = |path: PathBuf| AsyncOptions { trust_cacerts: Some(path), ..AsyncOptions::default() };
    let cases = [
        (trust(missing(authority.directory.path())), "missing.pem, given as trust_cacerts"),
        (trust(file("empty.pem", "")), "empty.pem, given as trust_cacerts, holds no PEM certificate"),
        (trust(file("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n")), "given as trust_cacerts, is no PEM"),
        (
            trust(file("odd.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
            "given as trust_cacerts, cannot be trusted: certificate 1",
        ),
        (
            with_identity(ClientIdentity { cert: file("nothing.pem", "x"), ..good.clone() }),
            "nothing.pem, given as client_cert, holds no PEM certificate",
        ),
        (with_key(missing(authority.directory.path())), "missing.pem, given as client_key"),
        (with_key(file("no.key", "x")), "no.key, given as client_key, holds no PEM private key"),
        (with_key(other_key), "given as client_key, holds no key for the certificate in"),
        (
            with_identity(ClientIdentity { key_password: None, ..encrypted.clone() }),
            "is encrypted; name the file with its password as client_key_password",
        ),
        (
            with_identity(ClientIdentity { key_password: Some(file("wrong.txt", "wrong")), ..encrypted.clone() }),
            "given as client_key, does not open with the password in",
        ),
        (
            with_identity(ClientIdentity { key_password: Some(missing(authority.directory.path())), ..encrypted }),
            "missing.pem, given as client_key_password",
        ),
    ];
    for (options, says) in cases {
        // Also for cleartext endpoints: a file that is named should be there.
        for url in ["https://f/", "http://f/"] {
            let options = options.clone();
            let options = match options.trust_cacerts {
                None => AsyncOptions { trust_cacerts: Some(authority.pem_file()), ..options },
                Some(_) => options,
            };
            let error: TransportError =
                HttpTransport::new(EndpointOptions::new(url).with_transport(options)).unwrap_err();
            assert!(error.to_string().contains(says), "{error} does not say {says:?}");
        }
    }
}
