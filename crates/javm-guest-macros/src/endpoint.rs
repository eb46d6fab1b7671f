//! `#[endpoint]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Pat, Result, ReturnType, Token, Type};

/// What stands in the parentheses.
pub struct Options {
    /// What it is called, if not as in Rust.
    pub name: Option<LitStr>,
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Options> {
        if input.is_empty() {
            return Ok(Options { name: None });
        }
        let key: Ident = input.parse()?;
        if key != "name" {
            return Err(Error::new(key.span(), "the only option is `name = \"…\"`"));
        }
        input.parse::<Token![=]>()?;
        let name = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        if input.is_empty() { Ok(Options { name }) } else { Err(input.error("nothing follows the name")) }
    }
}

/// An argument: its name and its type.
fn argument(argument: &FnArg) -> Result<(&Ident, &Type)> {
    match argument {
        FnArg::Receiver(receiver) => Err(Error::new(receiver.span(), "an endpoint is a function, not a method")),
        FnArg::Typed(typed) => match (&*typed.pat, &*typed.ty) {
            (_, Type::ImplTrait(ty)) => Err(Error::new(ty.span(), "the caller has to know the type of an argument")),
            (Pat::Ident(pattern), ty) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                Ok((&pattern.ident, ty))
            }
            (other, _) => Err(Error::new(other.span(), "an argument of an endpoint is a name: callers are told it")),
        },
    }
}

/// Refuses what no endpoint can be.
fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(token.span(), "a call ends when the function returns: an endpoint cannot be async"));
    }
    if let syn::Safety::Unsafe(token) = &signature.safety {
        return Err(Error::new(token.span(), "anybody can call an endpoint, with any arguments: it cannot be unsafe"));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new(
            abi.span(),
            "an endpoint is an ordinary function; the kernel does not call it directly",
        ));
    }
    if let Some(dots) = &signature.variadic {
        return Err(Error::new(dots.span(), "an endpoint takes what its signature says"));
    }
    let type_parameter = signature.generics.params.iter().find(|p| !matches!(p, syn::GenericParam::Lifetime(_)));
    if let Some(parameter) = type_parameter {
        return Err(Error::new(parameter.span(), "the caller has to know the types: an endpoint cannot be generic"));
    }
    Ok(())
}

/// Whether the type is written as a `Result`, which no value of the type language is.
fn is_result(returns: &Type) -> bool {
    match returns {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Result"),
        Type::Group(group) => is_result(&group.elem),
        Type::Paren(paren) => is_result(&paren.elem),
        _ => false,
    }
}

pub fn expand(options: &Options, function: &ItemFn) -> Result<TokenStream> {
    check(function)?;
    let arguments: Vec<_> = function.sig.inputs.iter().map(argument).collect::<Result<_>>()?;
    let function_name = &function.sig.ident;
    let bare = function_name.to_string();
    let bare = bare.strip_prefix("r#").unwrap_or(&bare);
    let name = options.name.as_ref().map_or_else(|| LitStr::new(bare, function_name.span()), Clone::clone);
    // What a debugger and a disassembly call the place where a call begins.
    let entry = format_ident!("endpoint_{}", bare, span = function_name.span());

    let types: Vec<TokenStream> = arguments.iter().map(|(_, ty)| elided(ty)).collect();
    // The compiler orders records by their symbols.
    let place = function_name.span().start();
    let symbol = format!("javm.endpoint.{:06}.{:04}.{}", place.line, place.column, name.value());

    let texts = arguments.iter().map(|(name, _)| name.to_string().trim_start_matches("r#").to_owned());
    // Variables that do not hide a function of the same name: the endpoint's own, among others.
    let variable = |name: &str| Ident::new(name, Span::mixed_site());
    let call = variable("call");
    let places: Vec<Ident> = (0..arguments.len()).map(|index| variable(&format!("argument_{index}"))).collect();

    let unit: Type = syn::parse_quote!(());
    let returns = match &function.sig.output {
        ReturnType::Default => &unit,
        ReturnType::Type(_, ty) => ty,
    };
    let written = elided(returns);
    let (shape, value) = if is_result(returns) {
        (
            quote!(<#written as ::javm_guest::__endpoint::Fallible>::Value),
            quote!(::javm_guest::__endpoint::or_fail(NAME, result)),
        )
    } else {
        (written, quote!(result))
    };

    Ok(quote! {
        #function

        // As host code the endpoint has a name, by which it can be called as the kernel does: by everybody.
        #[cfg(not(target_os = "none"))]
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        pub enum #entry {}

        #[doc(hidden)]
        const _: () = {
            const NAME: &str = #name;

            const SIGNATURE: ::javm_guest::types::Signature = ::javm_guest::types::Signature {
                name: NAME,
                arguments: &[#((#texts, <#types as ::javm_guest::types::Typed>::SHAPE)),*],
                returns: <#shape as ::javm_guest::types::Typed>::SHAPE,
            };

            const _: () = if let Err(error) = SIGNATURE.check() {
                ::core::panic!("{}", error.message())
            };

            #[allow(dead_code, clippy::let_unit_value, clippy::unit_arg)]
            extern "C-unwind" fn #entry(a0: u64, a1: u64, a2: u64, a3: u64) -> u64 {
                let #call = ::javm_guest::__endpoint::Entered::default();
                // Arguments and result may borrow from the scratchpad, and are gone before it takes the result.
                let encoded = {
                    let (#(#places,)*): (#(#types,)*) = #call.arguments(NAME, [a0, a1, a2, a3]);
                    let result = #function_name(#(#places),*);
                    ::javm_guest::__endpoint::encode(NAME, &#value)
                };
                #call.deliver(encoded)
            }

            ::javm_guest::__endpoint_record!(#entry, NAME, SIGNATURE, #symbol);

            #[cfg(not(target_os = "none"))]
            impl ::javm_guest::test::Endpoint for #entry {
                const SIGNATURE: ::javm_guest::types::Signature = SIGNATURE;

                fn call([a0, a1, a2, a3]: [u64; 4]) -> u64 {
                    #entry(a0, a1, a2, a3)
                }
            }
        };
    })
}

/// The type with the lifetimes that the function has declared left to be inferred: they mean nothing outside of it.
pub fn elided(ty: &Type) -> TokenStream {
    fn replace(tokens: TokenStream) -> TokenStream {
        let mut replaced = TokenStream::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            use proc_macro2::TokenTree::{Group, Ident, Punct};
            match (&token, tokens.peek()) {
                (Punct(quote), Some(Ident(name))) if quote.as_char() == '\'' && name != "static" => {
                    let underscore = proc_macro2::Ident::new("_", name.span());
                    tokens.next();
                    replaced.extend([token, Ident(underscore)]);
                }
                (Group(group), _) => {
                    let mut inside = proc_macro2::Group::new(group.delimiter(), replace(group.stream()));
                    inside.set_span(group.span());
                    replaced.extend([Group(inside)]);
                }
                _ => replaced.extend([token]),
            }
        }
        replaced
    }
    replace(quote!(#ty))
}
