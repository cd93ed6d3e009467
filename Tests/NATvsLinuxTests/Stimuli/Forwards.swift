import WeftWire

private let client = Endpoint(Lab.server, 50000)
private let vm = Endpoint(Lab.vm, 40000)
private let vm2 = Endpoint(Lab.vm2, 40000)

extension Stimulus {
  static let forwards: [Stimulus] = [
    Stimulus(
      "forward: udp hit",
      [
        .back(.udp(client, Endpoint(Lab.external, 5353))), .out(.udp(Endpoint(Lab.vm, 53), client)),
        .back(.udp(client, Endpoint(Lab.external, 5353))),
      ]),
    Stimulus(
      "forward: of another protocol",
      [
        .back(.udp(client, Endpoint(Lab.external, 8080))), .back(.tcp(client, Endpoint(Lab.external, 5353), .syn)),
      ]),
    Stimulus(
      "forward: miss",
      [.back(.tcp(client, Endpoint(Lab.external, 8081), .syn)), .back(.udp(client, Endpoint(Lab.external, 5354)))]),
    Stimulus(
      "forward: two clients",
      [
        .back(.udp(client, Endpoint(Lab.external, 5353))),
        .back(.udp(Endpoint(Lab.server2, 50000), Endpoint(Lab.external, 5353))),
        .out(.udp(Endpoint(Lab.vm, 53), Endpoint(Lab.server2, 50000))), .out(.udp(Endpoint(Lab.vm, 53), client)),
      ]),
    Stimulus(
      "forward: closed port of the machine",
      [
        .back(.tcp(client, Endpoint(Lab.external, 8080), .syn)),
        .out(.tcp(Endpoint(Lab.vm, 80), client, [.rst, .ack], sequence: 0, acknowledgment: 5001)),
        .back(.tcp(client, Endpoint(Lab.external, 8080), .syn, sequence: 9000)),
      ]),
    Stimulus(
      "forward: closed udp port of the machine",
      [
        .back(.udp(client, Endpoint(Lab.external, 5353))),
        .out(
          .error(
            3, 3, from: Lab.vm, to: Lab.server, about: Packet.udp(client, Endpoint(Lab.vm, 53)).ttl(63), quoting: 20)),
      ]),
    Stimulus("forward: from the machine's own port outwards", [.out(.udp(Endpoint(Lab.vm, 53), client))]),
    Stimulus("forward: udp with a bad checksum", [.back(.udp(client, Endpoint(Lab.external, 5353)).flipped(at: 6))]),
    Stimulus(
      "forward: icmp error about it from outside",
      [
        .back(.udp(client, Endpoint(Lab.external, 5353))), .out(.udp(Endpoint(Lab.vm, 53), client)),
        .back(
          .error(
            3, 3, from: Lab.server, to: Lab.external, about: Packet.udp(Endpoint(Lab.external, 5353), client).ttl(63))),
      ]),
    Stimulus(
      "hairpin: through a forward, tcp", .choosesPorts,
      [
        .out(.tcp(vm2, Endpoint(Lab.external, 8080), .syn)),
        .out(
          .tcp(Endpoint(Lab.vm, 80), Endpoint(Lab.external, 40000), [.syn, .ack], sequence: 9, acknowledgment: 5001)),
        .out(.tcp(vm2, Endpoint(Lab.external, 8080), .ack, sequence: 5001, acknowledgment: 10)),
      ]),
    Stimulus(
      "hairpin: through a forward, udp", .choosesPorts,
      [
        .out(.udp(vm2, Endpoint(Lab.external, 5353))), .out(.udp(Endpoint(Lab.vm, 53), Endpoint(Lab.external, 40000))),
      ]),
    Stimulus(
      "hairpin: to itself through a forward", .choosesPorts,
      [
        .out(.udp(vm, Endpoint(Lab.external, 5353))), .out(.udp(Endpoint(Lab.vm, 53), Endpoint(Lab.external, 40000))),
      ]),
    Stimulus(
      "hairpin: to a mapping of a flow",
      [
        .out(.udp(vm, Endpoint(Lab.server, 53))), .out(.udp(vm2, Endpoint(Lab.external, 40000))),
      ]),
    Stimulus(
      "hairpin: no forward",
      [.out(.tcp(vm2, Endpoint(Lab.external, 8081), .syn)), .out(.udp(vm2, Endpoint(Lab.external, 8081)))]),
    Stimulus(
      "hairpin: icmp error about it", .choosesPorts,
      [
        .out(.udp(vm2, Endpoint(Lab.external, 5353))),
        .out(
          .error(
            3, 3, from: Lab.vm, to: Lab.external,
            about: Packet.udp(Endpoint(Lab.external, 40000), Endpoint(Lab.vm, 53)).ttl(63))),
      ]),
  ]

