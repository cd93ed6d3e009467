import WeftCore

/// How a guest's instructions are carried out.
public enum ExecutionMode: String, Sendable, Codable, CaseIterable {
  /// All of them by a translator: nothing exits, and everything is slower.
  case emulation
  /// On the cpu; what a guest's kernel may not do exits, and is emulated.
  case classical
  /// On the cpu; the guest's kernel knows its hypervisor, and calls it.
  case paravirtual
}

/// Which network card a guest finds.
public enum NICModel: String, Sendable, Codable, CaseIterable {
  /// Rings in memory; the other side is told only where it doesn't look by itself.
  case virtio
  /// A card of 2000 with registers: each that is touched is an exit.
  case e1000
}

/// Of a VM whose host has cpus.
public struct ProcessorSettings: Sendable, Codable, Hashable {
  public var count = 1
  public var weight: UInt32 = 256
  /// In millionths of one cpu; nil: as much as is left.
  public var cap: UInt64?
  public var execution = ExecutionMode.paravirtual
  public var model = NICModel.virtio

  public init() {}
}

extension Form where Value == UInt64 {
  /// `50 %`, in millionths.
  package static var cap: Form {
    Form(words: "a percentage of one cpu", text: { "\(Double($0) / 10_000) %" }) { (text) throws(Complaint) in
      let number = text.hasSuffix("%") ? Quantity.trim(text.dropLast()) : ""
      guard let percent = Double(number), percent >= 0.001, percent <= 6400 else {
        throw Complaint("\"\(text.prefix(40))\" is not a percentage of one cpu", hint: "write it like 50 %")
      }
      return UInt64((percent * 10_000).rounded())
    }
  }

  /// In instructions per second.
  package static var speed: Form {
    Form(words: "a speed (1 GHz)", text: { Quantity.text($0, Quantity.frequencies) }) { (text) throws(Complaint) in
      try Quantity.speed(text)
    }
  }
}
