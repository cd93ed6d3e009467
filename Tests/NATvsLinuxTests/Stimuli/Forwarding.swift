import WeftWire

private let vm = Endpoint(Lab.vm, 40000)
private let vm2 = Endpoint(Lab.vm2, 40000)
private let server = Endpoint(Lab.server, 53)
private let external = Endpoint(Lab.external, 40000)
private let client = Endpoint(Lab.server, 50000)
private let large = Packet.udp(vm, server, count: 400)

extension Stimulus {
  static let fragments: [Stimulus] = [
    Stimulus(
      "fragments in order", .isComparedAtEnd,
      [
        .out(large.fragment(0..<200, id: 0x5801)), .out(large.fragment(200..<400, id: 0x5801)),
        .out(large.fragment(400..<408, id: 0x5801)),
      ]),
    Stimulus(
      "fragments out of order", .isComparedAtEnd,
      [
        .out(large.fragment(400..<408, id: 0x5802)), .out(large.fragment(0..<200, id: 0x5802)),
        .out(large.fragment(200..<400, id: 0x5802)),
      ]),
    Stimulus(
      "fragments in reverse", .isComparedAtEnd,
      [
        .out(large.fragment(400..<408, id: 0x5803)), .out(large.fragment(200..<400, id: 0x5803)),
        .out(large.fragment(0..<200, id: 0x5803)),
      ]),
    Stimulus(
      "fragments of an answer", .isComparedAtEnd,
      [
        .out(.udp(vm, server)), .back(Packet.udp(server, external, count: 400).fragment(0..<208, id: 0x5804)),
        .back(Packet.udp(server, external, count: 400).fragment(208..<408, id: 0x5804)),
      ]),
    Stimulus(
      "fragments that overlap", .isComparedAtEnd,
      [
        .out(large.fragment(0..<200, id: 0x5805)), .out(large.fragment(192..<400, id: 0x5805)),
        .out(large.fragment(400..<408, id: 0x5805)),
      ]),
    Stimulus(
      "a fragment twice", .isComparedAtEnd,
      [
        .out(large.fragment(0..<200, id: 0x5806)), .out(large.fragment(0..<200, id: 0x5806)),
        .out(large.fragment(200..<408, id: 0x5806)),
      ]),
    Stimulus(
      "only later fragments", .isComparedAtEnd,
      [
        .out(large.fragment(200..<400, id: 0x5807)), .out(large.fragment(400..<408, id: 0x5807)),
      ]),
    Stimulus("only the first fragment", .isComparedAtEnd, [.out(large.fragment(0..<200, id: 0x5808))]),
    Stimulus(
      "fragments with a bad udp checksum", .isComparedAtEnd,
      [
        .out(large.flipped(at: 6).fragment(0..<200, id: 0x5809)), .out(large.fragment(200..<408, id: 0x5809)),
      ]),
    Stimulus(
      "fragments of a ping", .isComparedAtEnd,
      [
        .out(
          Packet.icmp(8, rest: 0x4d_0001, Lab.vm, Lab.server, data: Packet.filler(100)).fragment(0..<64, id: 0x580a)),
        .out(
          Packet.icmp(8, rest: 0x4d_0001, Lab.vm, Lab.server, data: Packet.filler(100)).fragment(64..<108, id: 0x580a)),
      ]),
    Stimulus(
      "fragments whose first has no whole udp header", .isComparedAtEnd,
      [
        .out(large.fragment(0..<8, id: 0x580b)), .out(large.fragment(8..<408, id: 0x580b)),
      ]),
    Stimulus(
      "fragments of a tcp segment", .isComparedAtEnd,
      [
        .out(Packet.tcp(vm, server, .syn, count: 100).fragment(0..<64, id: 0x580c)),
        .out(Packet.tcp(vm, server, .syn, count: 100).fragment(64..<120, id: 0x580c)),
      ]),
    Stimulus(
      "a middle fragment of odd length", .isComparedAtEnd,
      [
        .out(large.fragment(0..<200, id: 0x580d)), .out(large.fragment(200..<207, id: 0x580d)),
      ]),
    Stimulus(
      "a fragment that passes 65535 bytes", .isComparedAtEnd,
      [
        .out(large.fragment(0..<200, id: 0x580e).with { $0.header.fragmentOffset = 65528 })
      ]),
    Stimulus(
      "fragments through a forward", .isComparedAtEnd,
      [
        .back(Packet.udp(client, Endpoint(Lab.external, 5353), count: 100).fragment(0..<64, id: 0x580f)),
        .back(Packet.udp(client, Endpoint(Lab.external, 5353), count: 100).fragment(64..<108, id: 0x580f)),
      ]),
    Stimulus(
      "fragments with padding behind the packet", .isComparedAtEnd,
      [
        .out(large.fragment(0..<8, id: 0x5812).damaged { $0 += [UInt8](repeating: 0, count: 18) }),
        .out(large.fragment(400..<408, id: 0x5812).damaged { $0 += [UInt8](repeating: 0, count: 18) }),
        .out(large.fragment(8..<400, id: 0x5812)),
      ]),
    Stimulus(
      "fragments to nobody", .isComparedAtEnd,
      [
        .back(Packet.udp(client, Endpoint(Lab.external, 999), count: 100).fragment(0..<64, id: 0x5810)),
        .back(Packet.udp(client, Endpoint(Lab.external, 999), count: 100).fragment(64..<108, id: 0x5810)),
      ]),
    Stimulus(
      "a fragment with ttl one", .isComparedAtEnd,
      [
        .out(large.fragment(0..<200, id: 0x5811).ttl(1)), .out(large.fragment(200..<408, id: 0x5811).ttl(1)),
      ]),
  ]

