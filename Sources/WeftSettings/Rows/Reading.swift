/// What reads a file: it is told of mistakes, and knows what the file's names stand for.
package protocol Reading: AnyObject {
  func report(_ complaint: Complaint, at place: Written)
  func report(_ complaint: Complaint, atKey entry: Written.Entry)
  /// Nothing that is wrong, but seldom what was meant.
  func warn(_ complaint: Complaint, at place: Written)
  /// Whether a name stands for one of these sorts; a report if not.
  func resolve(_ name: String, _ sorts: [Sort], at place: Written) -> Bool
  /// Whether there is such a machine. `toGroups`: or several, at one address that all of them hear.
  func resolve(_ destination: Destination, at place: Written, toGroups: Bool) -> Bool
  /// A cable that is there; without a port, a VM's eth0 or a host's uplink.
  func cable(_ node: String, _ port: String?, at place: Written) -> LinkName?
  /// Whether a network has a NAT; a report if not.
  func hasNAT(_ network: String, at place: Written) -> Bool
}

extension Reading {
  /// What a text stands for: what the check found, or read now. Nil where nothing is written, and after a report.
  package func value<Value: Sendable>(of written: Written, _ scalar: Scalar) -> Value? {
    guard let text = written.text, !written.isNull else { return nil }
    switch written.finding {
    case .value(let value as Value): return value
    case .wrong: return nil
    case .value, .unread: break
    }
    do {
      return try scalar.parse(text) as? Value
    } catch {
      report(error, at: written)
      return nil
    }
  }
}

/// What a name can stand for.
package enum Sort: String, Hashable, Sendable { case segment, host, vm, network, `switch` }
