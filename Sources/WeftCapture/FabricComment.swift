public import WeftWire

/// A packet comment as weft writes it. The grammar is public: people filter by it.
///
///     drop        = ("dropped by " / "ignored by ") NODE ": " REASON [" (" detail ")"]
///     translation = NODE ": " ("snat" / "dnat" / "quoted") " " endpoint " -> " endpoint
///     wait        = NODE ": waited " TIME " for a cpu"
///     hold        = NODE ": held " TIME " for epoch " NUMBER
///     endpoint    = IPv4 [":" port]
///
/// A node's name holds no `": "`; a reason is a `DropReason`'s name, a word of lower-case letters, digits and hyphens.
/// `PcapngWriter` writes them from the fabric's own values; this type is for reading them back.
public enum FabricComment: Hashable, Sendable {
  case dropped(node: String, reason: String, detail: String)
  /// A drop that took nothing from anybody: a broadcast that isn't for this node, a copy that a switch flooded.
  case ignored(node: String, reason: String, detail: String)
  case translated(node: String, Translation, from: Endpoint, to: Endpoint)

  /// What it was made of waited so long for a cpu of its machine's host: `12.4 ms`.
  case waited(node: String, String)

  /// It was held so long, until the machine's standby had the state of this epoch: `18.2 ms`.
  case held(node: String, String, epoch: UInt64)

  /// What was rewritten: the packet's source, its destination, or the packet that an ICMP error quotes.
  public enum Translation: String, Hashable, Sendable {
    case source = "snat"
    case destination = "dnat"
    case quoted
  }

  public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    public var address: IPv4Address
    /// nil for protocols without ports; an ICMP query's identifier stands here too.
    public var port: UInt16?

    public init(_ address: IPv4Address, _ port: UInt16? = nil) {
      self.address = address
      self.port = port
    }

    init?(_ text: Substring) {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2, let address = IPv4Address(parts[0]) else { return nil }
      guard parts.count == 2 else {
        self.init(address)
        return
      }
      guard let port = UInt16(parts[1]) else { return nil }
      self.init(address, port)
    }

    public var description: String { port.map { "\(address):\($0)" } ?? address.description }
  }
}

extension FabricComment: LosslessStringConvertible {
  /// nil for a comment that isn't ours.
  public init?(_ text: String) {
    guard let colon = text.firstRange(of: ": ") else { return nil }
    let rest = text[colon.upperBound...]
    let verb = ["dropped by ", "ignored by "].first { text.hasPrefix($0) }
    if let verb, colon.lowerBound > text.index(text.startIndex, offsetBy: verb.count) {
      let node = String(text[..<colon.lowerBound].dropFirst(verb.count))
      let reason = rest.prefix { $0 != " " }
      guard !reason.isEmpty, reason.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
      else { return nil }
      let tail = rest.dropFirst(reason.count)
      guard tail.isEmpty || (tail.hasPrefix(" (") && tail.hasSuffix(")") && tail.count > 3) else { return nil }
      let detail = String(tail.dropFirst(2).dropLast())
      self =
        verb == "dropped by "
        ? .dropped(node: node, reason: String(reason), detail: detail)
        : .ignored(node: node, reason: String(reason), detail: detail)
      return
    }
    if rest.hasPrefix("waited "), rest.hasSuffix(" for a cpu"), colon.lowerBound > text.startIndex {
      let time = rest.dropFirst("waited ".count).dropLast(" for a cpu".count)
      guard time.split(separator: " ").count == 2 else { return nil }
      self = .waited(node: String(text[..<colon.lowerBound]), String(time))
      return
    }
    if rest.hasPrefix("held "), let middle = rest.firstRange(of: " for epoch "), colon.lowerBound > text.startIndex {
      let time = rest[..<middle.lowerBound].dropFirst("held ".count)
      guard time.split(separator: " ").count == 2, let epoch = UInt64(rest[middle.upperBound...]) else { return nil }
      self = .held(node: String(text[..<colon.lowerBound]), String(time), epoch: epoch)
      return
    }
    let words = rest.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 4, words[2] == "->", colon.lowerBound > text.startIndex,
      let kind = Translation(rawValue: String(words[0])), let old = Endpoint(words[1]), let new = Endpoint(words[3])
    else { return nil }
    self = .translated(node: String(text[..<colon.lowerBound]), kind, from: old, to: new)
  }

  public var description: String {
    switch self {
    case .dropped(let node, let reason, let detail):
      detail.isEmpty ? "dropped by \(node): \(reason)" : "dropped by \(node): \(reason) (\(detail))"
    case .ignored(let node, let reason, let detail):
      detail.isEmpty ? "ignored by \(node): \(reason)" : "ignored by \(node): \(reason) (\(detail))"
    case .translated(let node, let kind, let old, let new): "\(node): \(kind.rawValue) \(old) -> \(new)"
    case .waited(let node, let time): "\(node): waited \(time) for a cpu"
    case .held(let node, let time, let epoch): "\(node): held \(time) for epoch \(epoch)"
    }
  }
}
