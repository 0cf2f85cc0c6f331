//! The command line.

/// What is printed for `--help`.
pub(crate) const USAGE: &str = "\
usage: contest [--only SUBSTRING] [--quick] [--data] [--check]

  --only SUBSTRING  only the questions whose name has it
  --quick           shorter slices; 9 repetitions as always
  --data            lines of fields between tabs, with the machine and the points of the charts;
                    `cargo xtask benchmarks --measure` keeps them
  --check           exit code 1 if a row fails (machines are noisy: not for CI)";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Table,
    /// What the contest starts itself again for: a measurement that needs a process of its own.
    Child(Vec<String>),
}

/// The command line, understood.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) only: String,
    pub(crate) quick: bool,
    pub(crate) data: bool,
    pub(crate) check: bool,
}

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut words = words.peekable();
        let mut arguments = Self {
            command: Command::Table,
            only: String::new(),
            quick: false,
            data: false,
            check: false,
        };
        if words.peek().is_some_and(|word| word == "child") {
            arguments.command = Command::Child(words.skip(1).collect());
            return Ok(arguments);
        }
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => arguments.command = Command::Help,
                "--quick" => arguments.quick = true,
                "--data" => arguments.data = true,
                "--check" => arguments.check = true,
                "--only" => {
                    arguments.only = words.next().ok_or("--only needs a part of a question")?;
                }
                _ => return Err(format!("`{word}` is not understood here")),
            }
        }
        Ok(arguments)
    }
}
