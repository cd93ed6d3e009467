import WeftCore
import WeftWire

/// Text of a scalar → value, or why not.
package enum Parse {
  package static func boolean(_ text: String) throws(Complaint) -> Bool {
    switch text {
    case "true": return true
    case "false": return false
    default:
      let yes = ["yes", "on", "True", "TRUE", "1"].contains(text)
      let no = ["no", "off", "False", "FALSE", "0"].contains(text)
      throw Complaint("\"\(text)\" is not true or false", hint: yes || no ? "did you mean \(yes)?" : nil)
    }
  }

  package static func choice(_ text: String, _ words: [String]) throws(Complaint) -> String {
    guard words.contains(text) else { throw .noChoice(text, words) }
    return text
  }

  package static func integer(_ text: String, in range: ClosedRange<UInt64>) throws(Complaint) -> UInt64 {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy(Quantity.isDigit) else {
      throw Complaint("\"\(text)\" is not a whole number")
    }
    guard let value = UInt64(text), range.contains(value) else {
      if range.upperBound == .max {
        throw text.hasPrefix("-")
          ? Complaint("\(text.prefix(40)) is out of range: at least \(range.lowerBound)")
          : Complaint("\(text.prefix(40))\(text.count > 40 ? "…" : "") is too large: at most \(range.upperBound)")
      }
      throw Complaint("\(text.prefix(40)) is out of range: \(range.lowerBound)…\(range.upperBound)")
    }
    return value
  }

  package static func port(_ text: String) throws(Complaint) -> UInt16 {
    guard !text.isEmpty, text.utf8.allSatisfy(Quantity.isDigit) else {
      // `80/tcp` where a program has its protocol.
      let number = text.split { "/ ".contains($0) }.first.flatMap { UInt16($0) }
      throw Complaint(
        "\"\(text)\" is not a port number", hint: number.map { "did you mean \"\($0)\"?" }, part: text)
    }
    guard let value = UInt16(text), value > 0 else {
      throw Complaint("port \(text.prefix(40)) is out of range: 1…65535", part: text)
    }
    return value
  }

  /// `80`, `80-90`.
  package static func ports(_ text: String) throws(Complaint) -> ClosedRange<UInt16> {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Quantity.trim($0) }
    guard ends.count <= 2, let first = ends.first, let last = ends.last else {
      throw Complaint("\"\(text.prefix(60))\" is not a range of ports", hint: "write it like 80-90", part: text)
    }
    let (low, high) = (try port(String(first)), try port(String(last)))
    guard low <= high else {
      throw Complaint("the range \"\(text)\" is reversed", hint: "did you mean \"\(high)-\(low)\"?", part: text)
    }
    return low...high
  }

  /// `10.0.0.0/8`, `10.0.0.1`.
  package static func network(_ text: String) throws(Complaint) -> IPv4Prefix {
    if let address = IPv4Address(text) { return IPv4Prefix(address, length: 32) }
    return text.contains("/") ? try prefix(text) : IPv4Prefix(try address(text), length: 32)
  }

  package static func protocolNumber(_ text: String) throws(Complaint) -> UInt8 {
    switch text {
    case "icmp": return 1
    case "tcp": return 6
    case "udp": return 17
    case "sctp": return 132
    case "udplite": return 136
    default:
      guard !text.isEmpty, text.utf8.allSatisfy(Quantity.isDigit) else {
        throw Complaint(
          "\"\(text.prefix(60))\" is not a protocol",
          hint: Suggestion.hint(for: text, in: ["tcp", "udp", "icmp", "sctp", "udplite"])
            ?? "tcp, udp, icmp, sctp, udplite or a number")
      }
      guard let number = UInt8(text) else { throw Complaint("\(text.prefix(40)) is out of range: 0…255") }
      return number
    }
  }

  /// Of a drop, by its name in reports and captures.
  package static func reason(_ text: String) throws(Complaint) -> DropReason {
    if let reason = DropReason(name: text) { return reason }
    let names = DropReason.allCases.map(\.name)
    let plain = text.lowercased().split { !($0.isLetter || $0.isNumber) }.joined(separator: "-")
    let whole = names.contains(plain) ? "did you mean \"\(plain)\"?" : nil
    // A word of it is enough to know what was meant.
    let part = names.filter { $0.contains(plain) && plain.count >= 4 }
    let parts = part.isEmpty || part.count > 6 ? nil : "did you mean \(part.map { "\"\($0)\"" }.joined(separator: " or "))?"
    throw Complaint(
      "nothing is ever dropped for the reason \"\(text.prefix(60))\"",
      hint: whole ?? Suggestion.hint(for: plain, in: names) ?? parts
        ?? "the usual ones are no-port-forward, filtered, port-closed, hairpin-disabled, link-down; "
        + "docs/drop-reasons.md has them all")
  }

  package static func transport(_ text: String) throws(Complaint) -> TransportProtocol {
    guard let value = TransportProtocol(rawValue: text) else {
      throw Complaint(
        "\"\(text)\" is not a protocol", hint: Suggestion.hint(for: text, in: ["tcp", "udp"]) ?? "tcp or udp",
        part: text)
    }
    return value
  }

  /// A name a node, network or segment can have.
  package static func name(_ text: String) throws(Complaint) -> String {
    guard !text.isEmpty else { throw Complaint("a name cannot be empty") }
    guard text.utf8.count <= 32 else {
      throw Complaint("the name \"\(text.prefix(40))\" is longer than 32 characters", part: text)
    }
    let bad = text.unicodeScalars.first {
      !($0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0)) || $0 == "-" || $0 == "_")
    }
    if let bad {
      let meant = plain(text).map { "did you mean \"\($0)\"?" }
      let dot = bad == "." ? "the dot separates a node from its port, as in laptop.uplink" : nil
      throw Complaint(
        "a name consists of letters, digits, - and _: \"\(bad)\" is none",
        hint: meant == nil ? dot : [meant, dot].compactMap { $0 }.joined(separator: " "), part: text)
    }
    if text == "localhost" {
      throw Complaint("\"localhost\" is every machine's name for itself (127.0.0.1)", part: text)
    }
    if text == "next" { throw Complaint("\"next\" is not a name: in a group it means the next VM", part: text) }
    return text
  }

  /// The name of something of this sort.
  package static func reference(_ text: String, to sort: String) throws(Complaint) -> String {
    if IPv4Address(text) != nil { throw Complaint("\"\(text)\" is an address, not the name of a \(sort)") }
    if let end = text.firstIndex(where: { "/.:".contains($0) }), (try? name(String(text[..<end]))) != nil {
      let rest = text[text.index(after: end)...]
      // `one/uplink`, `one:80`: of the words of ports.
      if rest == "uplink" || rest.hasPrefix("eth") || rest == "wan" || rest == "lan" || UInt16(rest) != nil || rest == "*" {
        throw Complaint("\"\(text)\" is a port, not a \(sort)", hint: "did you mean \"\(text[..<end])\"?", part: text)
      }
    }
    return try name(text)
  }

  /// The text with a hyphen for all that no name has: `one.example` → `one-example`.
  private static func plain(_ text: String) -> String? {
    var plain = ""
    for scalar in text.unicodeScalars {
      let isFine =
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)) || scalar == "_"
      if isFine { plain.unicodeScalars.append(scalar) } else if plain.last != "-", !plain.isEmpty { plain += "-" }
    }
    while plain.last == "-" { plain.removeLast() }
    return plain.isEmpty || plain == text || plain.utf8.allSatisfy(Quantity.isDigit) ? nil : plain
  }

  package static func address(_ text: String) throws(Complaint) -> IPv4Address {
    if let address = IPv4Address(text) { return address }
    if let slash = text.firstIndex(of: "/"), IPv4Address(text[..<slash]) != nil {
      throw Complaint("\"\(text)\" is a prefix, not an address", hint: "did you mean \"\(text[..<slash])\"?")
    }
    if text.contains(":") { throw Complaint("\"\(text)\" is not an IPv4 address", hint: "IPv6 is not supported here") }
    let octets = text.split(separator: ".", omittingEmptySubsequences: false)
    let values = octets.map { UInt8($0) }
    if octets.count == 4, values.allSatisfy({ $0 != nil }) {
      let plain = values.map { "\($0 ?? 0)" }.joined(separator: ".")
      throw Complaint("\"\(text)\" is not an IPv4 address: no leading zeros", hint: "did you mean \"\(plain)\"?")
    }
    throw Complaint("\"\(text.prefix(60))\" is not an IPv4 address")
  }

  package static func prefix(_ text: String) throws(Complaint) -> IPv4Prefix {
    if let prefix = IPv4Prefix(text) { return prefix }
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == " " }
    if parts.count == 2, let address = IPv4Address(parts[0]), let length = IPv4Address(parts[1])?.maskLength {
      throw Complaint(
        "\"\(parts[1])\" is a netmask, not a prefix length",
        hint: "did you mean /\(length)? write \(IPv4Prefix(address, length: length))", part: String(parts[1]))
    }
    guard parts.count == 2 else {
      let isAddress = IPv4Address(text).map { IPv4Prefix($0, length: 24) }
      throw Complaint(
        "\"\(text.prefix(60))\" is not a subnet: it needs a prefix length",
        hint: isAddress.map { "did you mean \"\($0)\"?" } ?? "write it like 192.168.122.0/24")
    }
    guard let address = IPv4Address(parts[0]) else {
      throw Complaint(
        "\"\(parts[0].prefix(60))\" is not an IPv4 address",
        hint: parts[0].contains(":") ? "IPv6 is not supported here" : nil, part: String(parts[0]))
    }
    guard !parts[1].isEmpty, parts[1].utf8.allSatisfy(Quantity.isDigit), let length = UInt8(parts[1]), length <= 32
    else {
      throw Complaint("\"\(parts[1].prefix(40))\" is not a prefix length: 0…32", part: String(parts[1]))
    }
    throw Complaint("\"\(text)\" has host bits set", hint: "did you mean \"\(IPv4Prefix(address, length: length))\"?")
  }

  /// A prefix whose addresses machines can have.
  package static func subnet(_ text: String) throws(Complaint) -> IPv4Prefix {
    let prefix = try prefix(text)
    if !prefix.firstHost.isUsableSource || prefix.network.rawValue >> 24 == 0 {
      throw Complaint("no machine can have an address of \(prefix)")
    }
    if prefix.length < 8 {
      throw Complaint("\(prefix) is too large for one network", hint: "10.0.0.0/8 is the largest private one")
    }
    if prefix.length > 30 {
      throw Complaint("\(prefix) is too small for two machines", hint: "a /24 has 254 addresses")
    }
    return prefix
  }

  package static func mac(_ text: String) throws(Complaint) -> MACAddress {
    guard let mac = MACAddress(text) else {
      throw Complaint("\"\(text.prefix(60))\" is not a MAC address", hint: "write it like 52:54:00:12:34:56")
    }
    if mac.isGroup {
      throw Complaint(
        "\(mac) is a group address, which no NIC can have", hint: "the first octet of a NIC's MAC is even")
    }
    if mac == .zero { throw Complaint("\(mac) is no NIC's address") }
    return mac
  }

  /// `node`, or an address.
  package static func destination(_ text: String) throws(Complaint) -> Destination {
    if let address = IPv4Address(text) { return .address(address) }
    if text == "localhost" { return .address(IPv4Address(127, 0, 0, 1)) }
    if text.contains("."), text.utf8.allSatisfy({ Quantity.isDigit($0) || $0 == 0x2e }) { _ = try address(text) }
    if text != "next" { _ = try name(text) }
    return .node(text)
  }

  /// The same where a port makes no sense.
  package static func machine(_ text: String) throws(Complaint) -> Destination {
    if let colon = text.firstIndex(of: ":"), UInt16(text[text.index(after: colon)...].prefix { $0 != "/" }) != nil,
      (try? destination(String(text[..<colon]))) != nil
    {
      throw Complaint(
        "a machine stands here without a port: \"\(text)\"",
        hint: "did you mean \"\(text[..<colon])\"? A ping has no port; \"to\" opens a connection to one", part: text)
    }
    return try destination(text)
  }

  /// `visitor:80`, `10.0.0.1:53/udp`.
  package static func endpoint(_ text: String, port standard: UInt16? = nil) throws(Complaint) -> Endpoint {
    var rest = text[...]
    var transport = TransportProtocol.tcp
    if let slash = rest.lastIndex(of: "/") {
      transport = try Self.transport(String(rest[rest.index(after: slash)...]))
      rest = rest[..<slash]
    }
    guard let colon = rest.lastIndex(of: ":") else {
      let words = rest.split { " ,.".contains($0) }
      if rest.contains(" "), words.count == 2, UInt16(words[1]) != nil {
        throw Complaint("\"\(text)\" has no colon before its port", hint: "did you mean \"\(words[0]):\(words[1])\"?")
      }
      let to = try destination(String(rest))
      guard let standard else {
        throw Complaint("\"\(text)\" has no port", hint: "\"\(rest):80\", or \"ping: \(rest)\"")
      }
      return Endpoint(to, port: standard, transport)
    }
    return Endpoint(
      try destination(String(rest[..<colon])), port: try port(String(rest[rest.index(after: colon)...])), transport)
  }

  /// `http://visitor:8080/path`.
  package static func http(_ text: String) throws(Complaint) -> HTTPAddress {
    guard text.hasPrefix("http://") else {
      let hint = text.hasPrefix("https://") ? "there is no TLS here" : "write it like http://visitor:80/"
      throw Complaint("\"\(text.prefix(60))\" is not an http:// address", hint: hint)
    }
    let rest = text.dropFirst(7)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let path = rest[slash...]
    try self.path(String(path))
    let end = try endpoint(String(rest[..<slash]), port: 80)
    return HTTPAddress(end.to, port: end.port, path: path.isEmpty ? "/" : String(path))
  }

  package static func path(_ text: String) throws(Complaint) {
    if !text.isEmpty, !text.hasPrefix("/") {
      throw Complaint("a path begins with /", hint: "did you mean \"/\(text)\"?")
    }
    guard text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw Complaint("a path is printable ASCII without blanks", hint: "write others as %XX")
    }
  }

  package struct ForwardText: Sendable {
    package var address: IPv4Address?
    package var hostPorts: ClosedRange<UInt16>
    package var vm: String
    package var vmPorts: ClosedRange<UInt16>
    package var transports: [TransportProtocol]

    package init(
      address: IPv4Address?, hostPorts: ClosedRange<UInt16>, vm: String, vmPorts: ClosedRange<UInt16>,
      transports: [TransportProtocol]
    ) {
      self.address = address
      self.hostPorts = hostPorts
      self.vm = vm
      self.vmPorts = vmPorts
      self.transports = transports
    }
  }

  /// `8080:web:80/tcp`, `8000-8010:web:80-90`, `203.0.113.9:8080:web:80/both`.
  package static func forward(_ text: String) throws(Complaint) -> ForwardText {
    var plain = text.replacing("->", with: ":").replacing("→", with: ":").replacing(" tcp", with: "/tcp").replacing(
      " udp", with: "/udp")
    for blank in [" :", ": "] { while plain.contains(blank) { plain = plain.replacing(blank, with: ":") } }
    if plain != text {
      throw Complaint("\"\(text.prefix(60))\" is not a port forward", hint: "did you mean \"\(plain)\"?")
    }
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var parts = halves[0].split(separator: ":", omittingEmptySubsequences: false)
    var address: IPv4Address?
    if parts.count == 4 { address = try Self.address(String(parts.removeFirst())) }
    guard parts.count == 3 else {
      let isShort = parts.count == 2 && UInt16(parts[1]) != nil
      let lacks = !isShort ? nil : UInt16(parts[0]) == nil ? "\(parts[1]):\(text)" : "\(parts[0]):web:\(parts[1])"
      throw Complaint(
        "\"\(text.prefix(60))\" is not a port forward",
        hint: "write it like \(lacks ?? "8080:web:80/tcp"): host port, VM, its port")
    }
    let (from, to) = (try ports(String(parts[0])), try ports(String(parts[2])))
    try sameLength(from, to, part: "\(parts[1]):\(parts[2])")
    return ForwardText(
      address: address, hostPorts: from, vm: try target(String(parts[1])), vmPorts: to,
      transports: try transports(halves.count == 2 ? String(halves[1]) : "tcp"))
  }

  /// A machine's name, or an address.
  private static func target(_ text: String) throws(Complaint) -> String {
    if text.contains("."), text.utf8.allSatisfy({ Quantity.isDigit($0) || $0 == 0x2e }) {
      return try address(text).description
    }
    return try name(text)
  }

  package struct ForwardTarget: Sendable {
    package var vm: String
    package var ports: ClosedRange<UInt16>

    package init(vm: String, ports: ClosedRange<UInt16>) {
      self.vm = vm
      self.ports = ports
    }
  }

  /// `web:80`, `web:80-90`, `192.168.122.50:80`.
  package static func forwardTarget(_ text: String) throws(Complaint) -> ForwardTarget {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw Complaint("\"\(text.prefix(60))\" is not a VM and its port", hint: "write it like web:80 or web:80-90")
    }
    if let slash = parts[1].firstIndex(of: "/") {
      throw Complaint("the protocol goes into \"protocol:\"", part: String(parts[1][slash...]))
    }
    return ForwardTarget(vm: try target(String(parts[0])), ports: try ports(String(parts[1])))
  }

  /// The ports of a forward go one to one.
  package static func sameLength(_ from: ClosedRange<UInt16>, _ to: ClosedRange<UInt16>, part: String) throws(Complaint) {
    guard from.count != to.count else { return }
    let end = Int(to.lowerBound) + from.count - 1
    throw Complaint(
      "\(from.count) port\(from.count == 1 ? "" : "s") of the host cannot go to \(to.count) of the VM",
      hint: end > 65535
        ? nil : "did you mean \(from.count == 1 ? "\(to.lowerBound)" : "\(to.lowerBound)-\(end)")?", part: part)
  }

  package static func transports(_ text: String) throws(Complaint) -> [TransportProtocol] {
    text == "both" ? [.tcp, .udp] : [try transport(text)]
  }

  package struct CableText: Sendable {
    package var node: String
    package var port: String?
  }

  /// `laptop.uplink`, `web.eth0`; a bare node has port nil.
  package static func link(_ text: String) throws(Complaint) -> CableText {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count == 1, let end = text.firstIndex(where: { "/: ".contains($0) }) {
      let meant = "\(text[..<end]).\(text[text.index(after: end)...])"
      throw Complaint("\"\(text.prefix(60))\" is not a link", hint: "did you mean \"\(meant)\"?")
    }
    guard parts.count <= 2, let node = parts.first else {
      throw Complaint("\"\(text.prefix(60))\" is not a link", hint: "write it like laptop.uplink or web.eth0")
    }
    return CableText(node: try name(String(node)), port: parts.count == 2 ? String(parts[1]) : nil)
  }

  /// `192.168.122.10-192.168.122.99`.
  package static func range(_ text: String) throws(Complaint) -> (IPv4Address, IPv4Address) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Quantity.trim($0) }
    guard parts.count == 2 else {
      throw Complaint("\"\(text.prefix(60))\" is not a range", hint: "write it like 192.168.122.10-192.168.122.99")
    }
    if let first = IPv4Address(parts[0]), let last = UInt8(parts[1]) {
      let end = IPv4Address(rawValue: first.rawValue & 0xffff_ff00 | UInt32(last))
      throw Complaint("\"\(parts[1])\" is not an IPv4 address", hint: "did you mean \"\(first)-\(end)\"?")
    }
    let (first, last) = (try address(String(parts[0])), try address(String(parts[1])))
    guard first <= last else {
      throw Complaint("the range \"\(text)\" is reversed", hint: "did you mean \"\(last)-\(first)\"?")
    }
    return (first, last)
  }

  /// `< 5 ms`, `> 1 ms`; without a sign, at most.
  package static func bound(_ text: String) throws(Complaint) -> (atMost: Bool, rest: String) {
    let text = Quantity.trim(text[...])
    let atLeast = text.hasPrefix(">")
    let rest = text.drop { $0 == "<" || $0 == ">" || $0 == "=" || $0 == "≤" || $0 == "≥" }
    return (!(atLeast || text.hasPrefix("≥")), String(Quantity.trim(rest)))
  }
}

extension IPv4Address {
  /// Of a netmask, or a wildcard mask as some routers have it: how many bits are the network's.
  fileprivate var maskLength: UInt8? {
    let ones = rawValue.leadingZeroBitCount == 0 ? rawValue : ~rawValue
    let length = (~ones).leadingZeroBitCount
    return ones == (length == 0 ? 0 : UInt32.max << UInt32(32 - length)) ? UInt8(length) : nil
  }
}
