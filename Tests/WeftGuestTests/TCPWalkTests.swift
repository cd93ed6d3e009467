import Testing
import WeftCore
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

@Suite struct TCPWalkTests {
  @Test func connectProbeIsOpenAndClosesInOrder() {
    var net = Net([
      Net.guest(0), Net.guest(1, [ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: nil)]),
    ])
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 7, kind: .tcpConnect(to: .guest(1), port: 80), timeout: .seconds(3)))
    net.run(seconds: 1)
    #expect(
      net.walk == ["0 S", "1 SA", "0 A", "0 FA", "1 A", "1 FA", "0 A"]
        || net.walk == ["0 S", "1 SA", "0 A", "0 FA", "1 FA", "0 A"])
    let result = net.takeProbeResults(0).first
    #expect(result?.outcome == .open)
    // 10 ms for ARP, 10 ms there and back.
    #expect(result?.rtt == .milliseconds(20))
    #expect(net.taps.filter { Seen($0) != nil }.allSatisfy { $0.trace == 7 })
    #expect(net.observations.map(\.trace) == [7])
    #expect(net.guests[0].stack.connections.map(\.state) == ["TIME-WAIT"])
    #expect(net.guests[1].stack.connections.isEmpty)
    net.run(seconds: 61)
    #expect(net.guests[0].stack.connections.isEmpty)
    #expect(net.outstandingAtEnd() == 0)
  }

  @Test func closedPortAnswersWithReset() {
    var net = Net([Net.guest(0), Net.guest(1)])
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 1, kind: .tcpConnect(to: .guest(1), port: 81), timeout: .seconds(3)))
    net.run(seconds: 1)
    #expect(net.walk == ["0 S", "1 RA"])
    #expect(net.takeProbeResults(0).map(\.outcome) == [.refused])
    #expect(net.drops.map(\.reason) == [.portClosed])
    #expect(net.guests[0].stack.connections.isEmpty)
  }

  /// A pair whose neighbours know each other, with connections that the test itself owns.
  private func pair(_ programs: [ProgramConfiguration] = []) -> Net {
    var net = Net([Net.guest(0), Net.guest(1, programs)])
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 9, kind: .ping(to: .guest(1), size: 8, ttl: 64), timeout: .seconds(1)))
    net.run(seconds: 1)
    net.taps = []
    return net
  }

  /// Of nobody.
  private let own: UInt64 = 1 << 40

  @Test func simultaneousOpenEstablishesBothEnds() {
    var net = pair()
    for index in 0..<2 {
      net.with(index) { guest, now, out in
        let connection = guest.stack.tcp.open(
          FourTuple(local: Net.address(index), 5000, remote: Net.address(1 - index), 5000), .synSent, own, trace: 0,
          initialSequence: 0xffff_fff0 &+ UInt32(index), segmentSize: 1460, now: now)
        guest.stack.tcp.list(connection)
      }
    }
    net.run(seconds: 2)
    #expect(
      net.walk.prefix(4) == ["0 S", "1 S", "0 SA", "1 SA"] || net.walk.prefix(4) == ["0 S", "1 S", "1 SA", "0 SA"])
    #expect(net.guests.map { $0.stack.connections.map(\.state) } == [["ESTAB"], ["ESTAB"]])
    // Both close at once.
    for index in 0..<2 {
      net.with(index) { guest, _, _ in
        guest.stack.shutdown(SocketID(index: 0, generation: guest.stack.tcp.connections[0].generation))
      }
    }
    net.run(seconds: 0.004)
    #expect(net.guests.map { $0.stack.connections.map(\.state) } == [["FIN-WAIT-1"], ["FIN-WAIT-1"]])
    net.run(seconds: 1)
    #expect(net.guests.map { $0.stack.connections.map(\.state) } == [["TIME-WAIT"], ["TIME-WAIT"]])
    net.run(seconds: 61)
    #expect(net.guests.allSatisfy { $0.stack.connections.isEmpty })
  }

  @Test func synIsRetransmittedAtTheTimesOfRFC6298AndGivenUp() {
    var net = pair([ProgramConfiguration.sink(port: 5)])
    net.loses = { Seen($0)?.flags == .syn }
    let start = net.now
    var id: SocketID?
    net.with(0) { guest, now, _ in id = guest.stack.connect(to: Net.address(1), 5, tag: own, now: now) }
    net.run(seconds: 200)
    #expect(net.segments.map { ($0.at - start).rawValue / 1_000_000_000 } == [0, 1, 3, 7, 15, 31, 63])
    #expect(net.guests[0].stack.connections.isEmpty)
    #expect(id != nil)
  }

  @Test func dataIsRetransmittedWithDoubledTimeoutsAndThenTheConnectionFails() {
    var net = pair([ProgramConfiguration.sink(port: 5)])
    var id = SocketID(index: 0, generation: 0)
    net.with(0) { guest, now, _ in id = guest.stack.connect(to: Net.address(1), 5, tag: own, now: now)! }
    net.run(seconds: 1)
    net.loses = { Seen($0) != nil }
    net.taps = []
    let start = net.now
    net.with(0) { guest, _, _ in
      #expect(guest.stack.write(id, ([1, 2, 3] as [UInt8]).span.bytes) == 3)
    }
    net.run(seconds: 2000)
    let times = net.segments.map { ($0.at - start).rawValue / 1_000_000 }
    // A smoothed round trip of 10 ms and the least variation of 200: 210 ms, doubled up to 120 s.
    #expect(times.prefix(6) == [0, 210, 630, 1470, 3150, 6510])
    #expect(times.count == 16)
    #expect(net.guests[0].stack.connections.isEmpty)
  }

  @Test func halfCloseStillReceives() {
    var net = pair([ProgramConfiguration.tcpEcho(port: 7)])
    var id = SocketID(index: 0, generation: 0)
    net.with(0) { guest, now, _ in id = guest.stack.connect(to: Net.address(1), 7, tag: own, now: now)! }
    net.run(seconds: 0.1)
    net.with(0) { guest, _, _ in
      guest.stack.write(id, Array("over and out".utf8).span.bytes)
      guest.stack.shutdown(id)
    }
    net.run(seconds: 0.008)
    #expect(net.guests[0].stack.connections.map(\.state) == ["FIN-WAIT-1"])
    net.run(seconds: 0.003)
    #expect(net.guests[0].stack.read(id) == Array("over and out".utf8))
    net.run(seconds: 1)
    #expect(net.guests[1].stack.connections.isEmpty)
    #expect(net.guests[0].stack.connections.map(\.state) == ["TIME-WAIT"])
  }

  @Test func zeroWindowIsProbedUntilItOpens() {
    var net = pair()
    var id = SocketID(index: 0, generation: 0)
    net.with(1) { guest, _, _ in _ = guest.stack.tcp.listen(9, own) }
    net.with(0) { guest, now, _ in id = guest.stack.connect(to: Net.address(1), 9, tag: own, now: now)! }
    net.run(seconds: 0.1)
    net.keepsTaps = false
    // Nobody reads: 4 MiB fill the window.
    var sent = 0
    for _ in 0..<400 {
      net.with(0) { guest, _, _ in
        while guest.stack.writable(id) > 0 {
          let count = Pattern.with(offset: UInt64(sent), count: 4096) { guest.stack.write(id, $0) }
          if count == 0 { break }
          sent += count
        }
      }
      net.run(seconds: 0.02)
    }
    let waiting = net.guests[1].stack.tcp.connections[0].receiveBuffer.count
    #expect(waiting <= TCPConnection.receiveLimit && waiting > TCPConnection.receiveLimit - 2048)
    #expect(net.guests[0].stack.tcp.connections[0].isPersisting)
    net.keepsTaps = true
    net.taps = []
    net.run(seconds: 30)
    #expect(net.segments.contains { $0.from == 0 && $0.length == 1 })
    #expect(net.segments.allSatisfy { $0.from == 0 || $0.window < 1460 >> 7 + 1 })
    net.keepsTaps = false
    let server = SocketID(index: 0, generation: net.guests[1].stack.tcp.connections[0].generation)
    var received = 0
    for _ in 0..<200 {
      net.with(1) { guest, _, _ in
        let count = guest.stack.readable(server)
        #expect(guest.stack.peek(server, count) { Pattern.matches($0, offset: UInt64(received + $1)) })
        received += guest.stack.discard(server)
      }
      net.run(seconds: 0.05)
    }
    #expect(received == sent)
    #expect(net.outstandingAtEnd() == 0)
  }

  @Test func resetInTheWindowIsChallengedAndOneInPlaceObeyed() {
    var net = pair([ProgramConfiguration.sink(port: 5)])
    net.with(0) { guest, now, _ in _ = guest.stack.connect(to: Net.address(1), 5, tag: own, now: now)! }
    net.run(seconds: 0.1)
    let server = net.guests[1].stack.tcp.connections[0]
    func reset(_ sequence: UInt32) -> [UInt8] {
      segment(
        TCPHeader(
          sourcePort: server.key.remotePort, destinationPort: 5, sequence: sequence, acknowledgment: 0, flags: .rst,
          window: 0))
    }
    net.taps = []
    net.inject(1, reset(server.expected &+ 10))
    #expect(net.walk == ["1 A"])
    #expect(net.guests[1].stack.connections.count == 1)
    net.inject(1, reset(server.expected &- 10))
    #expect(net.guests[1].stack.connections.count == 1)
    net.inject(1, reset(server.expected))
    #expect(net.guests[1].stack.connections.isEmpty)
  }

  private func segment(_ header: TCPHeader) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 34 + header.length)
    var storage = bytes.mutableSpan
    var span = storage.mutableBytes
    EthernetHeader(destination: .local(2), source: .local(1), type: .ipv4).write(to: &span)
    var ip = span._mutatingExtracting(14..<34)
    IPv4Header(protocol: .tcp, source: Net.address(0), destination: Net.address(1)).write(
      to: &ip, payloadLength: header.length)
    var tcp = span._mutatingExtracting(34..<34 + header.length)
    header.write(to: &tcp, source: Net.address(0), destination: Net.address(1))
    return bytes
  }

  @Test func aNewSynReusesAPortInTimeWait() {
    var net = pair([ProgramConfiguration.tcpEcho(port: 7)])
    // The server closes first and keeps TIME-WAIT.
    let tuple = FourTuple(local: Net.address(0), 4000, remote: Net.address(1), 7)
    for round in 0..<2 {
      net.with(0) { guest, now, _ in
        let index = guest.stack.tcp.open(
          tuple, .synSent, own, trace: 0, initialSequence: UInt32(1000 + round * 100_000), segmentSize: 1460, now: now)
        guest.stack.tcp.list(index)
      }
      net.run(seconds: 0.1)
      #expect(net.guests[0].stack.connections.map(\.state) == ["ESTAB"])
      net.with(1) { guest, now, _ in
        let index = guest.stack.tcp.connections.firstIndex { $0.state == .established }!
        guest.stack.shutdown(SocketID(index: UInt32(index), generation: guest.stack.tcp.connections[index].generation))
      }
      net.run(seconds: 0.1)
      net.with(0) { guest, now, _ in
        guest.stack.shutdown(SocketID(index: 0, generation: guest.stack.tcp.connections[0].generation))
      }
      net.run(seconds: 0.1)
      #expect(net.guests[1].stack.connections.map(\.state) == ["TIME-WAIT"])
      #expect(net.guests[0].stack.connections.isEmpty)
    }
  }

  /// RFC 9293, 3.5: the handshake's third segment is a frame of its own; a FIN without data pushes nothing, one with data does.
  @Test func theHandshakesThirdSegmentStandsAlone() {
    var id = SocketID(index: 0, generation: 0)
    var other = pair([ProgramConfiguration.sink(port: 5)])
    other.with(0) { guest, now, _ in id = guest.stack.connect(to: Net.address(1), 5, tag: own, now: now)! }
    other.run(seconds: 0.03)
    other.with(0) { guest, _, _ in
      guest.stack.write(id, ([1, 2, 3] as [UInt8]).span.bytes)
      guest.stack.shutdown(id)
    }
    other.run(seconds: 1)
    #expect(other.walk.prefix(4) == ["0 S", "1 SA", "0 A", "0 FPA+3"] && other.walk.contains("1 FA"), "\(other.walk)")
  }

  /// The window is kept full: its size each round trip (RFC 7323, 1.1).
  @Test func aLongFatPipeIsFilledByTheWindow() {
    var net = Net(
      [
        Net.guest(0, [ProgramConfiguration.bulk(to: .guest(1), port: 5001, size: 1_000_000_000)]),
        Net.guest(1, [ProgramConfiguration.sink(port: 5001)]),
      ], LinkParameters(delay: .milliseconds(50), rate: 1_000_000_000, queueFrames: 10_000))
    net.keepsTaps = false
    net.bootAll()
    net.run(seconds: 1.6)
    let before = net.guests[1].programReports[0].bytesIn
    net.run(seconds: 0.5)
    let window = UInt64(TCPConnection.receiveLimit)
    let received = net.guests[1].programReports[0].bytesIn - before
    #expect((window * 49 / 10...window * 51 / 10).contains(received), "\(Double(received) / Double(window))")
    #expect(net.outstandingAtEnd() == 0)
  }

  /// Small pieces of what a narrow link takes, and never the same again for the same complaint.
  @Test(arguments: [68, 100, 300, 563, 0]) func anyMTUEndsInProgress(mtu: Int) {
    var net = pair([ProgramConfiguration.sink(port: 5)])
    var id = SocketID(index: 0, generation: 0)
    net.with(0) { guest, now, _ in id = guest.stack.connect(to: Net.address(1), 5, tag: own, now: now)! }
    net.run(seconds: 0.1)
    net.with(0) { guest, _, _ in _ = guest.stack.write(id, [UInt8](repeating: 1, count: 1460).span.bytes) }
    for _ in 0..<3 {
      let key = net.guests[0].stack.tcp.connections[0].key
      net.with(0) { guest, _, _ in
        let sequence = guest.stack.tcp.connections[0].unacknowledged
        _ = guest.stack.tcp.lowerSegmentSize(key, sequence: sequence, mtu - 40)
      }
    }
    #expect(net.guests[0].stack.tcp.connections[0].segmentSize == max(mtu - 40, 28))
    #expect(net.taps.count < 200)
    net.run(seconds: 5)
    #expect(net.guests[1].programReports[0].bytesIn == 1460)
  }
}
