import WeftCore
import WeftWire

extension Loader {
  /// The cable keys of a node over what its network or segment says.
  func link(_ value: YAMLValue, over base: LinkSettings = LinkSettings()) -> LinkSettings {
    var link = base
    if let delay = delay(value["delay"]) { link.delay = delay }
    if let rate = parse(value["rate"], Quantity.rate) { link.rate = rate }
    if let loss = parse(value["loss"], Quantity.fraction) { link.loss = loss }
    if let queue = value["queue"] {
      if queue.entries != nil {
        if let frames = integer(queue["frames"], 1...10_000_000) { link.queueFrames = frames }
        if let bytes = bytes(queue["bytes"], 1514...1 << 40) { link.queueBytes = bytes }
      } else if let frames = integer(queue, 1...10_000_000) {
        link.queueFrames = frames
      }
    }
    return link
  }

  func delay(_ value: YAMLValue?) -> Nanoseconds? {
    guard let value, let delay = parse(value, Quantity.duration) else { return nil }
    if delay > .hours(1) { report("a delay of more than an hour is no cable's", at: value) }
    return delay
  }

  func integer(_ value: YAMLValue?, _ range: ClosedRange<UInt64>) -> Int? {
    parse(value) { (text) throws(Complaint) in Int(clamping: try Parse.integer(text, in: range)) }
  }

  func bytes(_ value: YAMLValue?, _ range: ClosedRange<UInt64>) -> Int? {
    parse(value) { (text) throws(Complaint) in Int(clamping: try Quantity.size(text, in: range)) }
  }

  func interval(_ value: YAMLValue?) -> Nanoseconds? { parse(value, Quantity.interval) }

  /// Checks that a machine may have this address on a subnet.
  @discardableResult
  func fits(_ address: IPv4Address, _ subnet: IPv4Prefix, of place: String, at value: YAMLValue) -> Bool {
    guard subnet.contains(address) else {
      report("\(address) is outside \(subnet), the subnet of \"\(place)\"", at: value, part: "\(address)")
      return false
    }
    guard subnet.isHost(address) else {
      let what = address == subnet.network ? "network" : "broadcast"
      report(
        "\(address) is the \(what) address of \(subnet)", at: value, part: "\(address)",
        hint: "use \(subnet.firstHost) to \(subnet.lastHost)")
      return false
    }
    return true
  }
}
