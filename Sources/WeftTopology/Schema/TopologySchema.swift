import WeftCore
import WeftSettings

/// The JSON Schema (draft-07) of the topology file, made from the tables that read it.
public enum TopologySchema {
  /// A name, not a place: by it an editor or a program knows the schema wherever it lies.
  public static let id = "urn:weft:topology"

  /// The whole schema, ending in a newline: what is in schema/topology.schema.json.
  public static func json(_ catalogue: Catalogue = .standard) -> String {
    let tables = Tables(catalogue)
    var definitions: [(String, JSON)] = []
    for table in Self.tables(tables) where table.name != tables.root.keys.name { definitions.append((table.name, object(table))) }
    definitions.sort { $0.0 < $1.0 }
    guard case .object(let root) = object(tables.root.keys) else { return "" }
    let schema: [(String, JSON)] =
      [
        ("$schema", .string("http://json-schema.org/draft-07/schema#")), ("$id", .string(id)),
        ("title", .string("weft topology")),
      ] + root + [("definitions", .object(definitions))]
    return JSON.object(schema).text() + "\n"
  }

  /// Every table that can be reached from the root, in the order of the file.
  static func tables(_ tables: Tables = .standard) -> [Keys] {
    var found: [Keys] = []
    func visit(_ shape: Shape) {
      switch shape {
      case .text, .foreign: break
      case .list(let element), .named(let element): visit(element)
      case .either(let shapes): shapes.forEach(visit)
      case .object(let table):
        if found.contains(where: { $0.name == table.name }) { return }
        found.append(table)
        for key in table.keys { visit(key.shape) }
      }
    }
    visit(.object(tables.root.keys))
    return found
  }

  private static func object(_ table: Keys) -> JSON {
    var pairs: [(String, JSON)] = [
      ("description", .string(table.title + ".")), ("type", .array([.string("object"), .string("null")])),
    ]
    let canBeNull =
      table.name != Tables.standard.root.keys.name && table.exactlyOne.isEmpty
      && (table.takesDefaults || !table.keys.contains { $0.isRequired })
    if !canBeNull { pairs[1].1 = .string("object") }
    pairs.append(("properties", .object(table.keys.map { ($0.name, property($0, isCase: table.exactlyOne.contains($0.name))) })))
    // Keys of the user's own, and YAML's merge key where an editor has not resolved it.
    pairs.append(("patternProperties", .object([("^(x-|<<$)", .object([]))])))
    pairs.append(("additionalProperties", .bool(false)))
    let required = table.takesDefaults ? [] : table.keys.filter(\.isRequired).map { JSON.string($0.name) }
    if !required.isEmpty { pairs.append(("required", .array(required))) }
    if !table.exactlyOne.isEmpty {
      pairs.append(("oneOf", .array(table.exactlyOne.map { .object([("required", .array([.string($0)]))]) })))
    }
    return .object(pairs)
  }

  private static func property(_ key: Key, isCase: Bool) -> JSON {
    var text = key.doc
    if let standard = key.standard { text += " Default: \(standard)." }
    text += " Example: \(key.example)"
    var schema = shape(key.shape)
    if key.shape.standsAlone, isCase, case .object(let pairs) = schema, case .array(let forms) = pairs.first?.1 {
      // `http-server:` alone is one on port 80.
      schema = .object([("anyOf", .array(forms + [.object([("type", .string("null"))])]))])
    }
    // Beside a $ref, draft-07 ignores everything, so it goes into an allOf.
    if case .object(let pairs) = schema, pairs.first?.0 != "$ref" {
      return .object([("description", .string(text))] + pairs)
    }
    return .object([("description", .string(text)), ("allOf", .array([schema]))])
  }

  private static func shape(_ shape: Shape) -> JSON {
    switch shape {
    case .text(let text): return scalar(text.kind)
    case .list(let element):
      return .object([("type", .array([.string("array"), .string("null")])), ("items", Self.shape(element))])
    case .named(let element):
      return .object([
        ("type", .array([.string("object"), .string("null")])),
        ("propertyNames", .object([("maxLength", .integer(32))])),
        (
          "patternProperties",
          .object([("^x-", .object([])), ("^(?!x-)[A-Za-z0-9_-]{1,32}$", Self.shape(element)), ("^<<$", .object([]))])
        ),
        ("additionalProperties", .bool(false)),
      ])
    case .foreign: return .object([("type", .array([.string("string"), .string("object")]))])
    case .object(let table): return .object([("$ref", .string("#/definitions/\(table.name)"))])
    case .either(let shapes): return .object([("anyOf", .array(shapes.map(Self.shape)))])
    }
  }

  private static func strings(_ pattern: String) -> JSON {
    .object([("type", .string("string")), ("pattern", .string(pattern))])
  }

