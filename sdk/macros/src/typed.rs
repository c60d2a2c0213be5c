//! `#[derive(Typed)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{DeriveInput, Error, Ident, LitStr, Result, Token};

/// What stands in `#[typed(..)]`.
struct Arguments {
    typename: LitStr,
    encoding: Encoding,
}

enum Encoding {
    Json,
    Protobuf,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let typename: LitStr = input.parse()?;
        let mut encoding = Encoding::Json;
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
            if !input.is_empty() {
                let word: Ident = input.parse()?;
                encoding = match word.to_string().as_str() {
                    "json" => Encoding::Json,
                    "protobuf" => Encoding::Protobuf,
                    _ => return Err(Error::new(word.span(), "unknown encoding: `json` or `protobuf`")),
                };
            }
        }
        if !input.is_empty() {
            return Err(input.error("nothing may follow here"));
        }
        check(&typename)?;
        Ok(Self { typename, encoding })
    }
}

fn check(typename: &LitStr) -> Result<()> {
    let text = typename.value();
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(()),
        _ => Err(Error::new(typename.span(), "not a typename: write \"<namespace>/<name>\", with exactly one slash")),
    }
}

pub(super) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let mut attributes = input.attrs.iter().filter(|attribute| attribute.path().is_ident("typed"));
    let (Some(attribute), None) = (attributes.next(), attributes.next()) else {
        return Err(Error::new(
            Span::call_site(),
            "say the typename and, if it is not JSON, the encoding, once: #[typed(\"namespace/Name\")] or \
             #[typed(\"namespace/Name\", protobuf)]",
        ));
    };
    let Arguments { typename, encoding } = attribute.parse_args()?;
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let module = match encoding {
        Encoding::Json => quote!(::statefun_sdk::typed::json),
        Encoding::Protobuf => quote!(::statefun_sdk::typed::protobuf),
    };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::statefun_sdk::Encode for #ident #type_generics #where_clause {
            fn value_type() -> ::statefun_sdk::ValueType {
                ::statefun_sdk::value_type!(#typename)
            }

            fn encode(
                &self,
            ) -> ::core::result::Result<::statefun_sdk::SmallBytes, ::statefun_sdk::EncodeError> {
                #module::encode(self)
            }
        }

        #[automatically_derived]
        impl #impl_generics ::statefun_sdk::Decode for #ident #type_generics #where_clause {
            fn decode(
                bytes: &[u8],
            ) -> ::core::result::Result<Self, ::statefun_sdk::DecodeError> {
                #module::decode(bytes)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn error(input: &DeriveInput) -> String {
        expand(input).unwrap_err().to_string()
    }

    #[test]
    fn a_typename_without_exactly_one_slash_does_not_compile() {
        for bad in ["", "a", "/a", "a/", "a/b/c"] {
            let input = parse_quote!(
                #[typed(#bad)]
                struct A;
            );
            assert!(error(&input).starts_with("not a typename"), "{bad:?}");
        }
    }

    #[test]
    fn a_missing_or_repeated_attribute_says_what_to_write() {
        assert!(
            error(&parse_quote!(
                struct A;
            ))
            .starts_with("say the typename")
        );
        assert!(
            error(&parse_quote!(
                #[typed("a/b")]
                #[typed("a/c")]
                struct A;
            ))
            .starts_with("say the typename")
        );
    }

    #[test]
    fn an_unknown_encoding_names_the_known_ones() {
        assert_eq!(
            error(&parse_quote!(
                #[typed("a/b", avro)]
                struct A;
            )),
            "unknown encoding: `json` or `protobuf`"
        );
    }

    #[test]
    fn both_encodings_expand_and_json_is_the_default() {
        for (input, module) in [
            (
                parse_quote!(
                    #[typed("a/b")]
                    struct A;
                ),
                "json",
            ),
            (
                parse_quote!(
                    #[typed("a/b", json)]
                    struct A;
                ),
                "json",
            ),
            (
                parse_quote!(
                    #[typed("a/b", protobuf)]
                    struct A;
                ),
                "protobuf",
            ),
        ] {
            let code = expand(&input).unwrap().to_string();
            assert!(code.contains(&format!("typed :: {module} :: encode")), "{code}");
        }
    }
}
