import Testing
import WeftCore
import WeftWire

@testable import WeftNAT

@Suite struct ICMPErrorTests {
  static let kinds: [(UInt8, UInt8, UInt32)] =
    (0..<16).map { (3, $0, $0 == 4 ? 1400 : 0) } + [(11, 0, 0), (11, 1, 0), (12, 0, 0x0400_0000), (12, 1, 0)]

  struct Flow: Sendable {
    var out: [UInt8]
    var back: @Sendable (UInt16) -> [UInt8]
  }

  static let flows: [Flow] = [
    Flow(out: Packets.udp(vm, 5000, server, 53)) { Packets.udp(server, 53, external, $0) },
    Flow(out: Packets.udp(vm, 5000, server, 53, checksum: false)) {
      Packets.udp(server, 53, external, $0, checksum: false)
    },
    Flow(out: Packets.udp(vm, 5000, server, 53, options: [148, 4, 0, 0])) { Packets.udp(server, 53, external, $0) },
    Flow(out: Packets.tcp(vm, 5000, server, 53, .syn, payload: [1, 2, 3])) {
      Packets.tcp(server, 53, external, $0, [.syn, .ack])
    },
    Flow(out: Packets.ping(vm, server, id: 5000)) { Packets.ping(server, external, id: $0, reply: true) },
  ]

  /// Quoting all of a packet, the eight bytes that must be there, and just short of or beyond a TCP checksum.
  static let cuts = [Int.max, 8, 16, 19]

  static func quote(_ packet: [UInt8], cut: Int) -> [UInt8] {
    let header = Int(packet[0] & 15) * 4
    return cut == .max ? packet : Array(packet.prefix(header + cut))
  }

  @Test("RFC 5508 REQ-4, RFC 5382 REQ-9: errors from outside are translated with what they quote, and end nothing")
  func errorsFromOutside() throws {
    for clash in [false, true] {
      for flow in Self.flows {
        let net = Harness(configuration())
        if clash { for other in Self.flows { net.give(Self.sender(other.out, vm2), on: 2) } }
        let sent = try #require(net.pass(flow.out, on: 2))
        let deadline = net.gateway.connections(now: net.now).last?.timeLeft
        for (type, code, rest) in Self.kinds {
          for cut in Self.cuts {
            for reporter in [server, router] {
              let error = Packets.icmp(
                reporter, external, type, code: code, rest: rest, data: Self.quote(sent.bytes, cut: cut))
              let seen = try #require(net.pass(error, on: 0))
              #expect(seen.port == 2 && seen.source == reporter && seen.destination == vm)
              #expect(seen.icmpType == type && seen.icmpCode == code && seen.rest == rest)
              let quoted = try #require(quotation(seen))
              // What the sender sent, but for the hop that was counted.
              var original = Self.quote(flow.out, cut: cut)
              original[8] -= 1
              Self.fixHeader(&original)
              #expect(quoted.checksumsAreRight)
              #expect(quoted.bytes == original, "type \(type) code \(code) cut \(cut)")
            }
          }
        }
        #expect(net.gateway.connections(now: net.now).last?.timeLeft == deadline)
        #expect(net.pass(flow.back(sent.sourcePort), on: 0)?.destination == vm)
      }
    }
  }

  @Test("RFC 5508 REQ-5, RFC 5382 REQ-10: errors from inside get the external source, and what they quote too")
  func errorsFromInside() throws {
    for flow in Self.flows {
      let net = Harness(configuration())
      for other in Self.flows { net.give(Self.sender(other.out, vm2), on: 2) }
      let sent = try #require(net.pass(flow.out, on: 2))
      let back = flow.back(sent.sourcePort)
      let received = try #require(net.pass(back, on: 0))
      for (type, code, rest) in Self.kinds {
        for cut in Self.cuts {
          let error = Packets.icmp(vm, server, type, code: code, rest: rest, data: Self.quote(received.bytes, cut: cut))
          let seen = try #require(net.pass(error, on: 2))
          #expect(seen.port == 0 && seen.source == external && seen.destination == server && seen.icmpType == type)
          let quoted = try #require(quotation(seen))
          var original = Self.quote(back, cut: cut)
          original[8] -= 1
          Self.fixHeader(&original)
          #expect(quoted.checksumsAreRight && quoted.bytes == original, "type \(type) code \(code) cut \(cut)")
        }
      }
    }
  }

  @Test("RFC 5508 REQ-7: errors about hairpinned packets")
  func hairpinnedErrors() throws {
    let net = Harness(configuration { $0.forwards = [PortForward(.udp, externalPort: 8080, to: vm, port: 80)] })
    let packet = Packets.udp(vm2, 4000, external, 8080)
    let received = try #require(net.pass(packet, on: 2))
    let seen = try #require(net.pass(Packets.icmp(vm, external, 3, code: 3, rest: 0, data: received.bytes), on: 2))
    #expect(seen.source == external && seen.destination == vm2 && seen.port == 2)
    let quoted = try #require(quotation(seen))
    #expect(quoted.checksumsAreRight && quoted.source == vm2 && quoted.sourcePort == 4000)
    #expect(quoted.destination == external && quoted.destinationPort == 8080)
  }

  @Test func errorsToTheHostsOwnFlowsPassAsTheyAre() throws {
    let net = Harness(configuration(host: true))
    let sent = try #require(net.pass(Packets.udp(external, 5000, server, 53), on: 1))
    let error = Packets.icmp(router, external, 3, code: 1, rest: 0, data: sent.bytes)
    let seen = try #require(net.pass(error, on: 0))
    #expect(seen.port == 1 && seen.bytes == error)
  }

