//! The nouns of stateful functions, the module specification and the programming model
