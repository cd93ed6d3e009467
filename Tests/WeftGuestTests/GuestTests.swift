import Testing
import WeftCore
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

@Suite struct GuestTests {
  @Test func aServerHoldsAThousandConnections() {
    let gets = (0..<4).map { index in
      Net.guest(
        index + 1,
        (0..<250).map { _ in
          ProgramConfiguration.httpGet(to: .guest(0), port: 80, path: "/", host: nil, count: 1, interval: .zero)
        })
    }
    var net = Net(
      [Net.guest(0, [ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: 5000)])] + gets,
      LinkParameters(delay: .milliseconds(1), queueFrames: 100_000))
    net.keepsTaps = false
    net.bootAll()
    net.run(seconds: 30)
    #expect(net.guests[0].programReports[0].replies == 1000)
    #expect(net.guests.dropFirst().allSatisfy { $0.isIdle && $0.programReports.allSatisfy { $0.state == .done } })
    net.run(seconds: 100)
    #expect(net.guests.allSatisfy { $0.stack.connections.isEmpty && $0.deadline == .never })
    #expect(net.outstandingAtEnd() == 0)
  }

  @Test func bootIsQuietServersListenAndALinkThatComesUpIsToldTheAddress() {
    var net = Net([
      Net.guest(0, [ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: nil).starting(at: .seconds(2))])
    ])
    net.bootAll()
    #expect(net.taps.isEmpty && net.guests[0].stack.listeningPorts.isEmpty)
    net.run(seconds: 3)
    #expect(net.taps.isEmpty)
    var out = Effects(pool: net.pool)
    net.guests[0].linkChanged(port: PortIndex(0), up: true, now: net.now, &out)
    #expect(out.count == 1)
    let frame = Frame(stored: out[0].frame)
    out.removeAll()
    let arp = ARPPacket(frame.bytes.extracting(14..<42))
    #expect(arp?.senderIP == Net.address(0) && arp?.targetIP == Net.address(0))
    #expect(net.guests[0].stack.listeningPorts == [80])
    #expect(net.guests[0].deadline == .never && net.guests[0].isIdle)
  }

  @Test func powerOffForgetsAllAndBootStartsAfresh() {
    var net = Net(
      [
        Net.guest(0, [ProgramConfiguration.bulk(to: .guest(1), port: 5, size: 1 << 30)]),
        Net.guest(1, [ProgramConfiguration.sink(port: 5)]),
      ], LinkParameters(delay: .milliseconds(5), rate: 10_000_000))
    net.bootAll()
    net.run(seconds: 0.5)
    net.with(1) { guest, _, _ in guest.powerOff() }
    #expect(net.guests[1].stack.connections.isEmpty)
    net.run(seconds: 1)
    #expect(net.drops.contains { $0.reason == .machineStopped })
    net.boot(1)
    // Its first retransmission meets a machine that knows nothing of it.
    net.run(seconds: 5)
    #expect(net.guests[0].programReports[0].state == .failed("reset"))
    #expect(net.guests[1].programReports[0].state == .running)
  }

  @Test func aPowerOffEndsProbesWithTheirTime() {
    var net = Net(
      [Net.guest(0), Net.guest(1, [ProgramConfiguration.sink(port: 5)])],
      LinkParameters(delay: .milliseconds(5), rate: 10_000_000))
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 5, kind: .throughput(to: .guest(1), port: 5, size: 1 << 40), timeout: .seconds(3)))
    net.run(seconds: 1)
    net.with(0) { guest, _, _ in guest.powerOff() }
    net.probe(0, ProbeConfiguration(trace: 6, kind: .ping(to: .guest(1), size: 8, ttl: 64), timeout: .seconds(1)))
    net.run(seconds: 4)
    #expect(net.takeProbeResults(0).map(\.outcome) == [.notSent, .timedOut])
  }

  @Test func throughputProbeMeasuresTheLink() {
    var net = Net(
      [Net.guest(0), Net.guest(1, [ProgramConfiguration.sink(port: 5)])],
      LinkParameters(delay: .milliseconds(5), rate: 20_000_000))
    net.keepsTaps = false
    net.bootAll()
    net.probe(
      0, ProbeConfiguration(trace: 5, kind: .throughput(to: .guest(1), port: 5, size: 5_000_000), timeout: .seconds(30)))
    net.run(seconds: 30)
    let result = net.takeProbeResults(0)[0]
    #expect(result.outcome == .open && result.bytes == 5_000_000)
    #expect((17_000_000...20_000_000).contains(result.throughput ?? 0))
  }

  @Test func aGuestReachesItself() throws {
    var net = Net([
      Net.guest(
        0,
        [
          ProgramConfiguration.sink(port: 5), ProgramConfiguration.bulk(to: .guest(0), port: 5, size: 3_000_000),
          ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: nil),
        ])
    ])
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 1, kind: .http(to: .guest(0), port: 80, path: "/", host: nil), timeout: .seconds(1)))
    net.probe(0, ProbeConfiguration(trace: 2, kind: .tcpConnect(to: .guest(0), port: 81), timeout: .seconds(1)))
    net.probe(0, ProbeConfiguration(trace: 3, kind: .ping(to: .guest(0), size: 5000, ttl: 64), timeout: .seconds(1)))
    net.run(seconds: 0.0005)
    try net.recode()
    net.run(seconds: 5)
    #expect(net.takeProbeResults(0).sorted { $0.trace < $1.trace }.map(\.outcome) == [.open, .refused, .open])
    #expect(net.guests[0].programReports[0].patternBytes == 3_000_000)
    // Nothing left the machine.
    #expect(net.taps.isEmpty)
    #expect(net.outstandingAtEnd() == 0)
  }

  @Test func pathMTUIsHeeded() {
    var net = Net([
      Net.guest(0, [ProgramConfiguration.bulk(to: .guest(1), port: 5, size: 100_000)]),
      Net.guest(1, [ProgramConfiguration.sink(port: 5)]),
    ])
    // A router in between that takes 1,000 bytes: long segments vanish, and it says so.
    net.loses = { $0.bytes.count > 1014 }
    let pool = net.pool
    var busy = false
    net.answers = { tapped in
      guard tapped.bytes.count > 1014, !busy else { return [] }
      busy = true
      defer { busy = false }
      var bytes = [UInt8](repeating: 0, count: 14 + 56)
      var storage = bytes.mutableSpan
      var span = storage.mutableBytes
      EthernetHeader(destination: .local(1), source: .local(2), type: .ipv4).write(to: &span)
      var ip = span._mutatingExtracting(14..<70)
      IPv4Header(protocol: .icmp, source: IPv4Address(10, 0, 0, 9), destination: Net.address(0)).write(
        to: &ip, payloadLength: 36)
      var icmp = ip._mutatingExtracting(20..<56)
      icmp.put(tapped.bytes.span.bytes.extracting(14..<42), at: 8)
      ICMPv4Header(type: .destinationUnreachable, code: 4, rest: 1000).write(to: &icmp)
      return [bytes]
    }
    net.bootAll()
    net.run(seconds: 20)
    #expect(net.guests[1].programReports[0].patternBytes == 100_000)
    #expect(net.segments.filter { $0.length > 960 }.count <= 10)
    #expect(net.outstandingAtEnd() == 0)
    _ = pool
  }
}
