//! The file format of saved values: JSON, with a format and a version.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SavedHistory;
use super::whole_file::write_whole_file;
use crate::store::diagnostics::DiagnosticsStore;

/// The file's `format`.
const FORMAT: &str = "framepool history";
/// The version of the format that this writes, and the latest one that it reads.
const VERSION: u32 = 1;

/// The text before the history in a page that contains one.
const PAGE_BEGIN: &[u8] = b"<script type=\"application/json\" id=\"saved\">";

#[derive(serde::Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    library: &'static str,
    history: &'a SavedHistory,
}

/// The fields that every version has.
#[derive(serde::Deserialize)]
struct Head {
    format: String,
    version: u32,
    #[serde(default)]
    library: String,
}

#[derive(serde::Deserialize)]
struct Read {
    history: SavedHistory,
}

/// Why a history could not be saved or loaded: one line that names the file, what is wrong, and what to do.
///
/// ```
/// use framepool::store::SavedHistory;
///
/// let error = SavedHistory::load("no/such/file.json").unwrap_err();
/// assert!(error.to_string().ends_with("check the path"));
/// ```
#[derive(Debug)]
pub struct HistoryError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Unreadable(io::Error),
    Unwritable(io::Error),
    Empty,
    CutShort { line: usize },
    Malformed(serde_json::Error),
    Damaged(serde_json::Error),
    Foreign,
    OtherPage,
    Later { version: u32, library: String },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.why {
            Why::Unreadable(error) => write!(f, "{path}: cannot be read ({error}); check the path"),
            Why::Unwritable(error) => {
                write!(
                    f,
                    "{path}: cannot be written ({error}); give a path that you may write"
                )
            }
            Why::Empty => write!(
                f,
                "{path}: the file is empty; give a file made by `--save` or `DiagnosticsStore::save`"
            ),
            Why::CutShort { line } => write!(
                f,
                "{path}:{line}: the file ends in the middle of the history; it was cut short, so save or copy it once more"
            ),
            Why::Malformed(error) => write!(
                f,
                "{path}:{}: not a history saved by framepool ({error}); give a file made by `--save` or `DiagnosticsStore::save`",
                error.line()
            ),
            Why::Damaged(error) => {
                let said = error.to_string();
                let at = format!(" at line {} column {}", error.line(), error.column());
                write!(
                    f,
                    "{path}:{}:{}: the saved history is damaged here ({}); it was changed after it was saved, so copy or save it \
                     once more",
                    error.line(),
                    error.column(),
                    said.strip_suffix(&at).unwrap_or(&said)
                )
            }
            Why::Foreign => write!(
                f,
                "{path}: not a history saved by framepool; give a file made by `--save` or `DiagnosticsStore::save`"
            ),
            Why::OtherPage => write!(
                f,
                "{path}: a web page without a history of framepool in it; give a page made by `--html` or by the page's `Save`"
            ),
            Why::Later { version, library } => write!(
                f,
                "{path}: written by framepool {library} in version {version} of the format, and this is framepool {}, which \
                 reads up to version {VERSION}; use framepool {library} or later",
                env!("CARGO_PKG_VERSION")
            ),
        }
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::Unreadable(error) | Why::Unwritable(error) => Some(error),
            Why::Malformed(error) | Why::Damaged(error) => Some(error),
            _ => None,
        }
    }
}

