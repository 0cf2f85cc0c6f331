//! Writes a trace in complete packets.

use std::io::{self, Write};

use prost::Message as _;

use crate::messages::{
    BOOTTIME, Clock, ClockSnapshot, DebugAnnotation, REALTIME, STATE_CLEARED, Trace, TracePacket,
    TrackDescriptor, TrackEvent,
};
use crate::timeline::PoolTrack;

/// The range of track numbers of one pool.
const OF_POOL: u64 = 1 << 24;

/// The track of the process, shared by all pools.
pub(crate) const PROCESS: u64 = u32::MAX as u64;

/// Packets, and their output.
pub(crate) struct Packets<W> {
    out: W,
    /// Added to the numbers of tracks, so that files of several processes can be one trace.
    base: u64,
    sequence: u32,
    /// Bytes that were not written to `out` yet. Kept to reuse its memory.
    waiting: Vec<u8>,
    written: u64,
}

impl<W: Write> Packets<W> {
    /// Begins a trace with the readings of both clocks at one moment: the trace's, and the time of day.
    pub(crate) fn new(out: W, (time, day): (u64, u64)) -> Self {
        let mut packets = Self {
            out,
            // Two processes almost always begin at different nanoseconds modulo four seconds.
            base: day << 32,
            // Zero means none.
            sequence: day as u32 | 1,
            waiting: Vec::new(),
            written: 0,
        };
        let at = |clock_id, timestamp| Clock {
            clock_id: Some(clock_id),
            timestamp: Some(timestamp),
        };
        let snapshot = ClockSnapshot {
            clocks: vec![at(BOOTTIME, time), at(REALTIME, day)],
        };
        packets.packet(TracePacket {
            clock_snapshot: Some(snapshot),
            timestamp: Some(time),
            sequence_flags: Some(STATE_CLEARED),
            ..TracePacket::default()
        });
        packets
    }

    /// The number of a pool's track in the trace.
    pub(crate) fn number(&self, pool: PoolTrack, track: u64) -> u64 {
        if track == PROCESS {
            return self.base | track;
        }
        self.base | (pool.0 as u64 * OF_POOL + track + 1)
    }

    /// Describes a track, before anything is on it.
    pub(crate) fn describe(&mut self, pool: PoolTrack, track: u64, descriptor: TrackDescriptor) {
        let descriptor = TrackDescriptor {
            uuid: Some(self.number(pool, track)),
            ..descriptor
        };
        self.packet(TracePacket {
            track_descriptor: Some(descriptor),
            ..TracePacket::default()
        });
    }

    /// Puts an event on a track.
    pub(crate) fn event(&mut self, pool: PoolTrack, track: u64, time: u64, event: TrackEvent) {
        let event = TrackEvent {
            track_uuid: Some(self.number(pool, track)),
            ..event
        };
        self.packet(TracePacket {
            timestamp: Some(time),
            track_event: Some(event),
            ..TracePacket::default()
        });
    }

    fn packet(&mut self, packet: TracePacket) {
        let packet = TracePacket {
            trusted_packet_sequence_id: Some(self.sequence),
            ..packet
        };
        let trace = Trace {
            packet: vec![packet],
        };
        // Writing to a vector cannot fail.
        let _ = trace.encode(&mut self.waiting);
    }

    /// Writes the waiting bytes at once. If that fails they are dropped, so that they do not pile up.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let written = self
            .out
            .write_all(&self.waiting)
            .and_then(|()| self.out.flush());
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        written
    }

    /// Bytes written or waiting.
    pub(crate) fn bytes(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }
}

fn annotation(name: &str) -> DebugAnnotation {
    DebugAnnotation {
        name: Some(name.to_owned()),
        ..DebugAnnotation::default()
    }
}

pub(crate) fn number(name: &str, value: u64) -> DebugAnnotation {
    DebugAnnotation {
        uint_value: Some(value),
        ..annotation(name)
    }
}

pub(crate) fn double(name: &str, value: f64) -> DebugAnnotation {
    DebugAnnotation {
        double_value: Some(value),
        ..annotation(name)
    }
}

pub(crate) fn text(name: &str, value: String) -> DebugAnnotation {
    DebugAnnotation {
        string_value: Some(value),
        ..annotation(name)
    }
}
