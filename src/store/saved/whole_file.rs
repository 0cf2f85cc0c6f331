//! Writes a whole file: an existing one is replaced at once, or not at all.
//!
//! A link is followed, an existing file keeps its mode, and a device or a FIFO receives the bytes. The new contents are
//! written next to the file and then renamed; where the folder allows no new file, the file is overwritten in place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::sync::{Ordering, global_counter};

/// The most links that are followed; Linux has the same limit.
const LINKS: u32 = 40;

/// Writes `contents` to `path`. Also used by the binary for its other outputs.
///
/// # Errors
///
/// If the file cannot be written, or is read-only.
#[doc(hidden)]
pub fn write_whole_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "its path is empty",
        ));
    }
    let target = linked_file(path)?;
    let existing = match fs::metadata(&target) {
        Ok(existing) => Some(existing),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(existing) = &existing {
        let permissions = existing.permissions();
        // The rename needs no permission for the file itself, and the superuser needs none at all.
        if existing.is_file() && permissions.readonly() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the file is read-only",
            ));
        }
        if !existing.is_file() {
            return in_place(&target, contents);
        }
    }
    let (file, beside) = match new_beside(&target) {
        // A folder may allow no new file while it has a file that can be written. After any other error the old contents stay.
        Err(error) if existing.is_some() && error.kind() == io::ErrorKind::PermissionDenied => {
            return in_place(&target, contents);
        }
        new => new?,
    };
    let written = write(file, contents)
        .and_then(|()| match existing {
            Some(existing) => fs::set_permissions(&beside, existing.permissions()),
            None => Ok(()),
        })
        .and_then(|()| fs::rename(&beside, &target));
    if written.is_err() {
        // The error of the write is the one to report.
        let _ = fs::remove_file(&beside);
    }
    written
}

global_counter! {
    /// Files made by this process.
    static MADE;
}

/// Makes a new file next to `target`. Other threads may write the same target, and a process that ended early may have left its file.
fn new_beside(target: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let mut beside = target.as_os_str().to_owned();
        // Relaxed: a number that no other thread of the process uses; it orders nothing.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        beside.push(format!(".{}.{number}.tmp", std::process::id()));
        let new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside);
        match new {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            new => return Ok((new?, PathBuf::from(beside))),
        }
    }
}

fn in_place(path: &Path, contents: &[u8]) -> io::Result<()> {
    write(
        OpenOptions::new().write(true).truncate(true).open(path)?,
        contents,
    )
}

fn write(mut file: File, contents: &[u8]) -> io::Result<()> {
    file.write_all(contents)
}

/// The file that a path leads to through links. It may not exist.
#[doc(hidden)]
pub fn linked_file(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&path) {
            Ok(it) if it.is_symlink() => {
                let leads_to = fs::read_link(&path)?;
                // An absolute link replaces the whole path.
                path = path.parent().unwrap_or(Path::new("")).join(leads_to);
            }
            _ => return Ok(path),
        }
    }
    // The system's own error for a circle of links.
    fs::metadata(&path).map(|_| path)
}

#[cfg(all(test, unix, not(framepool_loom)))]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("framepool-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let name = |it: io::Result<fs::DirEntry>| it.unwrap().file_name().into_string();
            let mut names: Vec<_> = entries.map(|it| name(it).unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn writers_at_once_leave_a_whole_file() {
        let folder = Folder::new("at-once");
        let (file, contents) = (folder.file("history"), vec![b'x'; 100_000]);
        write_whole_file(&file, &contents).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| write_whole_file(&file, &contents).unwrap()));
            }
            for _ in 0..200 {
                assert_eq!(fs::read(&file).unwrap().len(), contents.len());
            }
        });
        assert_eq!(folder.names(), ["history"]);
    }

    #[test]
    fn write_through_links_keeps_the_links() {
        let folder = Folder::new("links");
        fs::create_dir(folder.file("deep")).unwrap();
        fs::write(folder.file("deep/real"), "old").unwrap();
        symlink("deep/real", folder.file("near")).unwrap();
        symlink(folder.file("near"), folder.file("far")).unwrap();
        symlink("deep/new", folder.file("dangling")).unwrap();
        for link in ["far", "dangling"] {
            write_whole_file(&folder.file(link), b"new").unwrap();
            assert!(
                fs::symlink_metadata(folder.file(link))
                    .unwrap()
                    .is_symlink()
            );
        }
        for file in ["deep/real", "deep/new"] {
            assert_eq!(fs::read(folder.file(file)).unwrap(), b"new");
        }
        assert_eq!(folder.names(), ["dangling", "deep", "far", "near"]);
        symlink("circle", folder.file("circle")).unwrap();
        assert!(write_whole_file(&folder.file("circle"), b"new").is_err());
    }

    #[test]
    fn existing_file_keeps_its_mode() {
        let folder = Folder::new("mode");
        let file = folder.file("private");
        fs::write(&file, "old and longer").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        write_whole_file(&file, b"new").unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(
            (mode & 0o777, fs::read(&file).unwrap()),
            (0o600, b"new".to_vec())
        );
        assert_eq!(folder.names(), ["private"]);
    }

    #[test]
    fn a_path_of_nothing_is_refused() {
        let refused = write_whole_file(Path::new(""), b"new").unwrap_err();
        assert_eq!(refused.to_string(), "its path is empty");
    }

    #[test]
    fn read_only_file_is_refused_and_unchanged() {
        let folder = Folder::new("read-only");
        let file = folder.file("kept");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        let error = write_whole_file(&file, b"new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            (fs::read(&file).unwrap(), folder.names().len()),
            (b"old".to_vec(), 1)
        );
    }

    #[test]
    fn fifo_stays_and_receives_the_bytes() {
        let folder = Folder::new("fifo");
        let fifo = folder.file("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        // One handle for both ends: neither side waits for the other.
        let mut both = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&fifo)
            .unwrap();
        write_whole_file(&fifo, b"new").unwrap();
        assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
        let mut received = [0; 3];
        both.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"new");
    }
}
