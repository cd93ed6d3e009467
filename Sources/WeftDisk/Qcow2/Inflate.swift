/// Deflate (RFC 1951), which compressed clusters are in: raw, without the head and sum of zlib.
struct Inflate {
  private struct Damaged: Error {}

  private let input: UnsafeRawBufferPointer
  private var at = 0
  private var bits: UInt32 = 0
  private var bitCount: UInt32 = 0
  private var output: [UInt8] = []
  private let wanted: Int

  /// So many bytes, or nil where the input gives fewer or is no such stream. What stands behind them isn't looked at.
  static func inflate(_ input: UnsafeRawBufferPointer, count: Int) -> [UInt8]? {
    var inflate = Inflate(input, count)
    do throws(Damaged) { try inflate.run() } catch { return nil }
    return inflate.output
  }

  private init(_ input: UnsafeRawBufferPointer, _ wanted: Int) {
    self.input = input
    self.wanted = wanted
    output.reserveCapacity(wanted)
  }

  private mutating func run() throws(Damaged) {
    var isLast = false
    while !isLast, output.count < wanted {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try stored()
      case 1: try compressed(Self.fixedLiterals, Self.fixedDistances)
      case 2:
        let (literals, distances) = try dynamicCodes()
        try compressed(literals, distances)
      default: throw Damaged()
      }
    }
    guard output.count == wanted else { throw Damaged() }
  }

  private mutating func take(_ count: UInt32) throws(Damaged) -> Int {
    while bitCount < count {
      guard at < input.count else { throw Damaged() }
      bits |= UInt32(input[at]) << bitCount
      at &+= 1
      bitCount &+= 8
    }
    let value = bits & (1 << count &- 1)
    bits >>= count
    bitCount &-= count
    return Int(value)
  }

  private mutating func stored() throws(Damaged) {
    bits = 0
    bitCount = 0
    guard input.count - at >= 4 else { throw Damaged() }
    let length = Int(input[at]) | Int(input[at + 1]) << 8
    guard length ^ 0xffff == Int(input[at + 2]) | Int(input[at + 3]) << 8 else { throw Damaged() }
    at += 4
    guard input.count - at >= length else { throw Damaged() }
    output += input[at..<at + min(length, wanted - output.count)]
    at += length
  }

  /// A canonical Huffman code: how many codes of each length, and their symbols in order.
  private struct Code {
    var counts = [Int](repeating: 0, count: 16)
    var symbols: [Int] = []

    /// More codes than there are bit patterns are an error; fewer may be (a single distance).
    init(lengths: some RandomAccessCollection<Int>) throws(Damaged) {
      for length in lengths { counts[length] += 1 }
      counts[0] = 0
      var left = 1
      for length in 1..<16 {
        left = left * 2 - counts[length]
        if left < 0 { throw Damaged() }
      }
      for length in 1..<16 {
        for (symbol, own) in lengths.enumerated() where own == length { symbols.append(symbol) }
      }
    }
  }

  private mutating func symbol(_ code: Code) throws(Damaged) -> Int {
    var (value, first, index) = (0, 0, 0)
    for length in 1..<16 {
      value |= try take(1)
      let count = code.counts[length]
      if value - count < first { return code.symbols[index + (value - first)] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw Damaged()
  }

  private mutating func compressed(_ literals: Code, _ distances: Code) throws(Damaged) {
    while output.count < wanted {
      let symbol = try symbol(literals)
      if symbol < 256 {
        output.append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol < 286 else { throw Damaged() }
      let length = Self.lengths[symbol - 257] + (try take(UInt32(Self.lengthBits[symbol - 257])))
      let far = try self.symbol(distances)
      guard far < 30 else { throw Damaged() }
      let distance = Self.distances[far] + (try take(UInt32(far < 2 ? 0 : far / 2 - 1)))
      guard distance <= output.count else { throw Damaged() }
      for _ in 0..<min(length, wanted - output.count) { output.append(output[output.count - distance]) }
    }
  }

  private mutating func dynamicCodes() throws(Damaged) -> (Code, Code) {
    let (literals, distances, own) = (try take(5) + 257, try take(5) + 1, try take(4) + 4)
    guard literals <= 286, distances <= 30 else { throw Damaged() }
    var lengths = [Int](repeating: 0, count: 19)
    for place in Self.order.prefix(own) { lengths[place] = try take(3) }
    let code = try Code(lengths: lengths)
    lengths = []
    while lengths.count < literals + distances {
      let symbol = try symbol(code)
      switch symbol {
      case 0..<16: lengths.append(symbol)
      case 16:
        guard let last = lengths.last else { throw Damaged() }
        lengths += [Int](repeating: last, count: 3 + (try take(2)))
      case 17: lengths += [Int](repeating: 0, count: 3 + (try take(3)))
      default: lengths += [Int](repeating: 0, count: 11 + (try take(7)))
      }
    }
    guard lengths.count == literals + distances, lengths[256] > 0 else { throw Damaged() }
    return (try Code(lengths: lengths[..<literals]), try Code(lengths: lengths[literals...]))
  }

  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
  private static let lengths = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
  private static let distances = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193,
    12289, 16385, 24577,
  ]
  private static let fixedLiterals = code(
    [Int](repeating: 8, count: 144) + [Int](repeating: 9, count: 112) + [Int](repeating: 7, count: 24)
      + [Int](repeating: 8, count: 8))
  private static let fixedDistances = code([Int](repeating: 5, count: 30))

  private static func code(_ lengths: [Int]) -> Code {
    do throws(Damaged) { return try Code(lengths: lengths) } catch { preconditionFailure("the fixed code is one") }
  }
}
