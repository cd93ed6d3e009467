import WeftSettings

// What comes in: port receive (17.23), protocol migration (17.24), edge detection (17.25), port information (17.27). Each machine
// makes one step where it can, and says whether it did.
extension SpanningTree {
  /// Takes a BPDU once the one before it has been dealt with.
  mutating func receiveMachine(_ i: Int) -> Bool {
    guard ports[i].rcvdBPDU else { return false }
    guard ports[i].isEnabled else {
      ports[i].rcvdBPDU = false
      return true
    }
    guard !ports[i].rcvdMsg else { return false }
    if ports[i].message.kind == .rapid { ports[i].rcvdRSTP = true } else { ports[i].rcvdSTP = true }
    ports[i].operEdge = false
    ports[i].rcvdBPDU = false
    ports[i].rcvdMsg = true
    ports[i].edgeDelayWhile = TreePort.migrateTime
    return true
  }

  /// Which of both protocols the port speaks.
  mutating func migrationMachine(_ i: Int) -> Bool {
    let isRapid = isRapid
    func check(_ port: inout TreePort) {
      port.migration = .checkingRSTP
      port.mcheck = false
      port.sendRSTP = isRapid
      port.mdelayWhile = TreePort.migrateTime
    }
    func sense(_ port: inout TreePort) {
      port.migration = .sensing
      (port.rcvdRSTP, port.rcvdSTP) = (false, false)
    }
    switch ports[i].migration {
    case .checkingRSTP:
      if ports[i].mdelayWhile == 0 {
        sense(&ports[i])
      } else if ports[i].mdelayWhile != TreePort.migrateTime, !ports[i].isEnabled {
        check(&ports[i])
      } else {
        return false
      }
    case .selectingSTP:
      guard ports[i].mdelayWhile == 0 || !ports[i].isEnabled || ports[i].mcheck else { return false }
      sense(&ports[i])
    case .sensing:
      if !ports[i].isEnabled || ports[i].mcheck || isRapid && !ports[i].sendRSTP && ports[i].rcvdRSTP {
        check(&ports[i])
      } else if ports[i].sendRSTP, ports[i].rcvdSTP {
        ports[i].migration = .selectingSTP
        ports[i].sendRSTP = false
        ports[i].mdelayWhile = TreePort.migrateTime
      } else {
        return false
      }
    }
    return true
  }

  mutating func edgeMachine(_ i: Int) -> Bool {
    let admin = ports[i].settings.edge
    if ports[i].operEdge {
      guard !ports[i].isEnabled, admin != true else { return false }
      ports[i].operEdge = false
      return true
    }
    // Whether anybody is there who answers.
    let isAlone = ports[i].edgeDelayWhile == 0 && admin == nil && ports[i].sendRSTP && ports[i].proposing
    guard !ports[i].isEnabled && admin == true || isAlone else { return false }
    ports[i].operEdge = true
    return true
  }

  // MARK: Port information

  mutating func informationMachine(_ i: Int) -> Bool {
    if !ports[i].isEnabled {
      guard ports[i].infoIs != .disabled || ports[i].rcvdMsg else { return false }
      disableInformation(i)
      return true
    }
    switch ports[i].infoIs {
    case .disabled:
      age(i)
      return true
    case .aged, .mine, .received: break
    }
    if ports[i].selected, ports[i].updtInfo {
      update(i)
    } else if ports[i].infoIs == .received, ports[i].rcvdInfoWhile == 0, !ports[i].updtInfo, !ports[i].rcvdMsg {
      age(i)
    } else if ports[i].rcvdMsg, !ports[i].updtInfo, ports[i].infoIs != .aged {
      take(i)
    } else {
      return false
    }
    return true
  }

  mutating func disableInformation(_ i: Int) {
    ports[i].rcvdMsg = false
    (ports[i].proposing, ports[i].proposed, ports[i].agree, ports[i].agreed) = (false, false, false, false)
    ports[i].rcvdInfoWhile = 0
    ports[i].infoIs = .disabled
    (ports[i].reselect, ports[i].selected) = (true, false)
  }

  private mutating func age(_ i: Int) {
    ports[i].infoIs = .aged
    (ports[i].reselect, ports[i].selected) = (true, false)
  }

  private mutating func update(_ i: Int) {
    (ports[i].proposing, ports[i].proposed) = (false, false)
    ports[i].agreed = ports[i].agreed && ports[i].betterOrSame(.mine)
    ports[i].synced = ports[i].synced && ports[i].agreed
    ports[i].portPriority = ports[i].designatedPriority
    ports[i].portTimes = ports[i].designatedTimes
    ports[i].updtInfo = false
    ports[i].infoIs = .mine
    ports[i].newInfo = true
  }

  /// 17.21.8, and what follows for each kind of message.
  private mutating func take(_ i: Int) {
    let message = ports[i].message
    ports[i].rcvdMsg = false
    if message.kind == .topologyChangeNotification {
      ports[i].rcvdTcn = true
      return
    }
    let priority = ports[i].portPriority
    switch message.role {
    case .designated:
      // Who said it last may say worse now (17.6).
      let isSame = message.vector == priority
      let isOfSame = message.vector.bridge.mac == priority.bridge.mac && message.vector.port & 0xfff == priority.port & 0xfff
      if message.vector < priority || isOfSame && !isSame || isSame && message.times != ports[i].portTimes {
        takeSuperior(i)
      } else if isSame {
        recordProposal(i)
        setChangeFlags(i)
        recordAgreement(i)
        updateReceivedWhile(i)
      } else if message.kind == .rapid, message.has(BPDU.learning) {
        // Two designated ones on a cable: one of them isn't heard (17.21.10).
        (ports[i].disputed, ports[i].agreed) = (true, false)
      }
    case .root, .alternateOrBackup:
      guard message.vector >= priority else { return }
      recordAgreement(i)
      setChangeFlags(i)
    case .unknown: break
    }
  }

  private mutating func takeSuperior(_ i: Int) {
    (ports[i].agreed, ports[i].proposing) = (false, false)
    recordProposal(i)
    setChangeFlags(i)
    ports[i].agree = ports[i].agree && ports[i].betterOrSame(.received)
    ports[i].portPriority = ports[i].message.vector
    ports[i].portTimes = ports[i].message.times
    updateReceivedWhile(i)
    ports[i].infoIs = .received
    (ports[i].reselect, ports[i].selected) = (true, false)
  }

  /// 17.21.11
  private mutating func recordProposal(_ i: Int) {
    if ports[i].message.role == .designated, ports[i].message.kind == .rapid, ports[i].message.has(BPDU.proposal) {
      ports[i].proposed = true
    }
  }

  /// 17.21.9
  private mutating func recordAgreement(_ i: Int) {
    ports[i].agreed = isRapid && ports[i].message.kind == .rapid && ports[i].message.has(BPDU.agreement)
    if ports[i].agreed { ports[i].proposing = false }
  }

  /// 17.21.17
  private mutating func setChangeFlags(_ i: Int) {
    if ports[i].message.has(BPDU.topologyChange) { ports[i].rcvdTc = true }
    if ports[i].message.kind == .configuration, ports[i].message.has(BPDU.acknowledgment) { ports[i].rcvdTcAck = true }
  }

  /// 17.21.23
  private mutating func updateReceivedWhile(_ i: Int) {
    let times = ports[i].portTimes
    let isFresh = Int(times.messageAge) + Int(TreeTimes.second) <= Int(times.maxAge)
    ports[i].rcvdInfoWhile = isFresh ? 3 * TreeTimes.ticks(times.hello) : 0
  }
}
