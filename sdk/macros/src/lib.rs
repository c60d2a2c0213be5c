//! Derive macros of the SDK. Use them through `statefun_sdk`, which re-exports them.

mod typed;

use proc_macro::TokenStream;

/// Gives a type a typename and an encoding, so that it can be a message or a state.
///
/// ```text
/// #[derive(Serialize, Deserialize, Typed)]
/// #[typed("example/GreetRequest")]              // serde JSON
/// struct GreetRequest { name: String }
///
/// #[derive(Clone, PartialEq, prost::Message, Typed)]
/// #[typed("type.googleapis.com/example.Greet", protobuf)]
/// struct Greet { #[prost(string, tag = "1")] name: String }
/// ```
///
/// The typename has the form `namespace/name` with exactly one slash; anything else does not compile.
#[proc_macro_derive(Typed, attributes(typed))]
pub fn derive_typed(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    typed::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
