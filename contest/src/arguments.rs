//! The command line.

/// What is printed for `--help`.
pub(crate) const USAGE: &str = "\
usage: contest [--only SUBSTRING] [--quick] [--json] [--check]

  --only SUBSTRING  only the questions whose name has it
  --quick           shorter slices; 9 repetitions as always
  --json            the same as data
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
    pub(crate) json: bool,
    pub(crate) check: bool,
}

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut words = words.peekable();
        let mut arguments = Self {
            command: Command::Table,
            only: String::new(),
            quick: false,
            json: false,
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
                "--json" => arguments.json = true,
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
