import WeftCore
import WeftSettings

// Events that find things as they want them already do nothing, and nobody plans nothing.

extension Resolver {
  /// A state, and the line of the event that made it so; nil from the beginning.
  private struct Known<Value> {
    var value: Value
    var line: Int?

    var since: String { line.map { "since line \($0)" } ?? "from the beginning" }
  }

  private struct ForwardedPorts: Hashable {
    var host: Int
    var transport: TransportProtocol
    var address: String
    var port: UInt16
    var count: UInt16
  }

  /// Follows the events in the order of their times.
  func checkEvents() {
    guard !topology.events.isEmpty else { return }
    var lives: [String: Known<MachineState>] = [:]
    // What is known of each: after a shutdown it isn't.
    var snapshots: [String: [String: MachineState?]] = [:]
    for vm in topology.vms { lives[vm.name] = Known(value: vm.autostart ? .running : .stopped) }
    var cables: [LinkName: Known<Bool>] = [:]
    var forwarding: [String: Known<Bool>] = [:]
    for host in topology.hosts { forwarding[host.name] = Known(value: host.ipForwarding) }
    var loaded = Set(topology.vms.filter { $0.cd != nil }.map(\.name))
    var hosts = Hosts(topology.vms)
    var ports: [ForwardedPorts: Int] = [:]
    for network in topology.hosts.lazy.flatMap(\.networks) {
      for forward in network.forwards {
        if let key = key(forward, network.name) { ports[key] = forward.mark.line }
      }
    }
    let order = topology.events.indices.sorted { (topology.events[$0].at, $0) < (topology.events[$1].at, $1) }
    // What is of one future alone says nothing of the others.
    for index in order where topology.events[index].future == nil {
      let line = topology.events[index].mark.line
      switch topology.events[index].action.sense {
      case .life(let vm, let verb): if !isStranded(vm, verb, lives, hosts, index) { live(vm, verb, &lives, index) }
      case .snapshot(let vm, let name, let verb): keep(vm, name, verb, &snapshots, &lives, index)
      case .cable(let cable, let isUp): plug(cable, isUp, &cables, index)
      case .ipForwarding(let host, let enabled):
        let hasNAT = hostIndex[host].map { topology.hosts[$0].networks.contains { $0.mode == .nat } } ?? false
        if !hasNAT {
          doubt(index, "host \"\(host)\" has no nat network: it forwards nothing either way")
        } else if let known = forwarding[host], known.value == enabled {
          doubt(index, "IP forwarding of \"\(host)\" is \(enabled ? "on" : "off") already, \(known.since)")
        }
        forwarding[host] = Known(value: enabled, line: line)
      case .forwards(let network, let forwards, isAdded: true):
        for forward in forwards {
          guard let key = key(forward, network) else { continue }
          if let other = ports[key] { doubt(index, "the port is forwarded already (line \(other))") }
          ports[key] = line
        }
      case .forwards(let network, let forwards, isAdded: false):
        for forward in forwards {
          guard let key = key(forward, network) else { continue }
          if ports.removeValue(forKey: key) == nil {
            doubt(index, "there is no such forward at \(topology.events[index].at)", hint: near(key))
          }
        }
      case .drive(let vm, isLoaded: true): loaded.insert(vm)
      case .drive(let vm, isLoaded: false):
        if loaded.remove(vm) == nil { doubt(index, "\"\(vm)\" has no disc in its drive at \(topology.events[index].at)") }
      case .clone(let vm, let name):
        guard let known = lives[vm] else { break }
        if known.value.after(.snapshot) == nil {
          doubt(index, "can't clone \"\(vm)\": it is \(known.value.rawValue) \(known.since)")
        } else {
          lives[name] = Known(value: known.value, line: line)
          hosts.places[name] = hosts.places[vm]
          if hosts.restarted.contains(vm) { hosts.restarted.insert(name) }
        }
      case .media(let pool, let host):
        for vm in topology.vms where vm.disks.contains(where: { $0.pool == pool }) && (host == nil || host == vm.host) {
          if let known = lives[vm.name], known.value.after(.crash) != nil { live(vm.name, .crash, &lives, index) }
        }
      case .restore(let order):
        if let known = lives[order.vm], known.value != .stopped, known.value != .crashed {
          doubt(
            index, "can't restore \"\(order.vm)\" from a backup: it is \(known.value.rawValue) \(known.since)",
            hint: "stop it first")
        } else if let host = order.host {
          if !isFailed(host, hosts, "restore \"\(order.vm)\" from a backup", index) { hosts.places[order.vm] = host }
        }
      case .migrate(let vm, let host):
        if let known = lives[vm], known.value != .running, known.value != .paused {
          doubt(index, "can't migrate \"\(vm)\": it is \(known.value.rawValue) \(known.since)")
        } else if !isFailed(host, hosts, "migrate \"\(vm)\"", index) {
          // How long it takes, and whether it gets there, only the run can tell.
          hosts.places[vm] = nil
        }
      case .placement: hosts.places = [:]
      case .failHost(let host): fail(host, &hosts, &lives, index)
      case .backup, .other: break
      }
    }
  }

  /// Which hosts have failed, in which line, and where VMs are; of those that aren't here nobody knows.
  private struct Hosts {
    var places: [String: String]
    var failed: [String: Int] = [:]
    /// VMs that are started elsewhere, or go on there.
    var restarted: Set<String>

