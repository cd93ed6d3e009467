import WeftCapture
import WeftCore
import WeftGuest
import WeftHypervisor
import WeftWire

/// What a run came to.
public struct Report: Codable, Sendable {
  public struct Program: Codable, Sendable {
    public var machine: String
    public var report: ProgramReport
  }

  /// An entry of a NAT's connection table at the end.
  public struct Flow: Codable, Sendable {
    public var gateway: String
    /// In the form of `conntrack -L`.
    public var line: String
  }

  public struct Drop: Codable, Sendable {
    public var node: String
    public var port: String
    public var reason: String
    public var count: UInt64
  }

  public struct Capture: Codable, Sendable {
    public var port: String
    public var path: String
    public var frames: UInt64
  }

  public struct Interface: Codable, Sendable {
    public var port: String
    public var mac: String
    /// At the end; nil without one.
    public var address: String?
    public var isLinkUp: Bool
    public var counters: NetworkInterface.Counters
  }

  /// A VM, or a host's own machine.
  public struct Machine: Codable, Sendable {
    public var name: String
    /// Of a VM: where it runs.
    public var host: String?
    public var uuid: String?
    public var state: String
    public var ran: Nanoseconds
    public var interfaces: [Interface]
  }

  /// A filter rule of a NAT, and what it was the first to match.
  public struct FilterRule: Codable, Sendable {
    public var gateway: String
    /// From 1, in the order of the file.
    public var number: Int
    public var action: String
    public var packets: UInt64
    public var bytes: UInt64
  }

  public struct Lease: Codable, Sendable {
    public var network: String
    public var address: String
    public var mac: String
    public var hostname: String?
  }

  public var name: String
  public var seed: UInt64
  public var version: String
  /// Virtual time at the end.
  public var endedAt: Instant
  public var events: UInt64
  public var expectations: [Verdict]
  /// Events of the file that couldn't be carried out.
  public var complaints: [String]
  /// Where it was ended before all was done.
  public var cut: Cut?
  public var hosts: [Host]
  public var machines: [Machine]
  public var programs: [Program]
  public var flows: [Flow]
  public var filterRules: [FilterRule]
  public var leases: [Lease]
  public var drops: [Drop]
  public var captures: [Capture]

  public var passed: Bool { expectations.allSatisfy(\.passed) && complaints.isEmpty }
}

extension Simulation {
  /// Ends the run: the captures get their names, and what it came to is told. On failure no capture is left behind.
  public mutating func finish() throws(CaptureError) -> Report {
    var verdicts = director.verdicts(topology, now: world.now)
    var captures: [Report.Capture] = []
    if let set = world.captures {
      try set.finish(at: world.now)
      let ports = world.ports.array
      for port in ports where port.capture >= 0 {
        let frames = set.frameNumber(port: port.capture) - 1
        captures.append(.init(port: port.name, path: set.path(port: port.capture), frames: frames))
      }
    }
    let paths = Dictionary(captures.map { ($0.port, $0.path) }) { first, _ in first }
    for index in verdicts.indices {
      verdicts[index].evidence = verdicts[index].evidence.map { evidence in
        var evidence = evidence
        evidence.capture = evidence.capture.flatMap { paths[$0] }
        if evidence.capture == nil { evidence.frame = nil }
        return evidence
      }
    }
    return Report(
      name: topology.name, seed: seed, version: weftVersion, endedAt: world.now, events: world.eventCount,
      expectations: verdicts, complaints: director.complaints, cut: cut, hosts: world.hosts,
      machines: world.machineReport, programs: world.programs, flows: world.flows,
      filterRules: world.filterRules, leases: world.leases, drops: world.dropReport, captures: captures)
  }
}

extension World {
  var programs: [Report.Program] {
    let owners = Dictionary(names.addresses.map { ($0.value, $0.key) }) { min($0, $1) }
    return nodes.indices.filter { nodes[$0].kind == .machine }.flatMap { node in
      machines[nodes[node].index].guest.programReports.map { report in
        var report = report
        report.title = Self.named(report.title, owners)
        return Report.Program(machine: nodes[node].name, report: report)
      }
    }
  }

  /// `ping 134.115.153.10` → `ping visitor`: guests are configured with addresses, people with names.
  private static func named(_ title: String, _ owners: [IPv4Address: String]) -> String {
    title.split(separator: " ").map { word in
      let parts = word.split(separator: ":", maxSplits: 1)
      guard let first = parts.first, let address = IPv4Address(first), let name = owners[address] else {
        return String(word)
      }
      return ([Substring(name)] + parts.dropFirst()).joined(separator: ":")
    }.joined(separator: " ")
  }

  var machineReport: [Report.Machine] {
    nodes.indices.filter { nodes[$0].kind == .machine }.map { node in
      let machine = machines[nodes[node].index]
      let interfaces = machine.interfaces.indices.map { index in
        Report.Interface(
          port: ports[nodes[node].firstPort + index].name, mac: machine.interfaces[index].mac.description,
          address: machine.guest.address(of: index)?.description, isLinkUp: machine.interfaces[index].isLinkUp,
          counters: machine.interfaces[index].counters)
      }
      return Report.Machine(
        name: nodes[node].name, host: machine.vm?.host, uuid: machine.vm?.uuid, state: machine.state.rawValue,
        ran: machine.vm?.ran(by: now) ?? (now - .start), interfaces: interfaces)
    }
  }

  var flows: [Report.Flow] {
    nodes.indices.filter { nodes[$0].kind == .gateway }.flatMap { node in
      gateways[nodes[node].index].connections(now: now).map { .init(gateway: nodes[node].name, line: $0.conntrackLine) }
    }
  }

  var filterRules: [Report.FilterRule] {
    nodes.indices.filter { nodes[$0].kind == .gateway }.flatMap { node in
      gateways[nodes[node].index].filterRules.enumerated().map { index, entry in
        .init(
          gateway: nodes[node].name, number: index + 1, action: entry.rule.action.rawValue, packets: entry.packets,
          bytes: entry.bytes)
      }
    }
  }

  var leases: [Report.Lease] {
    nodes.indices.filter { nodes[$0].kind == .dhcpServer }.flatMap { node in
      servers[nodes[node].index].leases(now: now).map {
        .init(
          network: String(nodes[node].name.dropLast("-dhcp".count)), address: $0.address.description,
          mac: $0.mac.description, hostname: $0.hostname)
      }
    }
  }

  var dropReport: [Report.Drop] {
    drops.all.map { entry in
      .init(
        node: nodes[ports[entry.port].node].name, port: ports[entry.port].name, reason: entry.reason.name,
        count: entry.count)
    }
  }
}

extension Simulation {
  /// What the machines' programs have done so far, in the order of machines.
  public var programReports: [ProgramReport] { world.programs.map(\.report) }
}
