//! The command line.

/// What is printed for `--help`.
pub(crate) const USAGE: &str = "\
usage: contest [--only WORDS]... [--quick] [--keep] [--check]
       contest --write

  --only WORDS  only the questions with these words in their names; may be given several times
  --quick       shorter slices and 9 repetitions
  --keep        also keep what was measured in docs/benchmarks/data.jsonl, measure what the charts show,
                and write the tables and charts of docs/benchmarks.md
  --check       exit code 1 if a claim fails (machines are noisy: not for CI)
  --write       write the tables and charts from what was kept, without measuring";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Measure,
    Write,
    /// What the contest starts itself again for: a measurement that needs a process of its own.
    Child(Vec<String>),
}

/// The command line, understood.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    /// Words of the questions to ask; none for all.
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
                _ => return Err(format!("`{word}` is not understood here")),
            }
        }
        if arguments.keep && arguments.quick {
            return Err("--quick measures too little to keep: leave --keep out".to_owned());
        }
        Ok(arguments)
    }
}
