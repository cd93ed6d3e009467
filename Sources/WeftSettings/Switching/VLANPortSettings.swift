/// To which VLANs a port of a switch belongs, in the words of switches; empty: it is as the switch has it.
///
///     vlan: 10                       access: untagged frames are of VLAN 10, and only they pass
///     trunk: [10, 20]                those two, tagged
///     {trunk: all, native: 5}        all, tagged, but for VLAN 5, which goes without a tag
public struct VLANPortSettings: Sendable, Codable, Hashable {
  /// Of an access port.
  public var access: UInt16?
  public var trunk: VLANSet?
  /// The VLAN of untagged frames on a trunk.
  public var native: UInt16?

  public init(access: UInt16? = nil, trunk: VLANSet? = nil, native: UInt16? = nil) {
    (self.access, self.trunk, self.native) = (access, trunk, native)
  }

  public static let keys: KeyTable<VLANPortSettings> = KeyTable(
    "vlan-port", "The VLANs of a switch's port", from: VLANPortSettings(),
    [
      Field(
        "vlan", \.access, .vlan, "Access port of this VLAN: its frames go out untagged, what comes in untagged is of it.",
        default: "1, where the switch has VLANs", example: "10"),
      Field(
        "trunk", \.trunk, VLANSet.form, "Trunk of these VLANs: their frames are tagged.", default: "none", example: "[10, 20]"),
      Field("native", \.native, .vlan, "On a trunk: the VLAN whose frames go untagged.", default: "none", example: "1"),
    ])

  /// Says nothing.
  public var isEmpty: Bool { self == VLANPortSettings() }

  /// What may pass: a trunk's, its native one too, or the access VLAN.
  public var members: VLANSet {
    guard let trunk else { return VLANSet(access ?? 1) }
    return native.map { trunk.union(VLANSet($0)) } ?? trunk
  }
  /// The VLAN of what comes in untagged, and of what goes out so; nil: none.
  public var untagged: UInt16? { trunk == nil ? access ?? 1 : native }

  /// All VLANs, tagged, and one untagged: what carries everything from switch to switch.
  public static let everything = VLANPortSettings(trunk: .all, native: 1)
}
