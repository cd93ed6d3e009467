import WeftSettings

extension Tables {
  /// What a NIC has, be it in `nics:` or in the VM itself.
  static let nicKeys: [Key] =
    [
      Key("network", .scalar(.reference("network")), "The network it joins.", required: true, example: "home"),
      Key(
        "address", .scalar(.addressPattern),
        "Static address. In a group: the first VM's, counted up, or a pattern 10.0.0.{n+10}.",
        default: "by DHCP; where there is none, it is needed", example: "134.115.153.73"),
      Key(
        "lease", .scalar(.addressPattern), "The address the DHCP server always gives this NIC.",
        default: "any of the pool",
        example: "192.168.122.50"),
      Key(
        "mac", .scalar(.macPattern), "MAC address. In a group: the first VM's, counted up.",
        default: "a local one, from the seed", example: "52:54:00:12:34:56"),
      Key(
        "rings", .object(RingSettings.keys.keys), "Sizes of the NIC's rings.", default: "256 to receive, none to transmit",
        example: "{rx: 64, tx: 64}"),
    ] + cable.map { $0.withDefault("the network's") }

  static let nic = Keys("nic", "A NIC of a VM that has several", nicKeys)

  private static func machineKeys(_ programs: Shape) -> [Key] {
    [
      Key("host", .scalar(.reference("host")), "The host it runs on.", default: "the network's", example: "laptop"),
      Key(
        "nics", .list(.object(nic)), "Several NICs, eth0 first; instead of network and its keys.", default: "one NIC",
        example: "[{network: home}, {network: lan, address: 10.0.0.9}]"),
      Key("programs", programs, "What runs in the VM.", default: "none", example: "[http-server]"),
      Key(
        "autostart", .scalar(.boolean), "Whether it runs from the beginning; else an event starts it.", default: "true",
        example: "false"),
    ]
  }

  static func vm(_ programs: Shape) -> Keys {
    Keys(
      "vm", "A virtual machine: one NIC with the keys of a NIC, or several under nics", takesDefaults: true,
      nicKeys.map(\.optional) + machineKeys(programs))
  }

  static func group(_ programs: Shape) -> Keys {
    Keys(
      "group", "Many VMs alike; {n} in its texts is the number of the VM, from 1", takesDefaults: true,
      [
        Key("count", .integer(1...100_000), "How many.", required: true, example: "8"),
        Key("name", .scalar(.namePattern), "Name of each.", default: "the group's name and {n}", example: "vm{n}"),
      ] + nicKeys.map(\.optional) + machineKeys(programs))
  }
}

extension Key {
  var optional: Key {
    var copy = self
    copy.isRequired = false
    return copy
  }
}
