//! What carts and stocks tell each other: JSON with the field names of the original in Java.

use serde::{Deserialize, Serialize};
use statefun_sdk::Typed;

/// To a stock: goods arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("com.example/RestockItem")]
#[serde(rename_all = "camelCase")]
pub struct RestockItem {
    /// Which goods.
    pub item_id: String,
    /// How many.
    pub quantity: i32,
}

/// To a cart: the user wants something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("com.example/AddToCart")]
#[serde(rename_all = "camelCase")]
pub struct AddToCart {
    /// Whose cart.
    pub user_id: String,
    /// How many.
    pub quantity: i32,
    /// Of what.
    pub item_id: String,
}

/// To a cart: the user gives everything back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("com.example/ClearCart")]
#[serde(rename_all = "camelCase")]
pub struct ClearCart {
    /// Whose cart.
    pub user_id: String,
}

/// To a cart: the user buys what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("com.example/Checkout")]
#[serde(rename_all = "camelCase")]
pub struct Checkout {
    /// Whose cart.
    pub user_id: String,
}

/// From a cart to a stock: reserve these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("com.example/RequestItem")]
#[serde(rename_all = "camelCase")]
pub struct RequestItem {
    /// How many.
    pub quantity: i32,
}

/// From a stock to a cart: whether they are reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("com.example/ItemAvailability")]
#[serde(rename_all = "camelCase")]
pub struct ItemAvailability {
    /// Whether there were enough.
    pub status: Availability,
    /// How many were asked for.
    pub quantity: i32,
}

/// Whether there were enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Availability {
    /// They are reserved.
    InStock,
    /// There were too few, and none is reserved.
    OutOfStock,
}
