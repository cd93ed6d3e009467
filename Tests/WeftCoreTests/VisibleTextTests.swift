import Testing
import WeftCore

struct VisibleTextTests {
  @Test func whatATerminalWouldObeyIsShown() {
    #expect("\u{1b}[2J\u{7}\nline\t\r\0\u{9b}31m".visible == "\\e[2J\\a\\nline\\t\\r\\0\\x9B31m")
    #expect("a\u{202e}b\u{200f}c\u{2066}d\u{61c}".visible == "a\\u202Eb\\u200Fc\\u2066d\\u061C")
    #expect("\u{fffe}\u{ffff}\u{feff}\u{1fffe}\u{e0041}".visible == "\\uFFFE\\uFFFF\\uFEFF\\U0001FFFE\\U000E0041")
  }

  @Test func textStaysText() {
    for text in ["", "lab", "Labor für NAT – “é”", "日本 → ✓", "👩‍👩‍👧", "नमस्ते", "a\u{301}"] { #expect(text.visible == text) }
  }
}
