/// `{n}`, `{n+10}`, `{n-1}` in the text of a group stand for the member's number.
package enum Pattern {
  package static func expand(_ text: String, _ n: Int) -> String {
    guard text.contains("{n") else { return text }
    var result = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      result += rest[..<open]
      rest = rest[open...]
      guard let close = rest.firstIndex(of: "}"), let value = value(rest[rest.index(after: open)..<close], n) else {
        result.append(rest.removeFirst())
        continue
      }
      result += String(value)
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }

  private static func value(_ inner: Substring, _ n: Int) -> Int? {
    guard inner.first == "n" else { return nil }
    let tail = inner.dropFirst()
    guard let sign = tail.first else { return n }
    guard sign == "+" || sign == "-", let amount = Int(tail.dropFirst()), amount >= 0, amount <= 1_000_000_000 else {
      return nil
    }
    return sign == "+" ? n + amount : n - amount
  }
}
