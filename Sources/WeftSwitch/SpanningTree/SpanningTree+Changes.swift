import WeftCore

// Topology changes (17.31) and what is sent (17.26).
extension SpanningTree {
  mutating func changeMachine(_ i: Int, now: Instant) -> Bool {
    let p = ports[i]
    let isActiveRole = p.role == .root || p.role == .designated
    let hasNews = p.rcvdTc || p.rcvdTcn || p.rcvdTcAck || p.tcProp
    switch p.changeState {
    case .inactive:
      guard p.learn else { return false }
      forgetNews(i)
      ports[i].changeState = .learning
    case .learning:
      if isActiveRole, p.forward, !p.operEdge {
        lengthen(i)
        spreadChange(from: i)
        countChange(now: now)
        ports[i].newInfo = true
        ports[i].changeState = .active
      } else if !isActiveRole, !p.learn, !p.learning, !hasNews {
        flush(i)
        (ports[i].tcWhile, ports[i].tcAck) = (0, false)
        ports[i].changeState = .inactive
      } else if hasNews {
        forgetNews(i)
      } else {
        return false
      }
    case .active:
      if !isActiveRole || p.operEdge {
        forgetNews(i)
        ports[i].changeState = .learning
      } else if p.rcvdTcn {
        lengthen(i)
        takeChange(i, now: now)
      } else if p.rcvdTc {
        takeChange(i, now: now)
      } else if p.tcProp {
        lengthen(i)
        flush(i)
        ports[i].tcProp = false
      } else if p.rcvdTcAck {
        ports[i].tcWhile = 0
        ports[i].rcvdTcAck = false
      } else {
        return false
      }
    }
    return true
  }

  private mutating func forgetNews(_ i: Int) {
    (ports[i].rcvdTc, ports[i].rcvdTcn, ports[i].rcvdTcAck, ports[i].tcProp) = (false, false, false, false)
  }

  private mutating func takeChange(_ i: Int, now: Instant) {
    (ports[i].rcvdTc, ports[i].rcvdTcn) = (false, false)
    if ports[i].role == .designated { ports[i].tcAck = true }
    spreadChange(from: i)
    countChange(now: now)
  }

  /// 17.21.18
  private mutating func spreadChange(from i: Int) {
    for index in ports.indices where index != i { ports[index].tcProp = true }
  }

  /// 17.21.7
  private mutating func lengthen(_ i: Int) {
    guard ports[i].tcWhile == 0 else { return }
    if ports[i].sendRSTP {
      ports[i].tcWhile = ports[i].helloTime + 1
      ports[i].newInfo = true
    } else {
      ports[i].tcWhile = ports[i].maxAge + ports[i].fwdDelay
    }
  }

  private mutating func flush(_ i: Int) { flushes.append(i) }

  // MARK: Port transmit

  mutating func transmitMachine(_ i: Int) -> Bool {
    guard ports[i].isEnabled, ports[i].selected, !ports[i].updtInfo else { return false }
    if ports[i].helloWhen == 0 {
      ports[i].newInfo = ports[i].newInfo || ports[i].role == .designated || ports[i].role == .root && ports[i].tcWhile != 0
      ports[i].helloWhen = ports[i].helloTime
      return true
    }
    guard ports[i].newInfo, ports[i].txCount < TreePort.txHoldCount else { return false }
    if ports[i].sendRSTP {
      send(i, rapid(i))
      ports[i].tcAck = false
    } else if ports[i].role == .root {
      send(i, .notification())
    } else if ports[i].role == .designated {
      send(i, configuration(i))
      ports[i].tcAck = false
    } else {
      return false
    }
    return true
  }

  private mutating func send(_ i: Int, _ message: BPDU) {
    outgoing.append(Outgoing(port: i, message: message))
    ports[i].newInfo = false
    ports[i].txCount += 1
    ports[i].helloWhen = ports[i].helloTime
  }

  /// 17.21.20
  private func rapid(_ i: Int) -> BPDU {
    let p = ports[i]
    let role: BPDU.Role =
      switch p.role {
      case .root: .root
      case .designated: .designated
      case .alternate, .backup: .alternateOrBackup
      case .disabled: .unknown
      }
    var flags = role.rawValue << 2
    if p.agree { flags |= BPDU.agreement }
    if p.proposing { flags |= BPDU.proposal }
    if p.tcWhile != 0 { flags |= BPDU.topologyChange }
    if p.learning { flags |= BPDU.learning }
    if p.forwarding { flags |= BPDU.forwarding }
    return BPDU(kind: .rapid, flags: flags, vector: p.designatedPriority, times: p.designatedTimes)
  }

  /// 17.21.19
  private func configuration(_ i: Int) -> BPDU {
    let p = ports[i]
    var flags: UInt8 = 0
    if p.tcWhile != 0 { flags |= BPDU.topologyChange }
    if p.tcAck { flags |= BPDU.acknowledgment }
    return BPDU(kind: .configuration, flags: flags, vector: p.designatedPriority, times: p.designatedTimes)
  }
}
