import WeftWire

private let vm = Endpoint(Lab.vm, 40000)
private let vm2 = Endpoint(Lab.vm2, 40000)
private let server = Endpoint(Lab.server, 53)
private let external = Endpoint(Lab.external, 40000)

extension Stimulus {
  static let udp: [Stimulus] = [
    Stimulus("udp out", [.out(.udp(vm, server))]),
    Stimulus("udp out and answered", [.out(.udp(vm, server)), .back(.udp(server, external)), .out(.udp(vm, server))]),
    Stimulus(
      "udp to a host on the outside link",
      [
        .out(.udp(vm, Endpoint(Lab.neighbour, 53))), .back(.udp(Endpoint(Lab.neighbour, 53), external)),
      ]),
    Stimulus(
      "udp answered from another address",
      [
        .out(.udp(vm, server)), .back(.udp(Endpoint(Lab.server2, 53), external)),
      ]),
    Stimulus(
      "udp answered from another port",
      [
        .out(.udp(vm, server)), .back(.udp(Endpoint(Lab.server, 54), external)),
      ]),
    Stimulus("udp unsolicited", [.back(.udp(server, external))]),
    Stimulus(
      "udp from one port to two servers",
      [
        .out(.udp(vm, server)), .out(.udp(vm, Endpoint(Lab.server2, 53))), .out(.udp(vm, Endpoint(Lab.server, 54))),
        .back(.udp(Endpoint(Lab.server2, 53), external)), .back(.udp(Endpoint(Lab.server, 54), external)),
      ]),
    Stimulus(
      "udp of two hosts from one port to two servers",
      [
        .out(.udp(vm, server)), .out(.udp(vm2, Endpoint(Lab.server2, 53))), .back(.udp(server, external)),
        .back { .udp(Endpoint(Lab.server2, 53), $0.endpoint) },
      ]),
    Stimulus(
      "udp of two hosts from one port to one server", .choosesPorts,
      [
        .out(.udp(vm, server)), .out(.udp(vm2, server)), .back { .udp(server, $0.endpoint(0)) },
        .back { .udp(server, $0.endpoint(1)) }, .out(.udp(vm2, server)),
      ]),
    Stimulus(
      "udp from a port below 1024 that is taken", .choosesPorts,
      [
        .out(.udp(Endpoint(Lab.vm, 123), Endpoint(Lab.server, 123))),
        .out(.udp(Endpoint(Lab.vm2, 123), Endpoint(Lab.server, 123))),
        .back { .udp(Endpoint(Lab.server, 123), $0.endpoint(1)) },
      ]),
    Stimulus(
      "udp without a checksum",
      [
        .out(
          .udp(vm, server).damaged {
            $0[26] = 0
            $0[27] = 0
          }),
        .back(
          .udp(server, external).damaged {
            $0[26] = 0
            $0[27] = 0
          }),
      ]),
    Stimulus("udp with a bad checksum as the first packet", [.out(.udp(vm, server).flipped(at: 6))]),
    Stimulus(
      "udp with a bad checksum in a known flow",
      [
        .out(.udp(vm, server)), .out(.udp(vm, server).flipped(at: 6)), .back(.udp(server, external).flipped(at: 6)),
        .back(.udp(server, external).flipped(at: 10)),
      ]),
    Stimulus("udp longer than its packet", [.out(.udp(vm, server).damaged { $0[25] = 200 })]),
    Stimulus("udp shorter than its packet", [.out(.udp(vm, server).damaged { $0[25] = 12 })]),
    Stimulus("udp with a length below eight", [.out(.udp(vm, server).damaged { $0[25] = 7 })]),
    Stimulus("udp cut short in its header", [.out(Packet(.udp, Lab.vm, Lab.server, body: [1, 2, 3, 4]))]),
    Stimulus("udp without data", [.out(.udp(vm, server, count: 0)), .back(.udp(server, external, count: 0))]),
    Stimulus("udp of odd length", [.out(.udp(vm, server, count: 13)), .back(.udp(server, external, count: 7))]),
    Stimulus("udp from port zero", [.out(.udp(Endpoint(Lab.vm, 0), server))]),
    Stimulus("udp to port zero", [.out(.udp(vm, Endpoint(Lab.server, 0)))]),
    Stimulus("udp with type of service", [.out(.udp(vm, server).tos(0xb8)), .back(.udp(server, external).tos(0x28))]),
    Stimulus("udp that may be fragmented", [.out(.udp(vm, server).fragmentable())]),
    Stimulus(
      "udp with padding behind the packet",
      [
        .out(.udp(vm, server, count: 2).damaged { $0 += [0, 0, 0, 0, 0, 0, 0, 0] })
      ]),
    Stimulus("udp with a bad ip checksum", [.out(.udp(vm, server).damaged { $0[10] ^= 0xff })]),
    Stimulus("ip version five", [.out(.udp(vm, server).damaged { $0[0] = 0x55 })]),
    Stimulus(
      "ip total length beyond the frame",
      [
        .out(
          .udp(vm, server).damaged {
            $0[3] = 200
            repair(&$0)
          })
      ]),
    Stimulus(
      "ip header length below five",
      [
        .out(
          .udp(vm, server).damaged {
            $0[0] = 0x44
            repair(&$0)
          })
      ]),
  ]
}

/// Makes the checksum of an IP header without options right again.
func repair(_ bytes: inout [UInt8]) {
  var mutable = bytes.mutableSpan
  var span = mutable.mutableBytes
  span.put(0 as UInt16, at: 10)
  span.put(InternetChecksum.checksum(span.bytes.extracting(0..<20)), at: 10)
}
