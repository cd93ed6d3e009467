/// `disk-equal: before`: the VM's disks are those of a snapshot, to the byte.
public struct DiskProbeSettings: StateSettings, Hashable {
  public var snapshot: String
  public var disk: String?

  public init(_ snapshot: String = "") { self.snapshot = snapshot }

  public static let word = "disk-equal"
  public static let keys = KeyTable(
    word, "What its disks are equal to", from: DiskProbeSettings(),
    [
      Field("to", \.snapshot, .text, "Which of its snapshots, or another VM.", required: true, example: "before"),
      Field("disk", \.disk, .text, "One of its disks alone.", default: "all", example: "root"),
    ])
  public static let row = Case.probe(
    .table(keys, short: .text) { DiskProbeSettings($0) },
    "The disks of the VM `vm` are, to the byte, those of a snapshot or of another VM.", example: "before")

  public func title(_ target: String) -> String { "\(disk.map { "disk \($0)" } ?? "disks") of \(snapshot)" }
}
