//! The tree that a manifest describes.

use std::collections::BTreeMap;

use javm_cap::{
    CNode, Callable, Capability, Data, Instance, Interface, Mask, PAGE_SIZE, Path, PlaceError, Right, Service, TypeDef,
    ValidImage, Wanted,
};
use nub::Grants;
use nub_kernel::service::Service as KernelService;
use toml::Spanned;

use super::schema::{self, Number};
use super::{Names, Source};
use crate::command::failure::Failure;
use crate::command::files;
use crate::command::hex;

/// The largest file that becomes a Data: as much as one can have.
const MAX_DATA_BYTES: u64 = javm_cap::MAX_DATA_PAGES as u64 * PAGE_SIZE as u64;

/// Builds the tree: the root, then each place in its turn.
pub(super) fn tree(source: &Source<'_>, names: &Names, manifest: &schema::Manifest) -> Result<Instance, Failure> {
    let item = &manifest.root;
    let schema::Root { image, services, quota, home } = item.get_ref();
    let home = home.as_deref().unwrap_or("/");
    let mut root = instance(source, names, item, image, *services)?;
    root = conditioned(source, item, root, quota.as_ref(), Some(home))?;
    for item in &manifest.place {
        let place = item.get_ref();
        let path = source.path(item, "path", &place.path)?;
        let capability = capability(source, names, item, &root)?;
        let put = match place.replace {
            true => root.replace_at(&path, capability).map(drop),
            false => root.put_at(&path, capability),
        };
        put.map_err(|refused| source.wrong(item, format!("{path}: {}", advice(&path, refused.why))))?;
    }
    check_instances(source, manifest, &root)?;
    Ok(root)
}

/// Why nothing can be put at a path, and what to do about it.
fn advice(path: &Path, why: PlaceError) -> String {
    let above = |at: usize| Path::new(&path[..=at.min(path.len().saturating_sub(1))]).unwrap_or_default();
    match why {
        PlaceError::Full => {
            "something stands there: the Image has an initial slot there, or another place is the same; \
                             write `replace = true` to have this one instead"
                .into()
        }
        PlaceError::Empty(at) if at + 1 < path.len() => {
            format!("nothing stands at {}: put a CNode or an Instance there first, above this place", above(at))
        }
        PlaceError::Empty(_) => "nothing stands there that could be replaced: leave out `replace`".into(),
        PlaceError::Kind { at, found } => {
            format!("at {} stands {found}, which has no slots; only a CNode or an Instance has", above(at))
        }
        PlaceError::Length(0) => "the root stands there, which is the table [root]".into(),
        other => other.to_string(),
    }
}

/// What is to stand at a place.
fn capability(
    source: &Source<'_>,
    names: &Names,
    item: &Spanned<schema::Place>,
    root: &Instance,
) -> Result<Capability, Failure> {
    let place = item.get_ref();
    let kinds = [
        ("instance", place.instance.is_some()),
        ("image", place.image.is_some()),
        ("typedef", place.typedef.is_some()),
        ("cnode", place.cnode.is_some()),
        ("data", place.data.is_some()),
        ("service", place.service.is_some()),
        ("callable", place.callable.is_some()),
        ("copy", place.copy.is_some()),
    ];
    let said: Vec<&str> = kinds.iter().filter(|(_, is_said)| *is_said).map(|(name, _)| *name).collect();
    let [kind] = said[..] else {
        let all: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        let found = if said.is_empty() { "none".into() } else { said.join(" and ") };
        return Err(source.wrong(item, format!("a place has one of {}, not {found}", all.join(", "))));
    };
    let of_others = [
        ("services", place.services.is_some(), "instance"),
        ("quota", place.quota.is_some(), "instance"),
        ("home", place.home.is_some(), "instance"),
        ("parameter", place.parameter.is_some(), "service"),
    ];
    if let Some((key, _, of)) = of_others.iter().find(|(_, is_said, of)| *is_said && *of != kind) {
        return Err(source.wrong(item, format!("`{key}` belongs to a place with `{of}`, not with `{kind}`")));
    }
    Ok(match place {
        schema::Place { instance: Some(image), .. } => {
            let made = instance(source, names, item, image, place.services.unwrap_or(true))?;
            conditioned(source, item, made, place.quota.as_ref(), place.home.as_deref())?.into()
        }
        schema::Place { image: Some(name), .. } => named_image(source, names, item, name)?.clone().into(),
        schema::Place { typedef: Some(name), .. } => named_type(source, names, item, name)?.clone().into(),
        schema::Place { data: Some(content), .. } => data(source, item, content)?.into(),
        schema::Place { service: Some(id), .. } => {
            let parameter =
                place.parameter.as_ref().map(|value| source.number(item, "parameter", value)).transpose()?;
            Service { id: service(source, item, id)?, parameter: parameter.unwrap_or(0) }.into()
        }
        schema::Place { callable: Some(described), .. } => callable(source, names, item, described, root)?.into(),
        schema::Place { copy: Some(from), .. } => {
            let from = source.path(item, "copy", from)?;
            let found = root.table().at(&from).map_err(|_| {
                source.wrong(item, format!("copy = \"{from}\": nothing stands there yet: put it above this place"))
            })?;
            found.clone()
        }
        // `cnode = false` says nothing; what else it could mean nobody knows.
        _ if place.cnode == Some(false) => return Err(source.wrong(item, "`cnode` can only be true")),
        _ => CNode::new().into(),
    })
}

