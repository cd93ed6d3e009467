import WeftSettings

extension Tables {
  static let rings = Keys(
    "rings", "Descriptors in a NIC's rings",
    [
      Key("rx", .integer(1...65536), "Receive ring: what comes while the VM is paused.", default: "256", example: "64"),
      Key(
        "tx", .integer(0...65536), "Transmit ring: what the cable's queue has no room for waits here, beside the queue.",
        default: "0: the queue is all that waits", example: "64"),
    ])

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
      Key("rings", .object(rings), "Sizes of the NIC's rings.", default: "256 to receive, none to transmit", example: "{rx: 64, tx: 64}"),
    ] + cable.map { $0.withDefault("the network's") }

  static let nic = Keys("nic", "A NIC of a VM that has several", nicKeys)

  private static let machineKeys: [Key] = [
    Key("host", .scalar(.reference("host")), "The host it runs on.", default: "the network's", example: "laptop"),
    Key(
      "nics", .list(.object(nic)), "Several NICs, eth0 first; instead of network and its keys.", default: "one NIC",
      example: "[{network: home}, {network: lan, address: 10.0.0.9}]"),
    Key("programs", programs, "What runs in the VM.", default: "none", example: "[http-server]"),
    Key(
      "autostart", .scalar(.boolean), "Whether it runs from the beginning; else an event starts it.", default: "true",
      example: "false"),
  ]

  static let vm = Keys(
    "vm", "A virtual machine: one NIC with the keys of a NIC, or several under nics", takesDefaults: true,
    nicKeys.map(\.optional) + machineKeys)

  static let group = Keys(
    "group", "Many VMs alike; {n} in its texts is the number of the VM, from 1", takesDefaults: true,
    [
      Key("count", .integer(1...100_000), "How many.", required: true, example: "8"),
      Key("name", .scalar(.namePattern), "Name of each.", default: "the group's name and {n}", example: "vm{n}"),
    ] + nicKeys.map(\.optional) + machineKeys)

  static let programs = Shape.list(
    .either([.scalar(.choice(servers)), .object(program)]))

  /// Programs that run without being told anything.
  static let servers = ["http-server", "tcp-echo", "udp-echo", "sink", "stun-server", "rendezvous"]

  static let program = Keys(
    "program", "What runs in a guest",
    exactlyOne: [
      "http-server", "http-get", "ping", "tcp-echo", "udp-echo", "sink", "bulk", "udp-rate", "stun-server",
      "nat-probe", "rendezvous", "syn-flood",
    ],
    [
      Key(
        "http-server", .either([.scalar(.port), .object(httpServer)]),
        "Answers every GET. Short form: the port, or nothing for 80.", example: "80"),
      Key(
        "http-get", .either([.scalar(.http), .object(httpGet)]), "GETs a page. Short form: the URL.",
        example: "\"http://visitor:80/path\""),
      Key(
        "ping", .either([.scalar(.destination), .object(pinger)]),
        "Sends echo requests. Short form: to whom. In a group, `next` is the next VM, of the last the first.",
        example: "visitor"),
      Key(
        "tcp-echo", .either([.scalar(.port), .object(server("tcp-echo", "Sends back what comes over TCP", 7))]),
        "Sends back what comes over TCP. Short form: the port.", example: "7"),
      Key(
        "udp-echo", .either([.scalar(.port), .object(server("udp-echo", "Sends back what comes over UDP", 7))]),
        "Sends back what comes over UDP, what was sent to a group of machines too. Short form: the port.", example: "7"),
      Key(
        "sink",
        .either([.scalar(.port), .object(server("sink", "Takes in and counts what comes over TCP and UDP", 5001))]),
        "Takes in and counts what comes over TCP and UDP, what was sent to all or to any group too. Short form: the port.", example: "5001"),
      Key(
        "bulk", .either([.scalar(.endpoint), .object(bulk)]),
        "Sends many bytes over TCP, then closes. Short form: to where.", example: "{to: \"server:5001\", size: 10 MB}"),
      Key(
        "udp-rate", .object(udpRate), "Sends datagrams at a steady pace.",
        example: "{to: \"server:9\", size: 64 B, pps: 1000}"),
      Key(
        "stun-server", .either([.scalar(.port), .object(stunServer)]),
        "Tells clients their external address (RFC 8489), on a port and the next one. Short form: the port.",
        example: "{other: server2}"),
      Key(
        "nat-probe", .either([.scalar(.destination), .object(natProbe)]),
        "Classifies the NAT on the way to a stun-server and reports it (RFC 5780). Short form: the server.",
        example: "server"),
      Key(
        "rendezvous",
        .either([.scalar(.port), .object(server("rendezvous", "Introduces machines that punch holes", 3480))]),
        "Introduces machines that punch holes to each other, over TCP and UDP. Short form: the port.", example: "3480"),
      Key(
        "syn-flood", .either([.scalar(.endpoint), .object(synFlood)]),
        "Sends SYNs from ever other ports and keeps no state. Short form: to where.",
        example: "{to: \"server:80\", pps: 10000}"),
      start("0 s for servers, 100 ms for others"),
    ])

  private static func start(_ standard: String) -> Key {
    Key(
      "start", .scalar(.duration), "When it starts, counted from the boot of the machine.", default: standard,
      example: "1 s")
  }

  static let httpServer = Keys(
    "http-server", "Answers every GET",
    [
      Key("port", .scalar(.port), "Where it listens.", default: "80", example: "8080"),
      Key("status", .integer(200...599), "Status of the answer.", default: "200", example: "404"),
      Key("body", .scalar(.text), "Body of the answer.", default: "a short text", example: "hello"),
      Key(
        "size", .scalar(.bytes(0...1 << 40)), "As many generated bytes instead of a body.", default: "the body's",
        example: "1 MB"),
      start("0 s"),
    ])

  static let httpGet = Keys(
    "http-get", "GETs a page",
    [
      Key("to", .scalar(.endpoint), "Server and port.", required: true, example: "visitor:80"),
      Key("path", .scalar(.path), "What to get.", default: "/", example: "/index.html"),
      Key("count", .integer(1...1_000_000_000), "How often.", default: "1", example: "10"),
      Key("interval", .scalar(.interval), "From one to the next.", default: "1 s", example: "100 ms"),
      start("100 ms"),
    ])

  static let pinger = Keys(
    "ping", "Sends echo requests",
    [
      Key("to", .scalar(.destination), "A node, an address, or `next` in a group.", required: true, example: "visitor"),
      Key("count", .integer(1...1_000_000_000), "How many.", default: "4", example: "10"),
      Key("interval", .scalar(.interval), "From one to the next.", default: "1 s", example: "100 ms"),
      Key("size", .scalar(.bytes(0...65_507)), "Bytes of data.", default: "56", example: "1000"),
      Key("ttl", .integer(1...255), "Time to live.", default: "64", example: "3"),
      start("100 ms"),
    ])

  private static func server(_ name: String, _ title: String, _ port: Int) -> Keys {
    Keys(
      name, title,
      [Key("port", .scalar(.port), "Where it listens.", default: "\(port)", example: "\(port)"), start("0 s")])
  }

  static let bulk = Keys(
    "bulk", "Sends many bytes over TCP, then closes",
    [
      Key("to", .scalar(.endpoint), "A sink and its port.", required: true, example: "server:5001"),
      Key("size", .scalar(.bytes(0...1 << 50)), "How much.", default: "1 MB", example: "10 MB"),
      start("100 ms"),
    ])

  static let stunServer = Keys(
    "stun-server", "Tells clients their external address",
    [
      Key("port", .scalar(.port), "Where it listens; also on the next one.", default: "3478", example: "3478"),
      Key(
        "other", .scalar(.destination),
        "A second machine with a stun-server on the same port, which answers where an answer from elsewhere is asked "
          + "for. Without it, mapping can't be told.", default: "none", example: "server2"),
      start("0 s"),
    ])

  static let natProbe = Keys(
    "nat-probe", "Classifies the NAT on the way to a stun-server",
    [
      Key("via", .scalar(.destination), "The stun-server.", required: true, example: "server"),
      Key("port", .scalar(.port), "Its port.", default: "3478", example: "3478"),
      start("100 ms"),
    ])

  static let synFlood = Keys(
    "syn-flood", "Sends SYNs from ever other ports and keeps no state",
    [
      Key("to", .scalar(.endpoint), "To where.", required: true, example: "server:80"),
      Key("pps", .integer(1...1_000_000_000), "How many a second.", default: "1000", example: "10000"),
      Key("count", .integer(1...1_000_000_000_000), "How many.", default: "until the run ends", example: "5000"),
      start("100 ms"),
    ])

  static let udpRate = Keys(
    "udp-rate", "Sends datagrams at a steady pace: interval, rate or pps",
    [
      Key("to", .scalar(.endpoint), "To where.", required: true, example: "server:9"),
      Key("size", .scalar(.bytes(0...65_507)), "Payload of each.", default: "64 B", example: "1 kB"),
      Key("interval", .scalar(.interval), "From one to the next.", default: "1 ms", example: "1 ms"),
      Key(
        "rate", .scalar(.rate), "Payload bits per second, instead of an interval.", default: "from interval",
        example: "1 Mbit/s"),
      Key(
        "pps", .integer(1...1_000_000_000), "Datagrams per second, instead of an interval.", default: "from interval",
        example: "1000"),
      Key("count", .integer(1...1_000_000_000_000), "How many.", default: "until the run ends", example: "100"),
      start("100 ms"),
    ])
}

extension Key {
  var optional: Key {
    var copy = self
    copy.isRequired = false
    return copy
  }
}
