import Foundation
import Testing

/// The kernel as judge: netfilter in a namespace and our gateway as Linux behaves get the same frames, and what comes
/// out is compared frame by frame. What may differ stands in docs/nat-vs-linux.md.
@Suite(.serialized)
struct JudgeTests {
  @Test(.enabled(if: Lab.obstacle == nil, "\(Lab.obstacle ?? "")"))
  func weDoAsLinuxDoes() throws {
    let start = Date()
    let kernel = try KernelBox()
    let judge = Judge(ours: OurBox(), kernel: kernel)
    var alike = 0
    var documented = 0
    var accepted = Accepted()
    for stimulus in Stimulus.all {
      let differences = try kernel.exclusively { try judge.differences(stimulus) }
      let open = differences.filter { !accepted.take($0, of: stimulus.name) }
      if differences.isEmpty { alike += 1 } else if open.isEmpty { documented += 1 }
      guard !open.isEmpty else { continue }
      let dropped = judge.ours.drops.map(\.name).joined(separator: ", ")
      Issue.record("\(stimulus.name)\n\(open.map(\.description).joined())  we dropped: \(dropped)")
    }
    for (name, stimulus, step) in accepted.left {
      Issue.record("\(stimulus), step \(step): no longer differs as \(name) says, take it out of the table")
    }
    let milliseconds = Int(Date().timeIntervalSince(start) * 1000)
    print(
      "\(Stimulus.all.count) stimuli: \(alike) alike, \(documented) differ as documented,",
      "\(Stimulus.all.count - alike - documented) differ; \(milliseconds) ms, Linux \(KernelBox.kernel)")
  }

  /// Nothing of this needs root.
  @Test func theJudgeSeesEveryBit() throws {
    let tampering = TamperingBox()
    let judge = Judge(ours: OurBox(), kernel: tampering)
    let out = try #require(Stimulus.all.first { $0.name == "udp out" })
    for offset in 0..<54 {
      tampering.offset = offset
      let differences = try judge.differences(out)
      #expect(differences.count == 1 && differences[0].shape == .bothSend, "byte \(offset)")
    }
  }

  @Test func aCheckpointAtEveryStepChangesNothing() throws {
    let judge = Judge(ours: OurBox(), kernel: OurBox(isReloadedAtEveryStep: true))
    for stimulus in Stimulus.all {
      let differences = try judge.differences(stimulus)
      #expect(differences.isEmpty, "\(stimulus.name)\n\(differences.map(\.description).joined())")
    }
  }

  @Test func stimuliHaveNamesOfTheirOwn() {
    let names = Stimulus.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 60)
  }

  @Test func everyAcceptedDifferenceIsDocumented() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("docs/nat-vs-linux.md"), encoding: .utf8)
    let names = Set(Stimulus.all.map(\.name))
    for difference in AcceptedDifference.all {
      #expect(text.contains("`\(difference.name)`"), "docs/nat-vs-linux.md doesn't name \(difference.name)")
      for stimulus in difference.steps.keys { #expect(names.contains(stimulus), "no stimulus \(stimulus)") }
    }
  }
}

/// The table of accepted differences, of which each is met once.
private struct Accepted {
  private struct Key: Hashable {
    var stimulus: String
    var step: Int
  }

  private var waiting: [Key: AcceptedDifference] = [:]

  init() {
    for difference in AcceptedDifference.all {
      for (stimulus, steps) in difference.steps {
        for step in steps { waiting[Key(stimulus: stimulus, step: step)] = difference }
      }
    }
  }

  mutating func take(_ difference: Difference, of stimulus: String) -> Bool {
    let key = Key(stimulus: stimulus, step: difference.step)
    guard let match = waiting[key], match.shape == difference.shape else { return false }
    waiting[key] = nil
    return true
  }

  /// What was not met.
  var left: [(name: String, stimulus: String, step: Int)] {
    waiting.map { ($0.value.name, $0.key.stimulus, $0.key.step) }.sorted { ($0.1, $0.2) < ($1.1, $1.2) }
  }
}

extension Lab {
  /// Why the kernel can't be asked here; nil where it can.
  static let obstacle: String? = {
    #if os(Linux)
      guard geteuid() == 0 else { return "the kernel as judge needs root" }
      let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
      for tool in ["nft", "ip", "nsenter"] {
        guard folders.contains(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }) else {
          return "the kernel as judge needs \(tool) (scripts/install-packages test)"
        }
      }
      do {
        // Root in a container may lack the right to a namespace, and a kernel may lack netfilter.
        _ = try KernelBox()
        return nil
      } catch {
        return "the kernel as judge can't be had: \(error)"
      }
    #else
      return "the kernel as judge needs Linux"
    #endif
  }()
}