/// What a name stands for, which is one of these, in the table of the manifest that has them.
fn named<'a, T, V>(
    source: &Source<'_>,
    item: &Spanned<T>,
    name: &str,
    (what, table, known): (&str, &str, &'a BTreeMap<String, V>),
) -> Result<&'a V, Failure> {
    known.get(name).ok_or_else(|| {
        let known = match known.keys().map(String::as_str).collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "has nothing".into(),
            known => format!("has: {known}"),
        };
        source.wrong(item, format!("no {what} is named '{name}' in [{table}], which {known}"))
    })
}

fn named_image<'a, T>(
    source: &Source<'_>,
    names: &'a Names,
    item: &Spanned<T>,
    name: &str,
) -> Result<&'a ValidImage, Failure> {
    named(source, item, name, ("Image", "images", &names.images))
}

fn named_type<'a, T>(
    source: &Source<'_>,
    names: &'a Names,
    item: &Spanned<T>,
    name: &str,
) -> Result<&'a TypeDef, Failure> {
    named(source, item, name, ("interface", "types", &names.types))
}

/// A new Instance of an Image, with the services that it imports if it is to have them.
fn instance<T>(
    source: &Source<'_>,
    names: &Names,
    item: &Spanned<T>,
    image: &str,
    services: bool,
) -> Result<Instance, Failure> {
    let image = named_image(source, names, item, image)?;
    let mut instance = Instance::new(image.clone());
    for (&slot, import) in image.image().imports.iter().filter(|_| services) {
        if let Wanted::Service(id) = import.wanted
            && KernelService::from_number(id).is_some()
        {
            instance
                .put_at(&[slot], Service { id, parameter: 0 })
                .map_err(|refused| source.wrong(item, format!("slot {slot}: {}", refused.why)))?;
        }
    }
    Ok(instance)
}

/// An Instance with a quota and a home.
fn conditioned<T>(
    source: &Source<'_>,
    item: &Spanned<T>,
    mut instance: Instance,
    quota: Option<&Number>,
    home: Option<&str>,
) -> Result<Instance, Failure> {
    if let Some(quota) = quota {
        let pages = source.number(item, "quota", quota)?;
        instance.set_quota(Some(pages)).map_err(|error| source.wrong(item, format!("quota: {error}")))?;
    }
    match home {
        None | Some("none") => {}
        Some(home) => instance.set_home(Some(source.path(item, "home", home)?)),
    }
    Ok(instance)
}

fn service<T>(source: &Source<'_>, item: &Spanned<T>, id: &Number) -> Result<u32, Failure> {
    if let Number::Text(name) = id
        && let Some(found) = KernelService::ALL.iter().find(|service| service.name().eq_ignore_ascii_case(name))
    {
        return Ok(*found as u32);
    }
    let known: Vec<&str> = KernelService::ALL.iter().map(|service| service.name()).collect();
    let number = source.number(item, "service", id).ok().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| source.wrong(item, format!("a service is a number or one of {}", known.join(", "))))
}

fn data<T>(source: &Source<'_>, item: &Spanned<T>, content: &schema::Data) -> Result<Data, Failure> {
    let schema::Data { pages, text, hex, file } = content;
    let bytes = match (text, hex, file) {
        (None, None, None) => Vec::new(),
        (Some(text), None, None) => text.clone().into_bytes(),
        (None, Some(digits), None) => {
            hex::parse(digits).map_err(|error| source.wrong(item, format!("hex: {error}")))?.0
        }
        (None, None, Some(file)) => files::read(&source.beside(file), "a Data", MAX_DATA_BYTES)?,
        _ => return Err(source.wrong(item, "a Data has one of text, hex and file, or none of them for zeros")),
    };
    let mut data = Data::from_bytes(&bytes).map_err(|error| source.wrong(item, error))?;
    if let Some(pages) = pages {
        let pages = source.number(item, "pages", pages)?;
        let needed = data.pages();
        if pages < needed.into() {
            return Err(source.wrong(item, format!("pages = {pages}: what it holds takes {needed}")));
        }
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        data.resize(pages).map_err(|error| source.wrong(item, format!("pages: {error}")))?;
    } else if bytes.is_empty() {
        return Err(source.wrong(item, "a Data of zeros needs `pages`"));
    }
    Ok(data)
}

