// Rows of KeyEffectTests: discs, and the age of a stack.

extension KeyEffect {
  private static func disc(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init(key, in: "vm", "cd: {\(before)}", "cd: {\(after)}", beside)
  }

  private static func page(_ file: String) -> [String: String] {
    ["from": "from: b", "probe": "http: \"http://a/cdrom/\(file)\"", "root": "name: lab"]
  }
  private static let server = "programs: [http-server]"

  private static func files(_ key: String, _ file: String, _ before: String, _ after: String) -> KeyEffect {
    .init(key, in: "vm", "cd: {\(before)}, \(server)", "cd: {\(after)}, \(server)", page(file))
  }

  static let discs: [KeyEffect] = [
    .init("vm.stack", in: "vm", "stack: modern", "stack: legacy"),
    .init(
      "group.stack", in: "root", "groups: {g: {count: 1, network: home}}",
      "groups: {g: {count: 1, network: home, stack: legacy}}", ["from": "from: g1"]),
    .init("vm.cd", in: "vm", "", "cd: {cidata: {user-data: {hostname: x}}}"),
    .init(
      "group.cd", in: "root", "groups: {g: {count: 1, network: home}}",
      "groups: {g: {count: 1, network: home, cd: {cidata: {user-data: {hostname: x}}}}}"),
    disc("cd.cidata", "cidata: {user-data: {hostname: x}}", "cidata: {user-data: {hostname: y}}"),
    files("cd.files", "t", "files: {t: one}", "files: {t: two more}"),
    disc("cd.label", "files: {t: one}, label: A", "files: {t: one}, label: B"),
    disc("cidata.user-data", "cidata: {user-data: {hostname: x}}", "cidata: {user-data: {hostname: y}}"),
    disc("cidata.meta-data", "cidata: {meta-data: {instance-id: i-1}}", "cidata: {meta-data: {instance-id: i-2}}"),
    disc(
      "cidata.network-config", "cidata: {network-config: {version: 2, ethernets: {eth0: {dhcp4: true}}}}",
      "cidata: {network-config: {version: 2, ethernets: {eth0: {addresses: [10.0.0.77/24], gateway4: 10.0.0.1}}}}"),
    files(
      "cidata.vendor-data", "vendor-data", "cidata: {vendor-data: one}", "cidata: {vendor-data: two more}"),
    .init("event.insert", in: "events", "", "{at: 500 ms, insert: {vm: a, cd: {files: {t: one}}}}"),
    .init(
      "event.eject", in: "events", "{at: 500 ms, insert: {vm: a, cd: {files: {t: one}}}}",
      "{at: 500 ms, insert: {vm: a, cd: {files: {t: one}}}}, {at: 1 s, eject: a}"),
    .init(
      "insert.vm", in: "events", "{at: 500 ms, insert: {vm: a, cd: {files: {t: one}}}}",
      "{at: 500 ms, insert: {vm: b, cd: {files: {t: one}}}}"),
    .init(
      "insert.cd", in: "events", "{at: 500 ms, insert: {vm: a, cd: {files: {t: one}}}}",
      "{at: 500 ms, insert: {vm: a, cd: {files: {t: one}, label: X}}}"),
  ]
}
