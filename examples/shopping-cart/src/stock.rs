//! How many of one kind of goods there are.

use statefun_sdk::prelude::*;

use crate::messages::{Availability, ItemAvailability, RequestItem, RestockItem};

/// The stock of one kind of goods, which is its id.
#[derive(Debug)]
pub struct Stock {
    in_stock: Value<i32>,
}

impl Stock {
    /// Declares its state.
    #[must_use]
    pub fn new(states: &mut States<'_>) -> Self {
        Self { in_stock: states.value("stock") }
    }

    fn restock(&self, context: &mut Context<'_>, arrived: i32) -> Result<(), FunctionError> {
        if arrived < 0 {
            return Err(FunctionError::Reject(format!("{arrived} goods cannot arrive")));
        }
        let in_stock = self.in_stock.get_or_default(context)?;
        self.in_stock.set(context, &in_stock.saturating_add(arrived))?;
        Ok(())
    }

    fn reserve(&self, context: &mut Context<'_>, quantity: i32) -> Result<(), FunctionError> {
        let in_stock = self.in_stock.get_or_default(context)?;
        let status = if (0..=in_stock).contains(&quantity) {
            self.in_stock.set(context, &(in_stock - quantity))?;
            Availability::InStock
        } else {
            Availability::OutOfStock
        };
        context.reply(&ItemAvailability { status, quantity })?;
        Ok(())
    }
}

impl StatefulFunction for Stock {
    const TYPE: &'static str = "com.example/stock";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        if message.is::<RestockItem>() {
            self.restock(context, message.get::<RestockItem>()?.quantity)
        } else {
            self.reserve(context, message.get::<RequestItem>()?.quantity)
        }
    }
}
