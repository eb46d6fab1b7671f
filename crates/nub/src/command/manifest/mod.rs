//! Manifests: trees of capabilities as files. `docs/manifest.md` says what stands in them.

mod build;
mod schema;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};

use javm_cap::{CapHash, Capability, Instance, Path, TypeDef, ValidImage};
use nub::{EndpointRef, InstanceId, InvokeOptions, Nub};
use toml::Spanned;

use self::schema::Number;
use super::arguments;
use super::failure::Failure;
use super::{files, number};

/// The largest manifest that is read.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// A tree that a manifest describes, and what is to be called in it first.
pub(super) struct Tree {
    file: PathBuf,
    root: Instance,
    calls: Vec<Call>,
    /// Where each Image came from.
    images: BTreeMap<CapHash, PathBuf>,
}

/// A call that the manifest makes.
struct Call {
    line: usize,
    at: Path,
    endpoint: String,
    args: Vec<String>,
    gas: u64,
}

impl Tree {
    /// Reads a manifest, with all the files that it names, and builds the tree.
    pub(super) fn read(file: &FilePath) -> Result<Tree, Failure> {
        let bytes = files::read(file, files::MANIFEST, MAX_MANIFEST_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|error| malformed(file, format!("this is no text: {error}")))?;
        let manifest: schema::Manifest = toml::from_str(&text).map_err(|error| {
            let place = error.span().map_or(String::new(), |span| format!("line {}: ", line_of(&text, &span)));
            malformed(file, format!("{place}{}", error.message()))
        })?;
        let source = Source { file, text: &text };
        let mut names = Names::default();
        for (name, path) in &manifest.images {
            let path = source.beside(path.get_ref());
            let bytes = files::read(&path, files::IMAGE, files::MAX_IMAGE_BYTES)?;
            let image = ValidImage::load(&bytes).map_err(|error| Failure::nub(&path, error))?;
            names.files.insert(image.hash(), path);
            names.images.insert(name.clone(), image);
        }
        for (name, interface) in &manifest.types {
            names.types.insert(name.clone(), source.interface(interface)?);
        }
        let root = build::tree(&source, &names, &manifest)?;
        let calls = manifest.call.iter().map(|call| source.call(call)).collect::<Result<_, _>>()?;
        Ok(Tree { file: file.into(), root, calls, images: names.files })
    }

    /// What stands at a path.
    pub(super) fn at(&self, path: &Path) -> Option<Capability> {
        self.root.copy_at(path).ok()
    }

    /// The file that an Image was read from.
    pub(super) fn image_file(&self, image: &CapHash) -> Option<&FilePath> {
        self.images.get(image).map(PathBuf::as_path)
    }

    /// Loads the tree and makes the calls that come first, each of which has to halt.
    pub(super) fn load(&self, nub: &mut Nub) -> Result<InstanceId, Failure> {
        let in_file = |error: nub::Error| Failure::nub(&self.file, error);
        let root = nub.load(self.root.clone()).map_err(in_file)?;
        for call in &self.calls {
            let wrong = |reason: String| {
                malformed(&self.file, format!("line {}: call of {} at {}: {reason}", call.line, call.endpoint, call.at))
            };
            let number = call.endpoint.parse().map(EndpointRef::Number);
            let declared = |endpoint| nub.reader().endpoint_at(root, &call.at, endpoint);
            let by_name = EndpointRef::Name(&call.endpoint);
            let (endpoint, declared) = match (declared(by_name), number) {
                (Err(_), Ok(number)) => (number, declared(number)),
                (found, _) => (by_name, found),
            };
            let declared = declared.map_err(|error| wrong(error.to_string()))?;
            let prepared =
                arguments::prepare(&call.args, &declared, false).map_err(|error| wrong(error.to_string()))?;
            let options = prepared.options(&self.file, call.gas, None)?;
            let options = InvokeOptions { path: call.at, ..options };
            let outcome =
                nub.invoke(root, endpoint, &prepared.registers, &options).map_err(|error| wrong(error.to_string()))?;
            if outcome.ended != nub::Ended::Halt {
                return Err(wrong(format!("it ended with {}, after {} gas", outcome.status(), outcome.gas_used)));
            }
        }
        Ok(root)
    }
}

fn malformed(file: &FilePath, reason: String) -> Failure {
    Failure::Malformed { path: file.into(), reason, hint: Some("docs/manifest.md has every key, with examples") }
}

/// The number of the line that a span begins in.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1
}

/// What names stand for.
#[derive(Default)]
struct Names {
    images: BTreeMap<String, ValidImage>,
    types: BTreeMap<String, TypeDef>,
    files: BTreeMap<CapHash, PathBuf>,
}

/// The file, for what is relative to it, and for saying where something is wrong.
struct Source<'a> {
    file: &'a FilePath,
    text: &'a str,
}

impl Source<'_> {
    /// A path of a file, relative to the manifest.
    fn beside(&self, path: &FilePath) -> PathBuf {
        self.file.parent().map_or_else(|| path.into(), |folder| folder.join(path))
    }

    fn line<T>(&self, item: &Spanned<T>) -> usize {
        line_of(self.text, &item.span())
    }

    fn wrong<T>(&self, item: &Spanned<T>, reason: impl std::fmt::Display) -> Failure {
        malformed(self.file, format!("line {}: {reason}", self.line(item)))
    }

    fn interface(&self, item: &Spanned<schema::Interface>) -> Result<TypeDef, Failure> {
        let schema::Interface { text, file } = item.get_ref();
        let text = match (text, file) {
            (Some(text), None) => text.clone(),
            (None, Some(file)) => {
                let file = self.beside(file);
                let bytes = files::read(&file, "an interface", MAX_MANIFEST_BYTES)?;
                String::from_utf8(bytes).map_err(|error| Failure::malformed(&file, error))?
            }
            _ => return Err(self.wrong(item, "an interface has either `text` or `file`")),
        };
        let definition = text.parse().map_err(|error| self.wrong(item, format!("this is no interface: {error}")))?;
        Ok(TypeDef::new(definition))
    }

    fn path<T>(&self, item: &Spanned<T>, key: &str, text: &str) -> Result<Path, Failure> {
        text.parse().map_err(|error| self.wrong(item, format!("{key} = \"{text}\": {error}")))
    }

    fn number<T>(&self, item: &Spanned<T>, key: &str, value: &Number) -> Result<u64, Failure> {
        match value {
            Number::Number(number) => Ok(*number),
            Number::Text(text) => {
                number::parse(text).map_err(|error| self.wrong(item, format!("{key} = \"{text}\": {error}")))
            }
        }
    }

    fn call(&self, item: &Spanned<schema::Call>) -> Result<Call, Failure> {
        let schema::Call { at, endpoint, args, gas } = item.get_ref();
        let gas = gas.as_ref().map(|gas| self.number(item, "gas", gas)).transpose()?;
        Ok(Call {
            line: self.line(item),
            at: self.path(item, "at", at)?,
            endpoint: endpoint.clone(),
            args: args.clone(),
            gas: gas.unwrap_or(nub::DEFAULT_GAS),
        })
    }
}
