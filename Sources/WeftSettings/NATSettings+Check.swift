extension NATSettings {
  /// Values that contradict each other.
  func check(_ mistakes: Mistakes<NATSettings>) {
    checkPorts(mistakes)
    checkLimits(mistakes.inside(\.limits, Limits.keys))
    if profile == .oneToOne {
      // All ports are the inside host's own.
      let ofPorts: [PartialKeyPath<NATSettings>] = [
        \.mapping, \.ports, \.blockSize, \.parity, \.overload, \.portRange, \.pooling,
      ]
      for path in ofPorts {
        let key = mistakes.name(path)
        mistakes.report("with one-to-one translation addresses are mapped, not ports: \"\(key)\" means nothing", atKey: path)
      }
    } else {
      mistakes.report("\"one-to-one\" needs profile one-to-one", atKey: \.oneToOne, hint: "profile: one-to-one")
    }
    if addresses.isEmpty, profile != .oneToOne {
      mistakes.report(
        "with one external address there is no choice of them", atKey: \.pooling, hint: "give it \"addresses\"")
    }
    if windowTracking == .off {
      let timeouts = mistakes.inside(\.timeouts, Timeouts.keys)
      for path: PartialKeyPath<Timeouts> in [\.tcpMaxRetrans, \.tcpUnacknowledged] {
        timeouts.report(
          "\"\(timeouts.name(path))\" needs window tracking, which is off", atKey: path, hint: "window-tracking: liberal")
      }
    }
  }

  private func checkPorts(_ mistakes: Mistakes<NATSettings>) {
    let whole = Dependence.addressAndPortDependent
    if overload, !mistakes.has(\.overload) {
      // The profile's, and not to be lost by the way.
      for (path, value) in [(\NATSettings.mapping as PartialKeyPath, mapping), (\.filtering, filtering)] where value != whole {
        mistakes.report(
          "profile \(profile.rawValue) shares ports between flows (overload), which only a \(mistakes.name(path)) that is "
            + "\(whole.rawValue) can tell apart", atKey: path, hint: "overload: false gives each mapping a port of its own")
      }
    } else if overload, mapping != whole || filtering != whole {
      mistakes.report(
        "ports can only be overloaded where mapping and filtering are \(whole.rawValue)", atKey: \.overload,
        hint: "set both, or use profile: linux")
    }
    if ports != .block {
      mistakes.report("there are no blocks unless \"ports\" is block", atKey: \.blockSize, hint: "ports: block")
    } else if portRange.count < Int(blockSize) {
      mistakes.report(
        "no block of \(blockSize) ports fits into \(portRange.lowerBound)-\(portRange.upperBound)", atKey: \.portRange,
        hint: "give a smaller block-size")
    }
  }

  /// Limits on ports where none is anybody's alone.
  private func checkLimits(_ mistakes: Mistakes<Limits>) {
    for path: PartialKeyPath<Limits> in [\.mappingsPerVM, \.holdDown] {
      let isHoldDown = path == \Limits.holdDown
      if isHoldDown, limits.holdDown == .zero { continue }
      if profile == .oneToOne {
        mistakes.report(
          "with one-to-one translation a VM has all ports of its address: \"\(mistakes.name(path))\" means nothing", atKey: path)
      } else if overloads {
        mistakes.report(
          isHoldDown
            ? "ports are shared (overload): none is ever given back, and \"hold-down\" means nothing"
            : "ports are shared (overload): no VM has any of its own, and \"mappings-per-vm\" means nothing",
          atKey: path,
          hint: isHoldDown ? "overload: false" : "sessions-per-vm limits its connections; or overload: false")
      }
    }
  }
}
