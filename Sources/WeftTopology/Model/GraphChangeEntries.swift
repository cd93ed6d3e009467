import WeftSettings
import WeftWire

/// Under `add-nic`.
struct NICAddition: Sendable {
  var vm = ""
  var nic: NIC?

  static let keys: KeyTable<NICAddition> = KeyTable(
    "add-nic", "Gives a VM its next interface", from: NICAddition(),
    [
      Field("vm", \.vm, .vm, "Which VM.", required: true, example: "web"),
      Field("nic", \.nic, .laterNIC, "The interface.", required: true, example: "{network: lan}"),
    ])
}

/// Under `plug`.
struct NICMove: Sendable {
  var nic = LinkName(node: "", port: "")
  var network = ""

  static let keys: KeyTable<NICMove> = KeyTable(
    "plug", "Moves the cable of a VM's interface into another network", from: NICMove(),
    [
      Field("nic", \.nic, .nic, "Which interface; a bare VM means its eth0.", required: true, example: "web.eth0"),
      Field("into", \.network, .network, "Which network.", required: true, example: "lan"),
    ])
}

extension Form where Value == LinkName {
  /// An interface of a VM: one that the file has, or one that an event before has added.
  static var nic: Form {
    Form(.link) { (text) throws(Complaint) in
      try Parse.link(text)
    } resolve: { name, place, reading in
      (reading as? Resolver)?.interface(name.node, name.port, at: place)
    }
  }
}

extension Form where Value == NIC {
  /// As among a VM's `nics`. Which VM it is for stands beside it.
  static var laterNIC: Form {
    Form(shape: .object(NICEntry.keys.keys)) { written, reading in
      (reading as? Resolver)?.laterNIC(written)
    }
  }
}
