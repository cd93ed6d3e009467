import WeftCore
import WeftSettings

extension Topology {
  /// What `weft init` writes: a NAT lab with one VM and one expectation. `schema` is where an editor finds the schema,
  /// as seen from the file.
  public static func template(name: String = "lab", schema: String? = nil, command: String = "weft") -> String {
    let editors =
      schema.map { "# yaml-language-server: $schema=\($0)\n# $schema: \($0)" }
      ?? "# Editors complete and check by the schema that `\(command.visible) schema` prints."
    return """
      \(editors)
      name: "\(name.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline })"

      segments:
        campus: {subnet: 134.115.153.0/24, delay: 1 ms, rate: 1 Gbit/s}

      hosts:
        laptop:                        # runs VMs behind a NAT
          uplink: campus 134.115.153.223
          networks:
            home: {mode: nat}          # mode: bridge puts VMs on the campus instead
        visitor:                       # a plain machine out there
          uplink: campus 134.115.153.10
          programs: [http-server]

      vms:
        web: {network: home, programs: [http-server]}

      expect:
        - {from: web, to: "visitor:80", is: open, seen-as: 134.115.153.223}
      # - {from: visitor, to: "laptop:80", is: dropped, by: home}

      """
  }
}
