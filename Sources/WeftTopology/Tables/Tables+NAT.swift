import WeftSettings

extension Tables {
  static func choice<Choice: CaseIterable & RawRepresentable>(_: Choice.Type) -> Shape
  where Choice.RawValue == String { .scalar(.choice(Choice.allCases.map(\.rawValue))) }

  static let natShape = Shape.either([choice(NATSettings.Profile.self), .object(nat)])

  static let nat = Keys(
    "nat", "How a NAT behaves: a profile, and single axes over it. Short form: the profile alone",
    [
      Key(
        "profile", choice(NATSettings.Profile.self),
        "A set of axis values: what the RFCs ask, Linux's masquerade, or one of the old names.", default: "rfc",
        example: "symmetric"),
      Key(
        "mapping", choice(NATSettings.Dependence.self),
        "When two flows of one inside endpoint share an external one (RFC 4787, 4.1).", default: "the profile's",
        example: "endpoint-independent"),
      Key(
        "filtering", choice(NATSettings.Dependence.self),
        "Who may send to an external endpoint in use (RFC 4787, 5).", default: "the profile's",
        example: "address-dependent"),
      Key(
        "ports", choice(NATSettings.Ports.self),
        "The external port of a new mapping, or with overload of a new flow: the inside one, the next, a random one, one of "
          + "the VM's own block.",
        default: "preserve; symmetric: random", example: "random"),
      Key("block-size", .integer(1...65535), "Ports of a block (ports: block).", default: "512", example: "64"),
      Key(
        "parity", .scalar(.boolean), "Even ports get even ones, odd ones odd ones (RFC 4787, 4.2.2).",
        default: "false", example: "true"),
      Key(
        "overload", .scalar(.boolean),
        "One external port for flows whose remote ends differ, as masquerade does; needs address-and-port-dependent "
          + "mapping and filtering.",
        default: "linux: true, others: false", example: "true"),
      Key(
        "port-range", .scalar(.ports), "External ports that flows may get; forwards are free of it.",
        default: "1-65535", example: "1024-65535"),
      Key(
        "pooling", choice(NATSettings.Pooling.self),
        "With several addresses: a VM keeps one as long as it has flows, or not (RFC 4787, 4.1).", default: "paired",
        example: "arbitrary"),
      Key(
        "hairpin", .choice("true", "false", "external-source", "internal-source", "off"),
        "From inside to an external endpoint and back in; what the other side sees as the source. "
          + "true is external-source, false is off.",
        default: "external-source; linux: internal-source", example: "false"),
      Key(
        "unsolicited", choice(NATSettings.Unsolicited.self),
        "What an unasked-for packet from outside gets: nothing, RST / port unreachable at once, or that after 6 s "
          + "(RFC 5382, REQ-4).",
        default: "drop; linux: refuse", example: "refuse"),
      Key(
        "local-forwards", .scalar(.boolean),
        "The host's own programs reach its forwards by localhost and its own address, as where a forward is a listener "
          + "(VirtualBox, VMware, podman, Docker's proxy). Without, forwards are for what comes in (DNAT in PREROUTING).",
        default: "false", example: "true"),
      Key(
        "tcp-machine", choice(NATSettings.TCPMachine.self), "Whose TCP states and transitions.",
        default: "rfc6146; linux: netfilter", example: "netfilter"),
      Key(
        "window-tracking", choice(NATSettings.WindowTracking.self),
        "Whether segments must fit the windows announced; liberal: only RSTs.", default: "strict", example: "liberal"),
      Key(
        "loose", .scalar(.boolean), "A connection that is met in the middle is taken up.",
        default: "linux: true, others: false", example: "true"),
      Key(
        "report-exhaustion", .scalar(.boolean),
        "A flow that gets no port or no room is answered with ICMP 3/13 (RFC 5508, REQ-8).",
        default: "linux: false, others: true", example: "false"),
      Key(
        "inbound-refresh", .scalar(.boolean), "Packets from outside keep an entry alive too (RFC 4787, REQ-6).",
        default: "linux: true, others: false", example: "true"),
      Key(
        "mtu", .integer(68...1500),
        "The largest IP packet on the uplink, in both directions, as `mtu` there: larger ones are cut up, or refused with "
          + "ICMP 3/4 where they may not be.",
        default: "the uplink's", example: "1400"),
      Key(
        "mss-clamp", .scalar(.boolean), "Lowers the MSS of TCP to what fits the links.", default: "false",
        example: "true"),
      Key(
        "addresses", .list(.scalar(.address)), "External addresses beside the host's own, of the same subnet.",
        default: "none", example: "[134.115.153.224, 134.115.153.225]"),
      Key(
        "one-to-one", .named(.scalar(.address)),
        "Which VM has which of the addresses to itself (profile one-to-one); the host's own only if it is named here.",
        default: "in the order they first speak",
        example: "{web: 134.115.153.224}"),
      Key(
        "timeouts", .object(timeouts), "How long an idle connection is kept.", default: "the profile's",
        example: "{udp: 2 min}"),
      Key(
        "limits", .object(limits), "How much may be in use.", default: "see below", example: "{sessions-per-vm: 1000}"),
      Key(
        "rules", .list(.object(rule)), "The packet filter: the first rule that matches decides, else it is allowed.",
        default: "none", example: "[{deny: forwarded, from: inside, protocol: udp, port: 53}]"),
    ])

