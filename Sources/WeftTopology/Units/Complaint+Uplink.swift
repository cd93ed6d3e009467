import WeftSettings
import WeftWire

extension Complaint {
  /// Segment and address turned round, or otherwise parted, or one of them alone.
  static func noUplink(_ text: String) -> Complaint {
    let message = "\"\(text.prefix(60))\" is not an uplink"
    let words = text.split { " ,:/@;".contains($0) }.map(String.init)
    if words.count >= 2, words.count <= 3 {
      let address = words.first { IPv4Address($0) != nil }
      if let address, let name = words.first(where: { $0 != address }), (try? Parse.name(name)) != nil {
        return Complaint(message, hint: "did you mean \"\(name) \(address)\"? segment, address")
      }
    }
    if words.count == 1, IPv4Address(text) != nil {
      return Complaint("\(message): its segment is missing", hint: "write it like \"campus \(text)\": segment, address")
    }
    return Complaint(message, hint: "write it like \"campus 134.115.153.10\": segment, address")
  }
}
