//! What carts and stocks do, alone and together.
#![allow(clippy::unwrap_used, reason = "in tests")]

use example_shopping_cart::messages::{
    AddToCart, Availability, Checkout, ClearCart, ItemAvailability, RequestItem, RestockItem,
};
use example_shopping_cart::{Cart, Stock};
use statefun_sdk::prelude::*;
use statefun_sdk::testing::Instance;

/// One cart and one stock, with the messages between them carried at once.
struct Shop {
    cart: Instance<Cart>,
    stock: Instance<Stock>,
}

impl Shop {
    fn with_socks(quantity: i32) -> Self {
        let mut stock = Instance::of("socks", Stock::new);
        stock.receive(&RestockItem { item_id: "socks".to_owned(), quantity }).unwrap();
        Self { cart: Instance::of("1", Cart::new), stock }
    }

    /// Asks for socks; whether they are reserved.
    fn add(&mut self, quantity: i32) -> Availability {
        let add = AddToCart { user_id: "1".to_owned(), quantity, item_id: "socks".to_owned() };
        let asked: Vec<RequestItem> = self.cart.receive(&add).unwrap().sent("com.example/stock/socks");
        let outcome = self.stock.receive_from("com.example/user-shopping-cart/1", &asked[0]).unwrap();
        let answers: Vec<ItemAvailability> = outcome.sent("com.example/user-shopping-cart/1");
        assert!(self.cart.receive_from("com.example/stock/socks", &answers[0]).unwrap().is_silent());
        answers[0].status
    }

    /// Clears the cart; how many socks came back.
    fn clear(&mut self) -> i32 {
        let outcome = self.cart.receive(&ClearCart { user_id: "1".to_owned() }).unwrap();
        let back: Vec<RestockItem> = outcome.sent("com.example/stock/socks");
        back.iter().for_each(|goods| {
            self.stock.receive_from("com.example/user-shopping-cart/1", goods).unwrap();
        });
        back.iter().map(|goods| goods.quantity).sum()
    }

    fn check_out(&mut self) -> Vec<PlaygroundRecord> {
        let outcome = self.cart.receive(&Checkout { user_id: "1".to_owned() }).unwrap();
        outcome.written("io.statefun.playground/egress")
    }
}

#[test]
fn what_was_reserved_is_on_the_receipt() {
    let mut shop = Shop::with_socks(50);
    assert_eq!(shop.add(1), Availability::InStock);
    assert_eq!(shop.add(2), Availability::InStock);
    let receipt = PlaygroundRecord::new("receipts", "Receipt{userId='1', details='socks: 3'}");
    assert_eq!(shop.check_out(), [receipt]);
}

#[test]
fn more_than_there_is_is_not_sold() {
    let mut shop = Shop::with_socks(2);
    assert_eq!(shop.add(3), Availability::OutOfStock);
    assert_eq!(shop.check_out(), []);
    assert_eq!(shop.add(2), Availability::InStock, "a refusal takes nothing out of the stock");
}

#[test]
fn goods_are_given_back_once() {
    let mut shop = Shop::with_socks(2);
    shop.add(2);
    assert_eq!(shop.add(1), Availability::OutOfStock);
    assert_eq!(shop.clear(), 2);
    assert_eq!(shop.clear(), 0);
    assert_eq!(shop.check_out(), []);
    assert_eq!(shop.add(2), Availability::InStock);
}

#[test]
fn nobody_gets_a_negative_number_of_socks() {
    let mut shop = Shop::with_socks(2);
    assert_eq!(shop.add(-5), Availability::OutOfStock);
    let arrival = RestockItem { item_id: "socks".to_owned(), quantity: -1 };
    assert!(matches!(shop.stock.receive(&arrival), Err(FunctionError::Reject(_))));
}

#[test]
fn only_a_stock_knows_what_is_available() {
    let mut shop = Shop::with_socks(2);
    let forged = ItemAvailability { status: Availability::InStock, quantity: 9 };
    assert!(matches!(shop.cart.receive(&forged), Err(FunctionError::Reject(_))));
    assert_eq!(shop.check_out(), []);
}

#[test]
fn messages_look_like_those_of_the_original() {
    let add: AddToCart = Decode::decode(br#"{"userId":"1","quantity":3,"itemId":"socks"}"#).unwrap();
    assert_eq!(add, AddToCart { user_id: "1".to_owned(), quantity: 3, item_id: "socks".to_owned() });
    let answer = ItemAvailability { status: Availability::InStock, quantity: 3 };
    let bytes = answer.encode().unwrap();
    assert_eq!(bytes.as_slice(), br#"{"status":"IN_STOCK","quantity":3}"#);
}