  static let limits = Keys(
    "limits", "How much of a NAT may be in use",
    [
      Key(
        "table", .integer(1...100_000_000), "Entries of the connection table.", default: "262144", example: "1000"),
      Key(
        "sessions-per-vm", .integer(1...100_000_000), "Connections that one VM may have begun (RFC 6888, REQ-4).",
        default: "the table's", example: "1000"),
      Key(
        "mappings-per-vm", .integer(1...65535),
        "External ports that one VM may have (not where they are shared: overload, linux, or whole addresses: one-to-one).", default: "all",
        example: "500"),
      Key(
        "early-drop", .scalar(.boolean), "A full table gives up an entry without an answer for a new one.",
        default: "true", example: "false"),
      Key(
        "hold-down", .scalar(.duration),
        "How long a port that was given back goes to nobody but its last owner (RFC 6888, REQ-8; not where ports are shared).",
        default: "0",
        example: "120 s"),
    ])

  static let timeouts = Keys(
    "timeouts", "How long an idle connection is kept, in netfilter's names",
    NATSettings.Timeout.allCases.map { timeout in
      let row = row(timeout)
      return Key(timeout.rawValue, .scalar(.interval), row.doc, default: row.standard, example: "1 min")
    })

  /// What holds without it: under most profiles, and under `linux`.
  private static func row(_ timeout: NATSettings.Timeout) -> (doc: String, standard: String) {
    switch timeout {
    case .tcpTransitory:
      (
        "All of syn-sent, syn-recv, last-ack, time-wait and close that have no value of their own (RFC 5382 REQ-5).",
        "none"
      )
    case .tcpSynSent: ("A SYN without an answer.", "4 min; linux: 120 s")
    case .tcpSynRecv: ("SYN and SYN-ACK.", "4 min; linux: 60 s")
    case .tcpEstablished: ("Established TCP (RFC 5382 REQ-5).", "2 h 4 min; linux: 5 d")
    case .tcpFinWait: ("One side has closed.", "as tcp-established; linux: 120 s")
    case .tcpCloseWait: ("One side has closed, and that is acknowledged.", "as tcp-established; linux: 60 s")
    case .tcpLastAck: ("Both have closed, the last ACK is missing.", "4 min; linux: 30 s")
    case .tcpTimeWait: ("Both have closed.", "4 min; linux: 120 s")
    case .tcpClose: ("After a RST (RFC 7857, 2.2).", "4 min; linux: 10 s")
    case .tcpMaxRetrans: ("At most, after three retransmissions of a segment.", "as the state's; linux: 300 s")
    case .tcpUnacknowledged: ("At most, while data waits for its ACK.", "as the state's; linux: 300 s")
    case .udp: ("UDP (RFC 4787 REQ-5).", "5 min; linux: 30 s")
    case .udpStream: ("UDP that has gone both ways.", "as udp; linux: 120 s")
    case .icmp: ("ICMP queries (RFC 5508 REQ-2).", "60 s; linux: 30 s")
    case .generic: ("Protocols without ports, where they pass at all.", "10 min")
    }
  }

  static let rule = Keys(
    "rule", "A rule of the packet filter. Each packet is judged by itself, as it came in, before translation: an answer comes in from "
      + "the other side, and is `established`; what the box sends by itself (ICMP errors, resets, echo replies) goes `out`",
    exactlyOne: FilterRule.Action.allCases.map(\.rawValue),
    [
      Key(
        "allow", direction, "Lets through: in to the host, out of it, forwarded between others, or any.", example: "in"),
      Key("deny", direction, "Drops silently.", example: "forwarded"),
      Key("reject", direction, "Drops and answers with ICMP 3/13.", example: "any"),
      Key("reset", direction, "Drops and answers with RST for TCP, ICMP 3/13 for others.", example: "out"),
      Key("from", choice(FilterRule.Side.self), "The side it comes in from.", default: "any", example: "outside"),
      Key("to", choice(FilterRule.Side.self), "The side it goes to.", default: "any", example: "inside"),
      Key(
        "state", choice(FilterRule.State.self),
        "What it is to the connection table, as ct state: new until somebody answers, established, related (an ICMP error), "
          + "invalid.",
        default: "any", example: "new"),
      Key("source", .scalar(.network), "Addresses it comes from.", default: "any", example: "192.168.122.0/24"),
      Key("destination", .scalar(.network), "Addresses it was sent to.", default: "any", example: "203.0.113.9"),
      Key("protocol", .scalar(.protocolNumber), "tcp, udp, icmp or a number.", default: "any", example: "tcp"),
      Key("port", .scalar(.ports), "Port it was sent to (tcp, udp).", default: "any", example: "80-90"),
      Key("source-port", .scalar(.ports), "Port it comes from (tcp, udp).", default: "any", example: "53"),
    ])

  private static let direction = Shape.scalar(.choice(FilterRule.Direction.allCases.map(\.rawValue) + ["any"]))
}
