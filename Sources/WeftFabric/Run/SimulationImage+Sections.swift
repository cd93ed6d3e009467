import WeftCapture
import WeftCore
import WeftHypervisor
import WeftImage
import WeftNAT
import WeftProbes
import WeftServices
import WeftSettings
import WeftSwitch
import WeftTopology

/// Why bytes are no image of a run.
public enum ImageError: Error, Equatable {
  case foreign
  case version(found: UInt32)
  case sectionVersion(section: String, found: UInt16, reads: UInt16)
  case damaged(String)

  init(_ error: SectionError) {
    switch error {
    case .foreign: self = .foreign
    case .version(let found): self = .version(found: found)
    case .damaged(let what): self = .damaged(what)
    }
  }
}

/// The parts of an image's file, one section each; an element is one (docs/checkpoint.md).
enum ImagePart: UInt16, CaseIterable {
  case shapes = 1
  case run, links, ports, records, captures, captureFile, kept
  case virtualSwitch = 16
  case gateway, dhcpServer, machine, processors

  /// Raised when what a part holds changes.
  var version: UInt16 {
    switch self {
    case .run, .records: 5
    case .virtualSwitch: 4
    case .machine: 3
    case .shapes, .links, .ports, .captures, .captureFile, .kept, .gateway, .dhcpServer, .processors: 1
    }
  }

  static func title(_ kind: UInt16, _ name: String) -> String {
    let part =
      switch ImagePart(rawValue: kind) {
      case .shapes: "the table of shapes"
      case .run: "the run"
      case .links: "the links"
      case .ports: "the ports"
      case .records: "the records"
      case .captures: "the captures"
      case .captureFile: "the capture"
      case .kept: "the checkpoint"
      case .virtualSwitch: "the switch"
      case .gateway: "the gateway"
      case .dhcpServer: "the DHCP server"
      case .machine: "the machine"
      case .processors: "the hosts' cpus"
      case nil: "section \(kind)"
      }
    return name.isEmpty ? part : "\(part) \(name)"
  }
}

extension SimulationImage {
  /// What every image's file begins with: whoever gets one can tell.
  public static let magic = Array("WEFTCKPT".utf8)
  public static let formatVersion: UInt32 = 3

  private struct Run: Codable {
    var topology: Topology
    var seed: UInt64
    var changes: [GraphAction]
    var director: Director
    var now: Instant
    var eventCount: UInt64
    var migrations: Migrations
    var standbys: Standbys
    var hosts: [WeftHypervisor.Host]
    var restarts: [World.Restart]
    var complaints: [String]
  }

  private struct Records: Codable {
    var drops: DropLedger
    var events: EventLedger
    var traces: TraceLog
    var probes: ProbeTable
    var storage: Storage
    var clocks: [Int: CausalClock]?
  }

  /// Columns: four counters a port, a count of packets a node.
  private struct Ports: Codable {
    var counters: [UInt64]
    var packetCounts: [UInt64]

    init(_ counters: [Port.Counters], _ packetCounts: [UInt64]) {
      self.counters = counters.flatMap { [$0.received, $0.receivedBytes, $0.transmitted, $0.transmittedBytes] }
      self.packetCounts = packetCounts
    }

    var all: [Port.Counters]? {
      guard counters.count % 4 == 0 else { return nil }
      return stride(from: 0, to: counters.count, by: 4).map {
        Port.Counters(
          received: counters[$0], receivedBytes: counters[$0 + 1], transmitted: counters[$0 + 2],
          transmittedBytes: counters[$0 + 3])
      }
    }
  }

  /// The image as bytes: the same image gives the same.
  public func encoded() throws -> [UInt8] {
    let encoder = ImageEncoder()
    var sections = [Section(kind: ImagePart.shapes.rawValue, version: ImagePart.shapes.version, bytes: [])]
    func add<T: Encodable>(_ part: ImagePart, _ name: String = "", _ value: T) throws {
      sections.append(
        Section(kind: part.rawValue, version: part.version, name: name, bytes: try encoder.encode(value)))
    }
    try add(
      .run, "",
      Run(
        topology: topology, seed: seed, changes: changes, director: director, now: now, eventCount: eventCount,
        migrations: migrations, standbys: standbys, hosts: hosts, restarts: restarts, complaints: complaints))
    try add(.links, "", links)
    try add(.ports, "", Ports(portCounters, packetCounts))
    try add(.records, "", Records(drops: drops, events: events, traces: traces, probes: probes, storage: storage, clocks: clocks))
    for (element, name) in zip(switches, names.switches) { try add(.virtualSwitch, name, element) }
    for (element, name) in zip(gateways, names.gateways) { try add(.gateway, name, element) }
    for (element, name) in zip(servers, names.servers) { try add(.dhcpServer, name, element) }
    for (element, name) in zip(machines, names.machines) { try add(.machine, name, element) }
    try add(.processors, "", processors)
    if var captures {
      let bytes = captures.files.map(\.bytes)
      for index in captures.files.indices { captures.files[index].bytes = [] }
      try add(.captures, "", captures)
      for (file, bytes) in zip(captures.files, bytes) {
        sections.append(
          Section(
            kind: ImagePart.captureFile.rawValue, version: ImagePart.captureFile.version, name: file.name, bytes: bytes))
      }
    }
    for moment in kept {
      sections.append(
        Section(
          kind: ImagePart.kept.rawValue, version: ImagePart.kept.version, name: moment.name, bytes: try moment.image.encoded()))
    }
    sections[0].bytes = encoder.shapeTable
    return SectionFile.encode(sections, magic: Self.magic, version: Self.formatVersion)
  }

