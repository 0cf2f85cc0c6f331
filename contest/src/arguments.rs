//! The command line.

/// The text of `--help`.
pub(crate) const USAGE: &str = "\
usage: contest [--only WORDS]... [--quick] [--keep] [--check]
       contest --write

  --only WORDS  ask only the questions whose names contain these words; may be given several times
  --quick       use shorter slices and 9 repetitions
  --keep        also measure the charts, keep all results in docs/benchmarks/data.jsonl, or in docs/benchmarks/elsewhere
                if that has another processor's, and write the tables and charts of docs/benchmarks.md
  --check       end with exit code 1 if a claim fails (not for CI: machines are noisy)
  --write       write the tables and charts from the kept results, without measuring";

/// The task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Measure,
    Write,
    /// A measurement in its own process: the contest starts itself again with this command.
    Child(Vec<String>),
}

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    /// Words in the names of the questions to ask; if there are none, all questions are asked.
    pub(crate) only: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) keep: bool,
    pub(crate) check: bool,
}

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut words = words.peekable();
        let mut arguments = Self {
            command: Command::Measure,
            only: Vec::new(),
            quick: false,
            keep: false,
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
                "--keep" => arguments.keep = true,
                "--write" => arguments.command = Command::Write,
                "--check" => arguments.check = true,
                "--only" => {
                    let only = words.next().ok_or("--only needs words of a question")?;
                    arguments.only.push(only);
                }
                _ => return Err(format!("unknown argument `{word}`")),
            }
        }
        if arguments.keep && arguments.quick {
            return Err("--quick measures too little to keep; remove --keep or --quick".to_owned());
        }
        Ok(arguments)
    }
}
