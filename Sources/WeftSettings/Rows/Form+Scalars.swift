import WeftCore

// Numbers, units and words.

extension Form where Value == String {
  public static var text: Form { Form(.text, text: { $0 }) { (text) throws(Complaint) in text } }
  /// A name that nothing else of the file is called by.
  package static var plainName: Form {
    Form(.text, text: { $0 }) { (text) throws(Complaint) in try Parse.name(text) }
  }
  /// Of a page; empty is `/`.
  public static var path: Form {
    Form(.path, text: { $0 }) { (text) throws(Complaint) in
      try Parse.path(text)
      return text.isEmpty ? "/" : text
    }
  }
}

extension Form where Value == Bool {
  public static var boolean: Form { Form(.boolean, text: { "\($0)" }) { (text) throws(Complaint) in try Parse.boolean(text) } }

  /// Where the other makes no sense.
  public static func always(_ value: Bool) -> Form {
    Form(.always(value)) { (text) throws(Complaint) in
      guard try Parse.boolean(text) == value else {
        throw Complaint("only \(value) makes sense here", hint: "leave the key out")
      }
      return value
    }
  }
}

extension Form where Value: FixedWidthInteger & Sendable & SendableMetatype {
  public static func integer(_ range: ClosedRange<Value>) -> Form {
    let bounds = UInt64(range.lowerBound)...UInt64(range.upperBound)
    return Form(.integer(bounds), text: { "\($0)" }) { (text) throws(Complaint) in
      Value(clamping: try Parse.integer(text, in: bounds))
    }
  }

  /// In bytes.
  public static func size(_ range: ClosedRange<Value>) -> Form {
    let bounds = UInt64(range.lowerBound)...UInt64(range.upperBound)
    return Form(.bytes(bounds), text: { Quantity.text(UInt64($0), Quantity.sizes.prefix(5)) }) { (text) throws(Complaint) in
      Value(clamping: try Quantity.size(text, in: bounds))
    }
  }
}

extension Form where Value == UInt64 {
  /// In bits per second; at least 1.
  public static var rate: Form {
    Form(.rate, text: { Quantity.text($0, Quantity.rates.prefix(5)) }) { (text) throws(Complaint) in try Quantity.rate(text) }
  }
}

extension Form where Value == Double {
  /// 0…1: `1 %`, or the fraction itself.
  public static var fraction: Form {
    Form(.fraction, text: { $0 == 0 ? "0 %" : "\($0)" }) { (text) throws(Complaint) in try Quantity.fraction(text) }
  }
}

extension Form where Value == Nanoseconds {
  public static var duration: Form {
    Form(.duration, text: { $0.fileText }) { (text) throws(Complaint) in
      try Quantity.duration(text)
    }
  }

  /// More than 0.
  public static var interval: Form {
    Form(.interval, text: { $0.fileText }) { (text) throws(Complaint) in
      try Quantity.interval(text)
    }
  }
}

extension Form where Value: RawRepresentable & CaseIterable & Sendable & SendableMetatype, Value.RawValue == String {
  /// One of an enum's words.
  public static var choice: Form { choice(also: []) { _ in nil } }

  /// One of its words, or another that stands for one.
  public static func choice(also others: [String], first: Bool = true, _ meaning: @escaping @Sendable (String) -> Value?) -> Form
  {
    let own = Value.allCases.map(\.rawValue)
    let words = first ? others + own.filter { !others.contains($0) } : own + others
    return Form(.choice(words), text: { $0.rawValue }) { (text) throws(Complaint) in
      guard let value = meaning(try Parse.choice(text, words)) ?? Value(rawValue: text) else { throw .noChoice(text, words) }
      return value
    }
  }
}

extension Form where Value == DropReason {
  /// Why something was dropped, in the words of reports.
  public static var reason: Form { Form(.reason, text: { $0.name }) { (text) throws(Complaint) in try Parse.reason(text) } }
}

extension Nanoseconds {
  /// As the file writes it: the largest unit of which it is a whole number.
  package var fileText: String { self == .zero ? "0 s" : Quantity.text(rawValue, Quantity.durations) }
}
