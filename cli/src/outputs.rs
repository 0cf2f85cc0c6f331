//! The files that a run writes at its end: checked before it begins, and written from one saved history.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use framepool::store::SavedHistory;

use crate::outcome::Problem;

/// The message for a file that cannot be written.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Problem {
    Problem::Input(format!(
        "{}: cannot be written ({error}); give a path in a folder that you may write",
        path.display()
    ))
}

/// Checks that each file can be written, so that no run is lost because of its last step. No file is changed.
pub(crate) fn check<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Problem> {
    for path in paths {
        can_be_written(path).map_err(|error| cannot_write(path, &error))?;
    }
    Ok(())
}

fn can_be_written(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        // A pipe would be closed for its reader.
        Ok(existing) if !existing.is_file() && !existing.is_dir() => Ok(()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let new = OpenOptions::new().write(true).create_new(true).open(path);
            drop(new?);
            fs::remove_file(path)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file.
pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Problem> {
    fs::write(path, contents).map_err(|error| cannot_write(path, &error))
}

/// Writes the history of a run to the file of `--save`.
pub(crate) fn save(history: &SavedHistory, path: Option<&Path>) -> Result<(), Problem> {
    let Some(path) = path else { return Ok(()) };
    let saved = history.save(path);
    saved.map_err(|error| Problem::Input(error.to_string()))
}

/// Writes the history of a run to the file of `--html`.
#[cfg(feature = "dashboard")]
pub(crate) fn save_page(history: &SavedHistory, path: Option<&Path>) -> Result<(), Problem> {
    let Some(path) = path else { return Ok(()) };
    write(path, framepool_dashboard::html(history))
}
