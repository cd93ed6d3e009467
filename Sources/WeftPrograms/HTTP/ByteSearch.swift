/// Looks for bytes in a stream that comes in pieces; of what has passed it keeps as much as a match may begin in.
struct ByteSearch: Codable {
  private let wanted: [UInt8]
  private var tail: [UInt8] = []
  private(set) var isFound: Bool

  init(_ wanted: [UInt8]) {
    self.wanted = wanted
    isFound = wanted.isEmpty
  }

  mutating func feed(_ bytes: [UInt8]) {
    guard !isFound, let first = wanted.first else { return }
    let text = tail + bytes
    var start = 0
    while start + wanted.count <= text.count {
      if text[start] == first, text[start..<start + wanted.count].elementsEqual(wanted) {
        isFound = true
        tail = []
        return
      }
      start += 1
    }
    tail = Array(text.suffix(wanted.count - 1))
  }
}
