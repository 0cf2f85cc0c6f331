//! A strict reader of traces. It shares no code with the writer, and refuses everything unknown.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, HashMap};

/// A track, as it was described.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    pub(crate) name: String,
    pub(crate) parent: Option<u64>,
    pub(crate) unit: Option<u64>,
    pub(crate) is_process: bool,
}

/// A slice. One without an end was still open when the trace ended.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) track: u64,
    pub(crate) name: String,
    pub(crate) begin: u64,
    pub(crate) end: Option<u64>,
    pub(crate) numbers: BTreeMap<String, u64>,
    pub(crate) texts: BTreeMap<String, String>,
}

/// The content of a trace.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) tracks: HashMap<u64, Track>,
    pub(crate) slices: Vec<Slice>,
    /// Track, time, name.
    pub(crate) instants: Vec<(u64, u64, String)>,
    /// Track, time, value.
    pub(crate) counters: Vec<(u64, u64, u64)>,
    pub(crate) clocks: usize,
}

enum Value<'b> {
    Number(u64),
    Double,
    Bytes(&'b [u8]),
}

impl<'b> Value<'b> {
    fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            _ => panic!("not a number"),
        }
    }

    fn bytes(&self) -> &'b [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => panic!("not bytes"),
        }
    }

    fn text(&self) -> String {
        std::str::from_utf8(self.bytes()).expect("UTF-8").to_owned()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().expect("a number that is whole");
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)),
            1 => {
                let (_, rest) = bytes.split_first_chunk::<8>().expect("eight bytes");
                bytes = rest;
                Value::Double
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes
                    .split_at_checked(length)
                    .expect("a message that is whole");
                bytes = rest;
                Value::Bytes(value)
            }
            kind => panic!("wire type {kind}"),
        };
        fields.push((key >> 3, value));
    }
    fields
}

impl Trace {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut trace = Self::default();
        for (field, packet) in fields(bytes) {
            assert_eq!(field, 1, "a trace has packets");
            trace.packet(packet.bytes());
        }
        // Perfetto sorts by time, stably.
        trace.slices.sort_by_key(|slice| (slice.track, slice.begin));
        for pair in trace
            .slices
            .windows(2)
            .filter(|pair| pair[0].track == pair[1].track)
        {
            assert!(
                pair[0].end.is_some_and(|end| end <= pair[1].begin),
                "{pair:?} overlap"
            );
        }
        trace
    }

    fn packet(&mut self, bytes: &[u8]) {
        let (mut time, mut sequence) = (None, 0);
        let (mut event, mut track) = (None, None);
        for (field, value) in fields(bytes) {
            match field {
                6 => self.clocks += fields(value.bytes()).len(),
                8 => time = Some(value.number()),
                10 => sequence = value.number(),
                11 => event = Some(value.bytes()),
                13 => assert_eq!(value.number(), 1),
                60 => track = Some(value.bytes()),
                field => panic!("field {field} of a packet"),
            }
        }
        assert_ne!(sequence, 0, "packets of no sequence are not read");
        if let Some(track) = track {
            self.track(track);
        }
        if let Some(event) = event {
            self.event(time.expect("an event has a time"), event);
        }
    }

    fn track(&mut self, bytes: &[u8]) {
        let (mut track, mut id) = (Track::default(), 0);
        for (field, value) in fields(bytes) {
            match field {
                1 => id = value.number(),
                2 => track.name = value.text(),
                3 => track.is_process = true,
                5 => track.parent = Some(value.number()),
                8 => {
                    let unit = fields(value.bytes());
                    track.unit = unit
                        .iter()
                        .find(|(field, _)| *field == 3)
                        .map(|(_, unit)| unit.number());
                }
                11 | 12 => {}
                field => panic!("field {field} of a track"),
            }
        }
        assert_ne!(id, 0);
        assert!(
            track
                .parent
                .is_none_or(|parent| self.tracks.contains_key(&parent)),
            "a parent that is known"
        );
        let before = self.tracks.insert(id, track.clone());
        assert!(
            before.is_none() || track.is_process,
            "a track is described once"
        );
    }

    fn event(&mut self, time: u64, bytes: &[u8]) {
        let (mut kind, mut track, mut name, mut counter) = (0, 0, String::new(), None);
        let (mut numbers, mut texts) = (BTreeMap::new(), BTreeMap::new());
        for (field, value) in fields(bytes) {
            match field {
                4 => {
                    let about = fields(value.bytes());
                    let name = about
                        .iter()
                        .find(|(field, _)| *field == 10)
                        .expect("a name")
                        .1
                        .text();
                    for (field, value) in about {
                        match (field, value) {
                            (3, value) => drop(numbers.insert(name.clone(), value.number())),
                            (5, Value::Double) | (10, _) => {}
                            (6, value) => drop(texts.insert(name.clone(), value.text())),
                            (field, _) => panic!("field {field} of an annotation"),
                        }
                    }
                }
                9 => kind = value.number(),
                11 => track = value.number(),
                22 => {}
                23 => name = value.text(),
                30 => counter = Some(value.number()),
                field => panic!("field {field} of an event"),
            }
        }
        let described = self.tracks.get(&track).expect("a track that is known");
        assert_eq!(
            counter.is_some(),
            described.unit.is_some(),
            "{}",
            described.name
        );
        match kind {
            1 => self.slices.push(Slice {
                track,
                name,
                begin: time,
                end: None,
                numbers,
                texts,
            }),
            2 => {
                let open = |slice: &&mut Slice| slice.track == track && slice.end.is_none();
                let slice = self
                    .slices
                    .iter_mut()
                    .rev()
                    .find(open)
                    .expect("a slice that has begun");
                assert!(slice.begin <= time, "{slice:?} ends before it begins");
                slice.end = Some(time);
            }
            3 => self.instants.push((track, time, name)),
            4 => self.counters.push((track, time, counter.expect("a value"))),
            kind => panic!("event type {kind}"),
        }
    }

    /// Slices of tracks whose name has this prefix.
    pub(crate) fn slices_of(&self, name: &str) -> Vec<&Slice> {
        let is_it = |slice: &&Slice| self.tracks[&slice.track].name.starts_with(name);
        let mut slices: Vec<&Slice> = self.slices.iter().filter(is_it).collect();
        slices.sort_by_key(|slice| slice.end);
        slices
    }

    /// Values of a counter.
    pub(crate) fn counter(&self, name: &str) -> Vec<u64> {
        let is_it = |(track, ..): &&(u64, u64, u64)| self.tracks[track].name == name;
        self.counters
            .iter()
            .filter(is_it)
            .map(|(.., value)| *value)
            .collect()
    }

    /// Instants of a track.
    pub(crate) fn instants_of(&self, name: &str) -> Vec<&str> {
        let is_it = |(track, ..): &&(u64, u64, String)| self.tracks[track].name == name;
        self.instants
            .iter()
            .filter(is_it)
            .map(|(.., name)| &**name)
            .collect()
    }
}