    init(_ vms: [VM]) {
      places = Dictionary(vms.map { ($0.name, $0.host) }) { first, _ in first }
      restarted = Set(vms.filter { $0.onHostFailure == .restart || $0.standby != nil }.map(\.name))
    }
  }

  /// All that is on it is off then; who is restarted elsewhere runs again, unless there is no room.
  private func fail(_ host: String, _ hosts: inout Hosts, _ lives: inout [String: Known<MachineState>], _ index: Int) {
    let line = topology.events[index].mark.line
    if let other = hosts.failed[host] { return doubt(index, "\"\(host)\" has failed already, in line \(other)") }
    hosts.failed[host] = line
    for (vm, known) in lives where hosts.places[vm] == host || hosts.places[vm] == nil {
      if hosts.places[vm] == nil || hosts.restarted.contains(vm) && !known.value.isOff {
        (lives[vm], hosts.places[vm]) = (nil, nil)
      } else if let next = known.value.after(.stop) {
        lives[vm] = Known(value: next, line: line)
      }
    }
  }

  /// Says so of a host that is to do something.
  private func isFailed(_ host: String, _ hosts: Hosts, _ what: String, _ index: Int) -> Bool {
    guard let line = hosts.failed[host] else { return false }
    doubt(index, "can't \(what): \"\(host)\" failed in line \(line)")
    return true
  }

  /// Whether a VM is to run on a host that has failed.
  private func isStranded(
    _ vm: String, _ verb: MachineVerb, _ lives: [String: Known<MachineState>], _ hosts: Hosts, _ index: Int
  ) -> Bool {
    guard verb.setsGoing, lives[vm]?.value.after(verb) != nil, let host = hosts.places[vm], let line = hosts.failed[host] else {
      return false
    }
    doubt(
      index, "can't \(verb.rawValue) \"\(vm)\": its host \"\(host)\" failed in line \(line)",
      hint: "on-host-failure: restart starts it elsewhere, and restore-backup with host takes it there")
    return true
  }

  private func doubt(_ index: Int, _ message: String, hint: String? = nil) {
    report(message, at: eventKeys[index].mark, length: eventKeys[index].length, hint: hint, severity: .warning)
  }

  private func live(_ vm: String, _ verb: MachineVerb, _ lives: inout [String: Known<MachineState>], _ index: Int) {
    guard let known = lives[vm] else { return }
    guard let next = known.value.after(verb) else {
      return doubt(
        index, "can't \(verb.rawValue) \"\(vm)\": it is \(known.value.rawValue) \(known.since)",
        hint: Self.hint(known.value, verb))
    }
    // When it has ended only the run can tell.
    if next == .shuttingDown { return lives[vm] = nil }
    lives[vm] = Known(value: next, line: topology.events[index].mark.line)
  }

  /// Another verb that would do.
  private static func hint(_ state: MachineState, _ verb: MachineVerb) -> String? {
    guard verb == .start || verb == .resume || verb == .restore else { return nil }
    return switch state {
    case .paused: "resume lets it go on"
    case .saved: "restore lets it go on"
    case .crashed: "reset starts it again"
    case .stopped: "start starts it"
    case .running, .shuttingDown, .migrating: nil
    }
  }

  private func keep(
    _ vm: String, _ name: String, _ verb: Event.Action.SnapshotVerb, _ snapshots: inout [String: [String: MachineState?]],
    _ lives: inout [String: Known<MachineState>], _ index: Int
  ) {
    let kept = snapshots[vm]?[name]
    switch verb {
    case .take:
      if kept != nil { return doubt(index, "\"\(vm)\" has a snapshot \"\(name)\" already") }
      if let known = lives[vm], known.value.after(.snapshot) == nil { return live(vm, .snapshot, &lives, index) }
      snapshots[vm, default: [:]][name] = .some(lives[vm]?.value)
    case .revert, .delete:
      guard let kept else {
        return doubt(
          index, "\"\(vm)\" has no snapshot \"\(name)\" at \(topology.events[index].at)",
          hint: Suggestion.hint(for: name, in: snapshots[vm]?.keys.sorted() ?? [])
            ?? "it may be one that the run's --store has")
      }
      if verb == .delete {
        snapshots[vm]?[name] = nil
        return
      }
      lives[vm] = kept.map { Known(value: $0, line: topology.events[index].mark.line) }
    }
  }

  private func plug(_ cable: LinkName, _ up: Bool, _ cables: inout [LinkName: Known<Bool>], _ index: Int) {
    let known = cables[cable] ?? Known(value: true)
    if known.value == up {
      doubt(index, "the cable \(cable.node).\(cable.port) is \(up ? "up" : "down") already, \(known.since)")
    }
    cables[cable] = Known(value: up, line: topology.events[index].mark.line)
  }

  private func key(_ forward: Forward, _ network: String) -> ForwardedPorts? {
    networkIndex[network].map {
      ForwardedPorts(
        host: $0.host, transport: forward.protocol, address: forward.hostAddress?.description ?? "",
        port: forward.hostPort, count: forward.count)
    }
  }

  /// What stands in the file for those ports, in another way.
  private func near(_ key: ForwardedPorts) -> String? {
    let all = topology.hosts[key.host].networks.flatMap(\.forwards)
    let same = all.first { $0.hostPort == key.port } ?? all.first { $0.protocol == key.transport }
    return same.map { "the file has \($0)" }
  }
}
