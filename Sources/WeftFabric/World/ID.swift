/// The number of a thing in the world's graph, which only names a thing of its kind. Numbers grow and are never used again.
struct ID<Tag>: BitwiseCopyable, Hashable, Comparable, Sendable {
  let rawValue: UInt32

  @inline(__always)
  init(_ index: Int) { rawValue = UInt32(truncatingIfNeeded: index) }

  @inline(__always)
  var index: Int { Int(rawValue) }

  static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension ID: CustomStringConvertible {
  var description: String { "\(rawValue)" }
}

extension ID: Codable {
  init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(UInt32.self) }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

enum NodeTag {}
enum PortTag {}
enum LinkTag {}
enum CaptureTag {}

/// An element and its place in the graph.
typealias NodeID = ID<NodeTag>
/// A port, of all nodes' ports.
typealias PortID = ID<PortTag>
/// One direction of a cable.
typealias LinkID = ID<LinkTag>
/// A port's file among the captures.
typealias CaptureID = ID<CaptureTag>
