import WeftCapture
import WeftCore
import WeftGuest
import WeftHypervisor
import WeftNAT
import WeftPrograms
import WeftServices
import WeftSettings
import WeftStack
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

  /// How full a NAT's connection table was.
  public struct ConnectionTable: Codable, Sendable {
    public var gateway: String
    public var entries: UInt64
    /// At once, and when first.
    public var most: UInt64
    public var mostAt: Instant
    /// How many it holds.
    public var limit: Int
  }

  public struct Drop: Codable, Sendable {
    public var node: String
    public var port: String
    public var reason: String
    public var count: UInt64
    /// It took nothing from anybody: a broadcast that isn't for this node, a copy that a switch flooded.
    public var harmless: Bool
    /// What the reason means, as in docs/drop-reasons.md.
    public var explanation: String
  }

  public struct Capture: Codable, Sendable {
    public var port: String
    /// Where the port sits: `NAT gateway home, towards segment campus`.
    public var description: String
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
    /// When it came into that state.
    public var since: Instant
    public var ran: Nanoseconds
    /// Which of its pasts it goes on from: 2 after the first revert.
    public var generation: UInt32
    /// How far its clock is behind the world's; of one that is off nothing, as it asks the clock chip when it boots.
    public var clockBehind: Nanoseconds
    /// In the order in which they were taken.
    public var snapshots: [String]
    /// What is in its drive; nil where nothing is.
    public var disc: String?
    /// What it took from a disc: `hostname web, eth0 192.168.122.50/24 from cd (i-7f3a)`.
    public var setUp: String?
    /// What it couldn't take.
    public var setUpProblems: [String]?
    public var interfaces: [Interface]
    public var disks: [Disk]
  }

  /// A host that has bounds on its VMs' memory; bytes.
  public struct HostMemory: Codable, Sendable {
    public struct Machine: Codable, Sendable {
      public var name: String
      public var memory: UInt64
      public var used: UInt64
      /// Given back to the host.
      public var ballooned: UInt64
    }

    public var host: String
    public var memory: UInt64
    public var machines: [Machine]
  }

  /// A VM's way from a host to another.
  public struct Migration: Codable, Sendable {
    public var vm: String
    public var from: String
    public var to: String
    public var startedAt: Instant
    /// `done`, `failed`, or where it was at the end.
    public var phase: String
    /// Why it failed.
    public var failure: String?
    /// Pages of each round, zero pages among them; the last was sent while the VM stood still.
    public var rounds: [UInt64]
    public var last: UInt64?
    public var pages: UInt64
    public var zeroPages: UInt64
    public var bytes: UInt64
    /// Until it ran there.
    public var duration: Nanoseconds?
    public var downtime: Nanoseconds?
    /// The downtime's parts: what was left to send, the agreement, and what starting it took.
    public var copy: Nanoseconds?
    public var commit: Nanoseconds?
    public var activation: Nanoseconds?
    /// Of its CPU, in hundredths, at the most.
    public var throttle: Int
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

  /// A future that an event forked, and what it came to by itself.
  public struct Future: Codable, Sendable {
    public var name: String
    public var from: String
    /// The moment of the checkpoint.
    public var began: Instant
    public var report: Report
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
  public var backups: [BackupResult]
  /// What else was done to disks: restores, failed media.
  public var storageNews: [String]
  /// Where it was ended before all was done.
  public var cut: Cut?
  public var hosts: [Host]
  /// Of hosts with cpus, and of what runs on them.
  public var cpus: [HostCPUs]
  public var vcpus: [MachineCPUs]
  /// What was modelled with, where anything was.
  public var costs: CostSettings?
  public var machines: [Machine]
  public var hostMemory: [HostMemory]
  /// Of hosts with `power`.
  public var energy: [Energy]
  public var migrations: [Migration]
  /// A line for each VM that has one.
  public var standbys: [String]
  public var programs: [Program]
  public var flows: [Flow]
  /// Of each NAT that had any.
  public var connectionTables: [ConnectionTable]
  public var filterRules: [FilterRule]
  public var leases: [Lease]
  /// What guards turned away.
  public var guards: [Guard]
  /// What switches and machines noticed.
  public var noticed: [Noticed]
  public var drops: [Drop]
  /// A port that saw nothing has no file.
  public var captures: [Capture]
  /// Ports whose captures would be empty.
  public var silentPorts: Int
  /// From when on frames were counted only, as the captures had reached their limit.
  public var captureCutOff: CaptureCutOff?
  /// Why captures are cut short or missing: a full disk.
  public var captureFailure: String?
  /// What ended the run before its time: `SIGINT`.
  public var interruption: String?
  /// Why the run could not go on.
  public var stall: Stall?
  /// Where an event forked any.
  public var futures: [Future]?

  /// Takes a future in: its checks and complaints are the file's too, and stand beside the run's own.
  mutating func add(_ future: Future) {
    futures = (futures ?? []) + [future]
    expectations += future.report.expectations.map { verdict in
      var verdict = verdict
      verdict.name = "in \(future.name): \(verdict.name)"
      return verdict
    }
    complaints += future.report.complaints.map { "in \(future.name): \($0)" }
    captureFailure = captureFailure ?? future.report.captureFailure
    interruption = interruption ?? future.report.interruption
    stall = stall ?? future.report.stall
  }

  public var passed: Bool { expectations.allSatisfy(\.passed) && complaints.isEmpty && stall == nil }
}

extension Simulation {
  /// Ends the run: what is captured is complete, and what it came to is told.
  /// - Throws: where captures couldn't be written; what could be is there. `end` gives the report all the same.
  public mutating func finish() throws(CaptureError) -> Report {
    var failure: CaptureError?
    let report = end(failure: &failure)
    if let failure { throw failure }
    return report
  }

  /// The same at any moment, and with a report whatever becomes of the captures: it tells.
  /// - Parameter interruption: what ends the run before its time.
  public mutating func end(interruption: String? = nil) -> Report {
    var failure: CaptureError?
    return end(interruption: interruption, failure: &failure)
  }

  private mutating func end(interruption: String? = nil, failure: inout CaptureError?) -> Report {
    var verdicts = director.verdicts(topology, now: world.now)
    advise(&verdicts)
    var captures: [Report.Capture] = []
    var silentPorts = 0
    if let set = world.recorder.captures {
      do { try set.finish(at: world.now) } catch { failure = error }
      for port in world.graph.ports.array {
        guard let capture = port.capture?.index else { continue }
        let frames = set.recordCount(port: capture)
        guard frames > 0 else {
          silentPorts += 1
          continue
        }
        captures.append(
          .init(
            port: port.name, description: set.port(capture).description, path: set.path(port: capture),
            frames: frames))
      }
    }
    let files = Dictionary(captures.map { ($0.port, $0) }) { first, _ in first }
    for index in verdicts.indices {
      verdicts[index].evidence = verdicts[index].evidence.map { evidence in
        var evidence = evidence
        let file = evidence.capture.flatMap { files[$0] }
        // The last frames before a full disk have been lost.
        let isThere = (evidence.frame ?? 0) <= file?.frames ?? 0
        evidence.capture = isThere ? file?.path : nil
        if evidence.capture == nil { evidence.frame = nil }
        return evidence
      }
    }
    return Report(
      name: topology.name, seed: seed, version: weftVersion, endedAt: world.now, events: world.eventCount,
      expectations: verdicts, complaints: director.complaints + world.complaints, backups: world.storage.backups,
      storageNews: world.storage.news, cut: cut, hosts: world.hosts,
      cpus: world.cpuReport, vcpus: world.vcpuReport, costs: world.hasProcessors ? topology.costs : nil,
      machines: world.machineReport, hostMemory: world.memoryReport, energy: world.energyReport,
      migrations: world.migrationReport,
      standbys: world.standbyReport, programs: world.programs, flows: world.flows,
      connectionTables: world.connectionTables, filterRules: world.filterRules, leases: world.leases,
      guards: world.guardReport, noticed: world.noticedReport, drops: world.dropReport,
      captures: captures,
      silentPorts: silentPorts, captureCutOff: world.recorder.captures?.cutOff, captureFailure: failure?.description,
      interruption: interruption, stall: stall, futures: nil)
  }
}

extension Simulation {
  /// Tells of what failed what stands behind it.
  private func advise(_ verdicts: inout [Verdict]) {
    let present = director.present(topology)
    guard verdicts.count == present.count, verdicts.contains(where: { !$0.passed }) else { return }
    let advisor = Advisor(topology, world)
    for (index, place) in present.enumerated() where !verdicts[index].passed {
      guard let cause = director.cause(of: place) else { continue }
      let expectation = topology.expectations[place]
      verdicts[index].advice = advisor.advice(cause, from: expectation.from, expectation.probe)
    }
  }
}

extension World {
  var programs: [Report.Program] {
    let owners = Dictionary(names.addresses.map { ($0.value, $0.key) }) { min($0, $1) }
    return machineNodes.flatMap { node, machine in
      elements.machines[machine].guest.programReports.map { report in
        var report = report
        report.title = Self.named(report.title, owners)
        let isOver = report.state != .running && report.state != .waiting
        if !isOver, !elements.machines[machine].guest.isBooted { report.state = .ended }
        return Report.Program(machine: name(node), report: report)
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
    machineNodes.map { node, id in
      let machine = elements.machines[id]
      let interfaces = machine.interfaces.indices.map { index in
        Report.Interface(
          port: graph.ports[graph.port(PortIndex(index), of: node)].name,
          mac: machine.interfaces[index].mac.description,
          address: machine.guest.stack.address(of: index)?.description, isLinkUp: machine.interfaces[index].isLinkUp,
          counters: machine.interfaces[index].counters)
      }
      return Report.Machine(
        name: name(node), host: machine.vm?.host, uuid: machine.vm?.uuid, state: machine.state.rawValue,
        since: machine.vm?.changedAt ?? .start, ran: machine.vm?.ran(by: now) ?? (now - .start),
        generation: machine.vm?.generation ?? 1, clockBehind: machine.clockBehind(now),
        snapshots: machine.snapshots.all.map(\.name), disc: machine.guest.stack.disc?.name, setUp: machine.guest.setUpText,
        setUpProblems: machine.guest.setUpProblems.isEmpty ? nil : machine.guest.setUpProblems, interfaces: interfaces,
        disks: disks(of: machine))
    }
  }

  var flows: [Report.Flow] {
    facts(ConnectionEntry.self).map { .init(gateway: name($0), line: $1.conntrackLine) }
  }

  var connectionTables: [Report.ConnectionTable] {
    gatewayNodes.compactMap { node, id in
      let gateway = elements.gateways[id]
      guard gateway.counters.most > 0 else { return nil }
      return .init(
        gateway: name(node), entries: UInt64(gateway.connectionCounts(now: now).total), most: gateway.counters.most,
        mostAt: gateway.counters.mostAt, limit: gateway.configuration.limits.table)
    }
  }

  var filterRules: [Report.FilterRule] {
    facts(FilterRuleEntry.self).map { node, entry in
      .init(
        gateway: name(node), number: entry.number, action: entry.rule.action.rawValue, packets: entry.packets,
        bytes: entry.bytes)
    }
  }

  var leases: [Report.Lease] {
    facts(DHCPServer.Lease.self).map { node, lease in
      .init(
        network: network(of: node), address: lease.address.description, mac: lease.mac.description,
        hostname: lease.hostname)
    }
  }

  var dropReport: [Report.Drop] {
    recorder.drops.all.map { entry in
      let port = graph.ports[entry.port]
      return .init(
        node: name(port.node), port: port.name, reason: entry.reason.name, count: entry.count,
        harmless: entry.isHarmless, explanation: entry.reason.explanation)
    }
  }
}

extension Simulation {
  /// What the machines' programs have done so far, in the order of machines.
  public var programReports: [ProgramReport] { world.programs.map(\.report) }
}
