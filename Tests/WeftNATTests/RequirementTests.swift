import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// Every requirement on one line: its check in virtual time. docs/nat-behaviour.md has a row for each.
@Suite struct RequirementTests {
  struct Requirement: CustomTestStringConvertible, Sendable {
    var name: String
    var check: @Sendable () throws -> Bool
    init(_ name: String, _ check: @escaping @Sendable () throws -> Bool) {
      self.name = name
      self.check = check
    }
    var testDescription: String { name }
  }

  static func udp(_ net: Harness, _ from: IP, _ port: UInt16, _ to: IP, _ toPort: UInt16, on at: Int) -> Seen? {
    net.clear()
    net.give(Packets.udp(from, port, to, toPort), on: at)
    return net.sent.first { $0.proto == 17 }
  }

  static func harness(_ change: (inout NATConfiguration) -> Void = { _ in }) -> Harness {
    Harness(configuration(change))
  }

  static func error(_ code: UInt8, about: [UInt8], from: IP, to: IP, type: UInt8 = 3) -> [UInt8] {
    Packets.icmp(from, to, type, code: code, rest: 0, data: about)
  }

  static func established() -> Harness {
    let net = harness { $0.windowTracking = .off }
    for step in TCPTrackingTests.opening { _ = TCPTrackingTests.send(net, step.flags, fromServer: step.fromServer) }
    return net
  }

