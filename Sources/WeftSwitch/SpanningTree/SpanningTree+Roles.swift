import WeftCore

// What a port does in its role: role transitions (17.29), state transitions (17.30).
extension SpanningTree {
  mutating func roleMachine(_ i: Int) -> Bool {
    if ports[i].role != ports[i].selectedRole, ports[i].selected, !ports[i].updtInfo || ports[i].selectedRole == .disabled {
      enter(i, ports[i].selectedRole)
      return true
    }
    switch ports[i].roleState {
    case .disablePort:
      guard ports[i].selected, !ports[i].learning, !ports[i].forwarding else { return false }
      restAsDisabled(i)
      return true
    case .blockPort:
      guard isSettled(i), !ports[i].learning, !ports[i].forwarding else { return false }
      restAsAlternate(i)
      return true
    case .disabledPort:
      guard ports[i].fdWhile != firstWait(i) || ports[i].sync || ports[i].reRoot || !ports[i].synced else { return false }
      restAsDisabled(i)
      return true
    case .rootPort: return isSettled(i) && asRoot(i)
    case .designatedPort: return isSettled(i) && asDesignated(i)
    case .alternatePort: return isSettled(i) && asAlternate(i)
    }
  }

  private func isSettled(_ i: Int) -> Bool { ports[i].selected && !ports[i].updtInfo }

  private mutating func enter(_ i: Int, _ role: TreeRole) {
    ports[i].role = role
    switch role {
    case .disabled:
      (ports[i].learn, ports[i].forward) = (false, false)
      ports[i].roleState = .disablePort
    case .alternate, .backup:
      (ports[i].learn, ports[i].forward) = (false, false)
      ports[i].roleState = .blockPort
    case .root:
      ports[i].rrWhile = ports[i].fwdDelay
      ports[i].roleState = .rootPort
    case .designated: ports[i].roleState = .designatedPort
    }
  }

  /// How long a port that is plugged in waits before it learns: 17.29.1; by the old protocol it listens no longer than it learns.
  func firstWait(_ i: Int) -> Int { isRapid ? ports[i].maxAge : ports[i].fwdDelay }

  private mutating func restAsDisabled(_ i: Int) {
    ports[i].fdWhile = firstWait(i)
    ports[i].synced = true
    ports[i].rrWhile = 0
    (ports[i].sync, ports[i].reRoot) = (false, false)
    ports[i].roleState = .disabledPort
  }

  private mutating func restAsAlternate(_ i: Int) {
    ports[i].fdWhile = ports[i].forwardDelay
    ports[i].synced = true
    ports[i].rrWhile = 0
    (ports[i].sync, ports[i].reRoot) = (false, false)
    ports[i].roleState = .alternatePort
  }

  /// 17.20.3
  private func allSynced(but i: Int) -> Bool {
    ports.indices.allSatisfy {
      ports[$0].selected && ports[$0].role == ports[$0].selectedRole
        && ($0 == i || ports[$0].role == .root || ports[$0].synced)
    }
  }

  /// 17.20.10
  private func reRooted(_ i: Int) -> Bool { ports.indices.allSatisfy { $0 == i || ports[$0].rrWhile == 0 } }

  /// 17.21.14 and 17.21.15
  private mutating func syncTree() { for index in ports.indices { ports[index].sync = true } }
  private mutating func reRootTree() { for index in ports.indices { ports[index].reRoot = true } }

  private mutating func asRoot(_ i: Int) -> Bool {
    ports[i].rrWhile = ports[i].fwdDelay
    let p = ports[i]
    let synced = allSynced(but: i)
    let mayGo = p.fdWhile == 0 || reRooted(i) && p.rbWhile == 0 && isRapid
    if p.proposed, !p.agree {
      syncTree()
      ports[i].proposed = false
    } else if synced && !p.agree || p.proposed && p.agree {
      (ports[i].proposed, ports[i].sync, ports[i].agree) = (false, false, true)
      ports[i].newInfo = true
    } else if !p.forward, !p.reRoot {
      reRootTree()
    } else if p.reRoot, p.forward {
      ports[i].reRoot = false
    } else if mayGo, !p.learn {
      ports[i].fdWhile = p.forwardDelay
      ports[i].learn = true
    } else if mayGo, p.learn, !p.forward {
      ports[i].fdWhile = 0
      ports[i].forward = true
    } else {
      return false
    }
    return true
  }

  private mutating func asDesignated(_ i: Int) -> Bool {
    let p = ports[i]
    let mayGo = (p.fdWhile == 0 || p.agreed || p.operEdge) && (p.rrWhile == 0 || !p.reRoot) && !p.sync
    if !p.forward, !p.agreed, !p.proposing, !p.operEdge {
      ports[i].proposing = true
      ports[i].edgeDelayWhile = TreePort.migrateTime
      ports[i].newInfo = true
    } else if !p.learning && !p.forwarding && !p.synced || p.agreed && !p.synced || p.operEdge && !p.synced || p.sync && p.synced
    {
      ports[i].rrWhile = 0
      (ports[i].synced, ports[i].sync) = (true, false)
    } else if p.rrWhile == 0, p.reRoot {
      ports[i].reRoot = false
    } else if (p.sync && !p.synced || p.reRoot && p.rrWhile != 0 || p.disputed) && !p.operEdge && (p.learn || p.forward) {
      (ports[i].learn, ports[i].forward, ports[i].disputed) = (false, false, false)
      ports[i].fdWhile = p.forwardDelay
    } else if mayGo, !p.learn {
      ports[i].learn = true
      ports[i].fdWhile = p.forwardDelay
    } else if mayGo, p.learn, !p.forward {
      ports[i].forward = true
      ports[i].fdWhile = 0
      ports[i].agreed = p.sendRSTP
    } else {
      return false
    }
    return true
  }

  private mutating func asAlternate(_ i: Int) -> Bool {
    // Both stand still as long as it is none that forwards.
    ports[i].fdWhile = ports[i].forwardDelay
    if ports[i].role == .backup { ports[i].rbWhile = 2 * ports[i].helloTime }
    let p = ports[i]
    if p.proposed, !p.agree {
      syncTree()
      ports[i].proposed = false
    } else if allSynced(but: i) && !p.agree || p.proposed && p.agree {
      (ports[i].proposed, ports[i].agree) = (false, true)
      ports[i].newInfo = true
    } else if p.sync || p.reRoot || !p.synced {
      restAsAlternate(i)
    } else {
      return false
    }
    return true
  }

  /// What the switch lets through follows what the role asks for.
  mutating func stateMachine(_ i: Int) -> Bool {
    let p = ports[i]
    if p.learning, !p.learn {
      (ports[i].learning, ports[i].forwarding) = (false, false)
    } else if p.forwarding, !p.forward {
      (ports[i].learning, ports[i].forwarding) = (false, false)
    } else if p.learn, !p.learning {
      ports[i].learning = true
    } else if p.forward, p.learning, !p.forwarding {
      ports[i].forwarding = true
    } else {
      return false
    }
    return true
  }
}
