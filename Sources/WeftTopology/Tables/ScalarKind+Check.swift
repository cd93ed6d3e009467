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
      guard words.contains(text) else {
        let list = words.joined(separator: ", ")
        throw Complaint("\"\(text.prefix(60))\" is none of: \(list)", hint: Self.choiceHint(text, words))
      }
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
        throw Self.noUplink(text)
      }
      // `campus, 134.115.153.10`
      if parts.count == 2, let last = parts[0].last, ",;:/@".contains(last) { throw Self.noUplink(text) }
      _ = try Parse.name(String(parts[0]))
      if parts.count == 2 { _ = try Parse.address(String(parts[1])) }
    case .roundTrip: _ = try Quantity.duration(try Parse.bound(text).rest)
    case .reason: _ = try Parse.reason(text)
    }
  }

  /// What the same is called elsewhere (nmap, iptables, VirtualBox, libvirt).
  private static let otherWords = [
    "closed": "refused", "reject": "refused", "rejected": "refused", "reset": "refused", "rst": "refused",
    "filtered": "dropped", "timeout": "dropped", "timed-out": "dropped", "silent": "dropped", "lost": "dropped",
    "denied": "blocked", "failed": "blocked", "fail": "blocked", "ok": "open", "up": "open", "success": "open",
    "succeeds": "open", "reachable": "open", "allowed": "open", "accepted": "open", "connected": "open",
    "down": "unreachable", "received": "delivered", "bridged": "bridge", "bridging": "bridge", "masquerade": "nat",
    "natted": "nat", "internal": "isolated", "private": "isolated", "none": "isolated", "accept": "allow",
    "forward": "forwarded", "input": "in", "output": "out", "inbound": "in", "outbound": "out", "wan": "outside",
    "lan": "inside", "cone": "full-cone", "rfc4787": "rfc", "default": "rfc", "standard": "rfc", "on": "true",
  ]

  private static func choiceHint(_ text: String, _ words: [String]) -> String? {
    if words.contains("rfc"), text == "true" || text == "false" {
      return "\"mode: nat\" makes the NAT; \"nat\" says how it behaves: nat: linux"
    }
    if words.contains("open"), let status = UInt16(text), (100...599).contains(status) {
      return "a page's status is a key of its own: status: \(text)"
    }
    if words.contains("blocked"), text.hasPrefix("not") || text.hasPrefix("!") {
      return "\"blocked\" says that it doesn't open, in whatever way"
    }
    if let meant = otherWords[text.lowercased()], words.contains(meant) { return "did you mean \"\(meant)\"?" }
    return Suggestion.hint(for: text, in: words)
  }

  /// Segment and address turned round, or otherwise parted, or one of them alone.
  private static func noUplink(_ text: String) -> Complaint {
    let message = "\"\(text.prefix(60))\" is not an uplink"
    let words = text.split { " ,:/@;".contains($0) }.map(String.init)
    if words.count >= 2, words.count <= 3 {
      let address = words.first { IPv4Address($0) != nil }
      if let address, let name = words.first(where: { $0 != address }), (try? Parse.name(name)) != nil {
        return Complaint(message, hint: "did you mean \"\(name) \(address)\"? segment, address")
      }
    }
    if words.count == 1, IPv4Address(text) != nil {
      return Complaint("\(message): its segment is missing", hint: "write it like \"campus \(text)\": segment, address")
    }
    return Complaint(message, hint: "write it like \"campus 134.115.153.10\": segment, address")
  }

  /// What a value should be, for messages.
  var words: String {
    switch self {
    case .text: "text"
    case .boolean: "true or false"
    case .always(let value): "\(value)"
    case .integer: "a whole number"
    case .duration: "a duration"
    case .interval: "a duration of more than 0"
    case .rate: "a rate"
    case .size, .bytes: "a size"
    case .fraction: "a percentage"
    case .address, .addressPattern: "an IPv4 address"
    case .prefix: "a subnet"
    case .mac, .macPattern: "a MAC address"
    case .port: "a port"
    case .ports: "a port or a range of ports"
    case .network: "an address or a subnet"
    case .protocolNumber: "tcp, udp, icmp or a number"
    case .range: "a range of addresses"
    case .choice(let words): words.count == 1 ? "\"\(words[0])\"" : "one of \(words.joined(separator: ", "))"
    case .reference(let sort): "the name of a \(sort)"
    case .namePattern: "a name with {n}"
    case .destination: "a node or an address"
    case .endpoint: "node:port"
    case .http: "an http:// address"
    case .path: "a path"
    case .forward: "a port forward (8080:web:80/tcp)"
    case .forwardTarget: "VM:port or VM:port-port"
    case .link: "a link (laptop.uplink)"
    case .uplink: "\"segment address\" or a segment"
    case .roundTrip: "a bound (< 5 ms)"
    case .reason: "a drop reason"
    }
  }
}

/// `{n}`, `{n+10}`, `{n-1}` in the text of a group stand for the member's number.
enum Pattern {
  static func expand(_ text: String, _ n: Int) -> String {
    guard text.contains("{n") else { return text }
    var result = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      result += rest[..<open]
      rest = rest[open...]
      guard let close = rest.firstIndex(of: "}"), let value = value(rest[rest.index(after: open)..<close], n) else {
        result.append(rest.removeFirst())
        continue
      }
      result += String(value)
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }

  private static func value(_ inner: Substring, _ n: Int) -> Int? {
    guard inner.first == "n" else { return nil }
    let tail = inner.dropFirst()
    guard let sign = tail.first else { return n }
    guard sign == "+" || sign == "-", let amount = Int(tail.dropFirst()), amount >= 0, amount <= 1_000_000_000 else {
      return nil
    }
    return sign == "+" ? n + amount : n - amount
  }
}
