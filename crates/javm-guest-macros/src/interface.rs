//! `#[interface]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, Ident, ItemTrait, LitStr, Pat, ReceiverKind, Result, ReturnType, TraitItem, TraitItemFn, Type,
};

use crate::endpoint::{Options, elided};

/// A method: what it is called in the interface, and its parts.
struct Method<'a> {
    name: String,
    item: &'a TraitItemFn,
    arguments: Vec<(&'a Ident, &'a Type)>,
    returns: Type,
}

fn bare(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

/// `KeyValue` is `key_value`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Takes the attribute `#[method(name = "…")]` away from a method.
fn given_name(item: &mut TraitItemFn) -> Result<Option<LitStr>> {
    let mut given = None;
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("method")) {
        given = attribute.parse_args::<Options>()?.name;
    }
    item.attrs.retain(|attribute| !attribute.path().is_ident("method"));
    Ok(given)
}

/// An argument: its name and its type.
fn argument(argument: &FnArg) -> Result<(&Ident, &Type)> {
    match argument {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                Ok((&pattern.ident, &*typed.ty))
            }
            other => Err(Error::new(other.span(), "an argument of a method is a name")),
        },
        FnArg::Receiver(receiver) => Err(Error::new(receiver.span(), "there is one `&self`")),
    }
}

fn method(item: &TraitItemFn, given: Option<LitStr>) -> Result<Method<'_>> {
    let signature = &item.sig;
    let type_parameter = signature.generics.params.iter().find(|p| !matches!(p, syn::GenericParam::Lifetime(_)));
    if let Some(parameter) = type_parameter {
        return Err(Error::new(parameter.span(), "both sides have to know the types: a method cannot be generic"));
    }
    if let Some(body) = &item.default {
        return Err(Error::new(body.span(), "an interface says what there is; what it does is its programs' business"));
    }
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(token.span(), "a call ends when the program returns: a method cannot be async"));
    }
    let mut inputs = signature.inputs.iter();
    match inputs.next() {
        Some(FnArg::Receiver(receiver)) if matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) => {}
        _ => return Err(Error::new(signature.ident.span(), "a method of an interface begins with `&self`")),
    }
    let returns = match &signature.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    let name = given.map_or_else(|| bare(&signature.ident), |name| name.value());
    Ok(Method { name, item, arguments: inputs.map(argument).collect::<Result<_>>()?, returns })
}

pub fn expand(options: &Options, mut item: ItemTrait) -> Result<TokenStream> {
    if !item.generics.params.is_empty() {
        return Err(Error::new(item.generics.span(), "an interface has one meaning: no parameters"));
    }
    if let Some(bound) = item.supertraits.first() {
        return Err(Error::new(bound.span(), "an interface is its methods: it cannot ask for other traits"));
    }
    let mut names = Vec::new();
    for inner in &mut item.items {
        match inner {
            TraitItem::Fn(function) => names.push(given_name(function)?),
            other => return Err(Error::new(other.span(), "an interface has methods only")),
        }
    }
    let functions = item.items.iter().filter_map(|inner| match inner {
        TraitItem::Fn(function) => Some(function),
        _ => None,
    });
    let methods: Vec<Method> = functions.zip(names).map(|(item, name)| method(item, name)).collect::<Result<_>>()?;

    let (ident, visible) = (&item.ident, &item.vis);
    let name = options.name.as_ref().map_or_else(|| snake_case(&bare(ident)), LitStr::value);
    let tried = format_ident!("Try{}", bare(ident), span = ident.span());
    let about = format!("The calls of [`{ident}`] that may fail: each is undone, whole, if it does.");

    let signatures = methods.iter().map(|Method { name, arguments, returns, .. }| {
        let (texts, types): (Vec<_>, Vec<_>) = arguments.iter().map(|(name, ty)| (bare(name), elided(ty))).unzip();
        let returns = elided(returns);
        quote!(::javm_guest::types::Signature {
            name: #name,
            arguments: &[#((#texts, <#types as ::javm_guest::types::Typed>::SHAPE)),*],
            returns: <#returns as ::javm_guest::types::Typed>::SHAPE,
        })
    });
    let (mut tries, mut tried_calls, mut calls, mut served) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, Method { name, item, arguments, returns }) in methods.iter().enumerate() {
        let function = &item.sig.ident;
        let try_function = format_ident!("try_{}", bare(function), span = function.span());
        let (generics, inputs, output) = (&item.sig.generics, &item.sig.inputs, &item.sig.output);
        let places: Vec<_> = arguments.iter().map(|(name, _)| name).collect();
        let types = arguments.iter().map(|(_, ty)| elided(ty));
        let number = number as u16;
        let documentation = item.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
        tries.push(quote! {
            #(#documentation)*
            ///
            /// # Errors
            /// Why there is no result.
            fn #try_function #generics (#inputs) -> ::core::result::Result<#returns, ::javm_guest::Failure>;
        });
        tried_calls.push(quote! {
            fn #try_function #generics (#inputs) -> ::core::result::Result<#returns, ::javm_guest::Failure> {
                self.__try(#number, &(#(#places,)*))
            }
        });
        calls.push(quote! {
            fn #function #generics (#inputs) #output {
                self.__expect(#name, #tried::#try_function(self, #(#places),*))
            }
        });
        served.push(quote! {
            #number => ::javm_guest::test::__serve(registers, scratchpad, |(#(#places,)*): (#(#types,)*)| {
                self.#function(#(#places),*)
            }),
        });
    }

    Ok(quote! {
        #item

        #[doc = #about]
        #[allow(dead_code)]
        #visible trait #tried {
            #(#tries)*
        }

        #[allow(clippy::too_many_arguments)]
        const _: () = {
            const DEFINITION: ::javm_guest::types::Interface = ::javm_guest::types::Interface {
                name: #name,
                methods: &[#(#signatures),*],
            };

            const _: () = if let Err(error) = DEFINITION.check() {
                ::core::panic!("{}", error.message())
            };

            impl ::javm_guest::Interface for dyn #ident {
                const DEFINITION: ::javm_guest::types::Interface = DEFINITION;
            }

            impl #tried for ::javm_guest::Callee<dyn #ident> {
                #(#tried_calls)*
            }

            impl #ident for ::javm_guest::Callee<dyn #ident> {
                #(#calls)*
            }

            #[cfg(not(target_os = "none"))]
            impl ::javm_guest::test::Serve for dyn #ident {
                fn serve(
                    &self,
                    method: u16,
                    registers: [u64; 4],
                    scratchpad: &[u8],
                ) -> ::core::result::Result<::javm_guest::test::Served, ::javm_guest::Status> {
                    match method {
                        #(#served)*
                        _ => ::core::result::Result::Err(::javm_guest::Status::NO_ENDPOINT),
                    }
                }
            }
        };
    })
}
