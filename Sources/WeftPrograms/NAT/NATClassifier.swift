import WeftCore
import WeftStack
import WeftWire

/// Finds out how the NAT on the way to a STUN server behaves (RFC 5780, 4.3 and 4.4, and hairpinning); of the program
/// and of the probe. Filtering is looked at by a socket that has sent to one address only, mapping by another one: what
/// a NAT has let in from an address may decide which mapping it uses towards it.
public struct NATClassifier: Codable {
  public enum Step: Equatable {
    case going
    case done
    /// The server doesn't answer.
    case silent
  }

  private enum Phase: UInt8, Codable {
    case identity, filtering, mapping, hairpin

    var axis: SilentTest.Axis {
      switch self {
      case .identity: .identity
      case .filtering: .filtering
      case .mapping: .mapping
      case .hairpin: .hairpin
      }
    }
  }

  private enum Test: UInt8, Codable {
    /// "Who am I?", of the first and of the second socket.
    case first, second
    /// Answer from elsewhere: another address and port, another port.
    case otherAddress, otherPort
    /// The same question to the partner's first and second port.
    case toAddress, toPort
    /// From each socket to the other's external address.
    case hairpinThere, hairpinBack
  }

  private struct Transaction: Codable {
    var test: Test
    var id: STUNMessage.Transaction
    /// How the server saw the socket; for tests of the way in, that something came at all.
    var answer: TransportAddress?
  }

  /// When a request that isn't answered goes again, counted from the first, and when it is given up.
  private static let resend: [Nanoseconds] = [.milliseconds(250), .milliseconds(750)]
  private static let patience = Nanoseconds.milliseconds(1500)

  let server: TransportAddress
  private let local: IPv4Address
  private let trace: UInt32
  /// The two sockets.
  public let port: UInt16
  private let secondPort: UInt16
  public private(set) var findings: NATFindings?
  public private(set) var deadline: Instant
  private(set) var startedAt: Instant
  public private(set) var sent: UInt64 = 0
  public private(set) var received: UInt64 = 0
  /// To the first answer.
  public private(set) var rtt: Nanoseconds?
  private var partner: TransportAddress?
  private var secondExternal: TransportAddress?
  private var phase = Phase.identity
  private var open: [Transaction] = []
  private var phaseStart: Instant
  private var resent = 0
  /// What was concluded from silence.
  public private(set) var silentTests: [SilentTest] = []

  /// Nil where there is no port or no way there.
  public init?(
    server: TransportAddress, tag: UInt64, trace: UInt32, now: Instant, _ stack: inout Stack,
    _ out: inout Effects
  ) {
    guard let source = stack.source(to: server.address), let port = stack.bindDatagrams(tag: tag, trace: trace) else {
      return nil
    }
    guard let second = stack.bindDatagrams(tag: tag, trace: trace) else {
      stack.unbindDatagrams(port)
      return nil
    }
    self.server = server
    self.trace = trace
    self.port = port
    secondPort = second
    local = source.address
    startedAt = now
    phaseStart = now
    deadline = now
    begin(.identity, [.first, .second], now: now, &stack, &out)
  }

  /// Gives the sockets back.
  public func close(_ stack: inout Stack) {
    stack.unbindDatagrams(port)
    stack.unbindDatagrams(secondPort)
  }

  // MARK: Sending

  private mutating func begin(
    _ phase: Phase, _ tests: [Test], now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    self.phase = phase
    open = tests.map {
      Transaction(
        test: $0,
        id: STUNMessage.Transaction(high: UInt32(truncatingIfNeeded: stack.random.next()), low: stack.random.next()))
    }
    phaseStart = now
    resent = 0
    sendOpen(now: now, &stack, &out)
  }

