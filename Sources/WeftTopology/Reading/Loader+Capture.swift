extension Loader {
  func readCapture(_ value: YAMLValue) {
    guard !value.isNull else { return }
    let place = value.text != nil ? value : value["filter"]
    if let place, let filter = place.text, !place.isNull {
      topology.capture.filter = filter
      if let problem = filterChecker?(filter) { report("not a capture filter: \(problem)", at: place) }
    }
    // 262144 is tcpdump's own upper bound (MAXIMUM_SNAPLEN).
    if let snaplen = bytes(value["snaplen"], 1...262_144) { topology.capture.snaplen = snaplen }
    if let limit = bytes(value["limit"], 1 << 16...1 << 50) { topology.capture.limit = UInt64(limit) }
    topology.capture.ports = (value["ports"]?.items ?? []).compactMap(\.text)
    for port in value["ports"]?.items ?? [] where port.text?.isEmpty ?? false {
      report("an empty pattern matches nothing", at: port)
    }
  }
}
