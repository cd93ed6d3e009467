import WeftCore
import WeftSettings
import WeftWire

extension Loader {
  func readHostPrograms(_ entry: Written.Entry) {
    guard let index = hostIndex[entry.key], topology.hosts[index].mark == entry.keyMark else { return }
    topology.hosts[index].programs = programs(merged(entry, "host")["programs"], inGroup: false)
  }

  func programs(_ value: Written?, inGroup: Bool) -> [Program] {
    (value?.items ?? []).compactMap { program($0, inGroup: inGroup) }
  }

  private func program(_ item: Written, inGroup: Bool) -> Program? {
    let (word, body): (String, Written)
    if let text = item.text {
      (word, body) = (text, Written(kind: .scalar("", quoted: false), mark: item.mark))
    } else if let entry = item.entries?.first(where: { Tables.program.exactlyOne.contains($0.key) }) {
      (word, body) = (entry.key, entry.value)
    } else {
      lost(at: item.mark)
      return nil
    }
    guard let kind = kind(word, body, inGroup: inGroup) else {
      lost(at: item.mark)
      return nil
    }
    let isServer = Tables.servers.contains(word)
    var start: Nanoseconds = isServer ? .zero : .milliseconds(100)
    for place in [body["start"], item["start"]] { if let time = parse(place, Quantity.duration) { start = time } }
    return Program(kind: kind, start: start, mark: item.mark)
  }

  private func kind(_ word: String, _ value: Written, inGroup: Bool) -> Program.Kind? {
    switch word {
    case "http-server":
      let port = value.text != nil ? value : value["port"]
      let status = integer(value["status"], 200...599) ?? 200
      let size = bytes(value["size"], 0...1 << 40)
      if let both = value["size"], value["body"] != nil { report("either a body or a size", at: both) }
      return .httpServer(port: listen(port, 80), status: status, body: value["body"]?.text, size: size)
    case "tcp-echo": return .tcpEcho(port: listen(value, 7))
    case "udp-echo": return .udpEcho(port: listen(value, 7))
    case "sink": return .sink(port: listen(value, 5001))
    case "http-get": return httpGet(value, inGroup)
    case "ping":
      let place = value.text != nil ? value : value["to"] ?? value
      guard let to = destination(place, inGroup) else { return nil }
      return .ping(
        to: to, count: integer(value["count"], 1...1_000_000_000) ?? 4,
        interval: interval(value["interval"]) ?? .seconds(1),
        size: bytes(value["size"], 0...65_507) ?? 56, ttl: UInt8(clamping: integer(value["ttl"], 1...255) ?? 64))
    case "bulk":
      guard let end = endpoint(value.text != nil ? value : value["to"] ?? value, inGroup, only: .tcp) else {
        return nil
      }
      return .bulk(to: end.to, port: end.port, size: bytes(value["size"], 0...1 << 50).map { UInt64($0) } ?? 1_000_000)
    case "udp-rate": return udpRate(value, inGroup)
    case "stun-server":
      return .stunServer(
        port: listen(value, 3478), other: value["other"].flatMap { $0.isNull ? nil : destination($0, inGroup) })
    case "nat-probe":
      let place = value.text != nil ? value : value["via"] ?? value
      guard let to = destination(place, inGroup) else { return nil }
      return .natProbe(to: to, port: parse(value["port"], Parse.port) ?? 3478)
    case "rendezvous": return .rendezvous(port: listen(value, 3480))
    case "syn-flood":
      guard let end = endpoint(value.text != nil ? value : value["to"] ?? value, inGroup, only: .tcp) else {
        return nil
      }
      let pps = integer(value["pps"], 1...1_000_000_000) ?? 1000
      return .synFlood(
        to: end.to, port: end.port, interval: Nanoseconds(1_000_000_000 / UInt64(max(1, pps))),
        count: integer(value["count"], 1...1_000_000_000_000).map { UInt64($0) })
    default: return nil
    }
  }

  /// 0 after a report, so that no other program is told to share it.
  private func listen(_ value: Written?, _ standard: UInt16) -> UInt16 {
    let place = value?.text != nil ? value : value?["port"]
    guard let place, !place.isNull else { return standard }
    return parse(place, Parse.port) ?? 0
  }

  private func httpGet(_ value: Written, _ inGroup: Bool) -> Program.Kind? {
    if value.text != nil {
      guard let url = parse(value, Parse.http), resolve(url.to, at: value, inGroup) else { return nil }
      return .httpGet(to: url.to, port: url.port, path: url.path, count: 1, interval: .seconds(1))
    }
    guard let place = value["to"], let end = endpoint(place, inGroup, only: .tcp) else { return nil }
    return .httpGet(
      to: end.to, port: end.port, path: value["path"]?.text.flatMap { $0.isEmpty ? nil : $0 } ?? "/",
      count: integer(value["count"], 1...1_000_000_000) ?? 1,
      interval: interval(value["interval"]) ?? .seconds(1))
  }

  private func udpRate(_ value: Written, _ inGroup: Bool) -> Program.Kind? {
    guard let place = value["to"], let end = endpoint(place, inGroup, only: nil, toGroups: true) else { return nil }
    if end.transport == .tcp, place.text?.hasSuffix("/tcp") == true {
      report("datagrams go over udp, not tcp", at: place)
    }
    let size = bytes(value["size"], 0...65_507) ?? 64
    let paces = ["interval", "rate", "pps"].filter { value[$0] != nil }
    if paces.count > 1 { report("only one of \(paces.joined(separator: ", ")) sets the pace", at: value) }
    var pace = interval(value["interval"]) ?? .milliseconds(1)
    if let pps = integer(value["pps"], 1...1_000_000_000) { pace = Nanoseconds(1_000_000_000 / UInt64(max(1, pps))) }
    if let rateValue = value["rate"], let rate = parse(rateValue, Quantity.rate) {
      let bits = UInt64(max(1, size)) * 8
      // No overflow: 65,507 bytes are half a million bits, times 10⁹ fits.
      pace = Nanoseconds(bits * 1_000_000_000 / rate)
      if pace == .zero { report("that is more than one datagram a nanosecond", at: rateValue) }
    }
    let count: UInt64? = integer(value["count"], 1...1_000_000_000_000).map { UInt64($0) }
    return .udpRate(to: end.to, port: end.port, size: size, interval: pace, count: count)
  }

  private func resolve(_ to: Destination, at value: Written, _ inGroup: Bool, toGroups: Bool = false) -> Bool {
    if to == .node("next") {
      if !inGroup { report("\"next\" is the next VM of a group, and this is none", at: value, part: "next") }
      return inGroup
    }
    return resolve(to, at: value, toGroups: toGroups)
  }

  func destination(_ value: Written, _ inGroup: Bool) -> Destination? {
    guard let to = parse(value, Parse.machine), resolve(to, at: value, inGroup) else { return nil }
    return to
  }

  func endpoint(
    _ value: Written, _ inGroup: Bool, only transport: TransportProtocol?, toGroups: Bool = false
  ) -> Endpoint? {
    guard let end = parse(value, { (text) throws(Complaint) in try Parse.endpoint(text) }),
      resolve(end.to, at: value, inGroup, toGroups: toGroups)
    else { return nil }
    if let transport, end.transport != transport {
      report(
        "this goes over \(transport.rawValue), not \(end.transport.rawValue)", at: value, part: end.transport.rawValue)
    }
    return end
  }
}
