import Foundation
import Testing

@testable import WeftImage

/// What goes in comes out, whatever types can do; what isn't right is an error.
@Suite struct CodingTests {
  enum Shape: Codable, Equatable {
    case point
    case circle(radius: Double)
    case named(String, [Int])
  }

  struct Part: Codable, Equatable {
    var id: UInt64
    var name: String?
    var shape: Shape
  }

  struct Everything: Codable, Equatable {
    var flag = true
    var numbers = [Int8.min, 0, Int8.max]
    var large = [UInt64.max, 0, 1 << 63]
    var small: [UInt16] = [1, 65535]
    var words: [UInt32] = [.max]
    var bytes: [UInt8] = Array(0...255)
    var none: [UInt8] = []
    var nobody: [Part] = []
    var negative = Int64.min
    var positive = Int64.max
    var float: Float = 1.5
    var double = -Double.pi
    var text = "ä€𝄞\0"
    var parts = [
      Part(id: 1, name: "one", shape: .point), Part(id: 2, name: nil, shape: .circle(radius: 2)),
      Part(id: 3, name: "", shape: .named("x", [-1, 5])),
    ]
    var optional: Part?
    var byName = ["b": 1, "a": -2, "": 3]
    var byNumber = [10: Part(id: 9, name: "nine", shape: .point), 2: Part(id: 8, name: nil, shape: .point)]
    var pairs: [[Int?]] = [[1, nil], []]
  }

  private func coded<T: Codable>(_ value: T) throws -> T {
    let encoder = ImageEncoder()
    let bytes = try encoder.encode(value)
    return try ImageDecoder(shapeTable: encoder.shapeTable).decode(T.self, from: bytes)
  }

  @Test func whatGoesInComesOut() throws {
    #expect(try coded(Everything()) == Everything())
    #expect(try coded([Everything(), Everything()]) == [Everything(), Everything()])
    #expect(try coded(7) == 7)
    #expect(try coded(Int?.none) == nil)
    #expect(try coded([UInt8]()) == [])
  }

  /// A dictionary's own order is another in each process, and in each dictionary.
  @Test func theSameValuesGiveTheSameBytes() throws {
    func bytes(_ keys: [Int]) throws -> [UInt8] {
      var map: [String: Int] = [:]
      map.reserveCapacity(keys.count * (keys.first == 0 ? 8 : 1))
      for key in keys { map["key \(key)"] = key }
      return try ImageEncoder().encode(map)
    }
    #expect(try bytes(Array(0..<300)) == bytes(Array((0..<300).reversed())))
  }

  /// Also of which shape was seen first.
  @Test func theOrderOfADictionaryShowsNowhere() throws {
    func bytes(_ keys: [Int]) throws -> [UInt8] {
      var map: [Int: Part] = [:]
      map.reserveCapacity(keys.first == 0 ? 4096 : 16)
      for key in keys {
        let shapes: [Shape] = [.point, .circle(radius: 1), .named("a", [])]
        map[key] = Part(id: 1, name: key % 2 == 0 ? nil : "odd", shape: shapes[key % 3])
      }
      let encoder = ImageEncoder()
      return try encoder.encode(map) + encoder.shapeTable
    }
    let forwards = try bytes(Array(0..<40))
    #expect(try bytes((0..<40).reversed()) == forwards)
  }

  @Test func aRecordSaysItsNamesOnce() throws {
    let encoder = ImageEncoder()
    let parts = (0..<1000).map { Part(id: $0, name: "n", shape: .point) }
    let bytes = try encoder.encode(parts)
    #expect(bytes.count < 1000 * 26 && encoder.shapeTable.count < 100)
  }

  /// More records of a shape of their own than there are numbers for shapes: they say their names themselves.
  @Test func recordsBeyondTheTableOfShapesComeOutToo() throws {
    struct Odd: Codable, Equatable {
      var number: Int
      struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
      }
      init(_ number: Int) { self.number = number }
      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let key = try #require(container.allKeys.first)
        number = try container.decode([Int].self, forKey: key)[0]
        #expect(key.stringValue == "k\(number)")
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode([number], forKey: Key(stringValue: "k\(number)"))
      }
    }
    let many = (0..<66_000).map { Odd($0) }
    #expect(try coded(many) == many)
  }

  @Test func everyCutAndEveryChangedByteIsAnErrorOrAValue() throws {
    let encoder = ImageEncoder()
    let bytes = try encoder.encode(Everything())
    let table = encoder.shapeTable
    for length in 0..<bytes.count {
      #expect(throws: (any Error).self) {
        _ = try ImageDecoder(shapeTable: table).decode(Everything.self, from: Array(bytes.prefix(length)))
      }
    }
    for place in bytes.indices {
      for value in [0, 1, 0x7f, 0x80, 0xff, bytes[place] ^ 1] as [UInt8] {
        var changed = bytes
        changed[place] = value
        _ = try? ImageDecoder(shapeTable: table).decode(Everything.self, from: changed)
      }
    }
    for place in table.indices {
      var changed = table
      changed[place] ^= 0x81
      _ = try? ImageDecoder(shapeTable: changed).decode(Everything.self, from: bytes)
    }
  }

  @Test func fieldsAreFoundInWhateverOrderTheyAreAskedFor() throws {
    struct Backwards: Decodable {
      var a: Int, b: [Int], c: String, d: Int?
      enum CodingKeys: CodingKey { case a, b, c, d, e }
      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        c = try container.decode(String.self, forKey: .c)
        a = try container.decode(Int.self, forKey: .a)
        d = try container.decodeIfPresent(Int.self, forKey: .e)
        b = try container.decode([Int].self, forKey: .b)
        #expect(try container.decode(Int.self, forKey: .a) == a && container.contains(.d))
      }
    }
    struct Forwards: Encodable { var a = 1, b = [2, 3], c = "c", d = 4 }
    let encoder = ImageEncoder()
    let bytes = try encoder.encode(Forwards())
    let found = try ImageDecoder(shapeTable: encoder.shapeTable).decode(Backwards.self, from: bytes)
    #expect(found.a == 1 && found.b == [2, 3] && found.c == "c" && found.d == nil)
  }

  @Test func theChecksumIsThatOfZlib() {
    #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
    #expect(CRC32.checksum([]) == 0)
    let long = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    var slow = ~UInt32(0)
    for byte in long {
      slow ^= UInt32(byte)
      for _ in 0..<8 { slow = slow & 1 == 1 ? slow >> 1 ^ 0xedb8_8320 : slow >> 1 }
    }
    #expect(CRC32.checksum(long) == ~slow)
  }
}
