"""Reads a trace with Perfetto's own messages, and says what is in it."""

import sys

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

trace = Trace()
with open(sys.argv[1], "rb") as file:
    trace.ParseFromString(file.read())
names = {}
frames = ends = counters = 0
for packet in trace.packet:
    if packet.HasField("track_descriptor"):
        names[packet.track_descriptor.uuid] = packet.track_descriptor.name
    if packet.HasField("track_event"):
        event = packet.track_event
        assert packet.timestamp and packet.trusted_packet_sequence_id
        name = names[event.track_uuid]
        frames += event.type == TrackEvent.TYPE_SLICE_BEGIN and name == "frames"
        ends += event.type == TrackEvent.TYPE_INSTANT and name == "frame ends"
        counters += event.type == TrackEvent.TYPE_COUNTER
# What Perfetto does not know is lost when it is written again.
written = trace.SerializeToString()
trace.DiscardUnknownFields()
unknown = len(written) - len(trace.SerializeToString())
print(f"frames {frames} ends {ends} counters {counters} unknown {unknown}")