  @Test("RFC 5508 REQ-3, REQ-4: errors with a bad checksum or without a session are dropped")
  func errorsThatBelongToNothing() throws {
    let net = Harness(configuration())
    let sent = try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 2))
    var broken = Packets.icmp(router, external, 3, code: 1, rest: 0, data: sent.bytes)
    broken[40] ^= 1
    let stranger = Packets.udp(external, 5001, server, 53)
    let cases: [([UInt8], Int, DropReason)] = [
      (broken, 0, .badICMPChecksum),
      (Packets.icmp(router, external, 3, code: 1, rest: 0, data: stranger), 0, .noMapping),
      (Packets.icmp(router, external, 5, code: 1, rest: 0, data: sent.bytes), 0, .unexpectedICMP),
      (Packets.icmp(router, external, 4, code: 0, rest: 0, data: sent.bytes), 0, .unexpectedICMP),
      (Packets.icmp(router, external, 3, code: 1, rest: 0, data: Array(sent.bytes.prefix(27))), 0, .malformedICMP),
      (Packets.icmp(router, external, 3, code: 1, rest: 0, data: []), 0, .malformedICMP),
      (Packets.icmp(router, neighbour, 3, code: 1, rest: 0, data: sent.bytes), 0, .notForUs),
      (Packets.icmp(vm2, server, 3, code: 3, rest: 0, data: sent.bytes), 2, .noMapping),
      (Packets.icmp(server2, server, 3, code: 3, rest: 0, data: sent.bytes), 2, .spoofedSource),
      (Packets.icmp(router, external, 3, code: 1, rest: 0, data: sent.bytes, ttl: 1), 0, .ttlExpired),
    ]
    for (packet, port, reason) in cases {
      #expect(net.refuse(packet, on: port) == reason)
      #expect(net.sent.isEmpty)
    }
  }

  @Test("RFC 1812 5.3.1: a packet whose time is up comes back from the gateway on its sender's side")
  func timeExceeded() throws {
    let net = Harness(configuration { $0.forwards = [PortForward(.udp, externalPort: 8080, to: vm, port: 80)] })
    for _ in 0..<2 {
      #expect(net.refuse(Packets.udp(vm, 5000, server, 53, ttl: 1), on: 2) == .ttlExpired)
      let inside = try #require(net.sent.first)
      #expect(inside.icmpType == 11 && inside.source == gatewayInside && inside.destination == vm && inside.port == 2)
      #expect(quotation(inside)?.bytes == Packets.udp(vm, 5000, server, 53, ttl: 1))
      #expect(net.refuse(Packets.udp(server, 5, external, 8080, ttl: 1), on: 0) == .ttlExpired)
      let outside = try #require(net.sent.first)
      #expect(
        outside.icmpType == 11 && outside.source == external && outside.destination == server && outside.port == 0)
      // And so when the sessions are there.
      _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
      _ = net.pass(Packets.udp(server, 5, external, 8080), on: 0)
    }
  }

  @Test func aNeighbourThatDoesNotAnswerIsReportedInTheSendersTerms() throws {
    let net = Harness(
      configuration(host: true) { $0.forwards = [PortForward(.udp, externalPort: 8080, to: vm2, port: 80)] })
    net.silent = [neighbour, vm2]
    let cases: [([UInt8], Int, IP, IP, IP)] = [
      (Packets.udp(vm, 5000, neighbour, 53), 2, gatewayInside, vm, neighbour),
      (Packets.ping(vm, neighbour, id: 3), 2, gatewayInside, vm, neighbour),
      (Packets.tcp(vm, 5000, neighbour, 53, .syn), 2, gatewayInside, vm, neighbour),
      (Packets.udp(server, 5000, external, 8080), 0, external, server, vm2),
      (Packets.udp(external, 5001, neighbour, 53), 1, gatewayInside, external, neighbour),
    ]
    for (packet, port, reporter, sender, silent) in cases {
      net.clear()
      net.trace = 7
      net.give(packet, on: port)
      #expect(net.sent.isEmpty && net.drops.isEmpty)
      net.advance(by: .seconds(4))
      #expect(net.drops.map(\.reason) == [.neighbourUnresolved] && net.drops[0].detail == .address(silent.rawValue))
      let error = try #require(net.sent.first)
      #expect(error.icmpType == 3 && error.icmpCode == 1 && error.source == reporter && error.destination == sender)
      #expect(error.port == port && error.checksumsAreRight && error.trace == 7)
      var quoted = try #require(quotation(error)).bytes
      quoted[8] = packet[8]
      Self.fixHeader(&quoted)
      #expect(quoted == packet)
    }
    #expect(net.pool.outstanding == 0)
  }

  /// The same packet from another source.
  static func sender(_ packet: [UInt8], _ source: IP) -> [UInt8] {
    guard let seen = read(packet, port: 0) else { return packet }
    switch seen.proto {
    case 17: return Packets.udp(source, seen.sourcePort, seen.destination, seen.destinationPort)
    case 6: return Packets.tcp(source, seen.sourcePort, seen.destination, seen.destinationPort, seen.flags)
    default: return Packets.ping(source, seen.destination, id: seen.sourcePort)
    }
  }

  static func fixHeader(_ packet: inout [UInt8]) {
    let header = Int(packet[0] & 15) * 4
    packet[10] = 0
    packet[11] = 0
    let checksum = InternetChecksum.checksum(packet.span.bytes.extracting(0..<header))
    packet[10] = UInt8(checksum >> 8)
    packet[11] = UInt8(checksum & 255)
  }
}
