//! The attributes [`macro@endpoint`] and [`macro@interface`] and the derive [`macro@Typed`] of `javm-guest`, which exports and documents them.
//!
//! # How to read this crate
//! - `endpoint`: a function, and behind it a constant that holds the signature, the function that the kernel calls, and
//!   the record for the linker.
//! - `interface`: a trait, and behind it the TypeDef, and the calls of a program that implements it.
//! - `typed`: the three traits of `javm-types`, field by field.
//!
//! All only arrange names: whatever can be decided by a trait or a constant is decided in `javm-guest`.

mod endpoint;
mod interface;
mod typed;

use proc_macro::TokenStream;

/// Makes a function callable from outside. See `javm_guest::endpoint`.
#[proc_macro_attribute]
pub fn endpoint(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let options = syn::parse_macro_input!(attribute as endpoint::Options);
    let function = syn::parse_macro_input!(item as syn::ItemFn);
    endpoint::expand(&options, &function).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes a trait an interface by which programs are called. See `javm_guest::interface`.
#[proc_macro_attribute]
pub fn interface(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let options = syn::parse_macro_input!(attribute as endpoint::Options);
    let item = syn::parse_macro_input!(item as syn::ItemTrait);
    interface::expand(&options, item).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes a struct an argument and a result. See `javm_guest::Typed`.
#[proc_macro_derive(Typed)]
pub fn derive_typed(item: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(item as syn::DeriveInput);
    typed::expand(&input).unwrap_or_else(|error| error.into_compile_error()).into()
}

#[cfg(test)]
mod tests {
    use super::{endpoint, interface, typed};

    /// What the author of a wrong endpoint is told.
    fn refusal(options: &str, function: &str) -> String {
        let options = syn::parse_str::<endpoint::Options>(options);
        let function = syn::parse_str(function).expect("it is a function");
        let expanded = options.and_then(|options| endpoint::expand(&options, &function));
        expanded.expect_err("it must not compile").to_string()
    }

    #[test]
    fn functions_that_are_no_endpoints() {
        for (options, function, message) in [
            ("", "async fn f() {}", "a call ends when the function returns: an endpoint cannot be async"),
            ("", "unsafe fn f() {}", "anybody can call an endpoint, with any arguments: it cannot be unsafe"),
            ("", "extern \"C\" fn f() {}", "an endpoint is an ordinary function; the kernel does not call it directly"),
            ("", "fn f<T>(t: T) {}", "the caller has to know the types: an endpoint cannot be generic"),
            ("", "fn f<const N: usize>() {}", "the caller has to know the types: an endpoint cannot be generic"),
            ("", "fn f(&self) {}", "an endpoint is a function, not a method"),
            ("", "fn f((a, b): (u8, u8)) {}", "an argument of an endpoint is a name: callers are told it"),
            ("", "fn f(_: u8) {}", "an argument of an endpoint is a name: callers are told it"),
            ("", "fn f(x: impl Copy) {}", "the caller has to know the type of an argument"),
            ("title = \"g\"", "fn f() {}", "the only option is `name = \"…\"`"),
            ("name = \"g\", name", "fn f() {}", "nothing follows the name"),
        ] {
            assert_eq!(refusal(options, function), message, "{function}");
        }
    }

    #[test]
    fn traits_that_are_no_interfaces() {
        for (item, message) in [
            ("trait T<A> { }", "an interface has one meaning: no parameters"),
            ("trait T: Copy { }", "an interface is its methods: it cannot ask for other traits"),
            ("trait T { const C: u8; }", "an interface has methods only"),
            ("trait T { fn f(); }", "a method of an interface begins with `&self`"),
            ("trait T { fn f(self); }", "a method of an interface begins with `&self`"),
            ("trait T { fn f(&mut self); }", "a method of an interface begins with `&self`"),
            ("trait T { fn f(&self, (a, b): (u8, u8)); }", "an argument of a method is a name"),
            ("trait T { fn f<A>(&self, a: A); }", "both sides have to know the types: a method cannot be generic"),
            ("trait T { async fn f(&self); }", "a call ends when the program returns: a method cannot be async"),
            ("trait T { fn f(&self) {} }", "an interface says what there is; what it does is its programs' business"),
            ("trait T { #[method(title = \"g\")] fn f(&self); }", "the only option is `name = \"…\"`"),
        ] {
            let options = syn::parse_str("").expect("no options");
            let item_read = syn::parse_str(item).expect("it is a trait");
            let error = interface::expand(&options, item_read).expect_err("it must not compile");
            assert_eq!(error.to_string(), message, "{item}");
        }
    }

    #[test]
    fn types_that_are_not_of_the_language() {
        for (item, message) in [
            ("enum E { A }", "only a struct has a type of the language; see docs/spec/types.md"),
            ("struct P(u8);", "the fields of a struct have names in the language; a tuple is a type as it is"),
            ("struct G<T> { t: T }", "a struct of the language has one meaning: no parameters"),
            (
                "struct B<'a, 'b> { a: &'a str, b: &'b str }",
                "all fields borrow from one encoding: one lifetime is enough",
            ),
        ] {
            let input = syn::parse_str(item).expect("it is an item");
            assert_eq!(typed::expand(&input).expect_err("it must not compile").to_string(), message, "{item}");
        }
    }
}
