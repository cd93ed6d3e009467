import WeftCore
import WeftSettings
import WeftWire

/// What forms ask of the whole file while they read its parts.
extension Resolver: Reading {
  func report(_ complaint: Complaint, atKey entry: Written.Entry) {
    report(complaint.message, atKey: entry.keyMark, entry.key, hint: complaint.hint)
  }

  func warn(_ complaint: Complaint, at place: Written) { warn(complaint.message, at: place, hint: complaint.hint) }

  func hasNAT(_ network: String, at place: Written) -> Bool { natNetwork(network, at: place) != nil }
}