/// A right as the root would mint it.
fn callable<T>(
    source: &Source<'_>,
    names: &Names,
    item: &Spanned<T>,
    described: &schema::Callable,
    root: &Instance,
) -> Result<Callable, Failure> {
    let schema::Callable { to, typedef, image, methods, gas, badge } = described;
    let path = source.path(item, "to", to)?;
    let standing = match root.copy_at(&path) {
        Ok(Capability::Instance(instance)) => Some(instance.image().clone()),
        _ => None,
    };
    let (interface, all): (Interface, Vec<String>) = match (typedef, image, standing) {
        (Some(_), Some(_), _) => return Err(source.wrong(item, "a callable has `typedef` or `image`, not both")),
        (Some(name), None, _) => {
            let typedef = named_type(source, names, item, name)?;
            let methods = typedef.definition().methods().iter().map(|method| method.name().to_string());
            (Interface::TypeDef(typedef.clone()), methods.collect())
        }
        (None, Some(name), _) => of_image(named_image(source, names, item, name)?),
        (None, None, Some(image)) => of_image(&image),
        (None, None, None) => {
            let reason = "no Instance stands there yet: put it above this place, or say `typedef` or `image`";
            return Err(source.wrong(item, format!("to = \"{path}\": {reason}")));
        }
    };
    let mut mask = Mask::first(all.len());
    if let Some(methods) = methods {
        mask = Mask::default();
        for name in methods {
            let number = all.iter().position(|method| method == name).and_then(|number| u8::try_from(number).ok());
            let known = || all.join(", ");
            mask = mask
                .with(number.ok_or_else(|| source.wrong(item, format!("no method '{name}'; there are: {}", known())))?);
        }
    }
    let number = |key, value: &Option<Number>| value.as_ref().map(|value| source.number(item, key, value)).transpose();
    let is_instance = |length: &usize| matches!(root.table().at(&path[..*length]), Ok(Capability::Instance(_)));
    let right = Right {
        mask,
        ceiling: number("gas", gas)?.unwrap_or(u64::MAX),
        badge: number("badge", badge)?.unwrap_or(0),
        // At most the slots of a path.
        distance: (1..=path.len()).filter(is_instance).count() as u8,
        path,
    };
    Callable::new(interface, right).map_err(|error| source.wrong(item, error))
}

fn of_image(image: &ValidImage) -> (Interface, Vec<String>) {
    let names = image.image().endpoints.iter().map(|endpoint| endpoint.name.to_string());
    (Interface::of_image(image), names.collect())
}

/// Whether every Instance that the manifest makes has what its Image requires, and is within its quota.
fn check_instances(source: &Source<'_>, manifest: &schema::Manifest, root: &Instance) -> Result<(), Failure> {
    let lacks = |instance: &Instance| {
        let image = instance.image().image();
        let present = image.imports.keys().filter_map(|&slot| Some((slot, instance.table().get(slot)?.clone())));
        let grants = present.fold(Grants::none(), |grants, (slot, capability)| grants.with(slot, capability));
        grants.resolve(image).err()
    };
    let wrong = |path: &Path, instance: &Instance, is_made: bool| {
        let size = instance.measure().size;
        match (instance.quota().filter(|&quota| size > quota), lacks(instance)) {
            (Some(quota), _) => {
                Some(format!("{path}: it has {size} pages, more than quota = {quota}: make that larger"))
            }
            (None, Some(error)) if is_made => Some(format!("{path}: {error}: put it there with a place of its own")),
            _ => None,
        }
    };
    if let Some(why) = wrong(&Path::ROOT, root, true) {
        return Err(source.wrong(&manifest.root, why));
    }
    for item in &manifest.place {
        let path = source.path(item, "path", &item.get_ref().path)?;
        // A later place may have replaced it.
        if let Ok(Capability::Instance(instance)) = root.table().at(&path)
            && let Some(why) = wrong(&path, instance, item.get_ref().instance.is_some())
        {
            return Err(source.wrong(item, why));
        }
    }
    Ok(())
}