  /// What is meant for the box itself.
  static let box: [Stimulus] = [
    Stimulus(
      "box: ping from outside",
      [.back(.ping(Lab.server, Lab.external, id: 5)), .back(.ping(Lab.neighbour, Lab.external, id: 5))]),
    Stimulus(
      "box: ping from inside", [.out(.ping(Lab.vm, Lab.gateway, id: 5)), .out(.ping(Lab.vm, Lab.external, id: 5))]),
    Stimulus(
      "box: ping with a ttl of one",
      [.out(.ping(Lab.vm, Lab.gateway, id: 5).ttl(1)), .back(.ping(Lab.server, Lab.external, id: 5).ttl(1))]),
    Stimulus(
      "box: ping with type of service",
      [
        .back(.ping(Lab.server, Lab.external, id: 5).tos(0x48)),
        .back(.ping(Lab.server, Lab.external, id: 5).tos(0x4b)),
      ]),
    Stimulus("box: ping with a bad checksum", [.back(.ping(Lab.server, Lab.external, id: 5).flipped(at: 2))]),
    Stimulus("box: ping with a code", [.back(.icmp(8, code: 5, rest: 1, Lab.server, Lab.external))]),
    Stimulus(
      "box: ping with options",
      [
        .out(.ping(Lab.vm, Lab.gateway, id: 5).options([1, 1, 1, 0])),
        .out(.ping(Lab.vm, Lab.gateway, id: 5).options([7, 7, 4, 0, 0, 0, 0, 0])),
      ]),
    Stimulus("box: echo reply", [.out(.pong(Lab.vm, Lab.gateway, id: 5))]),
    Stimulus(
      "box: timestamp request",
      [.out(.icmp(13, rest: 0x9_0001, Lab.vm, Lab.gateway, data: [UInt8](repeating: 0, count: 12)))]),
    Stimulus(
      "box: closed tcp port inside",
      [
        .out(.tcp(vm, Endpoint(Lab.gateway, 81), .syn)),
        .out(.tcp(vm, Endpoint(Lab.gateway, 81), .ack, acknowledgment: 99)),
        .out(.tcp(vm, Endpoint(Lab.gateway, 81), .rst)),
        .out(.tcp(vm, Endpoint(Lab.gateway, 82), [.fin, .ack], acknowledgment: 4, count: 5)),
      ]),
    Stimulus(
      "box: closed tcp port outside",
      [
        .back(.tcp(client, Endpoint(Lab.external, 81), .syn)),
        .back(.tcp(client, Endpoint(Lab.external, 82), [.syn, .ack], acknowledgment: 9)),
        .back(.tcp(client, Endpoint(Lab.external, 83), .rst)),
        .back(.tcp(client, Endpoint(Lab.external, 84), .syn, count: 7)),
      ]),
    Stimulus(
      "box: closed tcp port, type of service",
      [
        .back(.tcp(client, Endpoint(Lab.external, 81), .syn).tos(0x48)),
        .back(.tcp(client, Endpoint(Lab.external, 82), .syn).tos(0x4b)),
      ]),
    Stimulus(
      "box: closed tcp port, bad checksum", [.back(.tcp(client, Endpoint(Lab.external, 81), .syn).flipped(at: 16))]),
    Stimulus("box: closed udp port inside", [.out(.udp(vm, Endpoint(Lab.gateway, 81)))]),
    Stimulus(
      "box: closed udp port outside",
      [.back(.udp(client, Endpoint(Lab.external, 81))), .back(.udp(client, Endpoint(Lab.external, 82), count: 900))]),
    Stimulus(
      "box: closed udp port, type of service",
      [
        .back(.udp(client, Endpoint(Lab.external, 81)).tos(0x48)),
        .back(.udp(client, Endpoint(Lab.external, 82)).tos(0xbb)),
      ]),
    Stimulus("box: closed udp port, bad checksum", [.back(.udp(client, Endpoint(Lab.external, 81)).flipped(at: 6))]),
    Stimulus(
      "box: unknown protocol", [.out(Packet(IPProtocol(rawValue: 253), Lab.vm, Lab.gateway, body: [1, 2, 3, 4]))]),
    Stimulus(
      "box: icmp error about nothing",
      [.out(.error(3, 3, from: Lab.vm, to: Lab.gateway, about: .udp(Endpoint(Lab.gateway, 5), vm)))]),
    Stimulus(
      "box: to its inside address from outside",
      [.back(.ping(Lab.server, Lab.gateway, id: 5)), .back(.udp(client, Endpoint(Lab.gateway, 81)))]),
    Stimulus(
      "box: subnet broadcast ping", [.broadcast(.inside, .broadcast, .ping(Lab.vm, Lab.insidePrefix.broadcast, id: 5))]),
  ]
}
