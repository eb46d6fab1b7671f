//! What may stand in a manifest: its tables and keys. The page that says what they mean is `docs/manifest.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// A manifest as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) root: Spanned<Root>,
    /// Image files, by the names that the rest has for them.
    #[serde(default)]
    pub(super) images: BTreeMap<String, Spanned<PathBuf>>,
    /// Interfaces, by the names that the rest has for them.
    #[serde(default)]
    pub(super) types: BTreeMap<String, Spanned<Interface>>,
    /// What stands below the root, in the order in which it is put there.
    #[serde(default)]
    pub(super) place: Vec<Spanned<Place>>,
    /// The calls that are made first.
    #[serde(default)]
    pub(super) call: Vec<Spanned<Call>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    pub(super) image: String,
    #[serde(default = "yes")]
    pub(super) services: bool,
    pub(super) quota: Option<Number>,
    pub(super) home: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interface {
    pub(super) text: Option<String>,
    pub(super) file: Option<PathBuf>,
}

/// A place, and exactly one of the keys that say what stands there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) path: String,
    /// Whether something stands there before, which goes.
    #[serde(default)]
    pub(super) replace: bool,
    pub(super) instance: Option<String>,
    pub(super) image: Option<String>,
    pub(super) typedef: Option<String>,
    pub(super) cnode: Option<bool>,
    pub(super) data: Option<Data>,
    pub(super) service: Option<Number>,
    pub(super) callable: Option<Callable>,
    pub(super) copy: Option<String>,
    /// Of an Instance.
    pub(super) services: Option<bool>,
    pub(super) quota: Option<Number>,
    pub(super) home: Option<String>,
    /// Of a Service.
    pub(super) parameter: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    pub(super) pages: Option<Number>,
    pub(super) text: Option<String>,
    pub(super) hex: Option<String>,
    pub(super) file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Callable {
    pub(super) to: String,
    pub(super) typedef: Option<String>,
    pub(super) image: Option<String>,
    pub(super) methods: Option<Vec<String>>,
    pub(super) gas: Option<Number>,
    pub(super) badge: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    #[serde(default = "root")]
    pub(super) at: String,
    pub(super) endpoint: String,
    #[serde(default)]
    pub(super) args: Vec<String>,
    pub(super) gas: Option<Number>,
}

fn root() -> String {
    "/".into()
}

/// A number: as TOML has it, or as a text, for what TOML has no form for; a service may have its name.
#[derive(Deserialize)]
#[serde(untagged, expecting = "this has to be a number from 0 to 2^64 - 1, or one as a text, as in \"0xff\"")]
pub(super) enum Number {
    Number(u64),
    Text(String),
}
