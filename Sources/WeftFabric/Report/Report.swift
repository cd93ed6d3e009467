import WeftCapture
import WeftCore
import WeftGuest

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
  public var programs: [Program]
  public var flows: [Flow]
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
      expectations: verdicts, complaints: director.complaints, programs: world.programs, flows: world.flows,
      leases: world.leases, drops: world.dropReport, captures: captures)
  }
}

extension World {
  var programs: [Report.Program] {
    nodes.indices.filter { nodes[$0].kind == .machine }.flatMap { node in
      machines[nodes[node].index].guest.programReports.map { Report.Program(machine: nodes[node].name, report: $0) }
    }
  }

  var flows: [Report.Flow] {
    nodes.indices.filter { nodes[$0].kind == .gateway }.flatMap { node in
      gateways[nodes[node].index].connections(now: now).map { .init(gateway: nodes[node].name, line: $0.conntrackLine) }
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
        node: nodes[ports[entry.port].node].name, port: ports[entry.port].name, reason: entry.reason.name, count: entry.count)
    }
  }
}

extension Simulation {
  /// What the machines' programs have done so far, in the order of machines.
  public var programReports: [ProgramReport] { world.programs.map(\.report) }
}
