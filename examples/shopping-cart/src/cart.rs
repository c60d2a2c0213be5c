//! What one user has reserved.

use statefun_sdk::prelude::*;

use crate::Stock;
use crate::messages::{AddToCart, Availability, Checkout, ClearCart, ItemAvailability, RequestItem, RestockItem};

static STOCK: FunctionName = FunctionName::new(Stock::TYPE);
static PLAYGROUND: EgressName = EgressName::new("io.statefun.playground/egress");

/// The cart of one user, who is its id.
#[derive(Debug)]
pub struct Cart {
    /// How many of which goods.
    basket: Map<String, i32>,
}

impl Cart {
    /// Declares its state.
    #[must_use]
    pub fn new(states: &mut States<'_>) -> Self {
        Self { basket: states.map("basket") }
    }

    fn add(&self, context: &mut Context<'_>, request: &AddToCart) -> Result<(), FunctionError> {
        context.send(&STOCK, &request.item_id, &RequestItem { quantity: request.quantity })?;
        Ok(())
    }

    /// The stock has answered; who it is tells which goods it speaks of.
    fn reserved(&self, context: &mut Context<'_>, answer: &ItemAvailability) -> Result<(), FunctionError> {
        let stock = context.caller().filter(|caller| caller.function == STOCK.get());
        let Some(item) = stock.map(|stock| stock.id.to_string()) else {
            return Err(FunctionError::Reject("only a stock knows what is available".to_owned()));
        };
        if answer.status == Availability::InStock {
            let before = self.basket.get(context, &item)?.unwrap_or(0);
            self.basket.insert(context, &item, &before.saturating_add(answer.quantity))?;
        }
        Ok(())
    }

    fn clear(&self, context: &mut Context<'_>) -> Result<(), FunctionError> {
        for (item_id, quantity) in self.basket.to_vec(context)? {
            let target = item_id.clone();
            context.send(&STOCK, target, &RestockItem { item_id, quantity })?;
        }
        // Without this the goods would be given back once more by the next one who clears, and sold by a check-out.
        self.basket.clear(context);
        Ok(())
    }

    /// An empty basket has no receipt. What was bought stays in the basket, as in the original.
    fn check_out(&self, context: &mut Context<'_>) -> Result<(), FunctionError> {
        let goods = self.basket.to_vec(context)?;
        if goods.is_empty() {
            return Ok(());
        }
        let details: Vec<_> = goods.iter().map(|(item, quantity)| format!("{item}: {quantity}")).collect();
        let receipt = format!("Receipt{{userId='{}', details='{}'}}", context.id(), details.join("; "));
        context.egress(&PLAYGROUND, &PlaygroundRecord::new("receipts", receipt))?;
        Ok(())
    }
}

impl StatefulFunction for Cart {
    const TYPE: &'static str = "com.example/user-shopping-cart";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        if message.is::<AddToCart>() {
            self.add(context, &message.get()?)
        } else if message.is::<ClearCart>() {
            self.clear(context)
        } else if message.is::<Checkout>() {
            self.check_out(context)
        } else {
            self.reserved(context, &message.get()?)
        }
    }
}