  static let all: [Requirement] = [
    Requirement("RFC 4787 REQ-1") {
      let net = harness()
      _ = udp(net, vm2, 5000, server, 53, on: 2)
      let first = udp(net, vm, 5000, server, 53, on: 2)?.sourcePort
      return first != nil && first == udp(net, vm, 5000, server2, 99, on: 2)?.sourcePort
    },
    Requirement("RFC 4787 REQ-2") {
      let net = harness { $0.addresses = AxesTests.pool }
      let sources = (1...6 as ClosedRange<UInt16>).map { udp(net, vm, $0, server, 53, on: 2)?.source }
      return Set(sources).count == 1 && udp(net, vm2, 1, server, 53, on: 2)?.source != sources[0]
    },
    Requirement("RFC 4787 REQ-3") {
      let net = harness()
      return ([500, 5000] as [UInt16]).allSatisfy { port in
        let a = udp(net, vm, port, server, 53, on: 2)?.sourcePort ?? 0
        let b = udp(net, vm2, port, server, 53, on: 2)?.sourcePort ?? 0
        return a == port && b != a && (b < 1024) == (port < 1024)
      }
    },
    Requirement("RFC 4787 REQ-4") {
      let net = harness { $0.parity = true }
      return (10..<20 as Range<UInt8>).allSatisfy { host in
        (udp(net, IP(192, 168, 122, host), 5001, server, 53, on: 2)?.sourcePort ?? 0) % 2 == 1
      }
    },
    Requirement("RFC 4787 REQ-5") {
      let net = harness()
      _ = udp(net, vm, 5000, server, 53, on: 2)
      net.advance(by: .seconds(119))
      return udp(net, server, 53, external, 5000, on: 0)?.destination == vm
    },
    Requirement("RFC 4787 REQ-6") {
      let net = harness { $0.timeouts.udp = .minutes(2) }
      _ = udp(net, vm, 5000, server, 53, on: 2)
      net.advance(by: .seconds(100))
      _ = udp(net, vm, 5000, server, 53, on: 2)
      net.advance(by: .seconds(80))
      let isAlive = udp(net, server, 53, external, 5000, on: 0) != nil
      net.advance(by: .seconds(41))
      return isAlive && udp(net, server, 53, external, 5000, on: 0) == nil
    },
    Requirement("RFC 4787 REQ-7") {
      let net = harness {
        $0.networks[1].prefix = $0.networks[0].prefix
        $0.networks[1].address = IP(192, 168, 122, 2)
      }
      let a = udp(net, vm, 5000, server, 53, on: 2)?.sourcePort ?? 0
      let b = udp(net, vm, 5000, server, 53, on: 3)?.sourcePort ?? 0
      return a != b && udp(net, server, 53, external, b, on: 0)?.port == 3
    },
    Requirement("RFC 4787 REQ-8") {
      NATSettings.Dependence.allCases.allSatisfy { filtering in
        let net = harness { $0.filtering = filtering }
        _ = udp(net, vm, 5000, server, 53, on: 2)
        return (udp(net, server, 54, external, 5000, on: 0) != nil) == (filtering != .addressAndPortDependent)
          && (udp(net, server2, 53, external, 5000, on: 0) != nil) == (filtering == .endpointIndependent)
      }
    },
    Requirement("RFC 4787 REQ-9") {
      let net = harness { $0.filtering = .endpointIndependent }
      _ = udp(net, vm, 5000, server, 53, on: 2)
      let there = udp(net, vm2, 6000, external, 5000, on: 2)
      return there?.source == external && there?.sourcePort == 6000 && there?.destination == vm
    },
    Requirement("RFC 4787 REQ-10") {
      // No ALG: an address in a payload stays as it is.
      let net = harness()
      net.give(Packets.udp(vm, 5060, server, 5060, payload: [192, 168, 122, 10]), on: 2)
      return net.sent.first.map { Array($0.bytes.suffix(4)) } == [192, 168, 122, 10]
    },
    Requirement("RFC 4787 REQ-11") {
      let net = harness { $0.portRange = 6000...6001 }
      for port in 1...2 as ClosedRange<UInt16> { _ = udp(net, vm, port, server, 53, on: 2) }
      guard udp(net, vm2, 9, server, 53, on: 2) == nil else { return false }
      net.advance(by: .minutes(6))
      let port = udp(net, vm2, 9, server, 53, on: 2)?.sourcePort
      return port != nil && port == udp(net, vm2, 9, server2, 1, on: 2)?.sourcePort
    },
    Requirement("RFC 4787 REQ-12") {
      let net = harness()
      _ = udp(net, vm, 5000, server, 53, on: 2)
      net.give(error(3, about: Packets.udp(external, 5000, server, 53), from: server, to: external), on: 0)
      return udp(net, server, 53, external, 5000, on: 0)?.destination == vm
    },
    Requirement("RFC 4787 REQ-13") {
      let net = harness { $0.outside.mtu = 1000 }
      net.give(FragmentTests.big(1200, dontFragment: true), on: 2)
      let told = net.sent.first
      net.clear()
      net.give(FragmentTests.big(1200, dontFragment: false), on: 2)
      return told?.icmpCode == 4 && told?.rest == 1000 && net.sent.count == 2 && net.sent[0].bytes[7] == 0
    },
    Requirement("RFC 4787 REQ-14") {
      let net = harness()
      let pieces = FragmentTests.cut(Packets.udp(vm, 5000, server, 53, payload: FragmentTests.payload), 40)
      for index in [2, 0, 1] { net.give(pieces[index], on: 2) }
      return FragmentTests.join(net.sent)?.checksumsAreRight == true
    },
    Requirement("RFC 5382 REQ-1") {
      let net = harness()
      net.give(Packets.tcp(vm2, 5000, server, 80, .syn), on: 2)
      net.give(Packets.tcp(vm, 5000, server, 80, .syn), on: 2)
      net.give(Packets.tcp(vm, 5000, server2, 81, .syn), on: 2)
      return net.sent.count == 3 && net.sent[1].sourcePort == net.sent[2].sourcePort
    },
    Requirement("RFC 5382 REQ-2") {
      let net = harness()
      let cross: [(TCPFlags, Bool)] = [(.syn, false), (.syn, true), ([.syn, .ack], false), ([.syn, .ack], true)]
      return cross.allSatisfy { TCPTrackingTests.send(net, $0, fromServer: $1) == nil }
        && TCPTrackingTests.state(net) == .established
    },
    Requirement("RFC 5382 REQ-3") {
      let net = harness()
      _ = TCPTrackingTests.send(net, .syn, fromServer: false)
      return net.refuse(Packets.tcp(server2, 80, external, 4000, .syn), on: 0) == .filtered
    },
    Requirement("RFC 5382 REQ-4") {
      let net = harness { $0.unsolicited = .refuseLate }
      net.give(Packets.tcp(server, 80, external, 4000, .syn), on: 0)
      net.advance(by: .milliseconds(5999))
      let isSilent = net.sent.isEmpty
      net.advance(by: .milliseconds(1))
      return isSilent && net.sent.first?.icmpType == 3 && net.sent.first?.icmpCode == 3
    },
    Requirement("RFC 5382 REQ-5") {
      let opening = harness()
      _ = TCPTrackingTests.send(opening, .syn, fromServer: false)
      opening.advance(by: .seconds(239))
      let net = established()
      net.advance(by: .seconds(7439))
      return opening.gateway.connectionCount == 1 && TCPTrackingTests.send(net, .ack, fromServer: true) == nil
    },
    Requirement("RFC 5382 REQ-7") {
      let net = harness()
      net.give(Packets.tcp(vm, 500, server, 80, .syn), on: 2)
      net.give(Packets.tcp(vm2, 500, server, 80, .syn), on: 2)
      return Set(net.sent.map(\.sourcePort)).count == 2
    },
    Requirement("RFC 5382 REQ-8") {
      let net = harness { $0.forwards = [PortForward(.tcp, externalPort: 8080, to: vm, port: 80)] }
      return net.pass(Packets.tcp(vm2, 4000, external, 8080, .syn), on: 2)?.source == external
    },
    Requirement("RFC 5382 REQ-9") {
      let net = established()
      let seen = net.pass(
        error(1, about: Packets.tcp(external, 4000, server, 80, .ack), from: router, to: external), on: 0)
      let inner = seen.flatMap(quotation)
      return seen?.destination == vm && inner?.source == vm && inner?.sourcePort == 4000
        && inner?.checksumsAreRight == true
    },
    Requirement("RFC 5382 REQ-10") {
      let net = established()
      net.give(error(1, about: Packets.tcp(external, 4000, server, 80, .ack), from: router, to: external), on: 0)
      return TCPTrackingTests.state(net) == .established && TCPTrackingTests.send(net, .ack, fromServer: true) == nil
    },
    Requirement("RFC 5508 REQ-1") {
      let net = harness()
      let a = net.pass(Packets.ping(vm, server, id: 7), on: 2)
      let b = net.pass(Packets.ping(vm, server2, id: 7), on: 2)
      let c = net.pass(Packets.ping(vm2, server, id: 7), on: 2)
      return a?.sourcePort == 7 && b?.sourcePort == 7 && c?.sourcePort != 7
    },
    Requirement("RFC 5508 REQ-2") {
      let net = harness()
      net.give(Packets.ping(vm, server, id: 7), on: 2)
      net.advance(by: .seconds(59))
      return net.pass(Packets.ping(server, external, id: 7, reply: true), on: 0)?.destination == vm
    },
    Requirement("RFC 5508 REQ-3") {
      let net = harness()
      _ = udp(net, vm, 5000, server, 53, on: 2)
      var broken = error(1, about: Packets.udp(external, 5000, server, 53), from: router, to: external)
      broken[22] ^= 1
      let options = error(
        1, about: Packets.udp(external, 5000, server, 53, options: [148, 4, 0, 0]), from: router, to: external)
      return net.refuse(broken, on: 0) == .badICMPChecksum && net.pass(options, on: 0)?.destination == vm
    },
    Requirement("RFC 5508 REQ-4") {
      let net = harness()
      return net.refuse(error(1, about: Packets.udp(external, 5000, server, 53), from: router, to: external), on: 0)
        == .noMapping
    },
    Requirement("RFC 5508 REQ-5") {
      let net = harness()
      _ = udp(net, vm, 5000, server, 53, on: 2)
      let seen = net.pass(error(3, about: Packets.udp(server, 53, vm, 5000), from: vm, to: server), on: 2)
      return seen?.source == external && seen.flatMap(quotation)?.destination == external
    },
    Requirement("RFC 5508 REQ-6") {
      let net = harness()
      _ = udp(net, vm, 5000, server, 53, on: 2)
      net.advance(by: .seconds(299))
      net.give(error(1, about: Packets.udp(external, 5000, server, 53), from: router, to: external), on: 0)
      let isThere = net.gateway.connectionCount == 1
      net.advance(by: .seconds(2))
      return isThere && net.gateway.connectionCount == 0
    },
    Requirement("RFC 5508 REQ-7") {
      let net = harness { $0.filtering = .endpointIndependent }
      _ = udp(net, vm, 5000, server, 53, on: 2)
      _ = udp(net, vm2, 6000, external, 5000, on: 2)
      let seen = net.pass(error(3, about: Packets.udp(external, 6000, vm, 5000), from: vm, to: external), on: 2)
      return seen?.source == external && seen?.destination == vm2 && seen.flatMap(quotation)?.destination == external
    },
    Requirement("RFC 5508 REQ-8") {
      let net = harness { $0.portRange = 6000...6000 }
      _ = udp(net, vm, 1, server, 53, on: 2)
      net.give(Packets.udp(vm2, 2, server, 53), on: 2)
      return net.sent.contains { $0.icmpType == 3 && $0.icmpCode == 13 && $0.destination == vm2 }
    },
    Requirement("RFC 7857 2.2") {
      let net = established()
      _ = TCPTrackingTests.send(net, .rst, fromServer: true)
      let left = TCPTrackingTests.timeLeft(net)
      return left == .minutes(4) && TCPTrackingTests.send(net, .ack, fromServer: false) == nil
        && TCPTrackingTests.state(net) == .established
    },
    Requirement("RFC 7857 inbound refresh") {
      let net = harness { $0.filtering = .endpointIndependent }
      _ = udp(net, vm, 5000, server, 53, on: 2)
      for step in 1...3 as ClosedRange<UInt16> {
        net.advance(by: .seconds(99))
        _ = udp(net, server2, step, external, 5000, on: 0)
      }
      net.advance(by: .seconds(4))
      return udp(net, server2, 3, external, 5000, on: 0) == nil
    },
    Requirement("RFC 7857 random ports") {
      let net = harness { $0.ports = .random }
      let ports = (0..<8 as Range<UInt16>).map { udp(net, vm, 5000 + $0, server, 53, on: 2)?.sourcePort ?? 0 }
      return Set(ports).count == 8 && zip(ports, ports.dropFirst()).contains { $1 != $0 &+ 1 }
    },
    Requirement("RFC 6888 REQ-4") {
      let net = harness { $0.limits.sessionsPerVM = 1 }
      _ = udp(net, vm, 1, server, 53, on: 2)
      return net.refuse(Packets.udp(vm, 2, server, 53), on: 2) == .hostLimit
        && udp(net, vm2, 2, server, 53, on: 2) != nil
    },
    Requirement("RFC 6888 REQ-8") {
      let net = harness {
        $0.portRange = 6000...6000
        $0.limits.holdDown = .seconds(120)
      }
      _ = udp(net, vm, 1, server, 53, on: 2)
      net.advance(by: .seconds(301))
      let isHeld = udp(net, vm2, 1, server, 53, on: 2) == nil
      net.advance(by: .seconds(121))
      return isHeld && udp(net, vm2, 1, server, 53, on: 2) != nil
    },
    Requirement("RFC 6888 REQ-12") {
      let net = harness()
      net.gateway.recordEvents(limit: 10)
      _ = udp(net, vm, 1, server, 53, on: 2)
      net.advance(by: .seconds(301))
      return net.gateway.takeEvents().map(\.kind) == [.new, .destroy]
    },
    Requirement("IP forwarding off") {
      let net = harness { $0.ipForwarding = false }
      return net.refuse(Packets.udp(vm, 1, server, 53), on: 2) == .ipForwardingDisabled
    },
  ]

