import WeftWire

// What names other things of the file: read, and looked up at once.

extension Form where Value == String {
  /// The name of something of these sorts, in the words of the reference.
  package static func reference(_ words: String, _ sorts: [Sort]) -> Form {
    Form(.reference(words), text: { $0 }) { (text) throws(Complaint) in
      try Parse.reference(Pattern.expand(text, 1), to: words)
    } resolve: { name, place, reading in
      reading.resolve(name, sorts, at: place) ? name : nil
    }
  }

  public static var vm: Form { reference("vm", [.vm]) }
  public static var host: Form { reference("host", [.host]) }
  /// A host or a VM.
  public static var machine: Form { reference("machine", [.host, .vm]) }
  public static var network: Form { reference("network", [.network]) }
  /// A network or a segment: what has a switch.
  public static var place: Form { reference("network or segment", [.network, .segment]) }
  /// A network with a NAT.
  public static var nat: Form {
    Form(.reference("network")) { (text) throws(Complaint) in
      try Parse.reference(text, to: "network")
    } resolve: { name, place, reading in
      reading.resolve(name, [.network], at: place) && reading.hasNAT(name, at: place) ? name : nil
    }
  }
}

extension Form where Value == LinkName {
  /// `laptop.uplink`, `web.eth0`, or a node's first.
  public static var cable: Form {
    Form(.link) { (text) throws(Complaint) in
      try Parse.link(text)
    } resolve: { name, place, reading in
      reading.cable(name.node, name.port, at: place)
    }
  }
}

extension Form where Value == Destination {
  /// A machine or an address; in a group `next`, its next member.
  public static var destination: Form {
    Form(.destination, redirect: { $0 = $1($0) }) { (text) throws(Complaint) in
      try Parse.machine(Pattern.expand(text, 1))
    } resolve: { to, place, reading in
      reading.resolve(to, at: place, toGroups: false) ? to : nil
    }
  }
}

extension Form where Value == Endpoint {
  /// `node:port`, by `only` this protocol. `toGroups`: addresses too that more than one machine hears.
  public static func endpoint(_ only: TransportProtocol? = nil, toGroups: Bool = false) -> Form {
    Form(.endpoint, redirect: { $0.to = $1($0.to) }) { (text) throws(Complaint) in
      try Parse.endpoint(Pattern.expand(text, 1))
    } resolve: { end, place, reading in
      guard reading.resolve(end.to, at: place, toGroups: toGroups) else { return nil }
      if let only, end.transport != only {
        reading.report(
          Complaint("this goes over \(only.rawValue), not \(end.transport.rawValue)", part: end.transport.rawValue), at: place)
      }
      return end
    }
  }
}

extension Form where Value == HTTPAddress {
  /// `http://visitor:8080/path`.
  public static var http: Form {
    Form(.http, redirect: { $0.to = $1($0.to) }) { (text) throws(Complaint) in
      try Parse.http(Pattern.expand(text, 1))
    } resolve: { url, place, reading in
      reading.resolve(url.to, at: place, toGroups: false) ? url : nil
    }
  }
}