  static let forwarding: [Stimulus] = [
    Stimulus("ttl two", [.out(.udp(vm, server).ttl(2))]),
    Stimulus("ttl one, a new flow", [.out(.udp(vm, server).ttl(1))]),
    Stimulus("ttl zero, a new flow", [.out(.udp(vm, server).ttl(0))]),
    Stimulus("ttl one in a known flow", [.out(.udp(vm, server)), .out(.udp(vm, server).ttl(1))]),
    Stimulus("ttl one of an answer", [.out(.udp(vm, server)), .back(Packet.udp(server, external).ttl(1))]),
    Stimulus("ttl one of tcp", [.out(.tcp(vm, server, .syn).ttl(1)), .out(.tcp(vm, server, .ack).ttl(1))]),
    Stimulus("ttl one of a ping", [.out(.ping(Lab.vm, Lab.server, id: 9).ttl(1))]),
    Stimulus(
      "ttl one of an echo reply",
      [.out(.ping(Lab.vm, Lab.server, id: 9)), .back(.pong(Lab.server, Lab.external, id: 9).ttl(1))]),
    Stimulus("ttl one through a forward", [.back(Packet.tcp(client, Endpoint(Lab.external, 8080), .syn).ttl(1))]),
    Stimulus("ttl one of a long packet", [.out(Packet.udp(vm, server, count: 900).ttl(1))]),
    Stimulus("ttl one with type of service", [.out(Packet.udp(vm, server).ttl(1).tos(0x48))]),
    Stimulus(
      "options: no-operation",
      [.out(.udp(vm, server).options([1, 1, 1, 0])), .back(.udp(server, external).options([1, 1, 1, 0]))]),
    Stimulus("options: record route", [.out(.udp(vm, server).options([7, 7, 4, 0, 0, 0, 0, 0]))]),
    Stimulus("options: timestamp", [.out(.udp(vm, server).options([68, 8, 5, 0, 0, 0, 0, 0]))]),
    Stimulus("options: router alert", [.out(.udp(vm, server).options([148, 4, 0, 0]))]),
    Stimulus("options: unknown", [.out(.udp(vm, server).options([0x9e, 4, 0, 0]))]),
    Stimulus("options: loose source route", [.out(.udp(vm, server).options([131, 7, 4, 198, 51, 100, 9, 0]))]),
    Stimulus("options: broken length", [.out(.udp(vm, server).options([7, 40, 4, 0]))]),
    Stimulus("options: length of one", [.out(.udp(vm, server).options([7, 1, 4, 0]))]),
    Stimulus(
      "too big with df", outsideMTU: 1000,
      [.out(.udp(vm, server)), .out(.udp(vm, server, count: 1200)), .out(.udp(vm, server, count: 972))]),
    Stimulus(
      "too big with df, a new flow", outsideMTU: 1000,
      [.out(.udp(vm, server, count: 1200)), .out(.udp(vm, server, count: 973))]),
    Stimulus("too big without df", outsideMTU: 1000, [.out(.udp(vm, server, count: 1200).fragmentable())]),
    Stimulus(
      "too big fragments", .isComparedAtEnd, outsideMTU: 600,
      [
        .out(Packet.udp(vm, server, count: 1200).fragment(0..<800, id: 0x5901)),
        .out(Packet.udp(vm, server, count: 1200).fragment(800..<1208, id: 0x5901)),
      ]),
    Stimulus(
      "too big with options", outsideMTU: 1000,
      [
        .out(Packet.udp(vm, server, count: 1200).fragmentable().options([1, 1, 1, 0]))
      ]),
    Stimulus(
      "too big tcp with df", outsideMTU: 1000,
      [
        .out(.tcp(vm, server, .syn)), .back(.tcp(server, external, [.syn, .ack], sequence: 9, acknowledgment: 5001)),
        .out(.tcp(vm, server, .ack, sequence: 5001, acknowledgment: 10)),
        .out(.tcp(vm, server, .ack, sequence: 5001, acknowledgment: 10, count: 1400)),
      ]),
    Stimulus("gre", [.out(Packet(IPProtocol(rawValue: 47), Lab.vm, Lab.server, body: [0, 0, 8, 0, 1, 2, 3, 4]))]),
    Stimulus("sctp", [.out(Packet(IPProtocol(rawValue: 132), Lab.vm, Lab.server, body: sctpInit))]),
    Stimulus(
      "protocol 253 out and back",
      [
        .out(Packet(IPProtocol(rawValue: 253), Lab.vm, Lab.server, body: [1, 2, 3, 4])),
        .back(Packet(IPProtocol(rawValue: 253), Lab.server, Lab.external, body: [5, 6, 7, 8])),
      ]),
    Stimulus(
      "protocol 253 unsolicited",
      [.back(Packet(IPProtocol(rawValue: 253), Lab.server, Lab.external, body: [5, 6, 7, 8]))]),
    Stimulus("to a private address from outside", [.back(.udp(client, Endpoint(Lab.vm, 53)))]),
    Stimulus("to another address of the outside link", [.back(.udp(client, Endpoint(Lab.neighbour, 53)))]),
    Stimulus("for another link address", [.broadcast(.inside, .local(0x777), .udp(vm, server))]),
    Stimulus("to the network address inside", [.out(.udp(vm, Endpoint(Lab.insidePrefix.network, 9)))]),
    Stimulus("to the broadcast address inside", [.out(.udp(vm, Endpoint(Lab.insidePrefix.broadcast, 9)))]),
    Stimulus("to the broadcast address outside", [.out(.udp(vm, Endpoint(Lab.outsidePrefix.broadcast, 9)))]),
    Stimulus(
      "to the limited broadcast",
      [
        .out(.udp(vm, Endpoint(.broadcast, 67))), .broadcast(.inside, .broadcast, .udp(vm, Endpoint(.broadcast, 67))),
      ]),
    Stimulus(
      "to the limited broadcast from outside",
      [.broadcast(.outside, .broadcast, .udp(client, Endpoint(.broadcast, 67)))]),
    Stimulus(
      "unicast in a link broadcast",
      [
        .broadcast(.inside, .broadcast, .udp(vm, server)),
        .broadcast(.inside, .broadcast, .ping(Lab.vm, Lab.gateway, id: 1)),
      ]),
    Stimulus(
      "to a multicast group",
      [
        .out(.udp(vm, Endpoint(IP(239, 1, 1, 1), 5000))),
        .broadcast(.inside, MACAddress(rawValue: 0x0100_5e01_0101), .udp(vm, Endpoint(IP(239, 1, 1, 1), 5000))),
      ]),
    Stimulus("to class e", [.out(.udp(vm, Endpoint(IP(250, 1, 1, 1), 5000)))]),
    Stimulus("to loopback", [.out(.udp(vm, Endpoint(IP(127, 0, 0, 1), 5000)))]),
    Stimulus("to 0.0.0.0", [.out(.udp(vm, Endpoint(.any, 5000)))]),
    Stimulus("to another inside host through the gateway", [.out(.udp(vm, vm2))]),
  ]

