import WeftSettings

/// Looks at a file's tree by its tables: forms, keys and units; what each scalar stands for goes into the tree. Of names and
/// addresses it knows nothing.
final class Reader: Complaining {
  let complaints: Complaints
  let tables: Tables
  /// The table and key whose value is being checked.
  var checking = (table: "", key: "")

  init(_ complaints: Complaints, _ tables: Tables) { (self.complaints, self.tables) = (complaints, tables) }

  /// A file as it can be read; nil after a report.
  func read(_ file: Written) -> Written? {
    guard file.entries != nil else {
      let message = file.isNull ? "the file is empty" : "a topology file is a map of keys, not \(file.what)"
      report(message, at: file.mark, length: 1, hint: "weft init writes one to begin with")
      return nil
    }
    let root = check(file, .object(tables.root.keys), at: file.mark)
    // One mistake, one message: what stands under a misspelt key is read as what was meant.
    return errorCount > 0 && errorCount < 100 ? corrected(root, .object(tables.root.keys)) : root
  }
}
