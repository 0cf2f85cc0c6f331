//! Builds a profile, in which texts and places are stored once and referenced by number.

use std::collections::HashMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use framepool::telemetry::StackFrame;
use prost::Message;

use crate::messages::{Function, Label, Line, Location, Profile, Sample, ValueType};

/// A text without the number after its last colon, and that number.
fn numbered(text: &str) -> (&str, Option<u32>) {
    let parts = text.rsplit_once(':');
    match parts.and_then(|(before, number)| Some((before, number.parse().ok()?))) {
        Some((before, number)) => (before, Some(number)),
        None => (text, None),
    }
}

/// A profile with two numbers for each sample.
#[derive(Debug)]
pub(crate) struct Builder {
    profile: Profile,
    texts: HashMap<String, i64>,
    places: HashMap<String, u64>,
}

impl Builder {
    /// An empty profile with the names of its two numbers, the second shown by default, and their time.
    pub(crate) fn new(objects: &str, space: &str, time_nanos: u64) -> Self {
        let mut builder = Self {
            profile: Profile::default(),
            texts: HashMap::new(),
            places: HashMap::new(),
        };
        builder.text("");
        for (name, unit) in [(objects, "count"), (space, "bytes")] {
            let (r#type, unit) = (builder.text(name), builder.text(unit));
            builder.profile.sample_type.push(ValueType { r#type, unit });
        }
        builder.profile.default_sample_type = builder.text(space);
        builder.profile.time_nanos = time_nanos as i64;
        builder
    }

    /// Adds a comment for the reader.
    pub(crate) fn comment(&mut self, text: &str) {
        let text = self.text(text);
        self.profile.comment.push(text);
    }

    /// Adds two numbers for a stack, the innermost place first. Zeros are not added.
    pub(crate) fn sample(&mut self, stack: &[u64], values: [u64; 2], labels: &[(&str, &str)]) {
        if values == [0; 2] {
            return;
        }
        let label = labels.iter().map(|(key, of)| Label {
            key: self.text(key),
            str: self.text(of),
        });
        let label = label.collect();
        self.profile.sample.push(Sample {
            location_id: stack.to_vec(),
            value: values.map(|value| value as i64).into(),
            label,
        });
    }

    /// The place of a line of code: file, line and optionally column, separated by colons. Any other text becomes a named
    /// place.
    pub(crate) fn line(&mut self, at: &str) -> u64 {
        let (before, last) = numbered(at);
        match (numbered(before), last) {
            ((file, Some(line)), Some(column)) => self.place(before, file, line, column),
            (_, Some(line)) => self.place(at, before, line, 0),
            _ => self.named(at),
        }
    }

    /// A function on a call stack.
    pub(crate) fn function(&mut self, frame: &StackFrame) -> u64 {
        let (file, line) = (frame.file.as_deref().unwrap_or(""), frame.line.unwrap_or(0));
        self.place(&frame.function, file, line, 0)
    }

    /// A place that is no line of code.
    pub(crate) fn named(&mut self, name: &str) -> u64 {
        self.place(name, "", 0, 0)
    }

    fn place(&mut self, name: &str, file: &str, line: u32, column: u32) -> u64 {
        let key = format!("{name}:{file}:{line}:{column}");
        if let Some(&id) = self.places.get(&key) {
            return id;
        }
        let id = self.places.len() as u64 + 1;
        self.places.insert(key, id);
        let (name, filename) = (self.text(name), self.text(file));
        self.profile.function.push(Function {
            id,
            name,
            system_name: name,
            filename,
        });
        self.profile.location.push(Location {
            id,
            line: vec![Line {
                function_id: id,
                number: i64::from(line),
                column: i64::from(column),
            }],
        });
        id
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(&at) = self.texts.get(text) {
            return at;
        }
        let at = self.texts.len() as i64;
        self.texts.insert(text.to_owned(), at);
        self.profile.string_table.push(text.to_owned());
        at
    }

    /// The profile as a gzipped file.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut file = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory cannot fail.
        let _ = file.write_all(&self.profile.encode_to_vec());
        file.finish().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn each_text_and_place_is_stored_once() {
        let mut builder = Builder::new("inuse_objects", "inuse_space", 7);
        for _ in 0..3 {
            let stack = [builder.line("src/a.rs:7:3"), builder.named("pool")];
            builder.sample(&stack, [1, 64], &[("thread", "main")]);
        }
        builder.sample(&[1], [0; 2], &[]);
        let file = builder.finish();
        let mut bytes = Vec::new();
        let read = flate2::read::GzDecoder::new(&file[..]).read_to_end(&mut bytes);
        assert!(read.is_ok());
        let profile = Profile::decode(&bytes[..]).expect("a profile");
        assert_eq!((profile.sample.len(), profile.location.len()), (3, 2));
        assert_eq!(profile.location[0].line[0].number, 7);
        let file = profile.function[0].filename as usize;
        assert_eq!(profile.string_table[file], "src/a.rs");
        let mut texts = profile.string_table.clone();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), profile.string_table.len());
        assert_eq!(
            (profile.string_table[0].as_str(), profile.time_nanos),
            ("", 7)
        );
    }
    #[test]
    fn site_text_may_lack_column_or_line_number() {
        let mut builder = Builder::new("inuse_objects", "inuse_space", 7);
        for at in ["leak.c:7", "C:\\game\\a.rs:12:5", "start-up", ":", "a:b:3"] {
            builder.line(at);
        }
        let (profile, found) = (&builder.profile, |at: i64| {
            &*builder.profile.string_table[at as usize]
        });
        let functions = profile.function.iter().zip(&profile.location);
        let places: Vec<_> = functions
            .map(|(function, location)| {
                (
                    found(function.name),
                    found(function.filename),
                    location.line[0].number,
                )
            })
            .collect();
        assert_eq!(
            places,
            [
                ("leak.c:7", "leak.c", 7),
                ("C:\\game\\a.rs:12", "C:\\game\\a.rs", 12),
                ("start-up", "", 0),
                (":", "", 0),
                ("a:b:3", "a:b", 3),
            ]
        );
    }
}
