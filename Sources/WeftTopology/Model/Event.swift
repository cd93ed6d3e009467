import WeftCore
import WeftSettings

/// Something that happens to the world at a moment.
public struct Event: Sendable, Codable {
  public enum Action: Sendable, Codable, Hashable {
    case linkDown(LinkName)
    case linkUp(LinkName)
    case start(vm: String)
    case pause(vm: String)
    case resume(vm: String)
    case stop(vm: String)
    /// Only what is given changes.
    case setLink(LinkName, delay: Nanoseconds?, rate: UInt64?, loss: Double?)
    case ipForwarding(host: String, enabled: Bool)
    /// Of a nat network; two forwards where one is for both protocols.
    case addForward(network: String, [Forward])
    /// `keep`: whether its connections go on; nil: as the NAT's profile has it.
    case removeForward(network: String, [Forward], keep: Bool?)
    /// All connections of the NAT that the network has.
    case flushConntrack(network: String)
    /// Of who is joined to whom.
    case change(GraphAction)
  }

  public var at: Nanoseconds
  public var action: Action
  public var mark: Mark

  public init(at: Nanoseconds, action: Action, mark: Mark = .inCode) {
    self.at = at
    self.action = action
    self.mark = mark
  }
}