impl SavedHistory {
    /// Writes a file that [`load`](Self::load) and `framepool report` read. An existing file is replaced atomically, and
    /// keeps its mode. A link is followed; a device or a FIFO receives the text.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or is read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), HistoryError> {
        let path = path.as_ref();
        let text = self.to_json() + "\n";
        write_whole_file(path, text.as_bytes()).map_err(|error| HistoryError {
            path: path.to_owned(),
            why: Why::Unwritable(error),
        })
    }

    /// The text that [`save`](Self::save) writes.
    ///
    /// ```
    /// use framepool::DiagnosticsStore;
    ///
    /// let json = DiagnosticsStore::new().saved().to_json();
    /// assert!(json.starts_with(r#"{"format":"framepool history","version":1,"#));
    /// ```
    pub fn to_json(&self) -> String {
        let document = Written {
            format: FORMAT,
            version: VERSION,
            library: env!("CARGO_PKG_VERSION"),
            history: self,
        };
        // All keys are strings, and writing to a string cannot fail, so this always succeeds.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Reads a file that [`save`](Self::save) wrote, or a page that `framepool_dashboard` saved.
    ///
    /// ```
    /// use framepool::DiagnosticsStore;
    /// use framepool::store::SavedHistory;
    ///
    /// let path = std::env::temp_dir().join(format!("loaded-{}.json", std::process::id()));
    /// let history = DiagnosticsStore::new().saved();
    /// history.save(&path)?;
    /// assert_eq!(SavedHistory::load(&path)?, history);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file cannot be read, was cut short, is no such file, or was written by a later version of the format.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref();
        read(path).map_err(|why| HistoryError {
            path: path.to_owned(),
            why,
        })
    }
}

fn read(path: &Path) -> Result<SavedHistory, Why> {
    let bytes = fs::read(path).map_err(Why::Unreadable)?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(Why::Empty);
    }
    let bytes = within_page(bytes)?;
    let malformed = |error| malformed(error, bytes);
    let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
    if head.format != FORMAT {
        return Err(Why::Foreign);
    }
    if head.version > VERSION {
        return Err(Why::Later {
            version: head.version,
            library: head.library,
        });
    }
    let read: Read = serde_json::from_slice(bytes).map_err(malformed)?;
    Ok(read.history)
}

/// The history in a page; any other text unchanged.
fn within_page(bytes: &[u8]) -> Result<&[u8], Why> {
    if !bytes.trim_ascii_start().starts_with(b"<") {
        return Ok(bytes);
    }
    let find = |text: &[u8], part: &[u8]| text.windows(part.len()).position(|at| at == part);
    let begin = find(bytes, PAGE_BEGIN).ok_or(Why::OtherPage)? + PAGE_BEGIN.len();
    // The history has no `<`. A page that was cut short has no end.
    let length = find(&bytes[begin..], b"<").unwrap_or(bytes.len() - begin);
    Ok(&bytes[begin..begin + length])
}

fn malformed(error: serde_json::Error, bytes: &[u8]) -> Why {
    let begin = format!("{{\"format\":\"{FORMAT}\"");
    if error.is_eof() {
        Why::CutShort { line: error.line() }
    } else if bytes.starts_with(begin.as_bytes()) {
        Why::Damaged(error)
    } else {
        Why::Malformed(error)
    }
}

