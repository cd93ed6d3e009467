import WeftSettings

extension Tables {
  private static func defaults(host: Keys, vm: Keys) -> Keys {
    Keys(
      "defaults", "What holds for all of a kind that do not say otherwise",
      [
        Key("segment", .object(segment), "For every segment.", default: "nothing", example: "{delay: 1 ms}"),
        Key("host", .object(host), "For every host.", default: "nothing", example: "{ip-forwarding: false}"),
        Key("network", .object(network), "For every network.", default: "nothing", example: "{delay: 10 us}"),
        Key("vm", .object(vm), "For every VM, also of groups.", default: "nothing", example: "{programs: [tcp-echo]}"),
      ])
  }

  static func root(host: Keys, vm: Keys, group: Keys, _ expectation: Keys) -> Keys {
    Keys(
      "topology", "A topology file",
      [
        Key("name", .scalar(.text), "Name of the lab.", default: "the file's", example: "nat-vs-bridge"),
        Key("seed", .integer(0...UInt64.max), "All chance in a run comes from this number.", default: "1", example: "42"),
        Key(
          "duration", .scalar(.duration), "How much virtual time a run may take.", default: "until all is decided",
          example: "30 s"),
        Key(
          "segments", .named(.either([.scalar(.prefix), .object(segment)])), "The networks outside.", default: "none",
          example: "{campus: 134.115.153.0/24}"),
        Key(
          "hosts", .named(.object(host)), "The physical machines.", default: "none",
          example: "{visitor: {uplink: campus 134.115.153.10}}"),
        Key("vms", .named(.object(vm)), "The virtual machines.", default: "none", example: "{web: {network: home}}"),
        Key(
          "groups", .named(.object(group)), "Many VMs alike.", default: "none",
          example: "{web: {count: 8, network: home}}"),
        Key(
          "defaults", .object(defaults(host: host, vm: vm)), "Values for all nodes of a kind.", default: "none",
          example: "{vm: {programs: [tcp-echo]}}"),
        Key(
          "events", .list(.object(EventEntry.keys.keys)), "What happens during the run.", default: "none",
          example: "[{at: 5 s, link-down: laptop.uplink}]"),
        Key(
          "expect", .list(.object(expectation)), "What must hold.", default: "none",
          example: "[{from: web, ping: visitor}]"),
        Key(
          "capture", CaptureSettings.form.shape, "What captures keep.", default: "everything",
          example: "tcp port 80"),
      ])
  }
}
