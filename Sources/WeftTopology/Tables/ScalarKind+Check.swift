import WeftSettings
import WeftWire

extension ScalarKind {
  /// Whether the text is one, or why not.
  func check(_ text: String) throws(Complaint) {
    switch self {
    case .text: break
    case .boolean: _ = try Parse.boolean(text)
    case .always(let value):
      guard try Parse.boolean(text) == value else {
        throw Complaint("only \(value) makes sense here", hint: "leave the key out")
      }
    case .integer(let range): _ = try Parse.integer(text, in: range)
    case .duration: _ = try Quantity.duration(text)
    case .interval: _ = try Quantity.interval(text)
    case .bytes(let range): _ = try Quantity.size(text, in: range)
    case .rate: _ = try Quantity.rate(text)
    case .size: _ = try Quantity.size(text)
    case .fraction: _ = try Quantity.fraction(text)
    case .address: _ = try Parse.address(text)
    case .prefix: _ = try Parse.subnet(text)
    case .mac: _ = try Parse.mac(text)
    case .port: _ = try Parse.port(text)
    case .ports: _ = try Parse.ports(text)
    case .network: _ = try Parse.network(text)
    case .protocolNumber: _ = try Parse.protocolNumber(text)
    case .range: _ = try Parse.range(text)
    case .addressPattern: _ = try Parse.address(Pattern.expand(text, 1))
    case .macPattern: _ = try Parse.mac(Pattern.expand(text, 1))
    case .namePattern: _ = try Parse.name(Pattern.expand(text, 1))
    case .choice(let words):
      guard words.contains(text) else { throw Complaint.noChoice(text, words) }
    case .reference(let sort): _ = try Parse.reference(Pattern.expand(text, 1), to: sort)
    case .destination: _ = try Parse.machine(Pattern.expand(text, 1))
    case .endpoint: _ = try Parse.endpoint(Pattern.expand(text, 1))
    case .http: _ = try Parse.http(Pattern.expand(text, 1))
    case .path: try Parse.path(text)
    case .forward: _ = try Parse.forward(text)
    case .forwardTarget: _ = try Parse.forwardTarget(text)
    case .link: _ = try Parse.link(text)
    case .uplink:
      let parts = text.split(separator: " ")
      let isNoName = parts.count == 1 && (try? Parse.name(text)) == nil
      guard parts.count == 1 || parts.count == 2, !isNoName, IPv4Address(parts[0]) == nil else {
        throw Complaint.noUplink(text)
      }
      // `campus, 134.115.153.10`
      if parts.count == 2, let last = parts[0].last, ",;:/@".contains(last) { throw Complaint.noUplink(text) }
      _ = try Parse.name(String(parts[0]))
      if parts.count == 2 { _ = try Parse.address(String(parts[1])) }
    case .roundTrip: _ = try Quantity.duration(try Parse.bound(text).rest)
    case .reason: _ = try Parse.reason(text)
    case .own: break
    }
  }
}

extension Shape {
  static func scalar(_ kind: ScalarKind) -> Shape {
    .text(
      Scalar(kind) { (text) throws(Complaint) in
        try kind.check(text)
        return text
      })
  }
  static func choice(_ words: String...) -> Shape { .scalar(.choice(words)) }
  static func integer(_ range: ClosedRange<UInt64>) -> Shape { .scalar(.integer(range)) }
}
