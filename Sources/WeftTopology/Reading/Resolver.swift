import WeftCore
import WeftSettings
import WeftWire

/// Makes a topology of a file's tree: what its names stand for, which addresses are whose, what doesn't go together. A
/// class, as its many parts share one state for the length of one load.
final class Resolver: Complaining {
  /// Another while a text beside the file is read.
  var reader: Reader
  var complaints: Complaints { reader.complaints }
  var tables: Tables { reader.tables }

  /// What a name stands for.
  struct Named {
    var sort: Sort
    var mark: Mark
  }

  var topology: Topology
  var defaults: Written?
  var names: [String: Named] = [:]
  /// In the order of the file, for "did you mean".
  var nameOrder: [String] = []
  var segmentIndex: [String: Int] = [:]
  var allowed: Set<AllowedClash> = []
  var hostIndex: [String: Int] = [:]
  var vmIndex: [String: Int] = [:]
  /// Hosts whose entry names no uplink, be it a right or a wrong one.
  var withoutUplink: Set<String> = []
  /// Network → its host and place there; a network that could not be read has no place.
  var networkHost: [String: String] = [:]
  var networkIndex: [String: (host: Int, network: Int)] = [:]
  /// Networks that ask for a DHCP server they can't have: their VMs miss no address.
  var withoutDHCP: Set<String> = []
  /// Addresses taken on a segment or a private network.
  var taken: [String: [IPv4Address: String]] = [:]
  var macs: [MACAddress: String] = [:]
  let filterChecker: ((String) -> String?)?
  let portNames: ((Topology) -> [String])?
  /// The bytes of a file that this one names.

  /// Sorts of which a whole map could not be read: nothing of them is missed by name.
  var unread: Set<Sort> = []
  /// What the topology's expectations were read from.
  var checks: [(value: Written, isNamed: Bool)] = []
  /// Where the words of the topology's events stand.
  var eventKeys: [(mark: Mark, length: Int)] = []
  /// Queues of cables, and whether one of these has a rate: asked once all is read.
  /// Where hosts' `memory` stands.
  var hostMemory: [String: Mark] = [:]
  var queues: [(place: Written, isOfRate: () -> Bool)] = []
  /// Files that the file names, by their paths as it has them; nil where it has no folder.
  var readFile: FileReader?
  /// The same for who asks only whether it is there.
  var opening: ((String) -> [UInt8]?)? { readFile.map { read in { try? read($0) } } }
  var discs: [String: CD] = [:]
  /// Forks of the file, by their names.
  var futures: [String] = []
  /// Of all checks that are tried throughout a window.
  var tries: UInt64 = 0
  /// While a group's programs are read: `next` stands for another member.
  var inGroup = false

  init(
    _ reader: Reader, name: String, filterChecker: ((String) -> String?)?, portNames: ((Topology) -> [String])? = nil
  ) {
    self.reader = reader
    self.filterChecker = filterChecker
    self.portNames = portNames
    topology = Topology(name: name)
  }

  /// Of a key that stands twice one value is lost, and names in it with it.
  func missNothing() { unread = [.segment, .host, .vm, .network] }

  /// Why a run's folder can't have this name. 255 octets is the longest that file systems take (NAME_MAX).
  static func problem(ofLabName name: String) -> String? {
    if name == "." || name == ".." { return "the name of a lab is that of a folder, which \"\(name)\" can't be" }
    if name.unicodeScalars.count > 200 || name.unicodeScalars.contains(where: { $0 == "/" || $0.value < 0x20 }) {
      return "the name of a lab is one line of at most 200 characters without /"
    }
    let octets = name.utf8.count
    return octets > 255 ? "the name of a lab is that of a folder: \(octets) octets are too many, at most 255" : nil
  }

  /// `root`: as the reader gives it.
  func read(_ root: Written) {
    let (own, object) = read(root, tables.root)
    defaults = own.defaults
    if let name = own.name, !name.isEmpty, let place = object.place(\.name) {
      // Runs name their output after the lab.
      if let problem = Self.problem(ofLabName: name) { report(problem, at: place) }
      topology.name = name
    }
    topology.seed = own.seed
    if let duration = own.duration, let place = object.place(\.duration) {
      if duration == .zero { report("a run of no time shows nothing", at: place) }
      topology.duration = duration
    }
    topology.costs = own.costs
    allowed = Set(own.allow)
    noteUnread(own, root)
    let (segments, hosts) = (own.segments?.entries ?? [], own.hosts?.entries ?? [])
    let (vms, groups) = (own.vms?.entries ?? [], own.groups?.entries ?? [])
    declare(segments, hosts, vms, groups)
    for entry in segments { readSegment(entry) }
    checkSegments()
    readHosts(hosts)
    for entry in vms { readVM(entry) }
    for entry in groups { readGroup(entry) }
    for entry in hosts { readHostPrograms(entry) }
    for item in own.mirrors?.items ?? [] { readMirror(item) }
    checkPoolSizes()
    checkNodeNames()
    checkForwards()
    checkPairs()
    checkListeners()
    checkPools()
    checkMemory()
    declareClones(own.events?.items ?? [])
    declareFutures(own.events?.items ?? [])
    checkProcessors(object)
    for value in own.events?.items ?? [] { readEvent(value) }
    if errorCount == 0 {
      checkEvents()
      checkServed()
      checkQueues()
    }
    for value in own.expect?.items ?? [] { readExpectation(value) }
    tellChecksApart()
    if let capture = own.capture { readCapture(capture) }
    if errorCount == 0 { checkFutures() }
    checkDuration()
  }

  /// What can be read of an object, and where its keys stand.
  func read<Root>(_ value: Written, _ table: KeyTable<Root>) -> (Root, Object<Root>) {
    var root = table.standard
    table.read(value, into: &root, self)
    return (root, Object(value, table))
  }

  /// Maps of names that are none, or stand where they are not read.
  private func noteUnread(_ own: RootEntry, _ root: Written) {
    func isLost(_ value: Written?) -> Bool { value.map { $0.entries == nil } ?? false }
    if isLost(own.segments) { unread.insert(.segment) }
    if isLost(own.hosts) { unread.formUnion([.host, .network]) }
    if isLost(own.vms) || isLost(own.groups) { unread.insert(.vm) }
    // None of these is a key there.
    if root["networks"] != nil { unread.insert(.network) }
    for host in own.hosts?.entries ?? [] {
      let networks = Object(host.value, tables.host).place(\.networks)
      if isLost(networks) || host.value["network"] != nil { unread.insert(.network) }
      if host.value["vms"] != nil || host.value["vm"] != nil { unread.insert(.vm) }
    }
  }

  /// Keys that must be there, once defaults are in.
  func require(_ value: Written, _ table: Keys, at mark: Mark, name: String) {
    reader.require(value, table, at: mark, name: name)
  }

  /// The defaults of a kind.
  func defaults(_ kind: PartialKeyPath<DefaultsEntry>) -> Written? {
    defaults.flatMap { Object($0, tables.defaults).bare(kind) }
  }
}
