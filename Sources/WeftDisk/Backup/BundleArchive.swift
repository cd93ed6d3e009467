/// The files of a bundle in a ustar archive, and beside them `sha256sums`, a line each as sha256sum(1) writes them: a changed byte
/// is found wherever it is.
public enum BundleArchive {
  static let sums = "sha256sums"

  /// - Throws: as `Ustar.write`; `sha256sums` is taken.
  public static func write(_ files: [(name: String, bytes: [UInt8])]) throws(Ustar.Problem) -> [UInt8] {
    try Ustar.write(files + [(sums, text(of: files))])
  }

  private static func text(of files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    let lines = files.sorted { $0.name < $1.name }.map { "\(ChunkID(of: $0.bytes))  \($0.name)\n" }
    return Array(lines.joined().utf8)
  }

  /// What was written, without the sums.
  /// - Throws: as `Ustar.read`; a file isn't what its sum says.
  public static func read(_ archive: [UInt8]) throws(Ustar.Problem) -> [(name: String, bytes: [UInt8])] {
    var files = try Ustar.read(archive)
    guard let place = files.firstIndex(where: { $0.name == sums }) else { throw .sum("it has no \(sums)") }
    let own = Array(files.remove(at: place).bytes)
    guard own != text(of: files) else { return files }
    let lines = String(decoding: own, as: UTF8.self).split(separator: "\n")
    let wrong = files.first { file in !lines.contains("\(ChunkID(of: file.bytes))  \(file.name)") }
    throw .sum(wrong.map { "\($0.name) isn't what its sum in \(sums) says" } ?? "\(sums) has more than is there")
  }
}
