//! Serves the shop's functions over HTTP, for `module-remote.yaml`: `shopping-cart [ADDRESS]`.

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1108".to_owned());
    println!("serving the shop at http://{address}/");
    example_shopping_cart::functions().serve(address)
}
