/// What a disk can't do for who asks: the guest's mistake, which it gets as an I/O error, or the operator's.
public enum DiskError: Error, Hashable, CustomStringConvertible {
  /// Bytes: not a multiple of 512, none, or more than 64 TiB.
  case size(Int)
  /// Bytes from an offset on a disk of so many.
  case outside(offset: Int, count: Int, size: Int)
  case noBitmap(String)
  case bitmapExists(String)
  /// Of a bitmap or a backing file: none, or more than 1,023 bytes of UTF-8.
  case name(String)
  /// A layer that isn't there, or the base, which has nothing to be merged into.
  case noOverlay(Int)
  /// Its medium has failed.
  case lost

  public var description: String {
    switch self {
    case .size(let size): "a disk can't have \(size) bytes: a multiple of 512, up to 64 TiB"
    case .outside(let offset, let count, let size): "bytes \(offset)+\(count) of a disk of \(size) bytes"
    case .noBitmap(let name): "no bitmap \(name)"
    case .bitmapExists(let name): "there is a bitmap \(name) already"
    case .name(let name): "“\(name)” isn't a name of 1 to 1,023 bytes"
    case .noOverlay(let layer): "layer \(layer) is no overlay of this disk"
    case .lost: "the medium has failed"
    }
  }
}

/// Why a file is no disk that can be read, and where.
public struct DiskImageError: Error, Hashable, CustomStringConvertible {
  public enum Problem: Hashable, Sendable {
    /// What isn't right, and the offset in bytes at which it stands; the file's length where that is what is wrong.
    case damaged(String, at: Int)
    /// A part of the format that is refused, by its name.
    case unsupported(String)
    /// What is wrong with the file below it.
    case backing(String)
    /// Its clusters take so many bytes of memory, of so many allowed.
    case tooLarge(Int, limit: Int)
  }

  public var file: String
  public var problem: Problem

  public init(file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  public var description: String {
    switch problem {
    case .damaged(let what, let offset): "\(file): \(what) (at byte \(offset))"
    case .unsupported(let what): "\(file): \(what) can't be read here"
    case .backing(let what): "\(file): its backing file \(what)"
    case .tooLarge(let bytes, let limit): "\(file): more than \(limit) bytes of clusters (\(bytes) and more)"
    }
  }
}
