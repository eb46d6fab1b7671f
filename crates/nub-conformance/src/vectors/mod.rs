//! The vectors of the capability layer, `vectors/`: made from the model, for any implementation. What is in them, and in what
//! form, is in `vectors/README.md`.
//!
//! - `json`: values, calls and outcomes as the files have them. `case`: one vector.
//! - `choice`: which of the directed cases and generated worlds go into which file.
//! - `values`: hashes and proofs of single values.

mod case;
mod choice;
mod json;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, io};

use serde_json::{Value as Json, json};

use self::case::Vector;
use self::json::Shared;

/// The version of the form.
pub const VERSION: u32 = 3;

/// The text of a file, with a line for each thing that may change by itself.
fn file(about: &str, vectors: &[Vector], listings: bool) -> String {
    let mut shared = Shared::new(listings);
    let written: Vec<Json> = vectors.iter().map(|vector| vector.write(&mut shared)).collect();
    let (images, typedefs) = shared.into_json();
    lines(&json!({ "version": VERSION, "about": about, "images": images, "typedefs": typedefs, "vectors": written }))
}

/// JSON with a line for each entry of each list or object of the file, so that changes can be read.
fn lines(file: &Json) -> String {
    let entries = |json: &Json| match json {
        Json::Array(entries) => {
            format!("[\n{}\n]", entries.iter().map(Json::to_string).collect::<Vec<_>>().join(",\n"))
        }
        Json::Object(entries) if !entries.is_empty() => {
            let entries = entries.iter().map(|(name, entry)| format!("{}: {entry}", json!(name)));
            format!("{{\n{}\n}}", entries.collect::<Vec<_>>().join(",\n"))
        }
        other => other.to_string(),
    };
    let fields =
        file.as_object().into_iter().flatten().map(|(name, field)| format!("{}: {}", json!(name), entries(field)));
    format!("{{\n{}\n}}\n", fields.collect::<Vec<_>>().join(",\n"))
}

/// Every file, by its path below the directory of the vectors. They are always the same.
static FILES: LazyLock<BTreeMap<PathBuf, String>> = LazyLock::new(|| {
    let written = choice::files().into_iter().map(|(name, about, vectors)| {
        // Nobody reads the programs of generated worlds.
        let listings = name != Path::new(choice::GENERATED);
        let text = file(&about, &vectors, listings);
        (name, text)
    });
    let mut files: BTreeMap<PathBuf, String> = written.collect();
    files.insert("values.json".into(), lines(&values::file()));
    files
});

/// Writes them. Gives how many bytes they have.
///
/// # Errors
/// The directory cannot be written.
pub fn write(directory: &Path) -> io::Result<usize> {
    let mut bytes = 0;
    for (name, text) in &*FILES {
        bytes += text.len();
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(bytes)
}

/// What is not as it would be written: names of files that differ, are missing, or are there and belong to nothing.
///
/// # Errors
/// The directory cannot be read.
pub fn differing(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let files = &*FILES;
    let mut differing = Vec::new();
    for (name, text) in files {
        match fs::read_to_string(directory.join(name)) {
            Ok(found) if found == *text => {}
            Ok(_) => differing.push(name.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => differing.push(name.clone()),
            Err(error) => return Err(error),
        }
    }
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(directory.join(&folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name);
            } else if name.extension().is_some_and(|extension| extension == "json") && !files.contains_key(&name) {
                differing.push(name);
            }
        }
    }
    Ok(differing)
}
