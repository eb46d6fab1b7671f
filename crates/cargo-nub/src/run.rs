//! Folders, files and other programs, with errors that say which.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::failure::Failure;

/// What is built, and where to. All paths are absolute.
pub struct Project {
    /// The program's folder.
    pub path: PathBuf,
    /// Where everything goes.
    pub target: PathBuf,
    /// Where objects go.
    pub objects: PathBuf,
}

impl Project {
    /// Where the object of a program is.
    pub fn object(&self, name: &str) -> PathBuf {
        self.objects.join(format!("{name}.o"))
    }

    /// What the folder is called: its name in messages of programs and in debug information.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(|| "program".into(), |name| name.to_string_lossy().into_owned())
    }
}

/// Makes a folder if there is none, and says where it is.
pub fn folder(path: &Path) -> Result<PathBuf, Failure> {
    let failure = |error| Failure::File { path: path.into(), error };
    fs::create_dir_all(path).map_err(failure)?;
    path.canonicalize().map_err(failure)
}

/// Where a folder is that is there.
pub fn existing_folder(path: &Path) -> Result<PathBuf, Failure> {
    let found = path.canonicalize().map_err(|error| Failure::File { path: path.into(), error })?;
    if found.is_dir() { Ok(found) } else { Err(Failure::Usage(format!("{}: not a folder", path.display()))) }
}

/// Writes a file.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    fs::write(path, contents).map_err(|error| Failure::File { path: path.into(), error })
}

/// Copies a file.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).map_err(|error| Failure::File { path: from.into(), error })
}

/// What a program writes, and how it ended.
pub fn output(command: &mut Command) -> Result<Output, Failure> {
    command.output().map_err(|error| Failure::start(command, error))
}

/// What a program writes that has to succeed; its messages go on to who looks.
pub fn text(command: &mut Command) -> Result<String, Failure> {
    command.stderr(std::process::Stdio::inherit());
    let output = output(command)?;
    if !output.status.success() {
        return Err(Failure::failed(command, output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Runs a program that has to succeed. What it writes is for who looks.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::failed(command, status)),
        Err(error) => Err(Failure::start(command, error)),
    }
}

/// Where a program is that is called by its name.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