  /// An image from its bytes, its frames in `pool`. Sections of a kind that this weft doesn't know are passed over.
  /// `catalogue`: what its programs and probes may be.
  public init(decoding file: [UInt8], pool: FramePool, catalogue: Catalogue = .standard) throws(ImageError) {
    try self.init(decoding: file, pool, catalogue, isKept: false)
  }

  /// `isKept`: within another, which is as deep as they go.
  private init(decoding file: [UInt8], _ pool: FramePool, _ catalogue: Catalogue, isKept: Bool) throws(ImageError) {
    let sections: [Section]
    do throws(SectionError) {
      sections = try SectionFile.decode(
        file, magic: Self.magic, version: Self.formatVersion, named: ImagePart.title)
    } catch { throw ImageError(error) }
    for section in sections {
      guard let part = ImagePart(rawValue: section.kind), part.version != section.version else { continue }
      throw .sectionVersion(
        section: ImagePart.title(section.kind, section.name), found: section.version, reads: part.version)
    }
    do {
      try self.init(Parts(sections, pool, catalogue))
      for section in sections where section.kind == ImagePart.kept.rawValue {
        guard !isKept else { throw ImageError.damaged("a checkpoint within a checkpoint") }
        kept.append(
          KeptImage(
            name: section.name, image: try SimulationImage(decoding: section.bytes, pool, catalogue, isKept: true)))
      }
    } catch let error as ImageError {
      throw error
    } catch {
      throw .damaged("its state doesn't decode: \(error)")
    }
  }

  private init(_ parts: Parts) throws {
    let run = try parts.one(.run, Run.self)
    let ports = try parts.one(.ports, Ports.self)
    let records = try parts.one(.records, Records.self)
    guard let counters = ports.all else { throw ImageError.damaged("the ports' counters") }
    let (switches, gateways) = (try parts.all(.virtualSwitch, VirtualSwitch.self), try parts.all(.gateway, NATGateway.self))
    let (servers, machines) = (try parts.all(.dhcpServer, DHCPServer.self), try parts.all(.machine, Machine.self))
    var captures = parts.has(.captures) ? try parts.one(.captures, CaptureCheckpoint.self) : nil
    let files = parts.bytes(.captureFile)
    guard files.count == captures?.files.count ?? 0 else { throw ImageError.damaged("its captures are not all there") }
    for (index, bytes) in files.enumerated() { captures?.files[index].bytes = bytes }
    self.init(
      topology: run.topology, seed: run.seed, changes: run.changes, director: run.director, now: run.now,
      eventCount: run.eventCount,
      links: try parts.one(.links, [Link].self), switches: switches.map(\.1), gateways: gateways.map(\.1),
      servers: servers.map(\.1), machines: machines.map(\.1),
      processors: try parts.one(.processors, Processors.self),
      names: ElementNames(
        switches: switches.map(\.0), gateways: gateways.map(\.0), servers: servers.map(\.0), machines: machines.map(\.0)),
      portCounters: counters, packetCounts: ports.packetCounts, drops: records.drops, events: records.events,
      traces: records.traces, probes: records.probes, migrations: run.migrations, standbys: run.standbys, hosts: run.hosts,
      restarts: run.restarts, complaints: run.complaints, storage: records.storage, captures: captures,
      clocks: records.clocks)
  }

  /// The sections of a file by kind, in their order.
  private struct Parts {
    private let sections: [UInt16: [Section]]
    private let decoder: ImageDecoder

    init(_ all: [Section], _ pool: FramePool, _ catalogue: Catalogue) throws {
      sections = Dictionary(grouping: all, by: \.kind)
      guard let shapes = sections[ImagePart.shapes.rawValue]?.first else {
        throw ImageError.damaged("it has no \(ImagePart.title(ImagePart.shapes.rawValue, ""))")
      }
      do {
        decoder = try ImageDecoder(
          shapeTable: shapes.bytes, userInfo: [.framePool: FramePoolReference(pool), .catalogue: catalogue])
      } catch { throw ImageError.damaged("\(ImagePart.title(shapes.kind, "")) doesn't decode: \(error)") }
    }

    func has(_ part: ImagePart) -> Bool { sections[part.rawValue] != nil }

    func all<T: Decodable>(_ part: ImagePart, _: T.Type) throws -> [(String, T)] {
      try (sections[part.rawValue] ?? []).map { section in
        do { return (section.name, try decoder.decode(T.self, from: section.bytes)) } catch {
          throw ImageError.damaged("\(ImagePart.title(section.kind, section.name)) doesn't decode: \(error)")
        }
      }
    }

    func one<T: Decodable>(_ part: ImagePart, _ type: T.Type) throws -> T {
      let found = try all(part, type)
      guard let first = found.first, found.count == 1 else {
        throw ImageError.damaged("\(found.count) times \(ImagePart.title(part.rawValue, ""))")
      }
      return first.1
    }

    func bytes(_ part: ImagePart) -> [[UInt8]] { (sections[part.rawValue] ?? []).map(\.bytes) }
  }
}
