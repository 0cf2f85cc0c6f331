// A receiver of Tracy's protocol, built with the protocol's own headers: what Tracy's server reads from a client, as lines.
//
// Arguments: the port. It ends when the client sent a message, and all names are known.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "TracyProtocol.hpp"
#include "TracyQueue.hpp"
#include "tracy_lz4.hpp"

using namespace tracy;

struct Event {
    const char* kind;
    uint64_t name;
    std::string numbers;
};

static int Connection;
static std::map<uint64_t, std::string> Names;
static std::set<uint64_t> Asked;

static void Fail(const char* why) {
    fprintf(stderr, "receiver: %s\n", why);
    exit(1);
}

static void Read(void* into, size_t size) {
    auto at = static_cast<char*>(into);
    while (size > 0) {
        const auto got = recv(Connection, at, size, 0);
        if (got <= 0) Fail("the client is gone");
        at += got;
        size -= size_t(got);
    }
}

static void Write(const void* from, size_t size) {
    if (send(Connection, from, size, 0) != ssize_t(size)) Fail("the client takes nothing");
}

static void Ask(ServerQuery type, uint64_t name) {
    if (!Asked.insert(name).second) return;
    ServerQueryPacket packet = {};
    packet.type = type;
    packet.ptr = name;
    Write(&packet, sizeof(packet));
}

static void Connect(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int tries = 0; tries < 300; tries++) {
        Connection = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(Connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return;
        close(Connection);
        usleep(100000);
    }
    Fail("nobody listens");
}

static void ShakeHands() {
    Write(HandshakeShibboleth, HandshakeShibbolethSize);
    const uint32_t version = ProtocolVersion;
    Write(&version, sizeof(version));
    HandshakeStatus status;
    Read(&status, sizeof(status));
    if (status != HandshakeWelcome) Fail("not welcome");
    WelcomeMessage welcome;
    Read(&welcome, sizeof(welcome));
    printf("welcome %u\n", unsigned(welcome.flags & WelcomeFlag::OnDemand));
    if (welcome.flags & WelcomeFlag::OnDemand) {
        OnDemandPayloadMessage payload;
        Read(&payload, sizeof(payload));
    }
}

// Reads the items of one block, and says whether the client sent its message.
static bool ReadItems(const char* at, const char* end, std::vector<Event>& events, uint64_t& pool) {
    bool done = false;
    while (at < end) {
        QueueItem item;
        memcpy(&item, at, sizeof(item) < size_t(end - at) ? sizeof(item) : size_t(end - at));
        const auto type = item.hdr.type;
        if (item.hdr.idx >= uint8_t(QueueType::NUM_TYPES)) Fail("an unknown item");
        at += QueueDataSize[item.hdr.idx];
        char numbers[64] = "";
        if (type >= QueueType::StringData) {
            if (type == QueueType::FrameImageData || type == QueueType::SymbolCode || type == QueueType::SourceCode) Fail("not asked for");
            uint16_t size;
            memcpy(&size, at, sizeof(size));
            at += sizeof(size);
            Names[item.stringTransfer.ptr] = std::string(at, size);
            at += size;
        } else if (type == QueueType::SingleStringData || type == QueueType::SecondStringData) {
            uint16_t size;
            memcpy(&size, at, sizeof(size));
            at += sizeof(size) + size;
        } else if (type == QueueType::SingleStringData8 || type == QueueType::SecondStringData8) {
            at += sizeof(uint8_t) + uint8_t(*at);
        } else if (type == QueueType::FrameMarkMsg) {
            events.push_back({"frame", item.frameMark.name, ""});
            Ask(ServerQueryFrameName, item.frameMark.name);
        } else if (type == QueueType::PlotDataDouble) {
            snprintf(numbers, sizeof(numbers), "%.17g", item.plotDataDouble.val);
            events.push_back({"plot", item.plotDataDouble.name, numbers});
            Ask(ServerQueryPlotName, item.plotDataDouble.name);
        } else if (type == QueueType::PlotConfig) {
            snprintf(numbers, sizeof(numbers), "%u", unsigned(item.plotConfig.type));
            events.push_back({"format", item.plotConfig.name, numbers});
            Ask(ServerQueryPlotName, item.plotConfig.name);
        } else if (type == QueueType::MemNamePayload) {
            pool = item.memName.name;
            Ask(ServerQueryString, pool);
        } else if (type == QueueType::MemAllocNamed) {
            uint64_t size = 0;
            memcpy(&size, item.memAlloc.size, 6);
            snprintf(numbers, sizeof(numbers), "%llu %llu", (unsigned long long)item.memAlloc.ptr, (unsigned long long)size);
            events.push_back({"alloc", pool, numbers});
        } else if (type == QueueType::MemFreeNamed) {
            snprintf(numbers, sizeof(numbers), "%llu", (unsigned long long)item.memFree.ptr);
            events.push_back({"free", pool, numbers});
        } else if (type == QueueType::MemDiscard) {
            events.push_back({"discard", item.memDiscard.name, ""});
            Ask(ServerQueryString, item.memDiscard.name);
        } else if (type == QueueType::Message) {
            done = true;
        }
    }
    if (at != end) Fail("an item is cut");
    return done;
}

int main(int count, char** arguments) {
    if (count != 2) Fail("usage: receiver PORT");
    alarm(120);
    Connect(atoi(arguments[1]));
    ShakeHands();
    std::vector<Event> events;
    std::vector<char> compressed(LZ4Size);
    std::vector<char> buffer(TargetFrameSize * 3);
    LZ4_streamDecode_t* stream = LZ4_createStreamDecode();
    int offset = 0;
    bool done = false;
    uint64_t pool = 0;
    while (!done || Names.size() < Asked.size()) {
        lz4sz_t size;
        Read(&size, sizeof(size));
        if (size > LZ4Size) Fail("a block is too large");
        Read(compressed.data(), size);
        char* into = buffer.data() + offset;
        const int got = LZ4_decompress_safe_continue(stream, compressed.data(), into, int(size), TargetFrameSize);
        if (got < 0) Fail("a block cannot be read");
        done |= ReadItems(into, into + got, events, pool);
        offset += got;
        if (offset > int(TargetFrameSize) * 2) offset = 0;
    }
    for (const auto& event : events) printf("%s\t%s\t%s\n", event.kind, Names[event.name].c_str(), event.numbers.c_str());
    return 0;
}