  private mutating func sendOpen(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    for transaction in open where transaction.answer == nil {
      var request = STUNMessage(.request, transaction.id)
      var source = port
      var target: TransportAddress? = server
      switch transaction.test {
      case .first: break
      case .second: source = secondPort
      case .otherAddress: (request.changesAddress, request.changesPort) = (true, true)
      case .otherPort: request.changesPort = true
      case .toAddress:
        source = secondPort
        target = partner.map { TransportAddress($0.address, server.port) }
      case .toPort:
        source = secondPort
        target = partner
      case .hairpinThere: target = secondExternal
      case .hairpinBack:
        source = secondPort
        target = findings?.external
      }
      guard let target else { continue }
      stack.sendDatagram(
        from: source, to: target.address, target.port, request.bytes.span.bytes, trace: trace, now: now, &out)
      sent &+= 1
    }
    deadline = phaseStart + (Self.resend.indices.contains(resent) ? Self.resend[resent] : Self.patience)
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Step {
    if Self.resend.indices.contains(resent) {
      resent += 1
      sendOpen(now: now, &stack, &out)
      return .going
    }
    return conclude(now: now, &stack, &out)
  }

  // MARK: Receiving

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Step {
    guard let message = STUNMessage(payload), let index = open.firstIndex(where: { $0.id == message.transaction }),
      open[index].answer == nil
    else { return .going }
    switch (open[index].test, message.kind) {
    // What one socket sent arrived at the other, through the NAT.
    case (.hairpinThere, .request), (.hairpinBack, .request):
      open[index].answer = TransportAddress(info.source, info.sourcePort)
    case (.hairpinThere, _), (.hairpinBack, _): return .going
    case (_, .success):
      guard let mapped = message.mapped else { return .going }
      open[index].answer = mapped
      if open[index].test == .first { partner = message.other }
    case (_, .failure):
      // The server can't do it: that says nothing about the NAT.
      open.remove(at: index)
    default: return .going
    }
    received &+= 1
    if rtt == nil { rtt = now - startedAt }
    let isOver =
      phase == .hairpin ? open.contains { $0.answer != nil } : open.allSatisfy { $0.answer != nil }
    return isOver ? conclude(now: now, &stack, &out) : .going
  }

  private func answer(_ test: Test) -> TransportAddress? { open.first { $0.test == test }?.answer }
  private func wasAsked(_ test: Test) -> Bool { open.contains { $0.test == test } }

  /// What the tests of this phase say, and on to the next.
  private mutating func conclude(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Step {
    deadline = .never
    let silent = open.count { $0.answer == nil }
    if silent > 0 {
      // Each question went so often; as many drops can't all have met the others.
      let copies = 1 + Self.resend.count
      silentTests.append(.init(axis: phase.axis, from: phaseStart, to: now, proof: copies * (silent - 1) + 1))
    }
    switch phase {
    case .identity:
      guard let external = answer(.first) else { return .silent }
      findings = NATFindings(local: TransportAddress(local, port), external: external)
      secondExternal = answer(.second)
      begin(.filtering, partner == nil ? [.otherPort] : [.otherAddress, .otherPort], now: now, &stack, &out)
      return .going
    case .filtering:
      let filtering = filtering
      findings?.filtering = filtering
      guard partner != nil else { return tryHairpin(now: now, &stack, &out) }
      begin(.mapping, [.toAddress, .toPort], now: now, &stack, &out)
      return .going
    case .mapping:
      let mapping = mapping
      findings?.mapping = mapping
      return tryHairpin(now: now, &stack, &out)
    case .hairpin:
      findings?.hairpin = open.contains { $0.answer != nil }
      return .done
    }
  }

  private mutating func tryHairpin(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Step {
    guard secondExternal != nil else { return .done }
    begin(.hairpin, [.hairpinThere, .hairpinBack], now: now, &stack, &out)
    return .going
  }

  /// Nil where the server couldn't do what would tell.
  private var filtering: NATFindings.Dependence? {
    if answer(.otherAddress) != nil { return .endpointIndependent }
    if answer(.otherPort) != nil { return wasAsked(.otherAddress) ? .addressDependent : nil }
    return wasAsked(.otherPort) ? .addressAndPortDependent : nil
  }

  private var mapping: NATFindings.Dependence? {
    guard let external = secondExternal, let toAddress = answer(.toAddress) else { return nil }
    if toAddress == external { return .endpointIndependent }
    guard let toPort = answer(.toPort) else { return nil }
    return toPort == toAddress ? .addressDependent : .addressAndPortDependent
  }
}
