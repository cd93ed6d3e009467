import WeftSettings

extension Tables {
  static let window = Keys(
    "window", "A window of time and how often to try in it",
    [
      Key("from", .scalar(.duration), "Its beginning.", required: true, example: "2 s"),
      Key("to", .scalar(.duration), "Its end.", default: "10 s after from", example: "4 s"),
      Key(
        "every", .scalar(.interval), "From one try to the next; a check may have 100,000 tries, a file's 1,000,000.",
        default: "1 s", example: "100 ms"),
    ])

  static let roundTrip = Keys(
    "rtt", "Bounds on the round trip. Short form: `< 5 ms`",
    [
      Key("at-most", .scalar(.duration), "Upper bound.", default: "none", example: "5 ms"),
      Key("at-least", .scalar(.duration), "Lower bound.", default: "none", example: "1 ms"),
    ])

  static let throughput = Keys(
    "throughput", "A TCP transfer to a sink, measured in payload bits per second",
    [
      Key("to", .scalar(.endpoint), "The sink and its port.", required: true, example: "server:5001"),
      Key("size", .scalar(.bytes(1...1 << 50)), "How much is sent.", default: "1 MB", example: "10 MB"),
      Key("at-least", .scalar(.rate), "Lower bound.", default: "none", example: "5 Mbit/s"),
      Key("at-most", .scalar(.rate), "Upper bound.", default: "none", example: "11 Mbit/s"),
    ])

  static let expectation = Keys(
    "expectation", "What must hold", exactlyOne: ["to", "ping", "http", "throughput", "nat", "punch", "idle", "lease"],
    [
      Key(
        "name", .scalar(.text), "What the report calls it.", default: "made from the rest",
        example: "nobody comes in unasked"),
      Key("from", .scalar(.reference("machine")), "The machine that tries.", required: true, example: "visitor"),
      Key(
        "to", .scalar(.endpoint), "Opens a connection: node or address, port, protocol (tcp).",
        example: "\"laptop:8080/tcp\""),
      Key("ping", .either([.scalar(.destination), .object(probePing)]), "Sends an echo request.", example: "visitor"),
      Key("http", .scalar(.http), "GETs a page.", example: "\"http://laptop:8080/\""),
      Key(
        "throughput", .object(throughput), "Measures a TCP transfer.",
        example: "{to: \"server:5001\", at-least: 5 Mbit/s}"),
      Key(
        "nat", .object(probeNAT), "Classifies the NAT on the way to a stun-server.",
        example: "{via: server, mapping: endpoint-independent}"),
      Key(
        "punch", .object(probePunch), "Punches holes from both sides and meets the other.",
        example: "{peer: bob, via: server}"),
      Key(
        "idle", .object(probeIdle), "Has an echo server answer late, over a flow without traffic until then.",
        example: "{to: \"server:7/udp\", for: 119 s}"),
      Key(
        "lease", .scalar(.always(true)), "Every NIC that asks by DHCP has an address; one at least must ask.", example: "true"),
      Key(
        "is", .scalar(.choice(Expectation.Outcome.allCases.map(\.rawValue))),
        "The outcome: open, refused (RST, port unreachable), dropped (thrown away, and nobody was told), unreachable "
          + "(ICMP), blocked (one of these three), slow (answered, but not finished in time), delivered (a datagram "
          + "arrived at a socket, answered or not).",
        default: "open", example: "dropped"),
      Key(
        "seen-as", .scalar(.address), "The address the other side sees (open).", default: "any",
        example: "134.115.153.223"),
      Key(
        "reaches", .scalar(.reference("machine")), "The machine that answers (open).", default: "any", example: "web"),
      Key(
        "by", .scalar(.reference("network or machine")), "What must have dropped it (dropped, refused, unreachable, blocked).",
        default: "any", example: "home"),
      Key(
        "reason", .scalar(.reason),
        "The reason it must have given, one of [these](drop-reasons.md) (dropped, refused, unreachable, blocked).",
        default: "any",
        example: "no-port-forward"),
      Key("status", .integer(100...599), "Status of the response (http, open).", default: "any", example: "200"),
      Key("body", .scalar(.text), "What the response's body contains (http, open).", default: "anything", example: "hello"),
      Key(
        "rtt", .either([.scalar(.roundTrip), .object(roundTrip)]), "Bounds on the round trip (to, ping).",
        default: "none", example: "< 5 ms"),
      Key("at", .scalar(.duration), "When it is first tried.", default: "1 s", example: "5 s"),
      Key(
        "within", .scalar(.duration), "Tried again until it holds or this much time is over.",
        default: "10 s, and idle's time", example: "3 s"),
      Key(
        "timeout", .scalar(.interval), "How long one try waits for an answer.",
        default: "4 s; nat, punch: 8 s; idle: its time and 4 s", example: "500 ms"),
      Key(
        "never-during", .either([.list(.scalar(.duration)), .object(window)]),
        "Must not hold once in this window: [from, to].", default: "none", example: "[2 s, 4 s]"),
      Key(
        "always-after", .either([.scalar(.duration), .object(window)]), "Every try from then on must hold.",
        default: "none", example: "5 s"),
    ])

  static let probePing = Keys(
    "probe-ping", "An echo request",
    [
      Key("to", .scalar(.destination), "A node or an address.", required: true, example: "visitor"),
      Key("size", .scalar(.bytes(0...65_507)), "Bytes of data.", default: "56", example: "1000"),
      Key("ttl", .integer(1...255), "Time to live.", default: "64", example: "3"),
    ])

  static let probeNAT = Keys(
    "probe-nat", "What a NAT must look like from inside (RFC 4787's words)",
    [
      Key("via", .scalar(.destination), "A machine with a stun-server.", required: true, example: "server"),
      Key("port", .scalar(.port), "Its port.", default: "3478", example: "3478"),
      Key(
        "mapping", dependence, "Of what the external endpoint depends.", default: "any",
        example: "endpoint-independent"),
      Key("filtering", dependence, "What decides who is let in.", default: "any", example: "address-dependent"),
      Key(
        "hairpin", .scalar(.boolean), "Whether two of its sockets reach each other by their external endpoints.",
        default: "any", example: "true"),
    ])

  private static let dependence = Shape.scalar(.choice(NATSettings.Dependence.allCases.map(\.rawValue)))

  static let probePunch = Keys(
    "probe-punch", "A meeting of two machines behind NATs, through a third",
    [
      Key("peer", .scalar(.reference("machine")), "The other one.", required: true, example: "bob"),
      Key("via", .scalar(.destination), "A machine with a rendezvous.", required: true, example: "server"),
      Key("port", .scalar(.port), "Its port.", default: "3480", example: "3480"),
      Key(
        "protocol", .scalar(.choice(["udp", "tcp"])), "What they speak.", default: "udp", example: "tcp"),
    ])

  static let probeIdle = Keys(
    "probe-idle", "A flow without traffic",
    [
      Key("to", .scalar(.endpoint), "A tcp-echo or udp-echo.", required: true, example: "server:7/udp"),
      Key("for", .scalar(.interval), "How long it waits before it answers.", required: true, example: "119 s"),
    ])

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

  static func root(host: Keys, vm: Keys, group: Keys) -> Keys {
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
