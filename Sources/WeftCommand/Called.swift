import Foundation
import Weft

/// How this program was called, for messages that can be typed as they stand.
enum Called {
  /// `./weft` where that is what was typed; the wrapper hands it on as the program's own name.
  static let name: String = {
    let arguments = CommandLine.arguments
    // A completion script is for the command's name, wherever it lies.
    guard let first = arguments.first, !first.isEmpty,
      !arguments.contains(where: { $0.hasPrefix("--generate-completion-script") })
    else { return "weft" }
    return quoted(first)
  }()

  /// The file of this very program.
  static let program: String? =
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? Bundle.main.executablePath

  /// A word as a shell takes it.
  static func quoted(_ word: String) -> String {
    let plain = word.utf8.allSatisfy { byte in
      Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber
        || "._-/+=:,@%".utf8.contains(byte)
    }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
