//! The files that a run writes at its end: checked before it begins, and written from one saved history.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use framepool::store::{SavedHistory, linked_file, write_whole_file};

use crate::outcome::Problem;

/// A file that an option requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output<'p> {
    pub(crate) option: &'static str,
    pub(crate) path: &'p Path,
}

/// The message for a file that cannot be written.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Problem {
    Problem::Input(format!(
        "{}: cannot be written ({error}); give a path that you may write",
        path.display()
    ))
}

/// Checks that each file can be written, so that no run is lost because of its last step, and that none is an input or
/// another output. No file is changed.
pub(crate) fn check<'p>(
    inputs: impl IntoIterator<Item = &'p Path>,
    outputs: &[Output<'_>],
) -> Result<(), Problem> {
    let inputs: Vec<_> = inputs.into_iter().filter_map(Place::of).collect();
    let mut before: Vec<(Output<'_>, Place)> = Vec::new();
    for output in outputs {
        let Output { option, path } = *output;
        can_be_written(path).map_err(|error| cannot_write(path, &error))?;
        let Some(place) = Place::of(path) else {
            continue;
        };
        if inputs.contains(&place) {
            return Err(Problem::Input(format!(
                "{}: {option} would overwrite this input; give another path to {option}",
                path.display()
            )));
        }
        if let Some((other, _)) = before.iter().find(|(_, it)| *it == place) {
            return Err(Problem::Input(format!(
                "{}: {} and {option} would write the same file; give another path to {option}",
                path.display(),
                other.option
            )));
        }
        before.push((*output, place));
    }
    Ok(())
}

/// What two paths of the same file have in common.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// An existing file: its device and number, which hard links share.
    #[cfg(unix)]
    File(u64, u64),
    /// A file by its real path.
    Path(PathBuf),
}

impl Place {
    /// `None` for a device or a FIFO, which no output destroys, and for a path that leads nowhere.
    fn of(path: &Path) -> Option<Self> {
        let path = linked_file(path).ok()?;
        let Ok(existing) = fs::metadata(&path) else {
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            let folder = fs::canonicalize(folder).ok()?;
            return Some(Self::Path(folder.join(path.file_name()?)));
        };
        if !existing.is_file() {
            return None;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Some(Self::File(existing.dev(), existing.ino()))
        }
        #[cfg(not(unix))]
        fs::canonicalize(&path).ok().map(Self::Path)
    }
}

fn can_be_written(path: &Path) -> io::Result<()> {
    let path = linked_file(path)?;
    match fs::metadata(&path) {
        // A pipe would be closed for its reader.
        Ok(existing) if !existing.is_file() && !existing.is_dir() => Ok(()),
        // The superuser could open it.
        Ok(existing) if existing.is_file() && existing.permissions().readonly() => Err(
            io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"),
        ),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            drop(File::create_new(&path)?);
            fs::remove_file(path)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file.
pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Problem> {
    write_whole_file(path, contents.as_ref()).map_err(|error| cannot_write(path, &error))
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
