import Testing
import WeftCore
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

@Suite struct FuzzTests {
  /// Frames of every kind that a busy pair of guests exchanges.
  private static func corpus() -> [[UInt8]] {
    var net = Net([
      Net.guest(
        0,
        [
          ProgramConfiguration.bulk(to: .guest(1), port: 5001, size: 20_000),
          ProgramConfiguration.httpGet(to: .guest(1), port: 80, path: "/", host: nil, count: 2, interval: .milliseconds(50)),
          ProgramConfiguration.ping(to: .guest(1), count: 2, interval: .milliseconds(30), size: 3000, ttl: 64),
          ProgramConfiguration.udpRate(to: .guest(1), port: 5001, size: 100, interval: .milliseconds(7), count: 3),
          ProgramConfiguration.udpRate(to: .guest(1), port: 99, size: 5000, interval: .milliseconds(7), count: 3),
        ]),
      Net.guest(
        1, [ProgramConfiguration.sink(port: 5001), ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: nil)]),
      Net.guest(2, dhcp: true),
    ])
    net.bootAll()
    net.run(seconds: 2)
    return net.taps.map(\.bytes)
  }

  /// Servers and clients of STUN, a rendezvous and late echoes.
  private static let probing = [
    Net.guest(0, [ProgramConfiguration.natProbe(to: .guest(1), port: 3478)]),
    Net.guest(
      1,
      [
        ProgramConfiguration.stunServer(port: 3478, other: .guest(2)), ProgramConfiguration.rendezvous(port: 3480),
        ProgramConfiguration.udpEcho(port: 7), ProgramConfiguration.tcpEcho(port: 7),
      ]),
    Net.guest(2, [ProgramConfiguration.stunServer(port: 3478, other: .guest(1))]),
  ]

  /// Starts two machines' probes: each kind, over and over.
  private static func startProbes(_ net: inout Net, _ trace: inout UInt32) {
    let kinds: [(Bool) -> ProbeKind] = [
      { _ in .nat(via: .guest(1), port: 3478) },
      { .punch(via: .guest(1), port: 3480, protocol: .udp, isPartner: $0) },
      { .punch(via: .guest(1), port: 3480, protocol: .tcp, isPartner: $0) },
      { _ in .idle(to: .guest(1), port: 7, protocol: .udp, delay: .milliseconds(300)) },
      { _ in .idle(to: .guest(1), port: 7, protocol: .tcp, delay: .milliseconds(300)) },
    ]
    for kind in kinds {
      trace += 1
      net.probe(0, ProbeConfiguration(trace: trace, kind: kind(false), timeout: .seconds(2)))
      net.probe(2, ProbeConfiguration(trace: trace, kind: kind(true), timeout: .seconds(2)))
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func mangledProbesNeverTrapNorLeak(seed: UInt64) {
    var trace: UInt32 = 0
    var source = Net(Self.probing)
    source.bootAll()
    Self.startProbes(&source, &trace)
    source.run(seconds: 3)
    let corpus = source.taps.map(\.bytes)
    #expect(source.takeProbeResults(0).allSatisfy { $0.outcome == .open })

    var random = RandomStream(seed: seed, owner: "fuzz", purpose: "probes")
    var net = Net(Self.probing)
    net.keepsTaps = false
    net.bootAll()
    for round in 0..<6000 {
      if round % 300 == 0 { Self.startProbes(&net, &trace) }
      var bytes = corpus[Int(random.next(below: UInt64(corpus.count)))]
      if random.next(below: 10) == 0 { bytes = Array(bytes.prefix(Int(random.next(below: UInt64(bytes.count) + 1)))) }
      for _ in 0..<random.next(below: 4) where !bytes.isEmpty {
        bytes[Int(random.next(below: UInt64(bytes.count)))] ^= UInt8(1) << UInt8(random.next(below: 8))
      }
      Self.fixChecksums(&bytes)
      net.inject(Int(random.next(below: 3)), bytes, trace: UInt32(random.next(below: UInt64(trace) + 1)))
      if round % 8 == 0 { net.run(seconds: 0.01) }
    }
    net.run(seconds: 40)
    #expect(!net.probes.isOn(0) && net.takeProbeResults(0).count == Int(trace) - 5)
    #expect(net.outstandingAtEnd() == 0)
  }

  private static func fixChecksums(_ bytes: inout [UInt8]) {
    guard bytes.count >= 34, bytes[12] == 8, bytes[13] == 0, bytes[14] == 0x45 else { return }
    func put(_ value: UInt16, _ offset: Int) {
      bytes[offset] = UInt8(value >> 8)
      bytes[offset + 1] = UInt8(value & 255)
    }
    put(0, 24)
    let header = InternetChecksum.checksum(bytes.span.bytes.extracting(14..<34))
    put(header, 24)
    let total = min(Int(bytes[16]) << 8 | Int(bytes[17]), bytes.count - 14)
    let (place, least) = bytes[23] == 6 ? (50, 40) : bytes[23] == 17 ? (40, 28) : bytes[23] == 1 ? (36, 28) : (0, 0)
    guard place > 0, total >= least else { return }
    put(0, place)
    let initial =
      bytes[23] == 1
      ? 0
      : InternetChecksum.pseudoHeader(
        source: bytes.span.bytes.ipv4(26), destination: bytes.span.bytes.ipv4(30), protocol: bytes[23],
        length: total - 20)
    let sum = InternetChecksum.checksum(bytes.span.bytes.extracting(34..<14 + total), initial: initial)
    put(sum, place)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func mangledFramesNeverTrapNorLeak(seed: UInt64) {
    let corpus = Self.corpus()
    var random = RandomStream(seed: seed, owner: "fuzz", purpose: "test")
    var net = Net(
      [
        Net.guest(0),
        Net.guest(
          1,
          [
            ProgramConfiguration.sink(port: 5001), ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: 5000),
            ProgramConfiguration.bulk(to: .guest(0), port: 5001, size: 1 << 30), ProgramConfiguration.tcpEcho(port: 7),
            ProgramConfiguration.ping(to: .guest(0), count: 100_000, interval: .milliseconds(20), size: 100, ttl: 64),
          ]), Net.guest(2, dhcp: true),
      ], LinkParameters(delay: .milliseconds(5), rate: 2_000_000))
    net.keepsTaps = false
    net.bootAll()
    for round in 0..<25_000 {
      var bytes = corpus[Int(random.next(below: UInt64(corpus.count)))]
      let kind = random.next(below: 10)
      if kind < 2 { bytes = Array(bytes.prefix(Int(random.next(below: UInt64(bytes.count) + 1)))) }
      if kind < 9 {
        for _ in 0..<random.next(below: 4) where !bytes.isEmpty {
          // Mostly in the headers.
          let place = Int(random.next(below: UInt64(random.next(below: 4) == 0 ? bytes.count : min(bytes.count, 74))))
          bytes[place] ^= UInt8(1) << UInt8(random.next(below: 8))
        }
        if random.next(below: 4) > 0 { Self.fixChecksums(&bytes) }
      } else {
        bytes = (0..<Int(random.next(below: 200))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      }
      net.inject(Int(random.next(below: 3)), bytes)
      if round % 8 == 0 { net.run(seconds: 0.01) }
    }
    net.run(seconds: 40)
    #expect(net.outstandingAtEnd() == 0)
  }
}
