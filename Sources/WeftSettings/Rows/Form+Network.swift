import WeftWire

// Addresses and ports.

extension Form where Value == IPv4Address {
  public static var address: Form { Form(.address, text: { "\($0)" }) { (text) throws(Complaint) in try Parse.address(text) } }
  /// With `{n}` in it, of a group's members.
  public static var addressPattern: Form {
    Form(.addressPattern) { (text) throws(Complaint) in try Parse.address(Pattern.expand(text, 1)) }
  }
}

extension Form where Value == IPv4Prefix {
  /// A subnet that machines can have addresses of.
  public static var subnet: Form { Form(.prefix, text: { "\($0)" }) { (text) throws(Complaint) in try Parse.subnet(text) } }
  /// Any prefix, or an address as one.
  public static var network: Form { Form(.network, text: { "\($0)" }) { (text) throws(Complaint) in try Parse.network(text) } }
}

extension Form where Value == ClosedRange<IPv4Address> {
  /// Both ends included.
  public static var range: Form {
    Form(.range, text: { "\($0.lowerBound)-\($0.upperBound)" }) { (text) throws(Complaint) in
      let (first, last) = try Parse.range(text)
      return first...last
    }
  }
}

extension Form where Value == MACAddress {
  public static var mac: Form { Form(.mac, text: { "\($0)" }) { (text) throws(Complaint) in try Parse.mac(text) } }
  /// With `{n}` in it, of a group's members.
  public static var macPattern: Form {
    Form(.macPattern) { (text) throws(Complaint) in try Parse.mac(Pattern.expand(text, 1)) }
  }
}

extension Form where Value == UInt16 {
  public static var port: Form { Form(.port, text: { "\($0)" }) { (text) throws(Complaint) in try Parse.port(text) } }
}

extension Form where Value == ClosedRange<UInt16> {
  /// A port, or `80-90`.
  public static var ports: Form {
    Form(.ports, text: { "\($0.lowerBound)-\($0.upperBound)" }) { (text) throws(Complaint) in try Parse.ports(text) }
  }
}

extension Form where Value == UInt8 {
  /// tcp, udp, icmp, sctp, udplite or a number.
  public static var protocolNumber: Form {
    Form(.protocolNumber, text: { "\($0)" }) { (text) throws(Complaint) in try Parse.protocolNumber(text) }
  }
}
