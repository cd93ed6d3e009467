import WeftWire

/// An IPv4 packet in words, for reports: `134.115.153.223:40000 > 198.51.100.7:53 udp len 20 ttl 63 id 0x5717 DF`.
/// With `names`, as two boxes that choose their own ports and identifications say alike.
func describe(_ packet: RawSpan, quoted: Bool = false, _ names: TableNames? = nil) -> String {
  guard let ip = quoted ? IPv4View(quoted: packet) : IPv4View(packet) else { return "not IPv4: \(hex(packet))" }
  func end(_ address: IP, _ port: UInt16?) -> String {
    let port = port.map { ":" + (names?.port($0) ?? "\($0)") } ?? ""
    return (names?.address(address) ?? address.description) + port
  }
  var text = ""
  let payload = ip.payload
  let hasPorts = (ip.protocol == .tcp || ip.protocol == .udp) && ip.fragmentOffset == 0 && payload.byteCount >= 4
  text += end(ip.source, hasPorts ? payload.u16(0) : nil)
  text += " > " + end(ip.destination, hasPorts ? payload.u16(2) : nil)
  text += ip.fragmentOffset == 0 ? transport(ip, payload, quoted: quoted, names) : " protocol \(ip.protocol.rawValue)"
  text += " ttl \(ip.timeToLive) length \(ip.totalLength)"
  if names == nil { text += " id 0x\(String(ip.identification, radix: 16))" }
  if ip.dontFragment { text += " DF" }
  if ip.isFragment { text += " fragment \(ip.fragmentOffset)\(ip.moreFragments ? "+" : "")" }
  if ip.typeOfService != 0 { text += " tos 0x\(String(ip.typeOfService, radix: 16))" }
  if ip.headerLength > 20 { text += " options \(hex(ip.options))" }
  if !ip.hasValidChecksum { text += " BAD IP CHECKSUM" }
  return text
}

private func transport(_ ip: borrowing IPv4View, _ payload: RawSpan, quoted: Bool, _ names: TableNames?) -> String {
  let isWhole = !quoted && !ip.isFragment
  switch ip.protocol {
  case .udp:
    guard let udp = UDPView(payload) else { return quoted ? " udp" : " udp MALFORMED" }
    let bad = isWhole && !udp.hasValidChecksum(source: ip.source, destination: ip.destination)
    return " udp \(udp.payload.byteCount)" + (udp.checksum == 0 ? " no checksum" : "") + (bad ? " BAD CHECKSUM" : "")
  case .tcp:
    guard let tcp = TCPView(payload) else { return quoted ? " tcp" : " tcp MALFORMED" }
    let names: [(TCPFlags, String)] = [
      (.syn, "S"), (.fin, "F"), (.rst, "R"), (.psh, "P"), (.ack, "A"), (.urg, "U"), (.ece, "E"), (.cwr, "C"),
    ]
    let flags = names.filter { tcp.flags.contains($0.0) }.map(\.1).joined()
    let bad = isWhole && !tcp.hasValidChecksum(source: ip.source, destination: ip.destination)
    return
      " tcp [\(flags)] seq \(tcp.sequence) ack \(tcp.acknowledgment) win \(tcp.window) len \(tcp.payload.byteCount)"
      + (tcp.options.byteCount > 0 ? " options \(hex(tcp.options))" : "")
      + (bad ? " BAD CHECKSUM" : "")
  case .icmp:
    guard let icmp = ICMPv4View(payload) else { return " icmp MALFORMED" }
    let isEcho = icmp.type == .echoRequest || icmp.type == .echoReply
    let rest = "0x\(String(icmp.bytes.u32(4), radix: 16))"
    let identifier = isEcho ? names?.port(icmp.identifier) : nil
    var text =
      " icmp \(icmp.type.rawValue)/\(icmp.code) " + (identifier.map { "id \($0) seq \(icmp.sequence)" } ?? "rest \(rest)")
    if isWhole, !icmp.hasValidChecksum { text += " BAD CHECKSUM" }
    if icmp.type.isError, !quoted { text += " about {\(describe(icmp.payload, quoted: true, names))}" }
    return text
  default: return " protocol \(ip.protocol.rawValue)"
  }
}

func hex(_ span: RawSpan) -> String {
  span.array.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