impl DiagnosticsStore {
    /// Saves the store's contents, as [`SavedHistory::save`] does. The store can receive meanwhile.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    /// use framepool::store::SavedHistory;
    ///
    /// let pool = BufferPool::builder().name("render").build()?;
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// pool.end_frame();
    /// watch.mark("level 3 loaded");
    /// watch.stop();
    ///
    /// let path = std::env::temp_dir().join(format!("history-{}.json", std::process::id()));
    /// watch.store().save(&path)?;
    /// let history = SavedHistory::load(&path)?;
    /// assert_eq!(history.pools[0].name, "render");
    /// assert_eq!(history.events[0].text, "level 3 loaded");
    /// println!("{history}");
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), HistoryError> {
        self.saved().save(path)
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use super::*;
    use crate::{BufferPool, HealthMonitor, Thresholds};
    use std::time::Duration;

    fn history() -> SavedHistory {
        let builder = BufferPool::builder().name("saved").sample_frames(1);
        let pool = builder.build().unwrap();
        let store = DiagnosticsStore::new();
        let thresholds = Thresholds::default()
            .pooled_bytes(1, 1)
            .hold(Duration::ZERO);
        let mut monitor = HealthMonitor::new(thresholds).with_emit_interval(Duration::ZERO);
        let kept = pool.alloc::<u8>(5_000);
        for _ in 0..3 {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(7_000);
            let frame = frame.release_all();
            monitor.record(&frame);
            store.receive(monitor.emit_now(&pool));
            store.record_frame(&frame);
        }
        store.mark("half way");
        drop(kept);
        store.saved()
    }

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("framepool-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn complaint(&self, bytes: &[u8]) -> String {
            fs::write(&self.0, bytes).unwrap();
            let error = SavedHistory::load(&self.0).unwrap_err().to_string();
            error.replace(&self.0.display().to_string(), "FILE")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn what_is_loaded_is_what_was_saved() {
        let file = Scratch::new("whole.json");
        let history = history();
        history.save(&file.0).unwrap();
        let loaded = SavedHistory::load(&file.0).unwrap();
        assert!(loaded == history, "{loaded}\n{history}");
        assert_eq!(loaded.to_string(), history.to_string());
        let pool = &loaded.pools[0];
        assert_eq!((pool.frames.len(), pool.holders[0].buffers), (3, 1));
        // Of three equal frames the first two: the list is renewed when it would be of twice as many.
        assert_eq!((pool.frame_sampling.frames, pool.frame_sites.len()), (2, 1));
        assert_eq!(pool.frame_sites[0].counts.requested_bytes, 14_000);
        assert!(!pool.spans[0].samples.is_empty() && !loaded.alerts.is_empty());
        assert_eq!(loaded.events.last().unwrap().text, "half way");
        // As some editors save it.
        fs::write(&file.0, format!("\u{feff}{}", history.to_json())).unwrap();
        assert!(SavedHistory::load(&file.0).unwrap() == history);
    }

    #[test]
    fn history_within_a_page_is_read() {
        let file = Scratch::new("page.html");
        let history = history();
        let data = history.to_json().replace('<', "\\u003c");
        let begin = String::from_utf8_lossy(PAGE_BEGIN);
        let page = format!("<!doctype html>\n<p>before</p>{begin}{data}</script><p>after</p>");
        fs::write(&file.0, &page).unwrap();
        assert!(SavedHistory::load(&file.0).unwrap() == history);
        let said = file.complaint(&page.as_bytes()[..page.len() / 2]);
        assert!(said.contains("cut short"), "{said}");
        let said = file.complaint(b"<!doctype html><p>another page</p>");
        assert!(said.contains("without a history"), "{said}");
    }

    #[test]
    fn a_file_cut_anywhere_says_so() {
        let file = Scratch::new("cut.json");
        history().save(&file.0).unwrap();
        let whole = fs::read(&file.0).unwrap();
        for length in [1, 40, whole.len() / 2, whole.len() - 3] {
            let said = file.complaint(&whole[..length]);
            assert!(
                said.starts_with("FILE:") && said.contains("cut short"),
                "{said}"
            );
        }
    }

    #[test]
    fn an_empty_file_says_so() {
        let file = Scratch::new("empty.json");
        for nothing in [&b""[..], b" \n"] {
            let said = file.complaint(nothing);
            assert!(
                said.starts_with("FILE:") && said.contains("is empty"),
                "{said}"
            );
        }
    }

    #[test]
    fn later_version_and_foreign_file_are_refused() {
        let file = Scratch::new("later.json");
        let later = br#"{"format":"framepool history","version":7,"library":"9.1.0","history":{}}"#;
        let said = file.complaint(later);
        assert!(
            said.contains("version 7") && said.contains("use framepool 9.1.0"),
            "{said}"
        );
        let said = file.complaint(br#"{"format":"other","version":1}"#);
        assert!(said.contains("not a history"), "{said}");
        let said = file.complaint(b"{\n\n\"format\": 5}");
        assert!(said.starts_with("FILE:3: not a history"), "{said}");
        let missing = SavedHistory::load("no/such/file.json").unwrap_err();
        assert!(missing.to_string().contains("check the path"), "{missing}");
    }
}
