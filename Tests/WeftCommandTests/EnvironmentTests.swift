import Foundation
import Testing
import WeftTestSupport

/// What the surroundings lack is exit 3, and leaves nothing behind.
@Suite struct EnvironmentTests {
  let scratch = Scratch()

  init() { scratch.write(Labs.small("expect:\n  - {from: visitor, to: \"laptop:8080\"}"), "lab.yaml") }

  @Test func capturesUnderARegularFileAreImpossible() throws {
    scratch.write("mine", "file")
    for place in ["file", "file/captures", "lab.yaml"] {
      let result = try Weft.run("run", "lab.yaml", "--captures", place, in: scratch)
      #expect(result.status == 3 && result.output == "" && result.errors.contains(place), "\(result)")
    }
    #expect(scratch.entries == ["file", "lab.yaml"] && scratch.contents("file") == Data("mine".utf8))
  }

  @Test func aDirectoryInACapturesPlaceIsNotReplaced() throws {
    let way = scratch.file("out/home-wan.pcapng")
    try FileManager.default.createDirectory(atPath: way, withIntermediateDirectories: true)
    let result = try Weft.run("run", "lab.yaml", "--captures", "out", in: scratch)
    #expect(result.status == 3 && result.errors.contains("home-wan.pcapng"))
    #expect(scratch.entries == ["lab.yaml", "out", "out/home-wan.pcapng"])
  }

  @Test(arguments: ["no/such/lab.ckpt", ".", "lab.yaml/x.ckpt"]) func aCheckpointNeedsAPlace(path: String) throws {
    let result = try Weft.run("run", "lab.yaml", "--checkpoint-at", "1s", path, in: scratch)
    #expect(result.status == 3 && result.output == "" && result.errors.contains("can't write \(path)"), "\(result)")
    #expect(scratch.entries == ["lab.yaml"], "\(scratch.entries)")
  }

  @Test(arguments: ["no/such/out.xml", "."]) func junitNeedsAPlace(path: String) throws {
    let result = try Weft.run("run", "lab.yaml", "--no-captures", "--junit", path, in: scratch)
    #expect(result.status == 3 && result.errors.contains("can't write \(path)"), "\(result)")
    #expect(scratch.entries == ["lab.yaml"])
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "needs /dev/full"))
  func aFullStdoutIsNoCrash() throws {
    for arguments in [
      ["run", "lab.yaml", "--no-captures"], ["check", "lab.yaml"],
      ["test", "lab.yaml", "--format", "json", "--no-captures"],
    ] {
      let result = try Weft.start(arguments, in: scratch, output: "/dev/full").wait()
      #expect(result.status == 3 && result.errors.contains("can't write to stdout"), "\(result)")
    }
  }

  /// Putting a file in place of a device or a link would do away with it.
  @Test func streamsAndLinksAreWrittenThrough() throws {
    let output = try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--junit", "/dev/stdout", in: scratch).output
    #expect(output.hasPrefix("<?xml"))
    #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: "/dev/stdout")) != nil)
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--junit", "/dev/null", in: scratch).status == 0)
    #expect(
      try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--checkpoint-at", "1s", "/dev/null", in: scratch).status
        == 0)
    var info = stat()
    #expect(stat("/dev/null", &info) == 0 && info.st_mode & S_IFMT == S_IFCHR)
    scratch.write("old", "real.xml")
    try FileManager.default.createSymbolicLink(atPath: scratch.file("link.xml"), withDestinationPath: "real.xml")
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--junit", "link.xml", in: scratch).status == 0)
    #expect(scratch.contents("real.xml")?.starts(with: Data("<?xml".utf8)) == true)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch.file("link.xml")) == "real.xml")
  }

  /// A file system of 16 KiB of its own.
  @Test(.enabled(if: FullDisk.isPossible, "needs root and mount(8)")) func aFullDiskLeavesNothing() throws {
    scratch.write(Labs.lossy, "lossy.yaml")
    let disk = try FullDisk(scratch.file("disk"))
    defer { disk.unmount() }
    let result = try Weft.run("run", "lossy.yaml", "--captures", "disk/captures", in: scratch)
    #expect(result.status == 3 && result.output == "" && result.errors.contains("No space left on device"), "\(result)")
    #expect(scratch.files(in: "disk") == [:])
    let checkpoint = try Weft.run(
      "run", "lossy.yaml", "--no-captures", "--checkpoint-at", "250ms", "disk/x.ckpt", in: scratch)
    #expect(checkpoint.status == 3 && checkpoint.errors.contains("can't write disk/x.ckpt"), "\(checkpoint)")
    #expect(scratch.files(in: "disk") == [:])
  }

  // MARK: Interrupts

  private static let long = """
    name: long
    segments: {lan: {subnet: 10.0.0.0/16, delay: 10 us}}
    hosts: {server: {uplink: lan 10.0.0.1, networks: {vms: {mode: host-only}}, programs: [udp-echo]}}
    groups: {vm: {count: 10, network: vms, programs: [{udp-rate: {to: "192.168.122.1:7", size: 900 B, pps: 20000}}]}}
    duration: 1 h
    """

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func anInterruptedRunLeavesNothing(signal: Int32) throws {
    scratch.write(Self.long, "long.yaml")
    let running = try Weft.start(["run", "long.yaml", "--captures", "out"], in: scratch)
    // It is under way once its partial files are there.
    let deadline = Date(timeIntervalSinceNow: 20)
    while !scratch.entries.contains(where: { $0.contains("partial") }), Date() < deadline { usleep(20_000) }
    running.send(signal)
    let result = try running.wait(seconds: 20)
    #expect(result.status == 128 + signal && result.output == "", "\(result)")
    #expect(result.errors.contains("interrupted at") && result.errors.contains("no captures were written"))
    #expect(scratch.entries == ["lab.yaml", "long.yaml"], "\(scratch.entries)")
  }
}

/// A tiny file system, mounted for a test.
struct FullDisk {
  let path: String

  static let isPossible: Bool = {
    guard getuid() == 0, Tool.has("mount", "umount") else { return false }
    let scratch = Scratch()
    guard let disk = try? FullDisk(scratch.file("probe")) else { return false }
    disk.unmount()
    return true
  }()

  init(_ path: String) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let result = try Tool.run("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", path])
    guard result.status == 0 else { throw Tool.Failure(description: result.errors) }
  }

  func unmount() { _ = try? Tool.run("umount", ["-l", path]) }
}
