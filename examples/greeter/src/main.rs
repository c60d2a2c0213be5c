//! Serves the greeter's functions over HTTP, for `module-remote.yaml`: `greeter [ADDRESS]`.

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    println!("serving the greeter at http://{address}/statefun");
    example_greeter::functions().serve(address)
}
