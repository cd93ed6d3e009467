import WeftCore
import WeftStack
import WeftWire

/// One of two machines that want to reach each other through their NATs: it tells a third machine that it is there,
/// learns the other's external address and port from it, and sends there from the very port that the third one saw.
/// Open when data went both ways.
public struct HolePunch: Codable {
  public enum Step: Equatable {
    case going
    case done
    /// The third machine refuses: nobody introduces the two.
    case failed(SocketError)
  }

  private static let registerInterval = Nanoseconds.milliseconds(250)
  private static let helloInterval = Nanoseconds.milliseconds(200)
  /// From a connection that failed to the next try.
  private static let retryInterval = Nanoseconds.milliseconds(500)

  public let server: TransportAddress
  let isTCP: Bool
  /// The one of the two whose probe it isn't. Over UDP it answers until the end, as long as the other may ask.
  public let isPartner: Bool
  public let trace: UInt32
  let tag: UInt64
  public private(set) var localPort: UInt16
  public private(set) var peer: TransportAddress?
  /// Something came from the other.
  public private(set) var hasHeard = false
  /// The other says that it has heard this one.
  private(set) var isHeard = false
  public private(set) var rtt: Nanoseconds?
  public private(set) var bytes: UInt64 = 0
  public private(set) var deadline: Instant
  private var punchedAt: Instant?
  /// TCP: to the third machine, and to the other.
  private var registration: SocketID?
  private var connection: SocketID?

  private var meeting: UInt64 { UInt64(trace) }

  /// Nil where there is no way or no port.
  public init?(
    server: TransportAddress, isTCP: Bool, isPartner: Bool, trace: UInt32, tag: UInt64, now: Instant,
    _ stack: inout Stack, _ out: inout Effects
  ) {
    self.server = server
    self.isTCP = isTCP
    self.isPartner = isPartner
    self.trace = trace
    self.tag = tag
    deadline = now
    if isTCP {
      guard let socket = stack.connect(to: server.address, server.port, tag: tag, trace: trace, now: now) else {
        return nil
      }
      registration = socket
      localPort = stack.localPort(socket)
      deadline = .never
    } else {
      guard stack.source(to: server.address) != nil, let port = stack.bindDatagrams(tag: tag, trace: trace) else {
        return nil
      }
      localPort = port
      _ = wake(now: now, &stack, &out)
    }
  }

  public mutating func close(_ isOpen: Bool, now: Instant, _ stack: inout Stack) {
    if !isTCP { return stack.unbindDatagrams(localPort) }
    for socket in [connection, registration] {
      guard let socket else { continue }
      if isOpen { stack.release(socket, now: now) } else { stack.abort(socket) }
    }
    (connection, registration) = (nil, nil)
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Step {
    if isTCP {
      deadline = .never
      connect(now: now, &stack)
      return .going
    }
    if peer == nil {
      sendDatagram(PunchMessage(.register, meeting: meeting, flag: isPartner), to: server, now: now, &stack, &out)
      deadline = now + Self.registerInterval
    } else if !(hasHeard && isHeard) {
      sayHello(now: now, &stack, &out)
      deadline = now + Self.helloInterval
    } else {
      deadline = .never
    }
    return .going
  }

  private mutating func found(_ peer: TransportAddress, now: Instant) {
    guard self.peer == nil else { return }
    self.peer = peer
    punchedAt = now
  }

  private mutating func heard(_ message: PunchMessage, now: Instant) -> Step {
    bytes &+= UInt64(PunchMessage.length)
    hasHeard = true
    if message.flag { isHeard = true }
    if isHeard, rtt == nil { rtt = punchedAt.map { now - $0 } }
    return isHeard && (isTCP || !isPartner) ? .done : .going
  }

  // MARK: UDP

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Step {
    guard !isTCP, let message = PunchMessage(payload), message.meeting == meeting else { return .going }
    switch message.kind {
    case .register: return .going
    case .peer:
      guard TransportAddress(info.source, info.sourcePort) == server, peer == nil else { return .going }
      found(message.peer, now: now)
      return wake(now: now, &stack, &out)
    case .hello:
      let source = TransportAddress(info.source, info.sourcePort)
      if peer == nil { found(source, now: now) }
      // A NAT may have given it another port towards here than towards the third machine.
      peer = source
      let step = heard(message, now: now)
      // The prober answers only one that hasn't heard it yet: or the two would go on for ever.
      if isPartner || !message.flag { sayHello(now: now, &stack, &out) }
      return step
    }
  }

  private mutating func sayHello(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard let peer else { return }
    sendDatagram(PunchMessage(.hello, meeting: meeting, flag: hasHeard), to: peer, now: now, &stack, &out)
  }

  private mutating func sendDatagram(
    _ message: PunchMessage, to target: TransportAddress, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    stack.sendDatagram(
      from: localPort, to: target.address, target.port, message.bytes.span.bytes, trace: trace, now: now, &out)
  }

  // MARK: TCP

  /// Connects what should be connected and isn't: from one port both to the third machine and to the other, whose SYN
  /// may cross this one (RFC 5128, 3.4; RFC 9293, 3.5).
  private mutating func connect(now: Instant, _ stack: inout Stack) {
    if let peer {
      guard connection == nil else { return }
      connection = stack.connect(
        to: peer.address, peer.port, from: localPort, tag: tag, trace: trace, now: now)
      if connection == nil { deadline = now + Self.retryInterval }
    } else if registration == nil {
      registration = stack.connect(to: server.address, server.port, tag: tag, trace: trace, now: now)
      if let registration { localPort = stack.localPort(registration) } else { deadline = now + Self.retryInterval }
    }
  }

  public mutating func socket(_ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack) -> Step {
    if id == registration { return registrationChanged(id, events, now: now, &stack) }
    guard id == connection else { return .going }
    if events.contains(.connected) { write(.hello, to: id, &stack) }
    var step = Step.going
    while let message = stack.readPunchMessage(id) {
      guard message.kind == .hello, message.meeting == meeting else { continue }
      let wasHeard = hasHeard
      if heard(message, now: now) == .done { step = .done }
      if !wasHeard { write(.hello, to: id, &stack) }
    }
    if step == .done { return .done }
    if events.contains(.closed) {
      connection = nil
      deadline = now + Self.retryInterval
    } else if stack.isAtEnd(id) {
      stack.shutdown(id)
    }
    return .going
  }

  private mutating func registrationChanged(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack
  ) -> Step {
    if events.contains(.connected) { write(.register, to: id, &stack) }
    while let message = stack.readPunchMessage(id) {
      if message.kind == .peer, message.meeting == meeting { found(message.peer, now: now) }
    }
    if events.contains(.closed) {
      switch stack.error(id) {
      case .refused?, .unreachable?: if peer == nil, let error = stack.error(id) { return .failed(error) }
      case .reset?, .ttlExceeded?, .timedOut?, nil: break
      }
      registration = nil
      if peer == nil { deadline = now + Self.retryInterval }
    }
    connect(now: now, &stack)
    return .going
  }

  private func write(_ kind: PunchMessage.Kind, to socket: SocketID, _ stack: inout Stack) {
    let flag = kind == .register ? isPartner : hasHeard
    stack.write(socket, PunchMessage(kind, meeting: meeting, flag: flag).bytes.span.bytes)
  }
}
