import ArgumentParser
import Foundation
import Weft

/// The command line. Data goes to stdout, everything else to stderr.
public struct WeftCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: Called.name,
    abstract: "A virtual network fabric for virtual machines: switch, NAT and bridge in virtual time.",
    discussion: """
      A topology file declares hosts, VMs, networks, links, events and what must hold. Every cable is captured and can \
      be read in Wireshark, with the reason for each drop beside the packet.

      Exit codes: 0 all held, 1 an expectation failed, 2 the file is wrong, 3 the environment lacks something, 64 usage.
      """,
    version: weftVersion,
    subcommands: [
      RunCommand.self, TestCommand.self, CheckCommand.self, InitCommand.self, ResumeCommand.self,
      ExplainCommand.self, ConntrackCommand.self, ShowCommand.self, BackupCommand.self, SnapshotCommand.self, DiskCommand.self,
      BundleCommand.self, ISOCommand.self, SchemaCommand.self, JobCommand.self,
    ])

  public init() {}

  /// Runs what the arguments say and ends the process.
  public static func start() -> Never {
    var arguments = Array(CommandLine.arguments.dropFirst())
    if arguments == ["-v"] { arguments = ["--version"] }
    if arguments.first == ExplainCommand.configuration.commandName { arguments = ExplainCommand.spelled(arguments) }
    do {
      var command = try parseAsRoot(arguments)
      do {
        try command.run()
      } catch let error as ValidationError {
        // A mistake seen only now is one of the subcommand's use.
        let name = type(of: command)._commandName
        Terminal.error("Error: \(error.message)\nUsage: \(usageString(for: type(of: command)))\n")
        Terminal.error("  See '\(Called.name) \(name) --help' for more information.\n")
        exit(withError: ExitCode.validationFailure)
      }
      exit()
    } catch {
      guard Terminal.hasStrangeWords, !(error is ExitCode), exitCode(for: error) != .success else { exit(withError: error) }
      Terminal.error(fullMessage(for: error) + "\n")
      Foundation.exit(exitCode(for: error).rawValue)
    }
  }
}

/// What a process ends with.
enum Exit {
  static let expectationFailed = ExitCode(1)
  static let badFile = ExitCode(2)
  static let environment = ExitCode(3)
}
