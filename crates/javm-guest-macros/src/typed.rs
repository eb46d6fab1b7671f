//! `#[derive(Typed)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Lifetime, Result};

pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(structure) = &input.data else {
        return Err(Error::new(input.ident.span(), "only a struct has a type of the language; see docs/spec/types.md"));
    };
    let Fields::Named(fields) = &structure.fields else {
        let message = "the fields of a struct have names in the language; a tuple is a type as it is";
        return Err(Error::new(input.ident.span(), message));
    };
    let mut lifetimes = Vec::new();
    for parameter in &input.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => lifetimes.push(lifetime.lifetime.clone()),
            other => return Err(Error::new(other.span(), "a struct of the language has one meaning: no parameters")),
        }
    }

    let name = &input.ident;
    let text = name.to_string();
    let text = text.trim_start_matches("r#");
    let names: Vec<_> = fields.named.iter().filter_map(|field| field.ident.as_ref()).collect();
    let texts = names.iter().map(|name| name.to_string().trim_start_matches("r#").to_owned());
    let types: Vec<_> = fields.named.iter().map(|field| &field.ty).collect();

    let (generics, arguments, clause) = input.generics.split_for_impl();
    // What is borrowed is borrowed from the encoding.
    let mut decoding = input.generics.clone();
    let encoding = match lifetimes.as_slice() {
        [] => {
            let own = Lifetime::new("'encoding", proc_macro2::Span::call_site());
            decoding.params.insert(0, syn::parse_quote!(#own));
            own
        }
        [borrowed] => borrowed.clone(),
        [_, second, ..] => {
            let message = "all fields borrow from one encoding: one lifetime is enough";
            return Err(Error::new(second.span(), message));
        }
    };
    let (decoding, _, _) = decoding.split_for_impl();
    let decoded: Vec<_> = (0..names.len()).map(|index| format_ident!("field_{index}")).collect();

    Ok(quote! {
        #[automatically_derived]
        impl #generics ::javm_guest::types::Typed for #name #arguments #clause {
            const SHAPE: ::javm_guest::types::Shape = ::javm_guest::types::Shape::Struct {
                name: #text,
                fields: &[#((#texts, <#types as ::javm_guest::types::Typed>::SHAPE)),*],
            };
        }

        #[automatically_derived]
        impl #generics ::javm_guest::types::Encode for #name #arguments #clause {
            fn encode<S: ::javm_guest::types::Sink + ?::core::marker::Sized>(
                &self,
                sink: &mut S,
            ) -> ::core::result::Result<(), ::javm_guest::types::EncodeError> {
                #(::javm_guest::types::Encode::encode(&self.#names, sink)?;)*
                ::core::result::Result::Ok(())
            }
        }

        #[automatically_derived]
        impl #decoding ::javm_guest::types::Decode<#encoding> for #name #arguments #clause {
            fn decode(
                decoder: &mut ::javm_guest::types::Decoder<#encoding>,
            ) -> ::core::result::Result<Self, ::javm_guest::types::DecodeError> {
                // One after the other: the order of the fields is the order of the encoding.
                #(let #decoded = ::javm_guest::types::Decode::decode(decoder)?;)*
                ::core::result::Result::Ok(Self { #(#names: #decoded),* })
            }
        }
    })
}