  private static func units(_ units: [Quantity.Unit], bare: String) -> JSON {
    strings("^ *[0-9]+([.][0-9]+)? *(\(units.map(\.name).joined(separator: "|")))\(bare) *$")
  }

  private static func numbers(_ range: ClosedRange<UInt64>) -> JSON {
    var number: [(String, JSON)] = [("type", .string("integer")), ("minimum", .integer(range.lowerBound))]
    if range.upperBound < .max { number.append(("maximum", .integer(range.upperBound))) }
    return .object(number)
  }

  private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
  private static let port =
    "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
  /// One or a range.
  private static let portPair = "\(port)( *- *\(port))?"
  private static let name = "[A-Za-z0-9_-]{1,32}"
  private static let templated = "([A-Za-z0-9_-]|[{]n([+-][0-9]+)?[}])+"

  private static func scalar(_ kind: ScalarKind) -> JSON {
    let address = "(\(octet)[.]){3}\(octet)"
    let node = "(\(templated)|(\(octet)[.]){0,3}([0-9]+|[{]n([+-][0-9]+)?[}]))"
    switch kind {
    case .text: return .object([("type", .array([.string("string"), .string("number"), .string("boolean")]))])
    case .boolean: return .object([("type", .string("boolean"))])
    case .always(let value): return .object([("const", .bool(value))])
    case .integer(let range): return numbers(range)
    case .duration:
      return .object([("anyOf", .array([.object([("const", .integer(0))]), units(Quantity.durations, bare: "")]))])
    case .interval: return units(Quantity.durations, bare: "")
    case .rate: return units(Quantity.rates, bare: "")
    case .bytes(let range):
      return .object([("anyOf", .array([numbers(range), units(Quantity.sizes, bare: "?")]))])
    case .fraction:
      let number = JSON.object([("type", .string("number")), ("minimum", .integer(0)), ("maximum", .integer(1))])
      return .object([("anyOf", .array([number, strings("^[0-9]+([.][0-9]+)? *%$")]))])
    case .address: return strings("^\(address)$")
    case .addressPattern: return strings("^[0-9.]*([{]n([+-][0-9]+)?[}][0-9.]*)*$")
    case .prefix: return strings("^\(address)/(3[0-2]|[12]?[0-9])$")
    case .mac: return strings("^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$")
    case .macPattern: return strings("^[0-9A-Fa-f:-]*([{]n([+-][0-9]+)?[}][0-9A-Fa-f:-]*)*$")
    case .port: return numbers(1...65535)
    case .ports:
      return .object([("anyOf", .array([numbers(1...65535), strings("^ *\(portPair) *$")]))])
    case .network: return strings("^\(address)(/(3[0-2]|[12]?[0-9]))?$")
    case .protocolNumber:
      let names = JSON.object([("enum", .array(["tcp", "udp", "icmp", "sctp", "udplite"].map { .string($0) }))])
      return .object([("anyOf", .array([numbers(0...255), names]))])
    case .range: return strings("^ *\(address) *- *\(address) *$")
    case .choice(let words):
      // YAML reads true and false, and in version 1.1 `off` too, as no text.
      var values = words.map { JSON.string($0) }
      if words.contains("true") { values.append(.bool(true)) }
      if words.contains("false") || words.contains("off") { values.append(.bool(false)) }
      return .object([("enum", .array(values))])
    case .reference:
      return .object([
        ("type", .array([.string("string"), .string("integer")])), ("pattern", .string("^\(templated)$")),
      ])
    case .namePattern: return strings("^\(templated)$")
    case .destination: return strings("^\(node)$")
    case .endpoint: return strings("^\(node):\(port)(/(tcp|udp))?$")
    case .http: return strings("^http://[^ /]+(/[^ ]*)?$")
    case .path: return strings("^/[^ ]*$")
    case .forward:
      return strings("^(\(address):)?\(portPair):(\(name)|\(address)):\(portPair)(/(tcp|udp|both))?$")
    case .forwardTarget: return strings("^(\(name)|\(address)):\(portPair)$")
    case .link: return strings("^\(name)([.]\(name))?$")
    case .uplink: return strings("^ *\(name)( +\(address))? *$")
    case .reason: return .object([("enum", .array(DropReason.allCases.map { .string($0.name) }))])
    case .own: return .object([("type", .array([.string("string"), .string("number"), .string("boolean")]))])
    case .roundTrip: return units(Quantity.durations, bare: "").prefixed("^ *([<>≤≥]=?)?")
    }
  }
}

extension JSON {
  /// A pattern with another beginning.
  fileprivate func prefixed(_ start: String) -> JSON {
    guard case .object(let pairs) = self else { return self }
    return .object(
      pairs.map { key, value in
        guard key == "pattern", case .string(let pattern) = value else { return (key, value) }
        return (key, .string(start + pattern.dropFirst()))
      })
  }
}
