//! A shopping cart and a stock that reserve and give back goods.
//!
//! ```text
//!   RestockItem ──────────────▶ stock/socks ◀── RequestItem, RestockItem ──┐
//!                                    │                                      │
//!                                    └── ItemAvailability ──▶ user-shopping-cart/1 ◀── AddToCart, ClearCart, Checkout
//!                                                                   │
//!                                                                   └──▶ topic `receipts`
//! ```
//!
//! Neither function waits for the other: a cart asks the stock and is told later. Each handles one message at a time,
//! so the last pair of socks is sold once however many carts ask for it.

mod cart;
pub mod messages;
mod stock;

use statefun_sdk::Functions;

pub use cart::Cart;
pub use stock::Stock;

/// The functions of this application.
#[must_use]
pub fn functions() -> Functions {
    Functions::new().with(Cart::new).with(Stock::new)
}
