import WeftSettings
import WeftWire

/// What a VM is, without the place where it is: `vm.yaml` of a bundle.
public enum VMText {
  public static let format = 1
  public static let name = "vm.yaml"

  public struct Problem: Error, CustomStringConvertible { public var description: String }

  /// From the text of a topology file that can be run. Its host and pools stay behind, and so do addresses: its networks are names of
  /// roles, for which whoever takes it up has networks.
  /// - Parameters:
  ///   - vm: which one.
  ///   - text: the topology file's.
  ///   - file: what that is called in errors.
  ///   - macs: of its interfaces, in order: it keeps them.
  ///   - disks: names of its disks, each of which begins with `disks/NAME.qcow2`.
  public static func text(
    of vm: String, in text: String, file: String, macs: [MACAddress], disks: [String]
  ) throws(Problem) -> String {
    var yaml = YAMLReader(SourceText(text: text, file: file))
    guard let root = yaml.read() else { throw Problem(description: "\(file) is no topology file") }
    guard let own = root["vms"]?[vm] else {
      throw Problem(description: "\(file) has no VM \(vm) of its own: one of a group has no entry that could be taken along")
    }
    guard own["from"] == nil else { throw Problem(description: "\(vm) is of a bundle already: \(own["from"]?.text ?? "")") }
    let all: [Written.Entry] = own.merged(over: root["defaults"]?["vm"]).entries ?? []
    var entries = all.filter { $0.key != "host" }
    let place = own.mark
    func quoted(_ value: String) -> Written { Written(kind: .scalar(value, quoted: true), mark: place) }
    func set(_ key: String, _ value: Written, in entries: inout [Written.Entry]) {
      entries.removeAll { $0.key == key }
      entries.append(.init(key: key, keyMark: place, value: value))
    }
    func bare(_ nic: [Written.Entry], _ index: Int) -> [Written.Entry] {
      var nic = nic.filter { !["address", "lease"].contains($0.key) }
      if macs.indices.contains(index) { set("mac", quoted(macs[index].description), in: &nic) }
      return nic
    }
    if let nics = entries.first(where: { $0.key == "nics" })?.value.items {
      let list = nics.enumerated().map { Written(kind: .map(bare($1.entries ?? [], $0)), mark: place) }
      set("nics", Written(kind: .list(list), mark: place), in: &entries)
    } else {
      entries = bare(entries, 0)
    }
    if let list = entries.first(where: { $0.key == "disks" })?.value.items {
      let kept = zip(list, disks).map { disk, name -> Written in
        var disk = (disk.entries ?? []).filter { $0.key != "pool" }
        set("image", quoted("disks/\(name).qcow2"), in: &disk)
        return Written(kind: .map(disk), mark: place)
      }
      set("disks", Written(kind: .list(kept), mark: place), in: &entries)
    }
    return "weft-bundle: \(format)\nvm: \(flow(Written(kind: .map(entries), mark: place)))\n"
  }

  /// On one line, keys in order.
  private static func flow(_ value: Written) -> String {
    switch value.kind {
    case .scalar(let text, let quoted): value.isNull && !quoted ? "null" : scalar(text)
    case .list(let items): "[" + items.map(flow).joined(separator: ", ") + "]"
    case .map(let entries):
      "{" + entries.sorted { $0.key < $1.key }.map { "\(scalar($0.key)): \(flow($0.value))" }.joined(separator: ", ") + "}"
    }
  }

  private static func scalar(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d
      } && text.utf8.first != 0x2d && text != "null"
    return isPlain ? text : JSON.quoted(text)
  }
}
