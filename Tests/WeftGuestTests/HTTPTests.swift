import Testing
import WeftCore
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

@Suite struct HTTPTests {
  private static let server = ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: nil)
  /// Of nobody.
  private let own: UInt64 = 1 << 40

  @Test func getGivesStatusAndBody() {
    let get = ProgramConfiguration.httpGet(to: .guest(1), port: 80, path: "/x", host: nil, count: 3, interval: .milliseconds(100))
      .starting(at: .seconds(1))
    var net = Net([Net.guest(0, [get]), Net.guest(1, [Self.server])])
    net.bootAll()
    net.run(seconds: 10)
    let report = net.guests[0].programReports[0]
    #expect(report.state == .done)
    #expect(report.requests == 3 && report.replies == 3)
    #expect(report.httpStatus == 200)
    #expect(report.httpBody == Array("hello from g1\n".utf8))
    #expect(report.rtt?.minimum == .milliseconds(10))
    #expect(net.guests[1].programReports[0].replies == 3)
    #expect(net.guests[0].isIdle && net.guests[1].isIdle)
    #expect(net.outstandingAtEnd() == 0)
  }

  @Test func probeSeesALargeBodyWhole() {
    var net = Net([
      Net.guest(0), Net.guest(1, [ProgramConfiguration.httpServer(port: 8080, status: 404, body: nil, size: 300_000)]),
    ])
    net.bootAll()
    net.probe(
      0, ProbeConfiguration(trace: 3, kind: .http(to: .guest(1), port: 8080, path: "/", host: "x"), timeout: .seconds(5)))
    net.run(seconds: 5)
    let result = net.takeProbeResults(0)[0]
    #expect(result.outcome == .open && result.httpStatus == 404 && result.bytes == 300_000)
    #expect(result.httpBody == Pattern.bytes(4096))
    #expect(!net.probes.isOn(0))
  }

  /// What a server says to these bytes, in pieces of `step`, and whether it closes.
  private func answer(_ text: String, step: Int = .max) -> (text: String, closes: Bool) {
    var net = Net([Net.guest(0), Net.guest(1, [Self.server])])
    net.keepsTaps = false
    net.bootAll()
    var id = SocketID(index: 0, generation: 0)
    net.with(0) { guest, now, _ in id = guest.stack.connect(to: Net.address(1), 80, tag: own, now: now)! }
    net.run(seconds: 0.1)
    var bytes = Array(text.utf8)
    while !bytes.isEmpty {
      let piece = Array(bytes.prefix(step))
      bytes.removeFirst(piece.count)
      net.with(0) { guest, _, _ in guest.stack.write(id, piece.span.bytes) }
      if step != .max { net.run(seconds: 0.001) }
    }
    net.run(seconds: 1)
    return (String(decoding: net.guests[0].stack.read(id), as: UTF8.self), net.guests[0].stack.isAtEnd(id))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200", false),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200", true),
    ("GET / HTTP/1.0\r\n\r\n", "200", true),
    ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "200", false),
    ("GET / HTTP/1.1\r\n\r\n", "400", true),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400", true),
    ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505", true),
    ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", "405", true),
    ("GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", "400", true),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "413", true),
    ("\u{16}\u{3}\u{1}garbage", "400", true),
    ("hello there\r\n", "400", true),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 9000), "431", true),
  ]) func serverAnswers(_ request: String, status: String, closes: Bool) {
    let (text, closed) = answer(request)
    #expect(text.hasPrefix("HTTP/1.1 \(status) "))
    #expect(closed == closes)
    #expect(text.hasSuffix("hello from g1\n") == (status == "200" && !request.hasPrefix("HEAD")))
  }

  @Test func aSlowRequestAndAPipelinedOneAreServed() {
    let request = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    #expect(answer(request, step: 3).text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer(request + request).text.components(of: "HTTP/1.1 200 OK") == 2)
  }

  @Test func aClientThatSaysNothingIsLetGo() {
    var net = Net([Net.guest(0), Net.guest(1, [Self.server])])
    net.bootAll()
    for _ in 0..<20 { net.with(0) { guest, now, _ in _ = guest.stack.connect(to: Net.address(1), 80, tag: own, now: now) } }
    net.run(seconds: 59)
    #expect(net.guests[1].stack.connections.count == 20)
    net.run(seconds: 3)
    #expect(net.guests[1].stack.connections.isEmpty)
  }

  @Test func aClientGivesUpOnAServerThatNeverAnswers() {
    var net = Net([
      Net.guest(
        0,
        [ProgramConfiguration.httpGet(to: .guest(1), port: 80, path: "/", host: nil, count: 2, interval: .seconds(1))]),
      Net.guest(1, [ProgramConfiguration.sink(port: 80)]),
    ])
    net.bootAll()
    net.run(seconds: 300)
    let report = net.guests[0].programReports[0]
    #expect(report.state == .failed("timed out") && report.failures == 2 && report.requests == 2)
    #expect(net.guests.allSatisfy { $0.isIdle })
    #expect(net.outstandingAtEnd() == 0)
  }

  @Test func aServerWithoutHTTPIsABadResponse() {
    var net = Net([Net.guest(0), Net.guest(1, [ProgramConfiguration.tcpEcho(port: 80)])])
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 3, kind: .http(to: .guest(1), port: 80, path: "/", host: nil), timeout: .seconds(5)))
    net.run(seconds: 5)
    #expect(net.takeProbeResults(0).map(\.outcome) == [.badResponse])
  }
}

extension String {
  fileprivate func components(of part: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: part) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
