import WeftCore
import WeftSettings
import WeftWire

/// A file as a whole. Its parts are read one after the other, as names of one stand in another.
struct RootEntry: Sendable {
  var name: String?
  var seed: UInt64 = 1
  var duration: Nanoseconds?
  var segments: Written?
  var hosts: Written?
  var vms: Written?
  var groups: Written?
  var defaults: Written?
  var events: Written?
  var expect: Written?
  var capture: Written?
  var costs = CostSettings()
  var allow: [AllowedClash] = []
  var mirrors: Written?

  static func table(
    host: Keys, vm: Keys, group: Keys, defaults: Keys, expectation: Keys
  ) -> KeyTable<RootEntry> {
    KeyTable(
      "topology", "A topology file", from: RootEntry(),
      [
        Field("name", \.name, .text, "Name of the lab.", default: "the file's", example: "nat-vs-bridge"),
        Field(
          "seed", \.seed, .integer(0...UInt64.max), "All chance in a run comes from this number.", example: "42"),
        Field(
          "duration", \.duration, .duration, "How much virtual time a run may take.", default: "until all is decided",
          example: "30 s"),
        Field(
          "segments", \.segments,
          .raw(.named(.either([Form<IPv4Prefix>.subnet.shape, .object(SegmentEntry.keys.keys)]))), "The networks outside.",
          default: "none", example: "{campus: 134.115.153.0/24}"),
        Field(
          "hosts", \.hosts, .raw(.named(.object(host))), "The physical machines.", default: "none",
          example: "{visitor: {uplink: campus 134.115.153.10}}"),
        Field(
          "vms", \.vms, .raw(.named(.object(vm))), "The virtual machines.", default: "none",
          example: "{web: {network: home}}"),
        Field(
          "groups", \.groups, .raw(.named(.object(group))), "Many VMs alike.", default: "none",
          example: "{web: {count: 8, network: home}}"),
        Field(
          "defaults", \.defaults, .raw(.object(defaults)), "Values for all nodes of a kind.", default: "none",
          example: "{vm: {programs: [tcp-echo]}}"),
        Field(
          "events", \.events, .raw(.list(.object(EventEntry.keys.keys))), "What happens during the run.", default: "none",
          example: "[{at: 5 s, link-down: laptop.uplink}]"),
        Field(
          "expect", \.expect, .raw(.list(.object(expectation))), "What must hold.", default: "none",
          example: "[{from: web, ping: visitor}]"),
        Field(
          "capture", \.capture, .raw(CaptureSettings.form.shape), "What captures keep.", default: "everything",
          example: "tcp port 80"),
        Field(
          "allow", \.allow, .list(of: .choice),
          "What is a mistake elsewhere and meant here: two machines with one MAC address, or with one IP address.",
          example: "[duplicate-mac]"),
        Field(
          "mirrors", \.mirrors, .raw(.list(.object(MirrorSettings.keys.keys))), "Ports that get copies of others' frames.",
          default: "none", example: "[{to: sensor, from: [web]}]"),
        Field(
          "costs", \.costs, .table(CostSettings.keys), "What exits and the hypervisor's work cost, on hosts with cpus.",
          default: "sourced ones", example: "{exit-light: {value: 0.68 us, source: \"SplitX 2011\"}}"),
      ])
  }
}

/// Under `defaults`.
struct DefaultsEntry: Sendable {
  var segment: Written?
  var host: Written?
  var network: Written?
  var vm: Written?

  static func table(host: Keys, vm: Keys) -> KeyTable<DefaultsEntry> {
    KeyTable(
      "defaults", "What holds for all of a kind that do not say otherwise", from: DefaultsEntry(),
      [
        Field(
          "segment", \.segment, .raw(.object(SegmentEntry.keys.keys)), "For every segment.", default: "nothing",
          example: "{delay: 1 ms}"),
        Field(
          "host", \.host, .raw(.object(host)), "For every host.", default: "nothing", example: "{ip-forwarding: false}"),
        Field(
          "network", \.network, .raw(.object(NetworkEntry.keys.keys)), "For every network.", default: "nothing",
          example: "{delay: 10 us}"),
        Field(
          "vm", \.vm, .raw(.object(vm)), "For every VM, also of groups.", default: "nothing",
          example: "{programs: [tcp-echo]}"),
      ])
  }
}