  /// Ports, tag, CRC32c of the whole, and an INIT chunk (RFC 9260, 3.1–3.3.2).
  private static var sctpInit: [UInt8] {
    var bytes: [UInt8] = [0x9c, 0x40, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0]
    bytes += [1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1]
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
    }
    // Little-endian, unlike all else.
    for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: ~crc >> UInt32(8 * index)) }
    return bytes
  }

  static let martians: [Stimulus] =
    [
      ("127.0.0.1", IP(127, 0, 0, 1)), ("0.0.0.0", IP.any), ("0.1.2.3", IP(0, 1, 2, 3)),
      ("a multicast source", IP(239, 1, 1, 1)),
      ("the limited broadcast", IP.broadcast), ("class e", IP(250, 0, 0, 1)),
      ("the box's external address", Lab.external),
      ("the box's inside address", Lab.gateway), ("the inside broadcast address", Lab.insidePrefix.broadcast),
      ("the outside broadcast address", Lab.outsidePrefix.broadcast),
    ].flatMap { name, source in
      [
        Stimulus("martian inside: from \(name)", [.out(.udp(Endpoint(source, 7), server))]),
        Stimulus(
          "martian outside: from \(name)",
          [
            .back(.udp(Endpoint(source, 7), Endpoint(Lab.external, 7))),
            .back(.tcp(Endpoint(source, 7), Endpoint(Lab.external, 8080), .syn)),
            .back(.ping(source, Lab.external, id: 3)),
          ]),
      ]
    } + [
      Stimulus("spoofed inside: a source of another network", [.out(.udp(Endpoint(IP(10, 9, 9, 9), 7), server))]),
      Stimulus("spoofed inside: the network address", [.out(.udp(Endpoint(Lab.insidePrefix.network, 7), server))]),
      Stimulus("spoofed outside: a private source", [.back(.udp(Endpoint(Lab.vm, 7), Endpoint(Lab.external, 5353)))]),
      Stimulus(
        "land attack",
        [
          .out(.tcp(Endpoint(Lab.external, 80), Endpoint(Lab.external, 80), .syn)),
          .out(.tcp(Endpoint(Lab.vm, 80), Endpoint(Lab.vm, 80), .syn)),
        ]),
    ]
}
