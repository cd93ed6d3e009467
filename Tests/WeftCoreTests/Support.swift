import Foundation
import Testing
import WeftCore

/// Out as JSON and in again, frames into `pool`: what a checkpoint does.
func recoded<T: Codable>(_ value: T, in pool: FramePool) throws -> T {
  let decoder = JSONDecoder()
  decoder.userInfo[.framePool] = FramePoolReference(pool)
  return try decoder.decode(T.self, from: JSONEncoder().encode(value))
}

extension FramePool {
  /// A frame of `count` bytes, each `value`.
  func filled(_ value: UInt8, count: Int) -> Frame { frame([UInt8](repeating: value, count: count)) }
}

/// `#expect` for expressions with frames or spans in them, which its macro can't take apart.
func check(_ condition: Bool, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(condition, comment, sourceLocation: sourceLocation)
}
