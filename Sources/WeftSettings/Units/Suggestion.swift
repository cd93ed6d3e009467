/// "Did you mean": the nearest of some words.
package enum Suggestion {
  /// The candidate nearest to `word`, if it is near enough to be what was meant; the first of equals.
  package static func nearest(to word: String, in candidates: some Sequence<String>, within most: Int = .max) -> String? {
    let wanted = Array(word.lowercased().replacing("_", with: "-").utf8.prefix(64))
    // A third of the letters may be wrong, as in clang; two letters need one right.
    let limit = min(max(1, wanted.count / 3), most)
    var best: (word: String, distance: Int)?
    for candidate in candidates {
      let letters = Array(candidate.lowercased().utf8.prefix(64))
      guard abs(letters.count - wanted.count) <= limit else { continue }
      let distance = distance(wanted, letters)
      guard distance <= limit, distance < max(wanted.count, letters.count) else { continue }
      if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
  }

  package static func hint(for word: String, in candidates: some Sequence<String>) -> String? {
    nearest(to: word, in: candidates).map { "did you mean \"\($0)\"?" }
  }

  /// Optimal string alignment: insert, delete, replace, swap neighbours.
  package static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
        row.append(best)
      }
      before = previous
      previous = row
    }
    return previous[b.count]
  }
}
