//! From the object to the Image.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::run;

/// Links an object, writes the Image and, beside it, the names of its functions, and says what came of it.
pub fn build(object: &Path, path: &Path) -> Result<(), Failure> {
    let bytes = fs::read(object).map_err(|error| Failure::File { path: object.into(), error })?;
    let options =
        javm_link::Options { input_name: object.to_string_lossy().into_owned(), ..javm_link::Options::default() };
    let linked = javm_link::link(&bytes, &options)
        .map_err(|error| Failure::Link { path: object.into(), error: Box::new(error) })?;
    for note in &linked.notes {
        eprintln!("note: {}: {note}", object.display());
    }
    let image = linked.image.encode();
    let symbol_path = path.with_extension("nub.sym");
    let symbols =
        linked.symbols.to_json().map_err(|error| Failure::File { path: symbol_path.clone(), error: error.into() })?;
    run::write(path, &image)?;
    run::write(&symbol_path, symbols)?;
    let endpoints: Vec<&str> = linked.image.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    println!("{}  {} bytes, {}", path.display(), image.len(), linked.image.hash());
    println!("    endpoints: {}", endpoints.join(", "));
    Ok(())
}