  @Test("requirement", arguments: all) func holds(_ requirement: Requirement) throws {
    #expect(try requirement.check(), "\(requirement.name)")
  }

  /// The scorecard can't rot: every requirement has its row, every row names tests that exist.
  @Test func theScorecardIsTheTests() throws {
    let tests = URL(filePath: #filePath).deletingLastPathComponent()
    let card = tests.deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/nat-behaviour.md")
    let rows = try String(contentsOf: card, encoding: .utf8).split(separator: "\n").filter {
      $0.hasPrefix("| RFC") || $0.hasPrefix("| IP")
    }
    let names = rows.map { row in
      String(row.split(separator: "|")[0]).trimmingCharacters(in: .whitespaces)
    }
    #expect(Set(names).count == names.count)
    #expect(Set(Self.all.map(\.name)).subtracting(names).isEmpty)
    var sources = ""
    for file in try FileManager.default.contentsOfDirectory(at: tests, includingPropertiesForKeys: nil)
    where file.pathExtension == "swift" { sources += try String(contentsOf: file, encoding: .utf8) }
    let known = Set(Self.all.map(\.name))
    for row in rows {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3 else {
        Issue.record("not three cells: \(row)")
        continue
      }
      let tests = cells[2].components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
      #expect(known.contains(cells[0]) && !tests.isEmpty, "\(cells[0])")
      for test in tests { #expect(sources.contains("func \(test)("), "\(cells[0]) names \(test)") }
    }
  }
}
