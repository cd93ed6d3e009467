import WeftCore

/// What a cable does to frames, each direction by itself.
public struct LinkSettings: Sendable, Codable, Hashable {
  /// One-way propagation delay.
  public var delay: Nanoseconds = .zero
  /// Bits per second; nil: serialisation takes no time.
  public var rate: UInt64?
  /// Probability, 0…1, that a frame is lost.
  public var loss: Double = 0
  /// The largest IP packet, in both directions; nil: 1500, which nobody here sends more than.
  public var mtu: UInt16?
  public var queue = QueueSettings()

  public init() {}

  /// The keys of whatever has a cable.
  public static let fields: [Field<LinkSettings>] = [
    Field("delay", \.delay, .delay, delayDoc, example: "2 ms"),
    Field("rate", \.rate, .rate, rateDoc, default: "no limit", example: "10 Mbit/s"),
    Field("loss", \.loss, .loss, lossDoc, example: "1 %"),
    Field(
      "mtu", \.mtu, .integer(68...1500), "The largest IP packet on the cable, in both directions.", default: "1500",
      example: "1420"),
    Field(
      "queue", \.queue, QueueSettings.form,
      "What may wait for the cable, the frame on the wire included: a number of frames, or frames and bytes. Without a rate nothing waits.",
      default: "1000", example: "100"),
  ]

  package static let delayDoc = "One-way propagation delay."
  package static let rateDoc =
    "How fast bits go onto the cable, counted as Ethernet does: a frame has 24 octets more there, and 84 at least."
  package static let lossDoc = "How likely a frame is lost."
}

/// How much may wait for a cable.
public struct QueueSettings: Sendable, Codable, Hashable {
  /// Frames at most (Linux's default txqueuelen).
  public var frames = 1000
  /// Bytes at most; nil: frames alone bound the queue.
  public var bytes: Int?

  public init(frames: Int = 1000) { self.frames = frames }

  public static let keys: KeyTable<QueueSettings> = KeyTable(
    "queue", "How much may wait for a cable", from: QueueSettings(),
    [
      Field("frames", \.frames, .integer(1...10_000_000), "Frames at most.", example: "100"),
      Field(
        "bytes", \.bytes, .size(1514...1 << 40), "Bytes at most.", default: "frames alone bound the queue", example: "64 kB"),
    ])

  package static let form = Form<QueueSettings>.table(keys, short: .integer(1...10_000_000)) { QueueSettings(frames: $0) }
}

extension Form where Value == Nanoseconds {
  /// A cable's.
  public static var delay: Form {
    Form(.duration, text: { $0 == .zero ? "0" : $0.fileText }) { (text) throws(Complaint) in
      try Quantity.duration(text)
    } resolve: { delay, place, reading in
      if delay > .hours(1) { reading.report(Complaint("a delay of more than an hour is no cable's"), at: place) }
      return delay
    }
  }
}

extension Form where Value == Double {
  /// A bare 1 is all of it, and seldom meant.
  public static var loss: Form {
    Form(.fraction, text: fraction.text) { (text) throws(Complaint) in
      try Quantity.fraction(text)
    } resolve: { loss, place, reading in
      if loss == 1, place.text?.hasSuffix("%") == false {
        reading.warn(
          Complaint(
            "a loss of \(place.text ?? "1") is 100 %: no frame arrives",
            hint: "did you mean \"1 %\"? write 100 % where all is to be lost"), at: place)
      }
      return loss
    }
  }
}
