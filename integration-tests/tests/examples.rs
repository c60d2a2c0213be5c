//! The examples as their readers meet them: their own modules, with ports of ours.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use integration_tests::harness::ports::free_port;
use integration_tests::harness::process::Process;
use integration_tests::harness::{Application, Documents, Http, Language, Node, eventually};

const SOON: Duration = Duration::from_secs(60);

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

struct Example {
    node: Node,
    http: Http,
    ingress: u16,
    egress: u16,
}

impl Example {
    /// Runs the module of an example, its functions at `functions`.
    fn run(name: &str, functions: u16) -> Self {
        let text = std::fs::read_to_string(example(name).join("module.yaml")).unwrap();
        let (ingress, egress) = (free_port(), free_port());
        let text = text
            .replace("127.0.0.1:8000", &format!("127.0.0.1:{functions}"))
            .replace("port: 8090", &format!("port: {ingress}"))
            .replace("port: 8091", &format!("port: {egress}"));
        let node = Application::new(&Documents::from_text(&text)).start();
        Self { node, http: Http::default(), ingress, egress }
    }

    fn put(&self, path: &str, typename: &str, body: &str) {
        let url = format!("http://127.0.0.1:{}/{path}", self.ingress);
        let answer = self.http.send_value("PUT", &url, typename, body.as_bytes());
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    fn take(&self, topic: &str) -> String {
        let url = format!("http://127.0.0.1:{}/{topic}", self.egress);
        eventually(SOON, topic, || {
            let answer = self.http.get(&url);
            (answer.status == 200).then(|| answer.text())
        })
    }

    fn greets(&self) {
        for expected in [
            "Welcome Bob",
            "Nice to see you again Bob",
            "Third time is a charm Bob",
            "Nice to see you at the 4-nth time Bob!",
        ] {
            self.put("example/person/Bob", "example/GreetRequest", r#"{"name": "Bob"}"#);
            assert_eq!(self.take("greetings"), expected);
        }
        self.put("example/person/Joe", "example/GreetRequest", r#"{"name": "Joe"}"#);
        assert_eq!(self.take("greetings"), "Welcome Joe");
    }
}

#[test]
fn the_greeter_in_rust_greets() {
    Example::run("greeter", 1).greets();
}

#[test]
fn the_greeter_in_python_greets() {
    let python = Language::Python.install().join("bin/python");
    let port = free_port();
    let mut functions = Command::new(python);
    functions.arg(example("greeter-python").join("functions.py")).env("PORT", port.to_string());
    functions.env("PYTHONDONTWRITEBYTECODE", "1");
    let _functions = Process::start("greeter-python", &mut functions);
    Example::run("greeter-python", port).greets();
}

#[test]
fn the_greeter_in_javascript_greets() {
    let modules = Language::JavaScript.install().join("node_modules");
    let port = free_port();
    let mut functions = Command::new("node");
    functions.arg(example("greeter-javascript").join("functions.js"));
    functions.env("PORT", port.to_string()).env("NODE_PATH", modules);
    let _functions = Process::start("greeter-javascript", &mut functions);
    Example::run("greeter-javascript", port).greets();
}

#[test]
fn the_shopping_cart_in_rust_writes_a_receipt() {
    let shop = Example::run("shopping-cart", 1);
    let cart = "com.example/user-shopping-cart/1";
    shop.put("com.example/stock/socks", "com.example/RestockItem", r#"{"itemId":"socks","quantity":50}"#);
    shop.put(cart, "com.example/AddToCart", r#"{"userId":"1","quantity":3,"itemId":"socks"}"#);
    // A check-out sees what the stock has confirmed by then.
    eventually(SOON, "the cart has been asked and answered", || {
        (shop.node.function("com.example/user-shopping-cart")["invocations"] == 2).then_some(())
    });
    shop.put(cart, "com.example/Checkout", r#"{"userId":"1"}"#);
    assert_eq!(shop.take("receipts"), "Receipt{userId='1', details='socks: 3'}");
}
