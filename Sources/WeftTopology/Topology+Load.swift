import WeftSettings

extension Topology {
  /// Reads a topology file's text. `file` is what diagnostics call it; `filterChecker` compiles a capture filter and
  /// gives its error or nil; `portNames` gives the ports that the lab will have (`Topology.portNames`). `name` is the lab's where the text gives none, the file's otherwise. `settings` stand over
  /// what the text says: `segments.campus.delay=5ms`. `catalogue` is what its programs may be;
  /// `opening` gives the bytes of a file that it names, or nil where there is none.
  public static func load(
    text: String, file: String, name: String? = nil, settings: [String] = [],
    filterChecker: ((String) -> String?)? = nil, portNames: ((Topology) -> [String])? = nil, catalogue: Catalogue = .standard,
    opening: ((String) -> [UInt8]?)? = nil
  ) -> TopologyLoad {
    // A byte order mark is no part of the text.
    let text = text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
    func load(_ text: String) -> TopologyLoad {
      loadAsItIs(
        text, file: file, name: name, settings: settings, filterChecker: filterChecker, portNames: portNames,
        catalogue: catalogue,
        opening: opening)
    }
    var result = load(text)
    guard result.topology == nil, !text.utf8.contains(0) else { return result }
    result.mendLookalikes(of: SourceText(text: text, file: file), load)
    return result
  }

  private static func loadAsItIs(
    _ text: String, file: String, name: String?, settings: [String], filterChecker: ((String) -> String?)?,
    portNames: ((Topology) -> [String])?, catalogue: Catalogue, opening: ((String) -> [UInt8]?)?
  ) -> TopologyLoad {
    let source = SourceText(text: text, file: file)
    let withSettings = settings.isEmpty ? source : SourceText(text: text, file: file, settings: settings)
    let complaints = Complaints(withSettings)
    let reader = Reader(complaints, Tables(catalogue))
    let resolver = Resolver(reader, name: name ?? baseName(file), filterChecker: filterChecker, portNames: portNames)
    resolver.opening = opening
    if text.utf8.contains(0) { return notText(file, "it contains NUL bytes") }
    var yaml = YAMLReader(source)
    guard let written = yaml.read(), !yaml.isForeign else {
      return TopologyLoad(topology: nil, diagnostics: yaml.diagnostics)
    }
    complaints.begin(after: yaml.diagnostics)
    if yaml.hasDuplicates { resolver.missNothing() }
    if let root = reader.read(settings.isEmpty ? written : reader.apply(settings, to: written)) { resolver.read(root) }
    return complaints.finish(yaml.diagnostics, resolver.topology)
  }

  /// The same from bytes as they are in the file, which must be UTF-8.
  public static func load(
    bytes: [UInt8], file: String, name: String? = nil, settings: [String] = [],
    filterChecker: ((String) -> String?)? = nil, portNames: ((Topology) -> [String])? = nil, catalogue: Catalogue = .standard,
    opening: ((String) -> [UInt8]?)? = nil
  ) -> TopologyLoad {
    guard bytes.count <= TextGuard.maximumBytes else {
      let message = "the file is larger than \(TextGuard.maximumBytes >> 20) MiB"
      let diagnostic = Diagnostic(
        severity: .error, file: file, line: 1, column: 1, message: message, sourceLine: "", length: 1)
      return TopologyLoad(topology: nil, diagnostics: [diagnostic])
    }
    if bytes.contains(0) { return notText(file, "it contains NUL bytes") }
    guard let text = String(validating: bytes, as: UTF8.self) else { return notText(file, "it is not UTF-8") }
    return load(
      text: text, file: file, name: name, settings: settings, filterChecker: filterChecker, portNames: portNames,
      catalogue: catalogue, opening: opening)
  }

  private static func notText(_ file: String, _ why: String) -> TopologyLoad {
    let diagnostic = Diagnostic(
      severity: .error, file: file, line: 1, column: 1, message: "not a text file: \(why)",
      hint: "a topology file is YAML in UTF-8", sourceLine: "", length: 1)
    return TopologyLoad(topology: nil, diagnostics: [diagnostic])
  }

  /// `topologies/nat-vs-bridge.yaml` → `nat-vs-bridge`.
  private static func baseName(_ file: String) -> String {
    var name = file.split(separator: "/").last.map(String.init) ?? file
    for suffix in [".yaml", ".yml"] where name.hasSuffix(suffix) && name.count > suffix.count {
      name.removeLast(suffix.count)
    }
    return name.isEmpty || name == "." || name == ".." ? "topology" : name
  }
}

extension Topology {
  /// No file may be larger.
  public static var maximumBytes: Int { TextGuard.maximumBytes }
}
