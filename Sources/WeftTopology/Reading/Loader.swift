import WeftCore
import WeftSettings
import WeftWire

/// Reads a file's tree into a topology and collects every mistake on the way. A class, as its many parts share one
/// state for the length of one load.
final class Loader {
  let source: SourceText
  let tables: Tables
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var errorCount = 0
  private var seen: Set<Diagnostic> = []

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
  /// Sorts of which a whole map could not be read: nothing of them is missed by name.
  var unread: Set<Sort> = []
  /// What the topology's expectations were read from.
  var checks: [(value: Written, isNamed: Bool)] = []
  /// Where the words of the topology's events stand.
  var eventKeys: [(mark: Mark, length: Int)] = []
  /// Queues of cables, and whether one of these has a rate: asked once all is read.
  var queues: [(place: Written, isOfRate: () -> Bool)] = []
  /// Of all checks that are tried throughout a window.
  var tries: UInt64 = 0
  /// While a group's programs are read: `next` stands for another member.
  var inGroup = false
  /// The table and key whose value is being checked.
  var checking = (table: "", key: "")

  init(
    source: SourceText, name: String, tables: Tables, filterChecker: ((String) -> String?)?,
    portNames: ((Topology) -> [String])? = nil
  ) {
    self.source = source
    self.tables = tables
    self.filterChecker = filterChecker
    self.portNames = portNames
    topology = Topology(name: name)
  }

  /// Goes on from what the YAML reader found. Of a key that stands twice one value is lost, and names in it with it.
  func begin(after earlier: [Diagnostic], hasDuplicates: Bool) {
    errorCount += earlier.count { $0.severity == .error }
    if hasDuplicates { unread = [.segment, .host, .vm, .network] }
  }

  // MARK: Reporting

  /// Whether a check has nothing to say; what it says is not kept.
  func isFine(_ check: () -> Void) -> Bool {
    let saved = (diagnostics, errorCount, seen)
    defer { (diagnostics, errorCount, seen) = saved }
    seen = []
    check()
    return errorCount == saved.1
  }

  func report(
    _ message: String, at mark: Mark, length: Int = 1, hint: String? = nil, severity: Diagnostic.Severity = .error
  ) {
    // A mistake in `defaults` would come once for each node.
    let key = Diagnostic(
      severity: severity, file: "", line: mark.line, column: mark.column, message: message, sourceLine: "", length: 1)
    guard seen.insert(key).inserted else { return }
    if severity == .error { errorCount += 1 }
    guard diagnostics.count < 1000 else { return }
    diagnostics.append(source.diagnostic(severity, at: mark, length: length, message, hint: hint))
  }

  func report(_ message: String, at value: Written, part: String? = nil, hint: String? = nil) {
    if let part, let mark = source.mark(of: part, from: value.mark) {
      report(message, at: mark, length: part.unicodeScalars.count, hint: hint)
    } else {
      report(message, at: value.mark, length: value.length, hint: hint)
    }
  }

  func report(_ complaint: Complaint, at value: Written) {
    // In quotes, where it may be meant, a dash or curly quote is not taken for a hyphen.
    let strange = value.text.flatMap(Lookalikes.first)
    let hint = strange.map(Lookalikes.message).map { "\($0.message): \($0.hint)" }
    report(complaint.message, at: value, part: complaint.part, hint: hint ?? complaint.hint)
  }

  /// Nothing that is wrong, but seldom what was meant.
  func warn(_ message: String, at value: Written, hint: String? = nil) {
    report(message, at: value.mark, length: value.length, hint: hint, severity: .warning)
  }

  /// A name's place: as long as the name.
  func report(_ message: String, atKey mark: Mark, _ key: String, hint: String? = nil) {
    report(message, at: mark, length: key.unicodeScalars.count, hint: hint)
  }

  /// What did not get into the topology must have been reported; a file is never read in part without a word.
  func lost(at mark: Mark) {
    if errorCount == 0 { report("this could not be read", at: mark) }
  }

  /// The value a parser makes of a scalar; nil after a report.
  func parse<T>(_ value: Written?, _ parser: (String) throws(Complaint) -> T) -> T? {
    guard let value, !value.isNull, let text = value.text else { return nil }
    if case .wrong = value.finding { return nil }
    do {
      return try parser(text)
    } catch {
      report(error, at: value)
      return nil
    }
  }

  func finish(_ earlier: [Diagnostic]) -> TopologyLoad {
    var all = earlier + diagnostics
    if all.count >= 1000, let last = all.map(\.line).max() {
      let message = "too many mistakes; the rest is left out"
      all.append(source.diagnostic(.error, at: Mark(line: last + 1, column: 1), length: 1, message, hint: nil))
    }
    // Stable by index: of two at one place, the first found comes first.
    func rank(_ index: Int) -> (Int, Int, Int, Int) {
      (all[index].file == source.file ? 0 : 1, all[index].line, all[index].column, index)
    }
    let order = all.indices.sorted { rank($0) < rank($1) }
    let failed = errorCount > 0 || all.contains { $0.severity == .error }
    return TopologyLoad(topology: failed ? nil : topology, diagnostics: order.map { all[$0] })
  }

  func hasError(at mark: Mark) -> Bool {
    // In quotes the words begin a column later.
    diagnostics.contains {
      $0.severity == .error && $0.line == mark.line && (mark.column...mark.column + 1).contains($0.column)
    }
  }

  /// Takes back what was said of a place, where the whole is worth one message.
  func withdraw(at mark: Mark) {
    func isThere(_ diagnostic: Diagnostic) -> Bool {
      diagnostic.line == mark.line && diagnostic.column == mark.column && diagnostic.severity == .error
    }
    errorCount -= diagnostics.count(where: isThere)
    diagnostics.removeAll(where: isThere)
  }

  // MARK: Reading

  /// Why a run's folder can't have this name. 255 octets is the longest that file systems take (NAME_MAX).
  static func problem(ofLabName name: String) -> String? {
    if name == "." || name == ".." { return "the name of a lab is that of a folder, which \"\(name)\" can't be" }
    if name.unicodeScalars.count > 200 || name.unicodeScalars.contains(where: { $0 == "/" || $0.value < 0x20 }) {
      return "the name of a lab is one line of at most 200 characters without /"
    }
    let octets = name.utf8.count
    return octets > 255 ? "the name of a lab is that of a folder: \(octets) octets are too many, at most 255" : nil
  }

  func read(_ file: Written) {
    var root = file
    guard root.entries != nil else {
      let message = root.isNull ? "the file is empty" : "a topology file is a map of keys, not \(root.what)"
      report(message, at: root.mark, length: 1, hint: "weft init writes one to begin with")
      return
    }
    root = check(root, .object(tables.root.keys), at: root.mark)
    // One mistake, one message: what stands under a misspelt key is read as what was meant.
    if errorCount > 0, errorCount < 100 { root = corrected(root, .object(tables.root.keys)) }
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
    checkNodeNames()
    checkForwards()
    checkPairs()
    checkListeners()
    checkPools()
    for value in own.events?.items ?? [] { readEvent(value) }
    if errorCount == 0 {
      checkEvents()
      checkServed()
      checkQueues()
    }
    for value in own.expect?.items ?? [] { readExpectation(value) }
    tellChecksApart()
    if let capture = own.capture { readCapture(capture) }
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

  /// The defaults of a kind.
  func defaults(_ kind: PartialKeyPath<DefaultsEntry>) -> Written? {
    defaults.flatMap { Object($0, tables.defaults).bare(kind) }
  }
}
