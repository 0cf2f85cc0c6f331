//! Two readers of profiles: a strict one of our own, and the Firefox Profiler's own code at the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A column of a table of a profile.
fn column<'p>(table: &'p Value, name: &str) -> &'p Vec<Value> {
    let column = table[name].as_array();
    let column = column.unwrap_or_else(|| panic!("no `{name}` in {table}"));
    assert_eq!(table["length"], column.len(), "`{name}`");
    column
}

fn place(value: &Value) -> usize {
    let place = value.as_u64().unwrap_or_else(|| panic!("{value}: a place"));
    usize::try_from(place).expect("a place")
}

/// The bytes of each stack that were allocated and never freed. The root comes first, divided by ` > `.
pub(crate) fn held_by_stack(thread: &Value) -> BTreeMap<String, u64> {
    let held = &thread["nativeAllocations"];
    assert_eq!(held["weightType"], "bytes");
    let texts = thread["stringArray"].as_array().expect("texts");
    let name_of = |stack: usize| {
        let frame = place(&column(&thread["stackTable"], "frame")[stack]);
        let function = place(&column(&thread["frameTable"], "func")[frame]);
        let name = place(&column(&thread["funcTable"], "name")[function]);
        texts[name].as_str().expect("a text")
    };
    let mut addresses = Vec::new();
    let mut by_stack = BTreeMap::new();
    let times = column(held, "time");
    for (at, stack) in column(held, "stack").iter().enumerate() {
        assert_eq!(times[at], times[0], "all is as of one moment");
        addresses.push(place(&column(held, "memoryAddress")[at]));
        let mut names = Vec::new();
        let mut next = Some(place(stack));
        while let Some(stack) = next {
            names.insert(0, name_of(stack));
            let prefix = &column(&thread["stackTable"], "prefix")[stack];
            next = (!prefix.is_null()).then(|| place(prefix));
            assert!(
                next.is_none_or(|prefix| prefix < stack),
                "prefixes come first"
            );
        }
        let weight = column(held, "weight")[at].as_u64().expect("bytes");
        assert!(by_stack.insert(names.join(" > "), weight).is_none());
    }
    let all = addresses.len();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(
        addresses.len(),
        all,
        "one address was freed by another's end"
    );
    by_stack
}

/// The profiler at the command line: a separate process with one profile loaded that answers commands.
#[derive(Debug)]
pub(crate) struct Profiler {
    folder: PathBuf,
    process: Child,
}

/// The number of checks, a tenth of a second apart, whether the process has read the profile.
const TRIES: usize = 600;

impl Profiler {
    /// Loads a profile.
    pub(crate) fn load(name: &str, profile: &[u8]) -> Self {
        // The profiler's socket is in the folder, and the path of a socket must be short.
        let folder = std::env::temp_dir().join(format!("fp-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("profile.json");
        fs::write(&file, profile).expect("a file");
        // Its own `load` gives up after half a second.
        let process = command(&folder)
            .arg("--daemon")
            .arg(&file)
            .args(["--session", "test"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("`node`: {error}; Debian: apt-get install nodejs"));
        let mut profiler = Self { folder, process };
        // A command during its start takes its files for those of a dead process and removes them. So wait for the message
        // in its log.
        let log = profiler.folder.join("test.log");
        for _ in 0..TRIES {
            let said = fs::read_to_string(&log).unwrap_or_default();
            let ended = profiler.process.try_wait().expect("a state");
            if said.contains("Profile loaded") || ended.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        if let Err(complaint) = profiler.try_run(&["status"]) {
            panic!("{complaint}\n`cargo xtask ci setup` installs the profiler");
        }
        profiler
    }

    /// Runs a command, and returns its output or its error.
    fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = command(&self.folder);
        command.args(arguments).args(["--session", "test"]);
        let output = command.output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let complaints = String::from_utf8_lossy(&output.stderr);
        Err(format!("{arguments:?}: {text}{complaints}"))
    }

    fn run(&self, arguments: &[&str]) -> String {
        let answer = self.try_run(arguments);
        answer.unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let text = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The call tree of retained memory: bytes by name of frame, from all levels.
    pub(crate) fn retained(&self, thread: &str) -> BTreeMap<String, u64> {
        self.run(&["strategy", "native-retained-allocations"]);
        let answer = self.ask(&["thread", "samples-top-down", "--thread", thread]);
        assert_eq!(answer["weightType"], "bytes");
        let mut bytes = BTreeMap::new();
        let mut nodes = vec![&answer["regularCallTree"]];
        while let Some(node) = nodes.pop() {
            let name = node["name"].as_str().expect("a name").to_owned();
            let total = node["totalSamples"].as_u64().expect("bytes");
            *bytes.entry(name).or_default() += total;
            nodes.extend(node["children"].as_array().expect("children"));
        }
        bytes
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The profiler's program, with this folder for its socket.
fn command(folder: &Path) -> Command {
    let program = "../npm/node_modules/@firefox-devtools/profiler-cli/dist/profiler-cli.js";
    let mut command = Command::new("node");
    command
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join(program))
        .env("PROFILER_CLI_SESSION_DIR", folder)
        .stdin(Stdio::null());
    command
}
