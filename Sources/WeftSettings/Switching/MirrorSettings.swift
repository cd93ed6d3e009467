/// A mirror of switch ports (SPAN): a port that gets a copy of what others send and receive, and is no member of the switch besides.
public struct MirrorSettings: Sendable, Codable, Hashable {
  /// The cable of who listens.
  public var to = LinkName(node: "", port: "")
  /// Whose frames; empty: everybody's.
  public var from: [LinkName] = []
  /// Nil: of all.
  public var vlan: UInt16?

  public init() {}
  public init(to: LinkName, from: [LinkName] = [], vlan: UInt16? = nil) { (self.to, self.from, self.vlan) = (to, from, vlan) }

  public static let keys: KeyTable<MirrorSettings> = KeyTable(
    "mirror", "A copy of frames for somebody who listens: his port of the switch carries nothing else", from: MirrorSettings(),
    [
      Field("to", \.to, .cable, "Who listens, by his cable to the switch.", required: true, example: "sensor"),
      Field(
        "from", \.from, .list(of: .cable).unsaid, "Whose frames, both ways: of who is plugged into the same switch.",
        default: "everybody's",
        example: "[web, db.eth1]"),
      Field("vlan", \.vlan, .vlan, "Only of this VLAN.", default: "all", example: "10"),
    ])
}
